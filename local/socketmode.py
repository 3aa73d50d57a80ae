"""Socket Mode: Slack's events over a WebSocket, handed to the routes as the requests that Slack would have sent.

https://docs.slack.dev/apis/events-api/using-socket-mode. Slack is told that an event arrived when the app said so
with a 2xx, and not before: what the app did not take, Slack delivers again, as it does over HTTP.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from local.slack.posting import Attempt, post
from local.slack.sender import encode
from local.slack.signing import signed_headers

# Slack waits for about three seconds; what the app says after that nobody hears.
LIMIT = 2.8
REMEMBERED = 1_000


class SocketMode:
    """Connects with *app_token* and hands on to *routes* (a URL), signed with *secret*. *log* gets a line an event.

    The connection is renewed when Slack asks for it or when it breaks. An event that was taken is not handed on
    again, whatever Slack does; one that was not is handed on as it was, with Slack's own id. A
    connection that does not answer pings, sent every *ping_seconds*, counts as broken; closing takes as long.
    """

    def __init__(
        self,
        app_token: str,
        routes: str,
        secret: str,
        api: str,
        log: Callable[[str], None],
        ping_seconds: float = 5.0,
    ) -> None:
        self._routes, self._secret, self._log = routes, secret, log
        self._lock = threading.Lock()
        self._taken: OrderedDict[str, None] = OrderedDict()
        web = WebClient(base_url=api)
        self._client = SocketModeClient(app_token=app_token, web_client=web, ping_interval=ping_seconds)
        self._client.socket_mode_request_listeners.append(self._take)

    def connect(self) -> None:
        """Connect; raises what slack_sdk raises when Slack refuses the token or cannot be reached."""
        self._client.connect()

    def close(self) -> None:
        """Take no more."""
        self._client.close()

    def _take(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        if request.type == "events_api":
            answer = self._event(request)
        elif request.type == "slash_commands":
            answer = self._command(request)
        elif request.type == "interactive":
            answer = self._interaction(request)
        else:
            self._log(f"{request.type} ► nothing in the app takes this")
            answer = {}
        if answer is not None:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload=dict(answer) or None))

    def _event(self, request: SocketModeRequest) -> Mapping[str, Any] | None:
        """Hand it on; an empty answer if it was taken, None if Slack shall send it again."""
        event_id = str(request.payload.get("event_id"))
        if self._was_taken(event_id):
            self._log(f"{event_id} ► was taken before")
            return {}
        again: dict[str, str] = {}
        if request.retry_attempt:
            again["X-Slack-Retry-Num"] = str(request.retry_attempt)
            again["X-Slack-Retry-Reason"] = request.retry_reason or ""
        attempt = self._post("/slack/events", encode(request.payload), again)
        self._log(f"{event_id} ► {attempt.status or attempt.reason} in {attempt.seconds * 1000:.0f} ms")
        if not attempt.succeeded:
            return None
        self._remember(event_id)
        return {}

    def _command(self, request: SocketModeRequest) -> Mapping[str, Any] | None:
        """Hand it on as the form that it is over HTTP; the answer is what the person sees."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        attempt = self._post("/slack/commands", urlencode(request.payload).encode(), form)
        self._log(f"{request.payload.get('command')} ► {attempt.status or attempt.reason}")
        if not attempt.succeeded:
            return None
        try:
            answer = json.loads(attempt.body or b"{}")
        except ValueError:
            return {"text": attempt.body.decode(errors="replace")}
        return answer if isinstance(answer, dict) else {}

    def _interaction(self, request: SocketModeRequest) -> Mapping[str, Any] | None:
        """Hand it on as the form that it is over HTTP: the app answers it by itself, and says so with a 2xx."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"payload": json.dumps(request.payload)}).encode()
        attempt = self._post("/slack/actions", body, form)
        self._log(f"{request.payload.get('type')} ► {attempt.status or attempt.reason}")
        return {} if attempt.succeeded else None

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        signature = signed_headers(body, str(int(time.time())), self._secret)
        return post(self._routes + path, body, signature | dict(headers), LIMIT)

    def _was_taken(self, event_id: str) -> bool:
        with self._lock:
            return event_id in self._taken

    def _remember(self, event_id: str) -> None:
        with self._lock:
            self._taken[event_id] = None
            while len(self._taken) > REMEMBERED:
                self._taken.popitem(last=False)
