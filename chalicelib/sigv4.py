"""Requests to AWS, signed here: what the routes need, without loading botocore.

Loading botocore takes four times as long as all else that happens between a cold start and the answer to Slack.
The signature is AWS's version 4 (IAM/latest/UserGuide/reference_sigv-create-signed-request.html) over a POST of a
JSON body, a request to S3, or a GET from S3 whose URL carries it; the tests compare all three with botocore's own
signer. What stores documents, and the operations, use botocore or boto3.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from functools import lru_cache
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
_NOTHING = hashlib.sha256(b"").hexdigest()
_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""The domains of partitions that do not use amazonaws.com, by the first part of their regions' names."""


def headers(
    service: Service, action: str, host: str, region: str, body: bytes, credentials: Credentials, now: float
) -> dict[str, str]:
    """Return the headers of a POST of *body* to `/` at *host*, signed at *now* (epoch seconds)."""
    plain = {
        "content-type": f"application/x-amz-json-{service.json_version}",
        "host": host,
        "x-amz-target": f"{service.target}.{action}",
    }
    request = _Request("POST", "/", "", hashlib.sha256(body).hexdigest())
    return _signed(request, plain, f"{region}/{service.prefix}", credentials, now)


def s3_headers(verb: str, url: str, region: str, credentials: Credentials, now: float) -> dict[str, str]:
    """Return the headers of a request without a body to *url*, of S3; its query is one that `query` returned."""
    parts = urlsplit(url)
    plain = {"host": host_of(url), "x-amz-content-sha256": _NOTHING}
    return _signed(_Request(verb, parts.path, parts.query, _NOTHING), plain, f"{region}/s3", credentials, now)


class _Request(NamedTuple):
    """What is signed of a request besides its headers; *digest* is the body's."""

    verb: str
    path: str
    query: str
    digest: str


def _signed(
    request: _Request, plain: dict[str, str], place: str, credentials: Credentials, now: float
) -> dict[str, str]:
    """Return the headers *plain* with those that sign the *request*; *place* is region and service."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed_headers = {**plain, "x-amz-date": moment}
    if credentials.token:
        signed_headers["x-amz-security-token"] = credentials.token
    names = sorted(signed_headers)
    lines = [f"{name}:{signed_headers[name]}" for name in names]
    canonical = "\n".join([*request[:3], *lines, "", ";".join(names), request.digest])
    scope = f"{moment[:8]}/{place}/aws4_request"
    signature = _signature(canonical, moment, scope, credentials)
    signer = f"Credential={credentials.key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**signed_headers, "authorization": f"AWS4-HMAC-SHA256 {signer}"}


def query(fields: Mapping[str, str]) -> str:
    """Return *fields* as the query of a URL, in the order and the form in which it is signed."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in fields.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def host_of(url: str) -> str:
    """Return the host that *url* names, as its requests do: with the port, unless that is the usual one."""
    parts = urlsplit(url)
    return parts.netloc.rpartition(":")[0] if parts.port in (80, 443) else parts.netloc


def presigned(
    url: str, fields: Mapping[str, str], seconds: int, region: str, credentials: Credentials, now: float
) -> str:
    """Return the address *url* of an object in S3, signed: whoever has it may fetch the object.

    *fields* are added to its query. It is valid for *seconds* from *now* on, but not longer than the session of
    temporary *credentials*.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = query(
        {
            **fields,
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{credentials.key}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
            **({"X-Amz-Security-Token": credentials.token} if credentials.token else {}),
        }
    )
    parts = urlsplit(url)
    canonical = "\n".join(["GET", parts.path, text, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    return f"{url}?{text}&X-Amz-Signature={_signature(canonical, moment, scope, credentials)}"


def object_url(bucket: str, key: str, account: "Account") -> str:
    """Return the address of an object of S3, at its region: the common host redirects, which spoils signatures.

    Of the bucket itself, where *key* is empty.
    """
    path = quote(key, safe="/~")
    if account.has_own_endpoint() or "." in bucket:  # a certificate of AWS's does not cover dots
        return f"{account.endpoint('s3')}/{bucket}/{path}"
    return f"{account.endpoint('s3').replace('://', f'://{bucket}.', 1)}/{path}"


def _signature(canonical: str, moment: str, scope: str, credentials: Credentials) -> str:
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return _hmac(_signing_key(credentials.secret, scope), text).hex()


@lru_cache(maxsize=8)
def _signing_key(secret: str, scope: str) -> bytes:
    """Return the key of a day, a region and a service: the same for all requests of a search."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


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


class Answer(NamedTuple):
    """What a server answered. The names of *headers* are in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes


class Connections:
    """Connections to one server, which are kept and used again. *connect* and *read* are seconds, for a try."""

    def __init__(self, connect: float, read: float) -> None:
        self._connect, self._read = connect, read
        self._kept: list[HTTPConnection] = []
        self._context: Any = None

    def exchange(self, url: str, verb: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Return the answer of the server at *url* to a request for *target*; raises ServiceError.

        One try; only a kept connection that turns out to be closed, as they do while Lambda sleeps, is replaced.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "content-length": len(body)}.items())
        # At once. HTTPConnection.request sends the body after the head: a tenth of the time to answer Slack.
        message = f"{verb} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body
        if self._kept:
            try:
                return self._try(self._kept.pop(), verb, message)
            except ServiceError as error:
                if error.code not in ("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"):
                    raise
        return self._try(self._connected(url), verb, message)

    def close(self) -> None:
        """Close the kept connections."""
        while self._kept:
            self._kept.pop().close()

    def _connected(self, url: str) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection  # a plain message is answered without

        parts = urlsplit(url)
        if parts.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(parts.netloc, timeout=self._connect, context=self._tls())
        else:
            connection = HTTPConnection(parts.netloc, timeout=self._connect)
        try:
            connection.connect()
        except OSError as error:
            raise ServiceError(type(error).__name__) from error
        connection.sock.settimeout(self._read)
        return connection

    def _tls(self) -> Any:
        """Return what all connections check certificates with: reading the authorities takes 25 ms and more."""
        import ssl

        self._context = self._context or ssl.create_default_context()
        return self._context

    def _try(self, connection: "HTTPConnection", verb: str, message: bytes) -> Answer:
        """Send, and keep the connection if a whole answer came, unless that says `Connection: close`."""
        from http.client import HTTPException, HTTPResponse

        try:
            connection.send(message)
            with HTTPResponse(connection.sock, method=verb) as response:
                response.begin()
                content = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise ServiceError(type(error).__name__) from error
        if response.will_close:
            connection.close()
        else:
            self._kept.append(connection)
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)


class Client:
    """A client of *service*, which keeps its connections and uses them again.

    *connect* and *read* are the time limits of one try, in seconds. `Account` has region, keys and endpoint.
    """

    def __init__(
        self, service: Service, connect: float, read: float, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._service = service
        self._account = Account(environ)
        self._connections = Connections(connect, read)

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to *action*; raises ServiceError."""
        start = time.monotonic()
        try:
            answer = self._call(action, arguments)
        except ServiceError as error:
            log.call(self._service.prefix, action, error.code, start)
            raise
        log.call(self._service.prefix, action, 200, start)
        return answer

    def _call(self, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
        body, credentials = json.dumps(arguments, ensure_ascii=False).encode(), self._account.credentials()
        url, region = self._account.endpoint(self._service.prefix), self._account.region()
        signed_headers = headers(self._service, action, host_of(url), region, body, credentials, time.time())
        answer = self._connections.exchange(url, "POST", "/", signed_headers, body)
        return _answer(answer.status, answer.content)

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()


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
