"""Response URLs: how an app answers a command, a click or a shortcut later, without a token.

At most five times within half an hour (https://docs.slack.dev/interactivity/handling-user-interaction). What the
answer says is what the app puts there: a message for the asker alone unless `response_type` is in_channel,
`replace_original` and `delete_original` for the message whose button was clicked.
"""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.http_server import Request, Response, as_json, plain
from local.slack.blockkit import with_ids
from local.slack.botposts import BotPosts
from local.slack.events import in_thread
from local.slack.files import Json
from local.slack.limits import refusal
from local.slack.model import Channel, Ephemeral, Message, User
from local.slack.workspace import Workspace

MOST_USES = 5
VALID = 30 * 60.0
KINDS = ("commands", "actions", "app")
FIELDS = {
    "text",
    "blocks",
    "attachments",
    "response_type",
    "replace_original",
    "delete_original",
    "thread_ts",
    "mrkdwn",
    "unfurl_links",
    "unfurl_media",
    "metadata",
    "parse",
    "link_names",
}


@dataclass(eq=False)
class ResponseUrl:
    """One address. *original* is the message whose button was clicked; None for a command and a shortcut."""

    path: str
    channel: Channel
    user: User
    original: Ephemeral | Message | None
    start: float = field(default_factory=time.time)
    uses: int = 0


class ResponseUrls:
    """Hands the addresses out, and answers what is posted to them. *now* is epoch seconds."""

    def __init__(self, workspace: Workspace, posts: BotPosts, now: Callable[[], float] = time.time) -> None:
        self.workspace = workspace
        self.posts = posts
        self.now = now
        self._known: dict[str, ResponseUrl] = {}

    def new(self, kind: str, channel: Channel, user: User, original: Ephemeral | Message | None = None) -> str:
        """A fresh address; *kind* is commands, actions or app (for shortcuts)."""
        path = f"/{kind}/{self.workspace.app.team_id}/{len(self._known) + 1}/{secrets.token_urlsafe(12)}"
        with self.workspace.lock:
            self._known[path] = ResponseUrl(path, channel, user, original, self.now())
        return self.workspace.address.url + path

    def respond(self, request: Request) -> Response:
        """The answer to a request whose path begins with one of `KINDS`."""
        url = self._known.get(request.path)
        if url is None or request.method != "POST":
            return plain("no_service", 404)
        body = _body(request)
        if body is None:
            return plain("invalid_payload", 400)
        with self.workspace.lock:
            if self.now() - url.start > VALID:
                return as_json({"ok": False, "error": "expired_url"}, 404)
            if url.uses >= MOST_USES:
                return as_json({"ok": False, "error": "used_url"}, 404)
            url.uses += 1
            wrong = self._take(url, body)
            self.workspace.touch()
        return as_json({"ok": False, "error": wrong}, 400) if wrong else plain("ok")

    def _take(self, url: ResponseUrl, body: Json) -> str | None:
        """Do what *body* says, or say what is wrong with it."""
        if body.get("delete_original") is True:
            if url.original is not None:
                url.original.deleted = True
            return None
        text, blocks = str(body.get("text") or ""), body.get("blocks")
        if wrong := refusal(text, blocks, body.get("attachments")):
            return wrong
        content: Json = {"text": text} | ({"blocks": with_ids(blocks)} if blocks else {})
        if body.get("replace_original") is True and url.original is not None and not url.original.deleted:
            url.original.body = {**url.original.body, "blocks": [], **content}
        elif body.get("response_type", "ephemeral") == "in_channel":
            self.posts.add(url.channel, self._message(content, body))
        else:
            self.workspace.add_ephemeral(Ephemeral(url.channel, url.user, self.workspace.new_ts(), content))
        return None

    def _message(self, content: Json, body: Json) -> Json:
        thread_ts = body.get("thread_ts")
        app = self.workspace.app
        reply = in_thread(self.workspace.message("", str(thread_ts)), thread_ts)
        who = {"user": app.bot_user_id, "bot_id": app.bot_id, "app_id": app.app_id}
        return {"type": "message", "ts": self.workspace.new_ts(), **who, **content, **reply}


def _body(request: Request) -> Any:
    """The JSON object that was posted, if it has no field that Slack does not know."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) and body.keys() <= FIELDS else None
