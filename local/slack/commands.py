"""Slash commands as Slack sends them, and the answer as the person sees it.

https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from local.slack.files import Json
from local.slack.identity import App
from local.slack.model import Channel, User
from local.slack.posting import Attempt, post
from local.slack.richtext import unescape
from local.slack.signing import signed_headers
from local.slack.workspace import Workspace

TOKEN = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


@dataclass(frozen=True)
class CommandResult:
    """What came of a command: *attempt* is the request, *body* the JSON that the app answered ({} if none)."""

    attempt: Attempt
    body: Json
    text: str
    """All that the person reads; Slack's own words when the app failed."""

    @property
    def is_ephemeral(self) -> bool:
        """Whether nobody but the asker sees it."""
        return bool(self.body.get("response_type", "ephemeral") == "ephemeral")

    @property
    def buttons(self) -> dict[str, str]:
        """The value of each button, by its label."""
        elements = [element for block in self.body.get("blocks") or [] for element in block.get("elements", [])]
        return {entry["text"]["text"]: entry.get("value", "") for entry in elements if entry["type"] == "button"}

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()


def fields(app: App, channel: Channel, user: User, command: str, text: str, response_url: str) -> dict[str, str]:
    """The form of a command typed by *user* in *channel*."""
    names = {"group": "privategroup", "mpim": "privategroup", "im": "directmessage"}
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "team_domain": app.team_name.lower(),
        "channel_id": channel.id,
        "channel_name": names.get(channel.kind, channel.name),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": app.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": "1.1.local",
    }


def send(app: App, workspace: Workspace, url: str, form: dict[str, str]) -> CommandResult:
    """Send *form* to *url*, signed, with Slack's three seconds."""
    body = urlencode(form).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json,*/*"}
    attempt = post(url, body, signed_headers(body, str(int(time.time())), app.signing_secret) | kind)
    command = form.get("command", "")
    if not attempt.succeeded:
        error = "operation_timeout" if attempt.reason == "http_timeout" else f"http_service_error {attempt.status}"
        return CommandResult(attempt, {}, f'{command} failed with the error "{error}"')
    answer = _parsed(attempt)
    return CommandResult(attempt, answer, as_text(answer, workspace))


def _parsed(attempt: Attempt) -> Json:
    text = attempt.body.decode()
    if not attempt.headers.get("content-type", "").startswith("application/json"):
        return {"text": text} if text else {}
    answer: Json = json.loads(text)
    return answer


def as_text(answer: Json, workspace: Workspace) -> str:
    """The words of *answer* with its tokens as people see them; blocks count before the text."""
    blocks: list[Any] = answer.get("blocks") or []
    texts = [text for block in blocks for text in _texts(block)] or [answer.get("text", "")]
    return unescape(TOKEN.sub(lambda token: _token_text(token, workspace), "\n".join(texts)))


def _texts(block: Json) -> list[str]:
    """What is read in *block*; a row of buttons is one line."""
    labels = [element["text"]["text"] for element in block.get("elements", []) if element["type"] == "button"]
    of_context = [element["text"] for element in block.get("elements", []) if element["type"] == "mrkdwn"]
    return [
        *([block["text"]["text"]] if "text" in block else []),
        *([" ".join(labels)] if labels else []),
        *of_context,
    ]


def _token_text(token: re.Match[str], workspace: Workspace) -> str:
    target, label = token.groups()
    if target.startswith("#"):
        channel = workspace.channel(target[1:])
        return f"#{channel.name}" if channel else "#unknown"
    if target.startswith("@"):
        user = workspace.user(target[1:])
        return f"@{user.name}" if user else "@unknown"
    return label if label is not None else target
