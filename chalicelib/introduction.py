"""Who speaks to the app, in its direct message or by its name ► what the notifier answers: what the app does here.

https://docs.slack.dev/reference/events/app_mention
"""

from collections.abc import Mapping
from typing import Any

from chalicelib import events, fields
from chalicelib.installation import is_own

_SLACKBOT = "USLACKBOT"


def question(envelope: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the question that the event in *envelope* is, as the topic takes it; None if it is none.

    Programs get no answer, so that no two of them talk for ever. Files, and tags in a thread, are followed and need
    none. In the threads of a direct message only `help` is a question.
    """
    event, place = envelope["event"], events.place(envelope)
    if not (place["team"] and place["channel"] and place["ts"]) or not _is_by_a_person(envelope, event):
        return None
    as_message = {**envelope, "event": {**event, "type": "message"}}
    is_aside = event.get("type") == "message" and place["thread_ts"] and _text(event) != "help"
    if is_aside or events.change(as_message) is not None:
        return None
    where = {name: place[name] for name in ("team", "channel", "ts", "thread_ts")}
    return {"type": "asked", **where, "channel_type": fields.word(event.get("channel_type"))}


def _is_by_a_person(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    user = fields.identifier(event.get("user"))
    is_program = any(event.get(name) for name in ("bot_id", "bot_profile"))
    return user not in (None, _SLACKBOT) and not is_program and not is_own(envelope, event)


def _text(event: Mapping[str, Any]) -> str:
    return (fields.text(event.get("text")) or "").strip().lower()
