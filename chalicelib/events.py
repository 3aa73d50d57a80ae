"""Slack's event ► an upload, an edit, a deletion, a reply with tags, or nothing.

Shapes: https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message. What counts
is a non-empty `files` list, whatever the subtype says: Slack has sent uploads with `file_share` and without. A
forwarded message brings the files of the original along, in an attachment. The shape of 2017 (`event.file`, the
comment in `file.initial_comment`) is taken too.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

from chalicelib.errors import NotUnderstood

if TYPE_CHECKING:
    from chalicelib.hashtags import Tags

_ID = re.compile(r"[A-Za-z0-9]{1,18}", re.ASCII)
"""So that ids are safe in keys, and an execution's name stays below 80 characters."""
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}", re.ASCII)
_NO_LONGER_THERE = ("tombstone", "file_not_found")
"""What stands in `mode` or `file_access` of a file that was taken off its message."""
ODD = "odd"
"""The mode, none of Slack's, of an entry of `files` that is not understood."""
_JOINING = ("channel_join", "group_join")
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
    sender_team: NotRequired[str]
    """The author's workspace, where it is not ours: in a channel that is shared by Slack Connect."""


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
    forwarded: NotRequired[bool]
    """True for a file of the message that this one forwards: the app may not be allowed to see it."""


class Change(NamedTuple):
    """What became of a message: *kind* is upload, edit, deletion or reply; or of a file alone: file_deletion.

    A reply is a message in a thread that has tags and no files, or had; it speaks about the thread's root. *files*
    are those that the message shows now, *removed* the ids of those that it no longer does.
    """

    kind: str
    message: Message
    files: list[File]
    removed: list[str]
    tags: "Tags"
    unnamed: tuple[str, ...] = ()
    """Channels that the message links to without a name, as Slack does with private ones: each may mean a tag."""


def team(payload: Mapping[str, Any]) -> str | None:
    """Return the workspace that the app is installed in, for an event, a command or an action.

    In a channel shared by Slack Connect `team_id` is the sender's, and only `authorizations` tells ours
    (https://docs.slack.dev/apis/events-api#authorizations). An organisation that installed the app as a whole has
    an id of its own (E…), for where no workspace is named.
    """
    authorizations, place, view = (payload.get(name) for name in ("authorizations", "team", "view"))
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else None
    ours = first if isinstance(first, dict) else {}
    candidates = (
        view.get("app_installed_team_id") if isinstance(view, dict) else None,
        ours.get("team_id"),
        payload.get("context_team_id"),
        place.get("id") if isinstance(place, dict) else None,
        payload.get("team_id"),
        ours.get("enterprise_id"),
        payload.get("enterprise_id"),
    )
    return next((candidate for candidate in candidates if _is_id(candidate)), None)


def kind(envelope: Mapping[str, Any]) -> Any:
    """Return the type of the event in *envelope*, None where there is none."""
    event = envelope.get("event")
    return event.get("type") if isinstance(event, dict) else None


def joined(envelope: Mapping[str, Any]) -> str | None:
    """Return the conversation that the app itself was invited to, None where *envelope* tells of anything else.

    Slack tells it twice, and sometimes leaves one of them out:
    https://docs.slack.dev/reference/events/member_joined_channel
    """
    event = envelope.get("event")
    if not isinstance(event, dict):
        return None
    is_joining = event.get("type") == "member_joined_channel" or event.get("subtype") in _JOINING
    return _sound(event.get("channel"), _ID) if is_joining and _is_by_bot_user(envelope, event) else None


def change(envelope: Mapping[str, Any]) -> Change | None:
    """Return what the `event_callback` *envelope* tells, or None for all that the archive has no part in.

    Raises NotUnderstood when it does concern documents, but lacks what it takes to follow it.
    """
    event = envelope.get("event")
    if not isinstance(event, dict):
        raise NotUnderstood("The event has no inner event.")
    if event.get("type") == "file_deleted":
        return _file_deletion(envelope, event)
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
    entries, comment, blocks = _parts(event)
    forwarded = _forwarded(event)
    if not (entries or forwarded) or _is_own(envelope, event):
        return None
    files = _distinct(_understood(entries), forwarded)
    tags, unnamed = _tags(comment, blocks)
    return Change("upload", _message(envelope, event, comment), files, [], tags, unnamed)


def _reply(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    if not _is_reply(event) or _is_own(envelope, event):
        return None
    text = _text(event.get("text")) or ""
    tags, unnamed = _tags(text, event.get("blocks"))
    if not tags.kept and not unnamed:
        return None
    return Change("reply", {**_message(envelope, event, text), "comment": ""}, [], [], tags, unnamed)


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
    tags, unnamed = _tags(text, now.get("blocks"))
    message = {**now, "event_ts": event.get("event_ts")}
    if shown or removed:
        return Change("edit", _message(envelope, message, text), list(shown.values()), removed, tags, unnamed)
    if not _is_reply(now) or _tags(text_before, before.get("blocks")) == (tags, unnamed):
        return None
    return Change("reply", {**_message(envelope, message, text), "comment": ""}, [], [], tags, unnamed)


def _deletion(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """What was deleted is not always told (a tombstone's `previous_message` can be empty): then it is followed."""
    before, subject = _previous(event), _subject(event)
    unknown = not before or before.get("subtype") == "tombstone"
    if _is_own(envelope, before):
        return None
    message = {**subject, "user": before.get("user") if not unknown else None, "event_ts": event.get("event_ts")}
    if _is_reply(subject) and not _ids(before):
        tags, unnamed = _tags(_text(before.get("text")) or "", before.get("blocks"))
        if unknown:  # it may have had files, tags, or both: `records.save` looks
            return Change("deletion", _message(envelope, message, ""), [], [], _tags("")[0])
        if not tags.kept and not unnamed:
            return None
        return Change("reply", _message(envelope, message, ""), [], [], _tags("")[0])
    if not unknown and not _ids(before):
        return None
    return Change("deletion", _message(envelope, message, ""), [], sorted(_ids(before)), _tags("")[0])


def _file_deletion(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change:
    """Return the deletion of a file by a person: of retention there is no such event, nor of a plan's limit.

    It names no conversation (https://docs.slack.dev/reference/events/file_deleted).
    """
    ours, file_id, version = team(envelope), event.get("file_id"), _sound(event.get("event_ts"), _TS)
    if not (ours and _is_id(file_id) and version):
        raise NotUnderstood("The deletion of a file has no valid team, file_id or event_ts.")
    message: Message = {
        "team": ours,
        "channel": "",
        "channel_type": None,
        "user": None,
        "ts": version,
        "thread_ts": None,
        "comment": "",
        "comment_cut": False,
        "version": version,
        "event_id": _text(envelope.get("event_id"), LONGEST_WORD),
    }
    return Change("file_deletion", message, [], [str(file_id)], _tags("")[0])


def _tags(text: str, blocks: object = None) -> tuple["Tags", tuple[str, ...]]:
    """Return the tags of a message, and the channels that it links to without a name."""
    from chalicelib import hashtags  # most messages have nothing to tag, and are answered without

    return hashtags.tags(text, blocks), tuple(hashtags.unnamed_channels(text, blocks))


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


def _shown(message: Mapping[str, Any]) -> dict[str, File]:
    """Return the files of a changed message that are still there, by id."""
    files = _distinct([file(entry) for entry in _entries(message) if _has_id(entry)], _forwarded(message))
    return {
        shown["id"]: shown
        for shown in files
        if shown["mode"] not in _NO_LONGER_THERE and shown["file_access"] not in _NO_LONGER_THERE
    }


def _ids(message: Mapping[str, Any]) -> set[str]:
    """Return the ids of all files that a changed message names, those that were taken off included."""
    own = {entry["id"] for entry in _entries(message) if _has_id(entry)}
    return own | {forwarded["id"] for forwarded in _forwarded(message)}


def _entries(message: Mapping[str, Any]) -> list[Any]:
    files = message.get("files")
    return files if isinstance(files, list) else []


def _forwarded(message: Mapping[str, Any]) -> list[File]:
    """Return the files of the messages that this one forwards; what a link's preview shows is none.

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


def _understood(entries: Any) -> list[File]:
    """Return Slack's file objects *entries*; what cannot be understood costs itself alone, and is named.

    Raises NotUnderstood if there is nothing else.
    """
    if entries is not None and not isinstance(entries, list):
        raise NotUnderstood("The message's files are no list.")
    if entries and not any(map(_has_id, entries)):
        raise NotUnderstood("A file of the message has no id.")
    return [file(entry) if _has_id(entry) else _odd(entry, number) for number, entry in enumerate(entries or [])]


def _odd(entry: object, number: int) -> File:
    """Return a file that stands for *entry*, of which only its name may be known."""
    about = entry if isinstance(entry, dict) else {}
    name = _text(about.get("name"), LONGEST_NAME) or "a file without a name"
    return {**file({"id": f"odd{number}"}), "name": name, "mode": ODD}


def _distinct(files: list[File], forwarded: list[File]) -> list[File]:
    """Return each file once; one that is forwarded and shown by the message itself is its own."""
    own = {file["id"]: file for file in files}
    return [*own.values(), *({file["id"]: file for file in forwarded if file["id"] not in own}.values())]


def file(entry: object) -> File:
    """Return Slack's file object *entry* (https://docs.slack.dev/reference/objects/file-object) as a `File`."""
    if not isinstance(entry, dict) or not _has_id(entry):
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
        "team": team(envelope),
        "channel": _sound(inner.get("channel"), _ID),
        "ts": ts,
        "thread_ts": thread_ts if thread_ts != ts else None,  # a root names itself as soon as it has replies
    }


def _parts(event: Mapping[str, Any]) -> tuple[Any, str, Any]:
    """Return the files of a message, what its author wrote, and that in blocks."""
    single = event.get("file")
    if "files" not in event and event.get("subtype") == "file_share" and isinstance(single, dict):
        first = single.get("initial_comment")
        comment = first.get("comment") if isinstance(first, dict) else ""  # event.text is Slack's own sentence here
        return [single], _text(comment) or "", None
    return event.get("files"), _text(event.get("text")) or "", event.get("blocks")


def _is_own(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Tell whether the app itself posted this: by its app id, or as the bot user that the event was sent to."""
    profile = event.get("bot_profile")
    by_app = profile.get("app_id") if isinstance(profile, dict) else event.get("app_id")
    if by_app and by_app == envelope.get("api_app_id"):
        return True
    return _is_by_bot_user(envelope, event)


def _is_by_bot_user(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
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
    ours, channel, ts = where["team"], where["channel"], where["ts"]
    version = ts if said is event else _sound(said.get("event_ts"), _TS)
    sound = {"team": ours, "channel": channel, "ts": ts, "event_ts": version}
    lacking = [name for name, value in sound.items() if not value]
    if not (ours and channel and ts and version):
        raise NotUnderstood(f"The message has no valid {', '.join(lacking)}.")
    message: Message = {
        "team": ours,
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
    theirs = (said.get("user_team"), said.get("source_team"), said.get("team"), envelope.get("team_id"))
    sender_team = next((candidate for candidate in theirs if _is_id(candidate)), ours)
    if sender_team != ours:
        message["sender_team"] = str(sender_team)
    return message


def _has_id(entry: object) -> bool:
    return isinstance(entry, dict) and _is_id(entry.get("id"))


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
