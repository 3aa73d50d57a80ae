"""The one forwarder: a request that arrived at one address, sent on to another."""

from contextlib import closing
from http.client import HTTPConnection

from local.http_server import Request, Response, whole

HOP_BY_HOP = {"connection", "host", "expect", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
"""Headers that belong to one connection; each side of a forwarder makes its own."""


def forward(request: Request, upstream: str, timeout: float = 120) -> Response:
    """Send *request* to *upstream* (http://host:port), and return its answer as it is."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    with closing(HTTPConnection(upstream.removeprefix("http://"), timeout=timeout)) as connection:
        connection.request(request.method, request.target, request.body, headers)
        response = connection.getresponse()
        body = response.read()
    kept_headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
    return whole(body, response.status, kept_headers)
