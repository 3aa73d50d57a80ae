"""The files of a message: Slack's file objects ► what the workflow carries of them.

https://docs.slack.dev/reference/objects/file-object. A forwarded message carries the files of the original in an
attachment. An entry that cannot be understood costs itself alone, and is named in the reply.
"""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from chalicelib.errors import NotUnderstood
from chalicelib.fields import LONGEST_NAME, count, identifier, text, timestamp, word

ODD = "odd"
"""The mode, none of Slack's, of an entry of `files` that is not understood."""
_TAKEN_OFF = ("tombstone", "file_not_found")
"""What stands in `mode` or `file_access` of a file that was taken off its message."""
_CANVAS_MODES = ("canvas", "quip", "docs")
_CANVAS_TYPE = "application/vnd.slack-docs"
YOUNG_SECONDS = 300.0
"""So long after a file's creation Slack's word that it is gone, or not for the app, is not yet believed: Slack's
parts learn of a new file one after the other (https://github.com/slackapi/node-slack-sdk/issues/242)."""
_LATEST = 9_999_999_999
"""Epoch seconds: the index sorts by ten digits."""


class File(TypedDict):
    """A file as the workflow carries it; `url` and `permalink` are None where only `files.info` has them."""

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
    forwarded: NotRequired[bool]
    """True for a file of the message that this one forwards: the app may not be allowed to see it."""
    export_token: NotRequired[str]
    """Where SSM keeps the token of the export that named the file: a token itself would stand in the execution."""
    other_url: NotRequired[str]
    """Where else Slack may hand out a canvas: which of its addresses does is written nowhere."""
    snapshot: NotRequired[str]
    """When Slack handed out the page that is archived of a canvas, ISO 8601 in UTC."""


def file(entry: object) -> File:
    """Return Slack's file object *entry* as a `File`; raises NotUnderstood where it has no id."""
    if not isinstance(entry, dict) or not _has_id(entry):
        raise NotUnderstood("A file of the message has no id.")
    return _from_entry(entry["id"], entry)


def is_canvas(file: File) -> bool:
    """Return True for a canvas, under any of the names that Slack has had for them."""
    return file["mode"] in _CANVAS_MODES or (file["mimetype"] or "").lower() == _CANVAS_TYPE


def _from_entry(file_id: str, entry: Mapping[str, Any]) -> File:
    result: File = {
        "id": file_id,
        "name": text(entry.get("name"), LONGEST_NAME),
        "title": text(entry.get("title"), LONGEST_NAME),
        "mimetype": word(entry.get("mimetype")),
        "size": count(entry.get("size")),
        "created": min(count(entry.get("created")) or 0, _LATEST),
        "user": word(entry.get("user")),
        "mode": word(entry.get("mode")),
        "file_access": word(entry.get("file_access")),
        "url": text(entry.get("url_private_download")) or text(entry.get("url_private")),
        "permalink": text(entry.get("permalink")),
    }
    other = text(entry.get("url_private"))
    return {**result, "other_url": other} if other and is_canvas(result) else result


def of_new_message(entries: object, message: Mapping[str, Any]) -> list[File]:
    """Return the files of a new *message*, its own *entries* first, then those that it forwards.

    Raises NotUnderstood if *entries* is no list, or no entry is understood.
    """
    all_entries = entries or []
    if not isinstance(all_entries, list):
        raise NotUnderstood("The message's files are no list.")
    if all_entries and not any(map(_has_id, all_entries)):
        raise NotUnderstood("A file of the message has no id.")
    own = [file(entry) if _has_id(entry) else _odd(entry, number) for number, entry in enumerate(all_entries)]
    return [_dated(each, message) for each in _distinct(own, _forwarded(message))]


def of_changed_message(message: Mapping[str, Any]) -> dict[str, File]:
    """Return the files of a changed message that are still there, by id."""
    all_files = _distinct([file(entry) for entry in _entries(message) if _has_id(entry)], _forwarded(message))
    return {
        candidate["id"]: _dated(candidate, message)
        for candidate in all_files
        if candidate["mode"] not in _TAKEN_OFF and candidate["file_access"] not in _TAKEN_OFF
    }


def ids(message: Mapping[str, Any]) -> set[str]:
    """Return the ids of all files that a changed message names, those that were taken off included."""
    own = {entry["id"] for entry in _entries(message) if _has_id(entry)}
    return own | {forwarded["id"] for forwarded in _forwarded(message)}


def _dated(file: File, message: Mapping[str, Any]) -> File:
    """Return *file*, made when *message* was posted if Slack says nothing about it, as in stubs (`created: 0`).

    Else it would count as old, and Slack's first word about it would be believed.
    """
    ts = timestamp(message.get("ts"))
    return file if file["created"] or not ts else {**file, "created": int(ts.partition(".")[0])}


def _entries(message: Mapping[str, Any]) -> list[Any]:
    entries = message.get("files")
    return entries if isinstance(entries, list) else []


def _forwarded(message: Mapping[str, Any]) -> list[File]:
    """Return the files of the messages that this one forwards. The picture of a link's preview is no file.

    https://github.com/slackapi/java-slack-sdk/tree/main/json-logs/samples/rtm has such attachments.
    """
    attachments = message.get("attachments")
    return [
        {**file(entry), "forwarded": True}
        for attachment in (attachments if isinstance(attachments, list) else [])
        if isinstance(attachment, dict) and attachment.get("is_share") is True
        for entry in _entries(attachment)
        if _has_id(entry)
    ]


def _distinct(own: list[File], forwarded: list[File]) -> list[File]:
    """Return each file once; a file that is forwarded and shown by the message itself is its own."""
    by_id = {file["id"]: file for file in own}
    return [*by_id.values(), *({file["id"]: file for file in forwarded if file["id"] not in by_id}.values())]


def _odd(entry: object, number: int) -> File:
    """Return a file that stands for an *entry* without an id, with its name if it has one."""
    about = entry if isinstance(entry, dict) else {}
    name = text(about.get("name"), LONGEST_NAME) or "a file without a name"
    return {**_from_entry(f"odd{number}", {}), "name": name, "mode": ODD}


def _has_id(entry: object) -> bool:
    return isinstance(entry, dict) and identifier(entry.get("id")) is not None
