"""API Gateway's part of the local AWS: what `chalice deploy` imports, and the address that answers it.

Moto refuses Swagger 2 documents, which is what Chalice sends, and serves no deployed API.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from moto.apigateway.models import APIGatewayBackend, apigateway_backends

from local.aws.patches import Patches
from local.aws.sandbox import Result

PREFIX = "/_aws/execute-api/"
SENT_HEADERS = "local.sent_headers"
"""The headers in the WSGI environment, as (name, value) in the case and the order in which they were sent."""
Json = dict[str, Any]
Wsgi = Callable[[Any, Any], Iterable[bytes]]


def import_swagger(patches: Patches) -> None:
    """Moto takes OpenAPI 3 only, and asks for a description; AWS takes Swagger 2 as well."""

    def put(backend: Any, function_id: str, document: Json, *rest: Any, **more: Any) -> Any:
        api = put_before(backend, function_id, _as_openapi(document), *rest, **more)
        api.binaryMediaTypes = document.get("x-amazon-apigateway-binary-media-types", [])
        return api

    def make(backend: Any, document: Json, *rest: Any, **more: Any) -> Any:
        return make_before(backend, _as_openapi(document), *rest, **more)

    put_before = patches.attribute(APIGatewayBackend, "put_rest_api", put)
    make_before = patches.attribute(APIGatewayBackend, "import_rest_api", make)


def _as_openapi(document: Json) -> Json:
    if "swagger" not in document:
        return document
    paths = {
        path: {verb: _with_integration(operation) for verb, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    info = {"description": "", **document["info"]}
    fields = {name: value for name, value in document.items() if name != "swagger"}
    return {**fields, "openapi": "3.0.1", "info": info, "paths": paths}


def _with_integration(operation: Json) -> Json:
    name = "x-amazon-apigateway-integration"
    integration = operation.get(name)
    if not integration:
        return operation
    return {
        **operation,
        name: {"uri": "none", "httpMethod": "POST", **integration, "type": integration["type"].upper()},
    }


class ExecuteApi:
    """A WSGI application before *application*: serves `/_aws/execute-api/{api}/{stage}/{path}`.

    Where AWS has a host per API (`{api}.execute-api.…`), one machine has a path. *run* runs the function of an ARN.
    """

    def __init__(self, application: Wsgi, account: str, region: str, run: Callable[[str, bytes], Result]) -> None:
        self._application, self._account, self._region, self._run = application, account, region, run

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        """Answer one request."""
        if not environ["PATH_INFO"].startswith(PREFIX):
            return self._application(environ, start)
        status, headers, body = self._answer(environ)
        start(f"{status} {HTTPStatus(status).phrase}", [*headers.items()])
        return [body]

    def _answer(self, environ: Any) -> tuple[int, dict[str, str], bytes]:
        api_id, stage, path = (environ["PATH_INFO"].removeprefix(PREFIX) + "//").split("/", 2)
        path, verb = f"/{path.rstrip('/')}", environ["REQUEST_METHOD"]
        as_json = {"Content-Type": "application/json"}
        api = apigateway_backends[self._account][self._region].apis.get(api_id)
        resource = _resource(api, path, verb) if api and stage in api.stages else None
        if api is None or resource is None:
            return 403, as_json, b'{"message":"Missing Authentication Token"}'
        arn = re.search(r"functions/(arn:[^/]+)/", resource.get_integration(verb).uri)
        assert arn is not None, "only Lambda is behind the routes"
        event = _event(environ, resource, path, stage, api)
        answer = self._run(arn[1], json.dumps(event).encode())
        if answer.error:
            return 502, as_json, b'{"message": "Internal server error"}'
        return _response(answer.value)


def _resource(api: Any, path: str, verb: str) -> Any:
    fitting = (
        resource
        for resource in api.resources.values()
        if _parameters(resource, path) is not None and verb in resource.resource_methods
    )
    return next(fitting, None)


def _parameters(resource: Any, path: str) -> dict[str, str] | None:
    """What stands in *path* for the {parts} of the resource's; None if that is another path."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(resource.get_path()))
    match = re.fullmatch(pattern, path)
    return match.groupdict() if match else None


def _event(environ: Any, resource: Any, path: str, stage: str, api: Any) -> Json:
    """The event of https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers: dict[str, list[str]] = {}
    for name, value in environ[SENT_HEADERS]:
        headers.setdefault(name, []).append(value)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True) or None
    binary = environ.get("CONTENT_TYPE") in api.binaryMediaTypes
    return {
        "resource": resource.get_path(),
        "path": path,
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": _parameters(resource, path) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource.get_path(),
            "httpMethod": environ["REQUEST_METHOD"],
            "domainName": environ.get("HTTP_HOST"),
            "path": f"{PREFIX}{api.id}/{stage}{path}",  # as behind a domain of one's own, with a base path
            "stage": stage,
            "apiId": api.id,
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": environ.get("REMOTE_ADDR")},
        },
        "isBase64Encoded": binary,
        "body": (base64.b64encode(body) if binary else body).decode() or None,
    }


def _response(answer: Json) -> tuple[int, dict[str, str], bytes]:
    headers = {name: str(value) for name, value in (answer.get("headers") or {}).items()}
    headers.update({name: str(values[-1]) for name, values in (answer.get("multiValueHeaders") or {}).items()})
    text = answer.get("body") or ""
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    return answer["statusCode"], headers, body
