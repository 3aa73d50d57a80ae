"""IAM for the calls of the functions, and of a developer whom a test limits: each is checked against the
policies of its role, recorded, and refused as on AWS.

Moto evaluates most services' actions against the resource "*" (moto/iam/access_control.py), so that a policy which
names a topic is denied even for that topic. Here the resource comes from the request.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import botocore.session
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends

from local.aws import presigned

Keys = dict[str, str]
Wsgi = Callable[[Any, Any], Iterable[bytes]]
_KEY = re.compile(r"Credential=(\w+)/\d+/([\w-]+)/(\w+)/")
_SECRET = "testing"
"""The secret part and the session token of every function's keys."""
_SERVICES = {
    "AWSStepFunctions": "states",
    "AmazonSSM": "ssm",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "GraniteServiceVersion20100801": "cloudwatch",
}
"""X-Amz-Target's words and IAM's."""


class Grant(NamedTuple):
    """An action and a resource, asked for or (then with wildcards) granted."""

    action: str
    resource: str


class CheckedCall(NamedTuple):
    """One call by a function, and whether its role permits it."""

    function: str
    grant: Grant
    permitted: bool


class _Role(NamedTuple):
    function: str
    policies: list[Any]

    def permits(self, grant: Grant) -> bool:
        return any(_permits(policy, grant) for policy in self.policies)


class Permissions:
    """A WSGI application before *application*. Calls with keys that are no function's pass."""

    def __init__(self, application: Wsgi, account: str) -> None:
        self._application, self._account = application, account
        self._roles: dict[str, _Role] = {}
        self._keys: dict[tuple[str, str], Keys] = {}
        self._lock = threading.Lock()
        self.calls: list[CheckedCall] = []

    def keys(self, function: str, role_arn: str) -> Keys:
        """Return the keys of *function* in that role, as environment variables, the same each time."""
        with self._lock:
            if (function, role_arn) not in self._keys:
                key = f"ASIA{uuid.uuid4().hex[:16].upper()}"
                # From moto's own memory, since its API garbles the policies of a stack's roles.
                policies = iam_backends[self._account]["aws"].get_role_by_arn(role_arn).policies.values()
                self._roles[key] = _Role(function, [json.loads(p) if isinstance(p, str) else p for p in policies])
                secrets = {"AWS_SECRET_ACCESS_KEY": _SECRET, "AWS_SESSION_TOKEN": _SECRET}
                self._keys[function, role_arn] = {"AWS_ACCESS_KEY_ID": key, **secrets}
            return self._keys[function, role_arn]

    def limit(self, key: str, name: str, policy: Any) -> None:
        """Let calls with the access key *key* be those of *name*, who may do what *policy* permits."""
        self._roles[key] = _Role(name, [policy])

    def unused(self) -> dict[str, list[Grant]]:
        """What each function's role grants and no call of it has used; its log is not written through AWS here."""
        result: dict[str, list[Grant]] = {}
        for role in {role.function: role for role in self._roles.values()}.values():
            calls = [call.grant for call in self.calls if call.function == role.function]
            grants = [grant for policy in role.policies for grant in _grants(policy)]
            rest = [right for right in grants if not any(_permits(_policy(right), grant) for grant in calls)]
            result[role.function] = [grant for grant in rest if not grant.action.startswith("logs:")]
        return result

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        """Answer one request."""
        key = _KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
        role = self._roles.get(key[1]) if key else None
        if presigned.key_of(environ.get("QUERY_STRING", "")):
            return self._presigned(environ, start)
        if key is None or role is None:
            return self._application(environ, start)
        grants = list(self._grants_for(environ, key[2], key[3]))
        permitted = [self._check(role, grant) for grant in grants]  # all of them are recorded
        if not all(permitted):
            return _refuse(environ, start)
        if [grant.action for grant in grants] != ["s3:GetObject"]:
            return self._application(environ, start)
        return self._got(environ, start, role, grants[0])

    def _presigned(self, environ: Any, start: Any) -> Iterable[bytes]:
        """A URL that a function signed gives what its role may get, while it is good."""
        key = presigned.key_of(environ["QUERY_STRING"])
        role = self._roles.get(key[0]) if key else None
        if role is None:
            return self._application(environ, start)
        grant = _of_s3(environ)
        if presigned.objection(environ, _SECRET, _SECRET) or not self._check(role, grant):
            return _refuse(environ, start)
        return self._got(environ, start, role, grant)

    def _check(self, role: _Role, grant: Grant) -> bool:
        call = CheckedCall(role.function, grant, role.permits(grant))
        self.calls.append(call)
        return call.permitted

    def _got(self, environ: Any, start: Any, role: _Role, grant: Grant) -> Iterable[bytes]:
        """S3 says that a key is missing only to those who may list the bucket; to others it is forbidden."""
        answers: list[Any] = []
        body = list(self._application(environ, lambda *answer: answers.append(answer)))
        bucket = Grant("s3:ListBucket", grant.resource.partition("/")[0])
        if answers[0][0].startswith("404") and not self._check(role, bucket):
            return _refuse(environ, start)
        start(*answers[0])
        return body

    def _grants_for(self, environ: Any, region: str, service: str) -> Iterable[Grant]:
        if service == "s3":
            yield _of_s3(environ)
            return
        if service == "apigateway":  # whose actions are the verbs, and whose resources the paths
            yield Grant(
                f"apigateway:{environ['REQUEST_METHOD']}", f"arn:aws:apigateway:{region}::{environ['PATH_INFO']}"
            )
            return
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        target = environ.get("HTTP_X_AMZ_TARGET")
        if service == "lambda":
            yield _of_lambda(environ, body, f"arn:aws:lambda:{region}:{self._account}:")
            return
        if target:
            prefix, _, action = target.partition(".")
            about, name = json.loads(body), _SERVICES[prefix]
        else:
            about = {key: values[0] for key, values in parse_qs(body.decode()).items()}
            action, name = about["Action"], service
        if action == "GetCallerIdentity":  # which needs no grant
            return
        place = ":" if name == "iam" else f"{region}:"
        start = f"arn:aws:{name}:{place}{self._account}:"
        for resource in _resources(about, start):
            yield Grant(f"{name}:{action}", resource)


def _resources(about: dict[str, Any], start: str) -> list[str]:
    if "Names" in about:
        return [f"{start}parameter{name}" for name in about["Names"]]
    if "QueueUrl" in about:
        return [start + about["QueueUrl"].rpartition("/")[2]]
    if ":ssm:" in start:
        return [f"{start}parameter{about.get('Name') or about['Path']}"]
    if ":cloudformation:" in start and "StackName" in about:
        name = about["StackName"]
        return [name if name.startswith("arn:") else f"{start}stack/{name}/an-id"]
    if ":events:" in start:
        return [f"{start}rule/{about.get('Name') or about.get('Rule')}"]
    if "RoleName" in about:
        return [f"{start}role/{about['RoleName']}"]
    if "QueueName" in about:
        return [start + about["QueueName"]]
    keys = ("executionArn", "stateMachineArn", "TopicArn", "SubscriptionArn")
    return [next((about[name] for name in keys if about.get(name)), "*")]


def _of_lambda(environ: Any, body: bytes, start: str) -> Grant:
    """What Lambda asks for: docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html."""
    verb, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"])
    action, parts = next(
        (name, match.groupdict())
        for name, method, pattern in _lambda_operations()
        if method == verb and (match := pattern.fullmatch(path))
    )
    if action == "Invoke":
        action = "InvokeFunction"
    if action == "CreateFunction":
        parts = {"FunctionName": json.loads(body)["FunctionName"]}
    if "UUID" in parts:
        return Grant(f"lambda:{action}", f"{start}event-source-mapping:{parts['UUID']}")
    function = parts.get("FunctionName") or parts.get("Resource")
    arn = function if not function or function.startswith("arn:") else f"{start}function:{function}"
    return Grant(f"lambda:{action}", arn or "*")


@lru_cache
def _lambda_operations() -> list[tuple[str, str, re.Pattern[str]]]:
    """Return Lambda's operations with the method and the path of their requests, as botocore has them."""
    model = botocore.session.get_session().get_service_model("lambda")
    https = {name: model.operation_model(name).http for name in model.operation_names}
    return [(name, http["method"], _path_pattern(http["requestUri"])) for name, http in https.items()]


def _path_pattern(uri: str) -> re.Pattern[str]:
    """Return what matches the paths of *uri*, such as /2015-03-31/functions/{FunctionName}/code."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(uri.partition("?")[0].rstrip("/")))
    return re.compile(f"{pattern}/?")


def _of_s3(environ: Any) -> Grant:
    """What S3 asks for: docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html."""
    verb, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"]).lstrip("/")
    resource = f"arn:aws:s3:::{path}"
    bucket, _, key = path.partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not key:
        if "delete" in query:
            return Grant("s3:DeleteObject", f"arn:aws:s3:::{bucket}/some-objects")
        action = {"DELETE": "DeleteBucket", "PUT": "CreateBucket"}.get(verb, "ListBucket")
        of_query = {"versions": "ListBucketVersions", "uploads": "ListBucketMultipartUploads"}
        kind = next((of_query[name] for name in of_query if name in query), action)
        return Grant(f"s3:{kind}", f"arn:aws:s3:::{bucket}")
    if verb in ("GET", "HEAD"):
        return Grant("s3:GetObject", resource)
    if verb == "DELETE":
        return Grant("s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject", resource)
    return Grant("s3:PutObject", resource)


def _permits(policy: Any, grant: Grant) -> bool:
    return _is_permitted(json.dumps(policy), grant)


@lru_cache(maxsize=10_000)
def _is_permitted(policy: str, grant: Grant) -> bool:
    permission = IAMPolicy(policy).is_action_permitted(action=grant.action, resource=grant.resource)
    return permission == PermissionResult.PERMITTED


def _policy(grant: Grant) -> Any:
    return {"Statement": [{"Effect": "Allow", "Action": grant.action, "Resource": grant.resource}]}


def _grants(policy: Any) -> Iterable[Grant]:
    for statement in policy["Statement"]:
        actions, resources = _as_list(statement["Action"]), _as_list(statement["Resource"])
        yield from (Grant(action, resource) for action in actions for resource in resources)


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def _refuse(environ: Any, start: Any) -> Iterable[bytes]:
    """AccessDenied in the form that the service's client reads."""
    kind, service = "application/xml", environ.get("HTTP_AUTHORIZATION", "/s3/")
    error = b"<Error><Code>AccessDenied</Code><Message>no grant</Message></Error>"
    if environ.get("HTTP_X_AMZ_TARGET"):
        body, kind = b'{"__type": "AccessDeniedException", "message": "no grant"}', "application/x-amz-json-1.1"
    elif "/lambda/" in service:
        body, kind = b'{"Message": "no grant"}', "application/json"
    else:
        body = error if "/s3/" in service else b"<ErrorResponse>" + error + b"</ErrorResponse>"
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), "x-amzn-ErrorType": "AccessDeniedException"}
    start("403 Forbidden", list(headers.items()))
    return [body]
