"""A proxy before a double: it forwards, records, and breaks the calls that it is told to break."""

import time
from collections.abc import Callable

from faults.calls import Call
from faults.kinds import Fault
from local.forwarding import forward
from local.http_server import HttpServer, Request, Response

Judge = Callable[[Call], Fault | None]
"""Notes a call, and returns what happens to it."""


class Proxy:
    """Serves *caller* at an address of its own, and forwards to *upstream*, an address that may be set later.

    *kill* ends the process of a caller. *hold* returns the seconds of a silence. *took* is told how long an honest
    response took, in seconds.
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
        self._server = HttpServer(self._respond)
        self.url, self.close = self._server.url, self._server.close

    def _respond(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(self.caller, request.method, request.target, headers, request.body)
        fault = self.judge(call)
        if fault:
            return self._break(fault, call, request)
        start = time.monotonic()
        response = forward(request, self.upstream)
        self.took(call, time.monotonic() - start)
        return response

    def _break(self, fault: Fault, call: Call, request: Request) -> Response:
        if fault.has_effect:
            forward(request, self.upstream)
        if fault.hold:
            self._server.closing.wait(self.hold(call))
        if fault.kills:
            self.kill(call)
        return fault.response(call) if fault.response else Response(is_dropped=True)
