"""Slack's event ► an upload, an edit, a deletion, a reply with tags, or nothing.

Shapes: https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message. What counts
is a non-empty `files` list, whatever the subtype says: Slack has sent uploads with `file_share` and without. The
shape of 2017 (`event.file`, the comment in `file.initial_comment`) is taken too.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from chalicelib.errors import NotUnderstood

if TYPE_CHECKING:
    from chalicelib.hashtags import Tags

_ID = re.compile(r"[A-Za-z0-9]{1,18}", re.ASCII)
"""So that ids are safe in keys, and an execution's name stays below 80 characters."""
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}", re.ASCII)
_NO_LONGER_THERE = ("tombstone", "file_not_found")
"""What stands in `mode` or `file_access` of a file that was taken off its message."""
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


class Change(NamedTuple):
    """What became of a message: *kind* is upload, edit, deletion or reply.

    A reply is a message in a thread that has tags and no files, or had; it speaks about the thread's root. *files*
    are those that the message shows now, *removed* the ids of those that it no longer does.
    """

    kind: str
    message: Message
    files: list[File]
    removed: list[str]
    tags: "Tags"


def change(envelope: Mapping[str, Any]) -> Change | None:
    """Return what the `event_callback` *envelope* tells, or None for all that the archive has no part in.

    Raises NotUnderstood when it does concern documents, but lacks what it takes to follow it.
    """
    event = envelope.get("event")
    if not isinstance(event, dict):
        raise NotUnderstood("The event has no inner event.")
    if event.get("type") != "message":
        return None
    subtype, now = event.get("subtype"), event.get("message")
    if subtype == "message_deleted":
        return _deletion(envelope, event)
    if subtype == "message_changed":
        is_deletion = isinstance(now, dict) and now.get("subtype") == "tombstone"
        return _deletion(envelope, event) if is_deletion else _edit(envelope, event)
    return None if subtype == "message_replied" else upload(envelope, event) or _reply(envelope, event)


def upload(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """Return what the message *event* uploads, or None when it brings no files, or is the app's own."""
    files, comment = _files_and_comment(event)
    if files is None or files == [] or _is_own(envelope, event):
        return None
    message = _message(envelope, event, comment)
    return Change("upload", message, _distinct(files), [], _tags(comment))


def _reply(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    if not _is_reply(event) or _is_own(envelope, event):
        return None
    text = _text(event.get("text")) or ""
    tags = _tags(text)
    if not tags.kept:
        return None
    return Change("reply", {**_message(envelope, event, text), "comment": ""}, [], [], tags)


def _edit(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """Slack also tells of changes that nobody made, link previews above all: text and files are compared."""
    now, before = event.get("message"), _previous(event)
    if not isinstance(now, dict) or _is_own(envelope, now):
        return None
    shown, text = _shown(now), _text(now.get("text")) or ""
    shown_before, text_before = _shown(before), _text(before.get("text")) or ""
    if before and shown.keys() == shown_before.keys() and text == text_before:
        return None
    removed = sorted((shown_before.keys() | _ids(now)) - shown.keys())
    tags, message = _tags(text), {**now, "event_ts": event.get("event_ts")}
    if shown or removed:
        files = _distinct(list(shown.values()))
        return Change("edit", _message(envelope, message, text), files, removed, tags)
    if not _is_reply(now) or _tags(text_before).kept == tags.kept:
        return None
    return Change("reply", {**_message(envelope, message, text), "comment": ""}, [], [], tags)


def _deletion(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """What was deleted is not always told (a tombstone's `previous_message` can be empty): then it is followed."""
    before, subject = _previous(event), _subject(event)
    unknown = not before or before.get("subtype") == "tombstone"
    if _is_own(envelope, before):
        return None
    message = {**subject, "user": before.get("user") if not unknown else None, "event_ts": event.get("event_ts")}
    if _is_reply(subject) and not _ids(before):
        if not unknown and not _tags(_text(before.get("text")) or "").kept:
            return None
        return Change("reply", _message(envelope, message, ""), [], [], _tags(""))
    if not unknown and not _ids(before):
        return None
    return Change("deletion", _message(envelope, message, ""), [], sorted(_ids(before)), _tags(""))


def _tags(text: str) -> "Tags":
    from chalicelib import hashtags  # most messages have nothing to tag, and are answered without

    return hashtags.tags(text)


def _previous(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message as it was; Slack has sent an empty list in its place."""
    before = event.get("previous_message")
    return before if isinstance(before, dict) else {}


def _subject(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message that *event* is about: itself, or the one inside that was changed or deleted."""
    subtype, now, before = event.get("subtype"), event.get("message"), _previous(event)
    if subtype == "message_changed":
        return now if isinstance(now, dict) else {}
    if subtype == "message_deleted":
        return {"ts": event.get("deleted_ts") or before.get("ts"), "thread_ts": before.get("thread_ts")}
    return event


def _is_reply(message: Mapping[str, Any]) -> bool:
    thread_ts = _sound(message.get("thread_ts"), _TS)
    return thread_ts is not None and thread_ts != message.get("ts")


def _shown(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file objects of a changed message that are still there, by id."""
    files = message.get("files")
    return {
        entry["id"]: entry
        for entry in (files if isinstance(files, list) else [])
        if isinstance(entry, dict)
        and _is_id(entry.get("id"))
        and entry.get("mode") not in _NO_LONGER_THERE
        and entry.get("file_access") not in _NO_LONGER_THERE
    }


def _ids(message: Mapping[str, Any]) -> set[str]:
    """Return the ids of all files that a changed message names, those that were taken off included."""
    files = message.get("files")
    entries = [entry for entry in (files if isinstance(files, list) else []) if isinstance(entry, dict)]
    return {entry["id"] for entry in entries if _is_id(entry.get("id"))}


def _distinct(entries: Any) -> list[File]:
    if not isinstance(entries, list):
        raise NotUnderstood("The message's files are no list.")
    return list({entry["id"]: entry for entry in map(file, entries)}.values())


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
    subject = _subject(inner)
    ts, thread_ts = _sound(subject.get("ts"), _TS), _sound(subject.get("thread_ts"), _TS)
    return {
        "event_id": _text(envelope.get("event_id"), LONGEST_WORD),
        "team": _sound(envelope.get("team_id"), _ID),
        "channel": _sound(inner.get("channel"), _ID),
        "ts": ts,
        "thread_ts": thread_ts if thread_ts != ts else None,  # a root names itself as soon as it has replies
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


def _message(envelope: Mapping[str, Any], said: Mapping[str, Any], comment: str) -> Message:
    """Return the message *said*, which tells its author and, if it was changed, the `event_ts` of that."""
    where, event = place(envelope), envelope["event"]
    team, channel, ts = where["team"], where["channel"], where["ts"]
    version = ts if said is event else _sound(said.get("event_ts"), _TS)
    sound = {"team": team, "channel": channel, "ts": ts, "event_ts": version}
    lacking = [name for name, value in sound.items() if not value]
    if not (team and channel and ts and version):
        raise NotUnderstood(f"The message has no valid {', '.join(lacking)}.")
    return {
        "team": team,
        "channel": channel,
        "channel_type": _text(event.get("channel_type"), LONGEST_WORD),
        "user": _text(said.get("user"), LONGEST_WORD) or _text(said.get("bot_id"), LONGEST_WORD),
        "ts": ts,
        "thread_ts": where["thread_ts"],
        "comment": comment,
        "comment_cut": False,
        "version": version,
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
