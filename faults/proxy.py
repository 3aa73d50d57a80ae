"""A proxy in front of a double: forwards, records, and breaks what it is told to break. Real HTTP on both sides."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from faults.calls import Call
from faults.kinds import Answer, Fault

Judge = Callable[[Call], Fault | None]
"""Notes a call and says what happens to it."""
_HOP = {"connection", "host", "expect", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


class Proxy:
    """Listens at a port of its own for *caller* and forwards to *upstream*, an address that may be set later.

    *kill* ends the process of a caller; *hold* gives the seconds of a silence; *took* hears how long an honest
    answer took, in seconds.
    """

    def __init__(
        self,
        caller: str,
        judge: Judge,
        kill: Callable[[Call], None],
        hold: Callable[[Call], float],
        took: Callable[[Call, float], None],
    ) -> None:
        self.caller, self.judge, self.kill, self.hold, self.took = caller, judge, kill, hold, took
        self.upstream = ""
        self.closing = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Forward no more."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def forwarded(self, call: Call) -> Answer:
        """The double's own answer."""
        connection = HTTPConnection(self.upstream.removeprefix("http://"), timeout=120)
        try:
            headers = {name: value for name, value in call.headers.items() if name not in _HOP}
            connection.request(call.method, call.target, call.body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # the base class would look the host's name up

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that died or gave up is part of the play, and so is a double that is closing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        proxy = self.server.proxy
        call = Call(proxy.caller, self.command, self.path, headers, body)
        fault = proxy.judge(call)
        if fault is None:
            begun = time.monotonic()
            self._answer(proxy.forwarded(call))
            proxy.took(call, time.monotonic() - begun)
        else:
            self._break(fault, call)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _break(self, fault: Fault, call: Call) -> None:
        proxy = self.server.proxy
        if fault.has_effect:
            proxy.forwarded(call)
        if fault.hold:
            proxy.closing.wait(proxy.hold(call))
        if fault.kills:
            proxy.kill(call)
        if fault.answer is None:
            self._reset()
        else:
            self._answer(fault.answer(call))

    def _answer(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
