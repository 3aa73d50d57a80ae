"""A request to one of AWS's JSON services, signed here: what the route needs, without loading botocore.

In a cold start, loading botocore takes four times as long as everything else until Slack has its answer. The
signature is AWS's version 4 (IAM/latest/UserGuide/reference_sigv-create-signed-request.html), of one POST with a
JSON body, or of a GET from S3, whose URL then contains it. Tests compare both with botocore's own signer.
Everything else in the project uses botocore or boto3.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from chalicelib import log

if TYPE_CHECKING:
    from http.client import HTTPConnection


class ServiceError(Exception):
    """The call failed. *code* is AWS's own word; without an answer the exception's name, and *status* is 0."""

    def __init__(self, code: str, status: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Credentials(NamedTuple):
    """The keys that a request is signed with; *token* belongs to a role's temporary keys."""

    key: str
    secret: str
    token: str | None = None


class Service(NamedTuple):
    """The names of a service in its requests: *prefix* in host and credential scope, *target* before the action."""

    prefix: str
    target: str
    json_version: str


STEP_FUNCTIONS = Service("states", "AWSStepFunctions", "1.0")
SSM = Service("ssm", "AmazonSSM", "1.1")
SQS = Service("sqs", "AmazonSQS", "1.0")
_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""The domains of partitions that do not use amazonaws.com, by the first part of their regions' names."""


def headers(
    service: Service, action: str, host: str, region: str, body: bytes, credentials: Credentials, now: float
) -> dict[str, str]:
    """Return the headers of a POST of *body* to `/` at *host*, signed at *now* (epoch seconds)."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {
        "content-type": f"application/x-amz-json-{service.json_version}",
        "host": host,
        "x-amz-date": moment,
        "x-amz-target": f"{service.target}.{action}",
    }
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    lines = [f"{name}:{signed[name]}" for name in names]
    canonical = "\n".join(["POST", "/", "", *lines, "", ";".join(names), hashlib.sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{service.prefix}/aws4_request"
    signature = _signature(canonical, moment, scope, credentials)
    signer = f"Credential={credentials.key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**signed, "authorization": f"AWS4-HMAC-SHA256 {signer}"}


def presigned(
    url: str, fields: Mapping[str, str], seconds: int, region: str, credentials: Credentials, now: float
) -> str:
    """Return the address *url* of an object in S3, signed: whoever has it may fetch the object.

    *fields* are added to its query. It is valid for *seconds* from *now* on, but not longer than the session of
    temporary *credentials*.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    query = {
        **fields,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": credentials.token} if credentials.token else {}),
    }
    text = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query.items()))
    parts = urlsplit(url)
    canonical = "\n".join(["GET", parts.path, text, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    return f"{url}?{text}&X-Amz-Signature={_signature(canonical, moment, scope, credentials)}"


def object_url(bucket: str, key: str, account: "Account") -> str:
    """Return the address of an object in S3, at its region's host: the common host redirects, and then the
    signature is wrong."""
    path = quote(key, safe="/~")
    if account.has_own_endpoint() or "." in bucket:  # a certificate of AWS's does not cover dots
        return f"{account.endpoint('s3')}/{bucket}/{path}"
    return f"{account.endpoint('s3').replace('://', f'://{bucket}.', 1)}/{path}"


def _signature(canonical: str, moment: str, scope: str, credentials: Credentials) -> str:
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


class Account:
    """Region, keys and endpoints, from the variables that AWS's SDKs read, or else from the profile."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._session: Any = None

    def region(self) -> str:
        """Return the region; raises ServiceError."""
        region = self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        region = region or self._profile().get_config_variable("region")
        if not region:
            raise ServiceError("NoRegion")
        return str(region)

    def has_own_endpoint(self) -> bool:
        """Return True if the services are not AWS's own, but at AWS_ENDPOINT_URL."""
        return bool(self._environ.get("AWS_ENDPOINT_URL"))

    def endpoint(self, prefix: str) -> str:
        """Return the address of the service whose hosts begin with *prefix*; raises ServiceError."""
        own = self._environ.get("AWS_ENDPOINT_URL")
        return own or f"https://{prefix}.{self.region()}.{_domain(self.region())}"

    def credentials(self) -> Credentials:
        """Return the keys; raises ServiceError."""
        key, secret = self._environ.get("AWS_ACCESS_KEY_ID"), self._environ.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            return Credentials(key, secret, self._environ.get("AWS_SESSION_TOKEN"))
        return self._profiles_credentials()

    def _profiles_credentials(self) -> Credentials:
        from botocore.exceptions import BotoCoreError

        try:
            credentials = self._profile().get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        except BotoCoreError as error:  # no such profile, a sign-on that has expired
            raise ServiceError(type(error).__name__) from error
        if not frozen:
            raise ServiceError("NoCredentials")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _profile(self) -> Any:
        """Return botocore's session: on a laptop, region and keys may come from a profile or a sign-on."""
        from botocore.session import get_session

        self._session = self._session or get_session()
        return self._session


def _domain(region: str) -> str:
    return _DOMAINS.get(region.partition("-")[0], "amazonaws.com")


class Client:
    """A client of *service*, which keeps its connections and uses them again.

    *connect* and *read* are the time limits of one try, in seconds. `Account` has region, keys and endpoint.
    """

    def __init__(
        self, service: Service, connect: float, read: float, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._service = service
        self._connect, self._read = connect, read
        self._account = Account(environ)
        self._kept: list[HTTPConnection] = []

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to *action*; raises ServiceError.

        There is one try. But if a kept connection is closed, as happens while Lambda sleeps, a new one is used.
        """
        begun = time.monotonic()
        try:
            answer = self._call(action, arguments)
        except ServiceError as error:
            log.called(self._service.prefix, action, error.code, begun)
            raise
        log.called(self._service.prefix, action, 200, begun)
        return answer

    def _call(self, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
        body, credentials = json.dumps(arguments, ensure_ascii=False).encode(), self._account.credentials()
        if self._kept:
            try:
                return self._tried(self._kept.pop(), action, body, credentials)
            except ServiceError as error:
                if error.code not in ("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"):
                    raise
        return self._tried(self._connected(), action, body, credentials)

    def close(self) -> None:
        """Close the kept connections."""
        while self._kept:
            self._kept.pop().close()

    def _connected(self) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection  # a plain message is answered without

        parts = urlsplit(self._account.endpoint(self._service.prefix))
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=self._connect)
        try:
            connection.connect()
        except OSError as error:
            raise ServiceError(type(error).__name__) from error
        connection.sock.settimeout(self._read)
        return connection

    def _tried(
        self, connection: "HTTPConnection", action: str, body: bytes, credentials: Credentials
    ) -> dict[str, Any]:
        """Return the answer. Keep the connection after a complete answer without `Connection: close`."""
        from http.client import HTTPException, HTTPResponse

        host = connection.host if connection.port in (80, 443) else f"{connection.host}:{connection.port}"
        signed = headers(self._service, action, host, self._account.region(), body, credentials, time.time())
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**signed, "content-length": len(body)}.items())
        try:
            # At once. HTTPConnection.request sends the body after the head: a tenth of the time to answer Slack.
            connection.send(f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body)
            with HTTPResponse(connection.sock, method="POST") as response:
                response.begin()
                content = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise ServiceError(type(error).__name__) from error
        if response.will_close:
            connection.close()
        else:
            self._kept.append(connection)
        return _answer(response.status, content)


def _answer(status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer
    kind = answer.get("__type") if isinstance(answer, dict) else None
    # Some services put the error's namespace in front: com.amazonaws.sqs#QueueDoesNotExist
    raise ServiceError(str(kind).rpartition("#")[2] if kind else "NoSense", status)
