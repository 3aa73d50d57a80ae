"""A proxy in front of the local AWS that counts requests."""

import threading
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

DROPPED = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Counting:
    """Forwards every request to *target*, which may be set after the start, and counts it in *seen*."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.target = ""
        counting = self

        class Handler(_Handler):
            owner = counting

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Counting

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.owner.seen[operation(self.command, self.path, self.headers.get("X-Amz-Target"), body)] += 1
        connection = HTTPConnection(urlsplit(self.owner.target).netloc)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        try:
            self.end_headers()
            self.wfile.write(content if self.command != "HEAD" else b"")
        except ConnectionError:  # the client gave up waiting, and tries again
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815


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
