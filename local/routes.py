"""`chalice local` as its process runs it: like Lambda, it takes so many requests at once, and refuses more.

Chalice's own server lets five connections wait to be accepted, so that of a hundred people at once most wait for
TCP's next try, and starts a thread for every one that it accepts, so that all are slower than Slack's patience.
"""

from threading import BoundedSemaphore
from typing import Any

from chalice import cli, local

AT_ONCE = 6
_PATIENCE = 2.0
"""Seconds in which it may become a request's turn."""
_BODY = b'{"message": "Too Many Requests"}'


class ThrottledError(local.LocalGatewayException):
    """What API Gateway answers where Lambda takes no more."""

    CODE = 429

    def __init__(self) -> None:
        super().__init__({"Content-Type": "application/json"}, _BODY)


def main() -> None:
    """Do what the command line says, as chalice does."""
    turns, handle = BoundedSemaphore(AT_ONCE), local.LocalGateway.handle_request

    def handle_in_turn(self: Any, **request: Any) -> Any:
        if not turns.acquire(timeout=_PATIENCE):
            raise ThrottledError
        try:
            return handle(self, **request)
        finally:
            turns.release()

    gateway: Any = local.LocalGateway  # chalice makes it, and takes no other
    gateway.handle_request = handle_in_turn
    local.ThreadedHTTPServer.request_queue_size = 128
    cli.main()


if __name__ == "__main__":
    main()
