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

Application = Callable[[Any, Any], Iterable[bytes]]


class Outages:
    """Stands before *application* (WSGI). Which service a request is for, its signature says."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.down: set[str] = set()
        """Names as in signatures: states, s3, sns, lambda, ssm, sqs. May be changed at any time."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Result, or let the application do it."""
        signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if signed is None or signed["key"] == ONLOOKER or signed["service"] not in self.down:
            return self._application(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))  # or the client sees a reset
        kind, body = _BODIES.get(signed["service"], _JSON)
        start_response("503 Service Unavailable", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body.encode()]
