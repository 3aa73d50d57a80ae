"""Slack's event ► an upload, or nothing.

Shapes: https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message. What counts
is a non-empty `files` list, whatever the subtype says: Slack has sent uploads with `file_share` and without. The
shape of 2017 (`event.file`, the comment in `file.initial_comment`) is taken too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from chalicelib import hashtags
from chalicelib.errors import NotUnderstood

_ID = re.compile(r"[A-Za-z0-9]{1,18}", re.ASCII)
"""So that ids are safe in keys, and an execution's name stays below 80 characters."""
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}", re.ASCII)
_ABOUT_OTHERS = ("message_changed", "message_deleted", "message_replied")
"""Subtypes that tell of another message, which they carry inside."""
LONGEST_NAME = 1_024
"""Characters of a name or title."""
LONGEST_WORD = 255
"""Characters of a field that is no prose: MIME types and their like."""


class Message(TypedDict):
    """The message as the workflow carries it."""

    team: str
    channel: str
    channel_type: str | None
    user: str | None
    ts: str
    thread_ts: str | None
    comment: str
    comment_cut: bool
    version: str
    event_id: str | None


class File(TypedDict):
    """A file as the workflow carries it; `url` and `permalink` are None where `files.info` has to tell."""

    id: str
    name: str | None
    title: str | None
    mimetype: str | None
    size: int | None
    created: int
    user: str | None
    mode: str | None
    file_access: str | None
    url: str | None
    permalink: str | None


@dataclass(frozen=True)
class Upload:
    """A message that brought files."""

    message: Message
    files: list[File]
    tags: hashtags.Tags


def upload(envelope: Mapping[str, Any]) -> Upload | None:
    """Return what the `event_callback` *envelope* uploads, or None for all that is no upload.

    Raises NotUnderstood when it does bring files, but not what it takes to archive them.
    """
    event = envelope.get("event")
    if not isinstance(event, dict):
        raise NotUnderstood("The event has no inner event.")
    if event.get("type") != "message" or event.get("subtype") in _ABOUT_OTHERS:
        return None
    files, comment = _files_and_comment(event)
    if files is None or files == [] or _is_own(envelope, event):
        return None
    if not isinstance(files, list):
        raise NotUnderstood("The message's files are no list.")
    message = _message(envelope, event, comment)
    distinct = {entry["id"]: entry for entry in map(file, files)}
    return Upload(message, list(distinct.values()), hashtags.tags(comment))


def file(entry: object) -> File:
    """Return Slack's file object *entry* (https://docs.slack.dev/reference/objects/file-object) as a `File`."""
    if not isinstance(entry, dict) or not _is_id(entry.get("id")):
        raise NotUnderstood("A file of the message has no id.")
    return {
        "id": entry["id"],
        "name": _text(entry.get("name"), LONGEST_NAME),
        "title": _text(entry.get("title"), LONGEST_NAME),
        "mimetype": _text(entry.get("mimetype"), LONGEST_WORD),
        "size": _count(entry.get("size")),
        "created": min(_count(entry.get("created")) or 0, 9_999_999_999),
        "user": _text(entry.get("user"), LONGEST_WORD),
        "mode": _text(entry.get("mode"), LONGEST_WORD),
        "file_access": _text(entry.get("file_access"), LONGEST_WORD),
        "url": _text(entry.get("url_private_download")) or _text(entry.get("url_private")),
        "permalink": _text(entry.get("permalink")),
    }


def place(envelope: Mapping[str, Any]) -> dict[str, str | None]:
    """Return where an event that was not understood belongs, as far as it says so: ids and ts that are sound."""
    event = envelope.get("event")
    inner: Mapping[str, Any] = event if isinstance(event, dict) else {}
    return {
        "event_id": _text(envelope.get("event_id"), LONGEST_WORD),
        "team": _sound(envelope.get("team_id"), _ID),
        "channel": _sound(inner.get("channel"), _ID),
        "ts": _sound(inner.get("ts"), _TS),
        "thread_ts": _sound(inner.get("thread_ts"), _TS),
    }


def _files_and_comment(event: Mapping[str, Any]) -> tuple[Any, str]:
    single = event.get("file")
    if "files" not in event and event.get("subtype") == "file_share" and isinstance(single, dict):
        said = single.get("initial_comment")
        comment = said.get("comment") if isinstance(said, dict) else ""  # event.text is Slack's own sentence here
        return [single], _text(comment) or ""
    return event.get("files"), _text(event.get("text")) or ""


def _is_own(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Tell whether the app itself posted this: by its app id, or as the bot user that the event was sent to."""
    profile = event.get("bot_profile")
    by_app = profile.get("app_id") if isinstance(profile, dict) else event.get("app_id")
    if by_app and by_app == envelope.get("api_app_id"):
        return True
    installations = envelope.get("authorizations")
    return bool(event.get("user")) and any(
        isinstance(installation, dict)
        and installation.get("is_bot") is True
        and installation.get("user_id") == event["user"]
        for installation in (installations if isinstance(installations, list) else [])
    )


def _message(envelope: Mapping[str, Any], event: Mapping[str, Any], comment: str) -> Message:
    where = place(envelope)
    team, channel, ts = where["team"], where["channel"], where["ts"]
    lacking = [name for name, value in (("team", team), ("channel", channel), ("ts", ts)) if not value]
    if not (team and channel and ts):
        raise NotUnderstood(f"The message has no valid {', '.join(lacking)}.")
    return {
        "team": team,
        "channel": channel,
        "channel_type": _text(event.get("channel_type"), LONGEST_WORD),
        "user": _text(event.get("user"), LONGEST_WORD) or _text(event.get("bot_id"), LONGEST_WORD),
        "ts": ts,
        "thread_ts": where["thread_ts"],
        "comment": comment,
        "comment_cut": False,
        "version": ts,
        "event_id": where["event_id"],
    }


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _sound(value: object, shape: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and shape.fullmatch(value) else None


def _text(value: object, longest: int | None = None) -> str | None:
    """Return the first *longest* characters of a non-empty string.

    Lone surrogates, which JSON can hold and UTF-8 cannot, are replaced.
    """
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:longest]


def _count(value: object) -> int | None:
    """Return a whole number that is not negative (JSON's true is no number, though Python's is)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
