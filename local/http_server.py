"""The HTTP server under every double, proxy and test receiver; its responses may break every rule of HTTP."""

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


class BodyStream:
    """The body of a request, read from the connection piece by piece; *remaining* bytes are still to come."""

    def __init__(self, connection: Any, length: int) -> None:
        self._connection, self.remaining = connection, length

    def readinto(self, buffer: memoryview) -> int:
        """Fill *buffer*, as far as the body reaches, and return the number of bytes; 0 if the client is gone."""
        count: int = self._connection.readinto(buffer[: self.remaining])
        self.remaining -= count
        return count

    def read(self) -> bytes:
        """Return the rest."""
        rest: bytes = self._connection.read(self.remaining)
        self.remaining = 0
        return rest


@dataclass(eq=False)
class Request:
    """What arrived. *status* is None until a response went out, and stays so when none did.

    *body* is empty where the server leaves it in the *stream*.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    stream: BodyStream
    status: int | None = None
    at: float = field(default_factory=time.time)

    def header(self, name: str) -> str | None:
        """Return the header of that name, in whatever case it came."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)

    @property
    def target(self) -> str:
        """Path and query, as they came."""
        return self.path + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class Response:
    """A response, and how it is sent.

    *length* is what Content-Length promises, whether the body keeps the promise or not; without it the body is
    *chunked* or ends with the connection. *silence* passes before the answer, *pace* between the body's pieces, in
    real seconds. *is_dropped* resets the connection instead.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    length: int | None = None
    chunked: bool = False
    silence: float = 0.0
    pace: float = 0.0
    is_dropped: bool = False


def whole(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with *body* and its length."""
    return Response(status, headers or {}, (body,), len(body))


def plain(text: str, status: int = 200, kind: str = "text/plain", **headers: str) -> Response:
    """Return *text* as a response; underscores in the names of *headers* stand for hyphens."""
    all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return whole(text.encode(), status, {"Content-Type": f"{kind}; charset=utf-8"} | all_headers)


def as_json(value: Any, status: int = 200, **headers: str) -> Response:
    """Return *value* as a response in JSON."""
    return plain(json.dumps(value), status, "application/json", **headers)


def redirect(location: str, **headers: str) -> Response:
    """Return a 302 to *location*."""
    return plain("", 302, "text/html", Location=location, **headers)


Responder = Callable[[Request], Response]


class HttpServer:
    """Serves at *host* and *port* (0: a free one) what *respond* returns. Every request goes to *log* first.

    With *streams*, *respond* reads the bodies itself.
    """

    def __init__(
        self,
        respond: Responder,
        log: Callable[[Request], None] = lambda request: None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        streams: bool = False,
    ) -> None:
        self.respond, self.log, self.streams = respond, log, streams
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address."""
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

    def __init__(self, address: tuple[str, int], owner: HttpServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The base class would look the host's name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up early is what these servers provoke.
        if not isinstance(sys.exc_info()[1], NEVER_MIND):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections.add(self.connection)

    def finish(self) -> None:
        self.server.owner.connections.discard(self.connection)
        with contextlib.suppress(*NEVER_MIND):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        owner, target = self.server.owner, urlsplit(self.path)
        stream = BodyStream(self.rfile, int(self.headers.get("Content-Length") or 0))
        body = b"" if owner.streams else stream.read()
        request = Request(self.command, target.path, target.query, dict(self.headers.items()), body, stream)
        owner.log(request)
        response = owner.respond(request)
        stream.read()  # what was not read: a client listens only when it has sent everything
        self._send(response, request)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _send(self, response: Response, request: Request) -> None:
        if self.server.owner.closing.wait(response.silence) or response.is_dropped:
            self._reset()
            return
        request.status = response.status
        self._head(response)
        if self.command == "HEAD":
            return
        length = self._body(response)
        if response.length is None or length != response.length:
            self.close_connection = self.close_connection or not response.chunked

    def _head(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.length is not None:
            self.send_header("Content-Length", str(response.length))
        elif response.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()

    def _body(self, response: Response) -> int:
        length = 0
        for piece in response.body:
            if self.server.owner.closing.wait(response.pace):
                break
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if response.chunked else piece)
            length += len(piece)
        else:
            self.wfile.write(b"0\r\n\r\n" if response.chunked else b"")
        return length

    def _reset(self) -> None:
        """Close the connection with a reset, as a crashed proxy does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
