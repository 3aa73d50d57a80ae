"""hooks.slack.com: an incoming webhook, bound to one channel, answering in plain words.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json

from local.http_server import Request, Response, plain
from local.slack.blockkit import with_ids
from local.slack.botposts import BotPosts
from local.slack.events import in_thread
from local.slack.faults import WEB_API, Faults, Misbehaviour
from local.slack.files import Json
from local.slack.limits import refusal
from local.slack.model import Channel
from local.slack.webapi import misbehaving
from local.slack.workspace import Workspace

# The status that goes with each word is not documented one by one; these are what has been seen.
STATUSES = {"no_service": 404, "channel_is_archived": 410, "action_prohibited": 403}


class Webhook:
    """Posts into *channel*, whatever the payload says: a webhook's channel cannot be overridden."""

    def __init__(self, workspace: Workspace, posts: BotPosts, faults: Faults, channel: Channel) -> None:
        self.workspace = workspace
        self.posts = posts
        self.faults = faults
        self.channel = channel

    def respond(self, request: Request) -> Response:
        """The answer to a request whose path starts with /services/."""
        fault = self.faults.one_of(WEB_API, "webhook")
        if fault and fault.name == "api_error":
            return self._refuse(fault)
        return misbehaving(fault, lambda: self._honest(request)) if fault else self._honest(request)

    def _refuse(self, fault: Misbehaviour) -> Response:
        error = fault.options["error"]
        return plain(error, fault.options["status"] or STATUSES.get(error, 400))

    def _honest(self, request: Request) -> Response:
        wrong = self._post(request)
        return plain(wrong, STATUSES.get(wrong, 400)) if wrong else plain("ok", kind="text/html")

    def _post(self, request: Request) -> str | None:
        """Post, or say what is wrong."""
        payload = _payload(request.body)
        if request.path != self.workspace.app.webhook_path:
            return "no_service"
        if payload is None:
            return "invalid_payload"
        if self.channel.is_archived:
            return "channel_is_archived"
        wrong = refusal(str(payload.get("text") or ""), payload.get("blocks"), payload.get("attachments"))
        if wrong is None:
            self.posts.add(self.channel, self._body(payload))
        return wrong

    def _body(self, payload: Json) -> Json:
        app = self.workspace.app
        content: Json = {"text": str(payload.get("text") or ""), "username": app.name, "bot_id": app.webhook_bot_id}
        if payload.get("blocks"):
            content["blocks"] = with_ids(payload["blocks"])
        thread_ts = payload.get("thread_ts")
        reply = in_thread(self.workspace.message(self.channel.id, str(thread_ts)), thread_ts)
        return {"type": "message", "subtype": "bot_message", "ts": self.workspace.new_ts(), **content, **reply}


def _payload(body: bytes) -> Json | None:
    try:
        payload = json.loads(body)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None
