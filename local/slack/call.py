"""One call of a Web API method: its arguments, and the ways to refuse it."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from local.http_server import Request
from local.slack.faults import Faults
from local.slack.files import Json
from local.slack.model import Channel
from local.slack.workspace import HISTORY_SCOPES, Workspace


class RefusedError(Exception):
    """The method's answer is ``ok: false``; *fields* stand beside the error."""

    def __init__(self, error: str, **fields: Any) -> None:
        super().__init__(error)
        self.error = error
        self.fields = fields


@dataclass(frozen=True)
class MethodCall:
    """The arguments of one call, and the workspace that it is about."""

    workspace: Workspace
    arguments: Json
    faults: Faults

    def text(self, name: str) -> str:
        """An argument as text, "" when it is absent."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def structure(self, name: str) -> Any:
        """An argument that is JSON; in a form it is JSON text."""
        value = self.arguments.get(name)
        try:
            return json.loads(value) if isinstance(value, str) and value else value
        except ValueError:
            raise RefusedError(f"invalid_{name}") from None

    def flag(self, name: str) -> bool:
        """An argument that is true or false."""
        return self.text(name).lower() in ("true", "1")

    def count(self, name: str, default: int, most: int) -> int:
        """An argument that is a number from 1 to *most*."""
        value = self.text(name) or str(default)
        if not value.isdecimal() or int(value) < 1:
            raise RefusedError("invalid_limit")
        return min(int(value), most)

    def require(self, *scopes: str) -> None:
        """Refuse unless one of *scopes* is granted."""
        if not self.workspace.scopes.intersection(scopes):
            provided = ",".join(sorted(self.workspace.scopes))
            raise RefusedError("missing_scope", needed=scopes[0], provided=provided)

    def channel(self, scopes: dict[str, str] = HISTORY_SCOPES) -> Channel:
        """The channel asked for, if the app may see it; which scope is needed depends on its kind."""
        channel = self.workspace.channel(self.text("channel"))
        if channel is None:
            raise RefusedError("channel_not_found")
        self.require(scopes[channel.kind])
        if not channel.bot_is_member and channel.kind != "channel":
            raise RefusedError("channel_not_found")
        return channel


def arguments_of(request: Request, *, in_json: bool = True) -> Json:
    """The arguments, in JSON, form or query; those in JSON only where the method sees them (*in_json*)."""
    query: Json = dict(parse_qsl(request.query, keep_blank_values=True))
    if (request.header("Content-Type") or "").startswith("application/json"):
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            raise RefusedError("invalid_json") from None
        if not isinstance(body, dict):
            raise RefusedError("json_not_object")
        return query | body if in_json else query
    return query | dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
