"""What Slack shows now and what the archive says ► what has to be started so that they agree.

The events of a message can be lost: Slack gives up after some minutes, and tells nothing of what happened before
the app was invited. What is started is what its events would have started, under the same names.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib import events
from chalicelib.conversation import moment
from chalicelib.events import Change
from chalicelib.fields import timestamp

NOTHING_KNOWN = "0.0"
"""The version of a message's record while only replies to it have arrived."""

Json = dict[str, Any]


class Place(NamedTuple):
    """The conversation, and the app's *bot_user* in it, whose own messages are nobody's uploads."""

    team: str
    channel: str
    channel_type: str
    bot_user: str


def change(place: Place, message: Json, record: Mapping[str, Any] | None, now: str) -> Change | None:
    """Return what has to be started so that the *record* says what *message* says; None if it does.

    *now* is a ts of before the message was read. Raises NotUnderstood.
    """
    if record is None or record["version"] == NOTHING_KNOWN:
        return events.change(_envelope(place, message))
    if record["deleted"]:
        return None
    before = {"ts": message["ts"], "user": record["user"], "text": _text(message, record)}
    before["files"] = [{"id": file_id} for file_id in record["files"]]
    return events.change(_change_event(place, message, before, record["version"], now))


def reply_change(place: Place, reply: Json, root: Mapping[str, Any] | None, now: str) -> Change | None:
    """Return what has to be started so that *root*, the thread's record, has the tags of *reply*."""
    reply_record = (root or {}).get("replies", {}).get(reply["ts"])
    fresh = events.change(_envelope(place, reply))
    if reply_record is None or (fresh and fresh.kind != "reply"):
        return fresh
    if reply_record["tags"] == (fresh.tags.kept if fresh else []) or (fresh and fresh.unnamed):
        return None  # what a nameless link to a channel means as a tag is only known to the step that saves it
    before = {"ts": reply["ts"], "text": _as_text(reply_record["tags"])}
    return events.change(_change_event(place, reply, before, reply_record["version"], now))


def deletion(place: Place, record: Mapping[str, Any], now: str) -> Change | None:
    """Return what the deletion of the message on *record* starts; None if the record knows of it."""
    if record["deleted"] or record["version"] == NOTHING_KNOWN:
        return None
    before = {
        "ts": record["ts"],
        "thread_ts": record["thread_ts"],
        "user": record["user"],
        "text": record["comment"],
    }
    before["files"] = [{"id": file_id} for file_id in record["known"]]
    return events.change(_deletion_event(place, before, now))


def reply_deletion(place: Place, ts: str, root: Mapping[str, Any], now: str) -> Change | None:
    """Return what the deletion of the reply *ts* starts; None if it left no tags."""
    tags = root["replies"][ts]["tags"]
    before = {"ts": ts, "thread_ts": root["ts"], "text": _as_text(tags)}
    return events.change(_deletion_event(place, before, now)) if tags else None


def _envelope(place: Place, event: Json) -> Json:
    """Return *event* as Slack would have delivered it."""
    installation = {"team_id": place.team, "user_id": place.bot_user, "is_bot": True}
    where = {"type": "message", "channel": place.channel, "channel_type": place.channel_type}
    return {
        "type": "event_callback",
        "team_id": place.team,
        "authorizations": [installation],
        "event": {**event, **where},
    }


def _change_event(place: Place, message: Json, before: Json, version: str, now: str) -> Json:
    at = edited_after(message, version) or now  # an edit that only took a file away is marked nowhere
    change = {"subtype": "message_changed", "message": message, "previous_message": before}
    return _envelope(place, {**change, "ts": at, "event_ts": at})


def edited_after(message: Json, version: str) -> str | None:
    """Return the ts of the message's last edit, if that is newer than *version*."""
    edit = message.get("edited")
    edited_at = timestamp(edit.get("ts")) if isinstance(edit, dict) else None
    return edited_at if edited_at and moment(edited_at) > moment(version) else None


def _deletion_event(place: Place, before: Json, now: str) -> Json:
    change = {"subtype": "message_deleted", "deleted_ts": before["ts"], "previous_message": before}
    return _envelope(place, {**change, "ts": now, "event_ts": now})


def _text(message: Json, record: Mapping[str, Any]) -> str:
    """Return the text on record; where only its beginning is, the whole of it if it begins the same."""
    text, comment = str(message.get("text") or ""), str(record["comment"])
    return text if record["comment_cut"] and text.startswith(comment) else comment


def _as_text(tags: list[str]) -> str:
    return " ".join(f"#{tag}" for tag in tags)
