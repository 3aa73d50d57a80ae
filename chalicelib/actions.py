"""Slack's interaction payload ► what somebody wants: an answer to a question, their Home, or a message archived.

https://docs.slack.dev/reference/interaction-payloads: what a person clicked, typed or chose. A button of ours
carries a question, which is the text of a `/docs` command, and never a right: who asks, and where, is Slack's word.
Whatever else arrives is acknowledged and comes to nothing.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib import installation, utf8
from chalicelib.fields import identifier, timestamp
from chalicelib.forms import form

ARCHIVE_FILES = "archive_files"
"""The callback id of the message shortcut, as in slack-manifest.yaml."""
ASK = "ask"
"""What the ids of buttons that ask something begin with: no id may occur twice in a block."""
OPEN_HOME = "home"
"""The same, of the button that leads back to the beginning of Home."""
SEARCH = "search"
"""The id of Home's search field, and what that of the button beside it begins with."""
SEARCH_BLOCK = "search_field"
LONGEST_QUESTION = 1_000
"""Characters; a command may have 500, and Show more adds where to go on."""


class Person(NamedTuple):
    """Who did it, in which workspace, and where to answer: a response URL, or None in Home."""

    team: str
    user: str
    response_url: str | None


class Question(NamedTuple):
    """*text* is asked by the click of a button, in *channel*; in Home that is None."""

    person: Person
    text: str
    channel: str | None


class Shortcut(NamedTuple):
    """The files of a message are to be archived. *envelope* is the event that would have told of it."""

    person: Person
    channel: str
    ts: str
    envelope: dict[str, Any]


class Home(NamedTuple):
    """Home is to be shown anew."""

    person: Person


Action = Question | Shortcut | Home


def payload(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in the one field of the form *body*, or None if there is none."""
    try:
        value = json.loads((form(body) or {}).get("payload", ""))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def action(content: Mapping[str, Any]) -> Action | None:
    """Return what is wanted by the payload *content*, or None where the app has no part in it."""
    team, user = installation.team(content), identifier(_inner(content, "user").get("id"))
    if team is None or user is None:
        return None
    url = content.get("response_url")
    person = Person(team, user, url if isinstance(url, str) and url else None)
    if content.get("type") == "message_action":
        return _shortcut(content, person)
    return _click(content, person) if content.get("type") == "block_actions" else None


def _click(content: Mapping[str, Any], person: Person) -> Question | Home | None:
    elements = content.get("actions")
    first = elements[0] if isinstance(elements, list) and elements and isinstance(elements[0], dict) else {}
    name, value = first.get("action_id"), first.get("value")
    in_home = _inner(content, "container").get("type") == "view"
    if not isinstance(name, str) or (in_home and not _is_our_home(content)):
        return None
    channel = None if in_home else identifier(_inner(content, "channel").get("id"))
    if not in_home and (channel is None or person.response_url is None):
        return None
    kind = name.partition("-")[0]
    if in_home and kind == OPEN_HOME:
        return Home(person)
    if in_home and kind == SEARCH:
        text = _search_text(content)
        return Question(person, text, None) if text else Home(person)
    if kind != ASK or not isinstance(value, str):
        return None
    return Question(person, _text(value), channel)


def _is_our_home(content: Mapping[str, Any]) -> bool:
    view = _inner(content, "view")
    return view.get("type") == "home" and view.get("app_id", content.get("api_app_id")) == content.get("api_app_id")


def _search_text(content: Mapping[str, Any]) -> str:
    """Return what stands in Home's search field, "" for nothing."""
    values = _inner(_inner(content, "view"), "state").get("values")
    block = values.get(SEARCH_BLOCK) if isinstance(values, dict) else None
    field = block.get(SEARCH) if isinstance(block, dict) else None
    text = field.get("value") if isinstance(field, dict) else None
    return _text(text).strip() if isinstance(text, str) else ""


def _shortcut(content: Mapping[str, Any], person: Person) -> Shortcut | None:
    channel, message = identifier(_inner(content, "channel").get("id")), _inner(content, "message")
    ts = timestamp(content.get("message_ts") or message.get("ts"))
    if content.get("callback_id") != ARCHIVE_FILES or person.response_url is None:
        return None
    if channel is None or ts is None:
        return None
    event = {**message, "type": "message", "channel": channel, "ts": ts, "event_ts": ts}
    envelope = {"team_id": person.team, "api_app_id": content.get("api_app_id"), "event": event}
    return Shortcut(person, channel, ts, envelope)


def _text(value: str) -> str:
    return utf8.whole(value[:LONGEST_QUESTION])


def _inner(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}
