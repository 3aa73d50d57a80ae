"""Serves a WSGI application, and keeps connections open from one request to the next, as AWS does.

werkzeug's server closes each, so that every request costs a connection and a thread.
"""

import contextlib
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import IO, Any, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wsgi import LimitedStream

from local.aws.api_gateway import SENT_HEADERS

Wsgi = Callable[[Any, Any], Iterable[bytes]]
Headers = list[tuple[str, str]]


class WsgiServer:
    """Serves *application* at *host* and *port* (0: a free one), over TLS if there is a *context*."""

    def __init__(self, application: Wsgi, host: str, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self._server = _Server(host, port, application, _Handler, ssl_context=context)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begin to answer; before, a client waits."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more, also not over a connection that is open."""
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the port free."""
        self._server.server_close()


class _Server(ThreadedWSGIServer):
    def __init__(self, *args: Any, **options: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*args, **options)


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body in one packet
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(ConnectionError), self.rfile:
            super().finish()

    def handle_expect_100(self) -> bool:
        """Say at once that the body is welcome."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def make_environ(self) -> Any:
        """Add the headers as they were sent, for API Gateway: WSGI keeps neither their case nor repeats."""
        return {**super().make_environ(), SENT_HEADERS: self.headers.items()}

    def run_wsgi(self) -> None:
        """Answer one request, and leave the connection where the next begins."""
        environ = self.make_environ()
        if "wsgi.input_terminated" not in environ:  # else it is chunked, and knows its end
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = LimitedStream(cast(IO[bytes], self.rfile), length)
        try:
            self._respond(environ)
            while environ["wsgi.input"].read(65_536):
                pass  # what was not read
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception:
            self.close_connection = True
            traceback.print_exc(file=sys.stderr)
            self.send_error(500)

    def _respond(self, environ: Any) -> None:
        heads: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, error: Any = None) -> Callable[[bytes], object]:
            heads.append((status, headers))
            return self.wfile.write

        pieces = self.server.app(environ, start_response)
        try:
            status, headers = heads[-1]
            self._send(int(status[:3]), headers, pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _send(self, status: int, headers: Headers, pieces: Iterable[bytes]) -> None:
        has_body = self.command != "HEAD" and status not in (204, 304)
        if has_body and not any(name.lower() == "content-length" for name, _ in headers):
            pieces = [b"".join(pieces)]
            headers = [*headers, ("Content-Length", str(len(pieces[0])))]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body:
            self.wfile.writelines(pieces)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """werkzeug would print a line per request."""
