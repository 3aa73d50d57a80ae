"""A stand-in for the app: takes what the Slack double delivers, and answers as told."""

import threading
from collections.abc import Mapping
from typing import Self

from local.http_server import HttpServer, Request, Response


def reply(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None, wait: float = 0.0
) -> Response:
    """What to answer, after *wait* seconds."""
    return Response(status, headers or {}, (body,), len(body), silence=wait)


class Receiver:
    """Answers with *replies* one after the other, the last again and again."""

    def __init__(self, *replies: Response) -> None:
        self.replies = list(replies) or [reply()]
        self.received: list[Request] = []
        self._lock = threading.Lock()
        self._server = HttpServer(self._respond)
        self.url = f"{self._server.url}/slack/events"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.close()

    def _respond(self, request: Request) -> Response:
        with self._lock:
            self.received.append(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
