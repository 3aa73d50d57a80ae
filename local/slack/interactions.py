"""Clicks, typed searches and message shortcuts, as Slack sends them to the app.

https://docs.slack.dev/interactivity/handling-user-interaction: one POST each, a form whose one field `payload` is
JSON, signed as everything else. The app has three seconds to acknowledge; there are no retries. Slack shows a
warning sign beside a button whose click was not acknowledged.
"""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from local.slack.files import Json
from local.slack.identity import App
from local.slack.model import Channel, Ephemeral, Message, User
from local.slack.posting import Attempt, post
from local.slack.response_urls import ResponseUrls
from local.slack.signing import signed_headers
from local.slack.views import Home, Views, values

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json,*/*"}
NOT_CONFIGURED = "This app is not configured to handle interactive responses."
CHANNEL_NAMES = {"group": "privategroup", "mpim": "privategroup", "im": "directmessage"}


class NotOfferedError(Exception):
    """What a person cannot do in Slack: says why."""


@dataclass(frozen=True)
class Interaction:
    """One request: what was sent and what came of it. Without *attempt* Slack sent nothing."""

    payload: Json
    attempt: Attempt | None = None

    @property
    def warning(self) -> str:
        """What Slack shows the person, "" where the app acknowledged."""
        if self.attempt is None:
            return NOT_CONFIGURED
        return "" if self.attempt.succeeded else "This did not work: the app did not answer in time."


class Interactions:
    """What people do with the app's buttons. *address* is the app's request URL for them, "" for none."""

    def __init__(self, app: App, urls: ResponseUrls, views: Views, address: Callable[[], str]) -> None:
        self.app = app
        self.workspace = views.workspace
        self.urls = urls
        self.views = views
        self.address = address
        self.is_enabled = True
        """Whether the app's manifest switches interactivity on."""
        self.shortcuts: dict[str, str] = {}
        """The message shortcuts of the app's manifest: callback_id and name."""
        self.sent: list[Interaction] = []

    def send(self, payload: Json) -> Interaction:
        """Send *payload* as it is, signed."""
        if not self.is_enabled or not self.address():
            return Interaction(payload)
        body = urlencode({"payload": json.dumps(payload, separators=(",", ":"))}).encode()
        headers = signed_headers(body, str(int(time.time())), self.app.signing_secret) | FORM
        interaction = Interaction(payload, post(self.address(), body, headers))
        with self.workspace.lock:
            self.sent.append(interaction)
            self.workspace.touch()
        return interaction

    def click(
        self, user: User, message: Ephemeral | Message, action_id: str, block_id: str | None = None
    ) -> Interaction:
        """*user* uses the element *action_id* in a message, or its option (`action_id/value`) in a menu."""
        element = _element(_blocks(message.body), action_id, block_id)
        is_ephemeral = isinstance(message, Ephemeral)
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel.id,
            "is_ephemeral": is_ephemeral,
        }
        payload = self._payload("block_actions", user) | {
            "container": container,
            "channel": _channel(message.channel),
            "response_url": self.urls.new("actions", message.channel, user, message),
            "state": {"values": {}},
            "actions": [_action(*element)],
        }
        # An ephemeral message is not sent back to the app: Slack does not keep it.
        return self.send(payload if is_ephemeral else payload | {"message": message.body})

    def click_home(self, user: User, action_id: str, block_id: str | None = None) -> Interaction:
        """*user* uses the element *action_id* in the app's Home."""
        home = self._home(user)
        element = _element(home.view["blocks"], action_id, block_id)
        return self.send(self._of_home(user, home, _action(*element)))

    def type_home(self, user: User, action_id: str, text: str, enter: bool = True) -> Interaction | None:
        """*user* types *text* into an input of the app's Home; Enter sends it where the input dispatches."""
        home = self._home(user)
        for block in home.view["blocks"]:
            if block["type"] == "input" and block["element"]["action_id"] == action_id:
                home.typed[block["block_id"], action_id] = text[: block["element"].get("max_length", 3_000)]
                if not (enter and block.get("dispatch_action")):
                    return None
                about = {"type": "plain_text_input", "block_id": block["block_id"], "action_id": action_id}
                value = home.typed[block["block_id"], action_id] or None
                return self.send(self._of_home(user, home, about | {"value": value, "action_ts": _now()}))
        raise NotOfferedError(f"the Home tab has no input {action_id}")

    def shortcut(self, user: User, message: Message, callback_id: str) -> Interaction:
        """*user* chooses the app's shortcut in the menu of *message*; it need not be in the conversation itself."""
        if callback_id not in self.shortcuts:
            raise NotOfferedError(f"the app has no message shortcut {callback_id}")
        if message.channel.kind != "channel" and user.id not in message.channel.members:
            raise NotOfferedError(f"{user.name} does not see this conversation")
        body = {**message.body}
        if message.files:
            body["files"] = [file.info() for file in message.files]
        return self.send(
            self._payload("message_action", user)
            | {
                "callback_id": callback_id,
                "channel": _channel(message.channel),
                "message": body,
                "message_ts": message.ts,
                "action_ts": _now(),
                "response_url": self.urls.new("app", message.channel, user),
            }
        )

    def _payload(self, kind: str, user: User) -> Json:
        """What every payload has. https://docs.slack.dev/reference/interaction-payloads"""
        team = user.team_id or self.app.team_id
        return {
            "type": kind,
            "token": self.app.verification_token,
            "api_app_id": self.app.app_id,
            "team": {"id": self.app.team_id, "domain": self.app.team_name.lower()},
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": team},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": f"1.1.{secrets.token_hex(8)}",
        }

    def _of_home(self, user: User, home: Home, action: Json) -> Json:
        view = home.view | {"state": {"values": values(home.view["blocks"], home.typed)}}
        container = {"type": "view", "view_id": view["id"]}
        about = {"container": container, "view": view, "actions": [action]}
        return self._payload("block_actions", user) | about

    def _home(self, user: User) -> Home:
        home = self.views.homes.get(user.id)
        if home is None:
            raise NotOfferedError(f"the app has published no Home for {user.name}")
        return home


def _now() -> str:
    return f"{time.time():.6f}"


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": CHANNEL_NAMES.get(channel.kind, channel.name)}


def _blocks(body: Json) -> list[Any]:
    return list(body.get("blocks") or [])


def _element(blocks: list[Any], action_id: str, block_id: str | None) -> tuple[Json, str, str | None]:
    """The element, its block's id, and the option chosen in it, if it is a menu."""
    element_id, _, option = action_id.partition("/")
    for block in blocks:
        elements = [*(block.get("elements") or []), *filter(None, (block.get("accessory"), block.get("element")))]
        for element in elements:
            if element.get("action_id") == element_id and block_id in (None, block["block_id"]):
                return element, block["block_id"], option or None
    raise NotOfferedError(f"there is no element {action_id} to use")


def _action(element: Json, block_id: str, option: str | None) -> Json:
    """What `actions` says about the element. https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
    about = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id, "action_ts": _now()}
    if element["type"] == "button":
        return about | {name: element[name] for name in ("text", "value", "url", "style") if name in element}
    options = [each for each in element.get("options") or [] if each["value"] == option]
    if not options:
        raise NotOfferedError(f"the menu {element['action_id']} has no option {option}")
    return about | {"selected_option": options[0]}
