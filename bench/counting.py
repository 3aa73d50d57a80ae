"""A proxy in front of the local AWS that counts requests."""

from collections import Counter
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from local.forwarding import forward
from local.http_server import HttpServer, Request, Response


class Counting:
    """Forwards every request to *target*, which may be set after the start, and counts it in *requests*."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.target = ""
        self._server = HttpServer(self._respond)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.close()

    def _respond(self, request: Request) -> Response:
        self.requests[operation(request.method, request.target, request.header("X-Amz-Target"), request.body)] += 1
        return forward(request, self.target)


def operation(method: str, path: str, target: str | None, body: bytes) -> str:
    """Return the operation of a request: `StartExecution`, `S3 GET metadata/`, `S3 LIST tags/`."""
    parts = urlsplit(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    if target:
        return target.partition(".")[2]
    if body.startswith(b"Action="):
        return parse_qs(body.decode())["Action"][0]
    if "list-type" in query:
        return f"S3 LIST {query.get('prefix', [''])[0].partition('/')[0]}/"
    return f"S3 {method} {unquote(parts.path).split('/')[2]}/"
