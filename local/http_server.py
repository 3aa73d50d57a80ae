"""A small HTTP/1.1 server whose answers may break every rule of good manners."""

import contextlib
import json
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NEVER_MIND = (ConnectionError, TimeoutError)


@dataclass(eq=False)
class Request:
    """What arrived. *status* is None until an answer went out, and stays so when none did."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None
    at: float = field(default_factory=time.time)

    def header(self, name: str) -> str | None:
        """The header of that name, in whatever case it came."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Response:
    """What goes out, and how.

    *length* is what Content-Length promises, whether the body keeps the promise or not; without it the body is
    *chunked* or ends with the connection. *silence* passes before the answer, *pace* between the body's pieces, in
    real seconds. *dropped* resets the connection instead of answering.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    length: int | None = None
    chunked: bool = False
    silence: float = 0.0
    pace: float = 0.0
    dropped: bool = False


def plain(text: str, status: int = 200, kind: str = "text/plain", **headers: str) -> Response:
    """*text* as an answer; underscores in the names of *headers* stand for hyphens."""
    body = text.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"Content-Type": f"{kind}; charset=utf-8"} | named, (body,), len(body))


def as_json(value: Any, status: int = 200, **headers: str) -> Response:
    """*value* as an answer in JSON."""
    return plain(json.dumps(value), status, "application/json", **headers)


def redirect(location: str, **headers: str) -> Response:
    """302 to *location*."""
    return plain("", 302, "text/html", Location=location, **headers)


Responder = Callable[[Request], Response]


class HttpServer:
    """Listens at *host* and answers what *respond* says; every request goes to *log* first."""

    def __init__(self, host: str, port: int, respond: Responder, log: Callable[[Request], None]) -> None:
        self.respond = respond
        self.log = log
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def stop(self) -> None:
        """Begin to stop, without waiting for it."""
        self.closing.set()
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end the connections that are open."""
        self.stop()
        self._thread.join()
        self._server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], listener: HttpServer) -> None:
        self.listener = listener
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The base class would look the host's name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up early is part of the play.
        if not isinstance(sys.exc_info()[1], NEVER_MIND):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.listener.connections.add(self.connection)

    def finish(self) -> None:
        self.server.listener.connections.discard(self.connection)
        with contextlib.suppress(*NEVER_MIND):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, target.path, target.query, dict(self.headers.items()), body)
        self.server.listener.log(request)
        self._answer(self.server.listener.respond(request), request)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _answer(self, answer: Response, request: Request) -> None:
        if self.server.listener.closing.wait(answer.silence) or answer.dropped:
            self._reset()
            return
        request.status = answer.status
        self._head(answer)
        if self.command == "HEAD":
            return
        sent = self._body(answer)
        if answer.length is None or sent != answer.length:
            self.close_connection = self.close_connection or not answer.chunked

    def _head(self, answer: Response) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.length is not None:
            self.send_header("Content-Length", str(answer.length))
        elif answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()

    def _body(self, answer: Response) -> int:
        sent = 0
        for piece in answer.body:
            if self.server.listener.closing.wait(answer.pace):
                break
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
            sent += len(piece)
        else:
            self.wfile.write(b"0\r\n\r\n" if answer.chunked else b"")
        return sent

    def _reset(self) -> None:
        """Close the connection with a reset, as a crashed proxy does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
