"""The Home tab: one view for each person, published by the app.

https://docs.slack.dev/reference/methods/views.publish and https://docs.slack.dev/surfaces/app-home
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from local.slack import blockkit
from local.slack.call import MethodCall, RefusedError
from local.slack.files import Json
from local.slack.workspace import Workspace

LARGEST = 250 * 1024
LONGEST_METADATA = 3_000
LONGEST_CALLBACK_ID = 255
FIELDS = {"type", "blocks", "private_metadata", "callback_id", "external_id"}


@dataclass(eq=False)
class Home:
    """What a person sees in the app's Home tab, and what they have typed there, by block and action."""

    view: Json
    typed: dict[tuple[str, str], str] = field(default_factory=dict)


class Views:
    """The method views.publish, and what was published, by user."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_enabled = True
        """Whether the app's manifest has the Home tab."""
        self.homes: dict[str, Home] = {}
        self.methods = {"views.publish": self.publish}

    def home(self, user_id: str) -> Json | None:
        """The view of that person, as published; None before the first."""
        home = self.homes.get(user_id)
        return home.view if home else None

    def publish(self, call: MethodCall) -> Json:
        """views.publish"""
        if not self.is_enabled:
            raise RefusedError("not_enabled")
        user = self.workspace.user(call.text("user_id"))
        if user is None or user.is_bot:
            raise _invalid("user_id is not valid")
        view = call.structure("view")
        _check(view)
        with self.workspace.lock:
            before = self.homes.get(user.id)
            if call.text("hash") and before and before.view["hash"] != call.text("hash"):
                raise RefusedError("hash_conflict")
            whole_view = self._whole(view, before)
            # What was typed stays where the same input is still there.
            texts = before.typed if before else {}
            self.homes[user.id] = Home(
                whole_view, {place: texts[place] for place in _inputs(whole_view) if place in texts}
            )
            self.workspace.touch()
        return {"view": whole_view}

    def _whole(self, view: Json, before: Home | None) -> Json:
        app = self.workspace.app
        view_id = before.view["id"] if before else self.workspace.new_id("V")
        ids = {"id": view_id, "root_view_id": view_id, "previous_view_id": None}
        about = {"team_id": app.team_id, "app_id": app.app_id, "app_installed_team_id": app.team_id}
        fields = {"private_metadata": "", "callback_id": "", "external_id": "", **view}
        title = {"type": "plain_text", "text": "View Title", "emoji": True}
        closing = {"clear_on_close": False, "notify_on_close": False, "close": None, "submit": None}
        stamp = f"{self.workspace.new_ts().partition('.')[0]}.{secrets.token_hex(4)}"
        return {
            **ids,
            **about,
            **fields,
            **closing,
            "title": title,
            "bot_id": app.bot_id,
            "blocks": blockkit.with_ids(view["blocks"]),
            "state": {"values": {}},
            "hash": stamp,
        }


def _check(view: Any) -> None:
    """Refuse what Slack refuses in a Home view."""
    if not isinstance(view, dict) or view.get("type") != "home" or not view.keys() <= FIELDS:
        raise _invalid("failed to match all allowed schemas [json-pointer:/view]")
    if len(str(view.get("private_metadata", ""))) > LONGEST_METADATA:
        raise _invalid("must be less than 3001 characters [json-pointer:/view/private_metadata]")
    if len(str(view.get("callback_id", ""))) > LONGEST_CALLBACK_ID:
        raise _invalid("must be less than 256 characters [json-pointer:/view/callback_id]")
    if wrong := blockkit.problem(view.get("blocks"), "home"):
        raise _invalid(wrong)
    if len(json.dumps(view)) > LARGEST:
        raise RefusedError("view_too_large")


def _invalid(message: str) -> RefusedError:
    return RefusedError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _inputs(view: Json) -> list[tuple[str, str]]:
    return [
        (block["block_id"], block["element"]["action_id"]) for block in view["blocks"] if block["type"] == "input"
    ]


def values(blocks: list[Json], texts: dict[tuple[str, str], str]) -> Json:
    """Return the `state.values` of *blocks*: every input, with its text in *texts* or else its initial value."""
    result: Json = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = texts.get((block["block_id"], element["action_id"]), element.get("initial_value")) or None
        result[block["block_id"]] = {element["action_id"]: {"type": element["type"], "value": value}}
    return result
