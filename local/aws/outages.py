"""Outages of chosen services of the local AWS: they answer 503 to the app, and to each other."""

import re
from collections.abc import Callable, Iterable
from typing import Any

ONLOOKER = "onlooker"
"""The access key of who only looks on, and sees through every outage: the demo, the page, the tests."""
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/[^/]+/(?P<service>[a-z0-9-]+)/aws4_request")
_XML = "<ErrorResponse><Error><Type>Receiver</Type>{error}</Error></ErrorResponse>"
_ERROR = "<Code>ServiceUnavailable</Code><Message>The service has an outage.</Message>"
_BODIES = {"s3": ("application/xml", f"<Error>{_ERROR}</Error>"), "sns": ("text/xml", _XML.format(error=_ERROR))}
_JSON = ("application/x-amz-json-1.0", '{"__type": "ServiceUnavailable", "message": "The service has an outage."}')
_DENIED = ("application/x-amz-json-1.0", '{"__type": "AccessDeniedException", "message": "not authorized"}')

Application = Callable[[Any, Any], Iterable[bytes]]


class Outages:
    """Stands before *application* (WSGI). Which service a request is for, its signature says."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.down: set[str] = set()
        """Names as in signatures: states, s3, sns, lambda, ssm, sqs. May be changed at any time."""
        self.denied: set[str] = set()
        """Actions, as X-Amz-Target names them, that nobody is permitted. The same."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Refuse, or let the application answer."""
        if environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2] in self.denied:
            return _refuse(environ, start_response, "400 Bad Request", *_DENIED)
        credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if credential is None or credential["key"] == ONLOOKER or credential["service"] not in self.down:
            return self._application(environ, start_response)
        return _refuse(
            environ, start_response, "503 Service Unavailable", *_BODIES.get(credential["service"], _JSON)
        )


def _refuse(environ: Any, start_response: Any, status: str, kind: str, body: str) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))  # or the client sees a reset
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body.encode()]
