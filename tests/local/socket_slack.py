"""The part of Slack that speaks Socket Mode: a Web API that gives out addresses, and the WebSocket behind them."""

import json
import queue
import threading
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from local.http_server import HttpServer, Request, Response, as_json
from local.slack.files import Json

HOST = "127.0.0.1"


class SocketSlack:
    """Takes connections one after the other; what is sent goes to the newest."""

    def __init__(self, user: str = "local-archive") -> None:
        self.user = user
        self.refusal: str | None = None
        self.tokens: list[str | None] = []
        self.answers: queue.Queue[Json] = queue.Queue()
        self.connected: queue.Queue[ServerConnection] = queue.Queue()
        self._newest: ServerConnection | None = None
        self._sockets: Server = serve(self._serve, HOST, 0)
        self._thread = threading.Thread(target=self._sockets.serve_forever)
        self._thread.start()
        self._api = HttpServer(self._respond)

    @property
    def method_url(self) -> str:
        """The address of a method, as SLACK_URL has it."""
        return f"{self._api.url}/api/chat.postMessage"

    def envelope(self, payload: Json, kind: str = "events_api", **fields: Any) -> Json:
        """A frame that carries *payload*."""
        about = {"envelope_id": f"env-{payload.get('event_id')}", "accepts_response_payload": False}
        return {"type": kind, **about, "payload": payload, "retry_attempt": 0, "retry_reason": "", **fields}

    @property
    def newest(self) -> ServerConnection:
        """The connection that is in use."""
        if self._newest is None:
            self.reconnected()
        assert self._newest is not None
        return self._newest

    def reconnected(self) -> None:
        """Return when the client has opened another connection."""
        self._newest = self.connected.get(timeout=60)

    def send(self, frame: Json) -> None:
        """Send *frame* to the client."""
        self.newest.send(json.dumps(frame))

    def answer(self) -> Json:
        """The next thing that the client says."""
        return self.answers.get(timeout=60)

    def close(self) -> None:
        """Stop serving."""
        self._api.close()
        self._sockets.shutdown()
        self._thread.join()

    def _respond(self, request: Request) -> Response:
        self.tokens.append(request.header("Authorization"))
        if self.refusal:
            return as_json({"ok": False, "error": self.refusal})
        if request.path.endswith("/auth.test"):
            return as_json({"ok": True, "user": self.user, "team": "Acme"})
        host, port = self._sockets.socket.getsockname()[:2]
        return as_json({"ok": True, "url": f"ws://{host}:{port}/link"})

    def _serve(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self.connected.put(connection)
        try:
            for text in connection:
                self.answers.put(json.loads(text))
        except ConnectionClosed:
            return
