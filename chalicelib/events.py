"""Slack's event ► an upload, an edit, a deletion, a reply with tags, or nothing.

Shapes: https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message. What counts
is a non-empty `files` list, whatever the subtype says: Slack has sent uploads with `file_share` and without. The
shape of 2017 (`event.file`, the comment in `file.initial_comment`) is taken too. Most messages have no files, and
are answered without loading what reads them (files.py).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

from chalicelib import fields
from chalicelib.errors import NotUnderstood
from chalicelib.fields import identifier, timestamp, word
from chalicelib.installation import is_by_bot_user, is_own, team

if TYPE_CHECKING:
    from chalicelib.files import File
    from chalicelib.hashtags import Tags

_JOINING = ("channel_join", "group_join")


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


class Change(NamedTuple):
    """What became of a message: *kind* is upload, edit, deletion or reply; or of a file alone: file_deletion; or
    of a conversation: opening, when it was made public.

    A reply is a message in a thread that has tags and no files, or had; it speaks about the thread's root. *files*
    are those that the message shows now, *removed* the ids of those that it no longer does.
    """

    kind: str
    message: Message
    files: "list[File]"
    removed: list[str]
    tags: "Tags"
    unnamed: tuple[str, ...] = ()
    """Channels that the message links to without a name, as Slack does with private ones: each may mean a tag."""


def kind(envelope: Mapping[str, Any]) -> Any:
    """Return the type of the event in *envelope*, None where there is none."""
    event = envelope.get("event")
    return event.get("type") if isinstance(event, dict) else None


def may_ask(envelope: Mapping[str, Any]) -> bool:
    """Return True if somebody may be speaking to the app: by its name, or in its direct message."""
    event = envelope.get("event")
    if not isinstance(event, dict) or event.get("subtype"):
        return False
    return event.get("type") == "app_mention" or event.get("channel_type") == "im"


def joined_channel(envelope: Mapping[str, Any]) -> str | None:
    """Return the conversation that the app itself was invited to, None if *envelope* is about anything else.

    Slack sends two events of it, and sometimes leaves one of them out:
    https://docs.slack.dev/reference/events/member_joined_channel
    """
    event = envelope.get("event")
    if not isinstance(event, dict):
        return None
    is_joining = event.get("type") == "member_joined_channel" or event.get("subtype") in _JOINING
    return identifier(event.get("channel")) if is_joining and is_by_bot_user(envelope, event) else None


def change(envelope: Mapping[str, Any]) -> Change | None:
    """Return what the `event_callback` *envelope* changes in the archive, or None if that is nothing.

    Raises NotUnderstood when it is about documents, but a field that is needed is missing or makes no sense.
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
    if subtype == "channel_convert_to_public":
        return Change("opening", _message(envelope, event, ""), [], [], _tags("")[0])
    return None if subtype == "message_replied" else upload(envelope, event) or _reply(envelope, event)


def upload(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """Return the upload that the message *event* is; None if it has no files.

    What the app posts counts only for files that it uploads, as `make prove` does: its replies have none.
    """
    entries, comment, blocks = _parts(event)
    if not entries and (not event.get("attachments") or is_own(envelope, event)):
        return None
    from chalicelib import files

    shared_files = files.of_new_message(entries, event)
    if not shared_files:
        return None
    tags, unnamed = _tags(comment, blocks)
    return Change("upload", _message(envelope, event, comment), shared_files, [], tags, unnamed)


def _reply(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    if not _is_reply(event) or is_own(envelope, event):
        return None
    text = fields.text(event.get("text")) or ""
    tags, unnamed = _tags(text, event.get("blocks"))
    if not tags.kept and not unnamed:
        return None
    return Change("reply", {**_message(envelope, event, text), "comment": ""}, [], [], tags, unnamed)


def _edit(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """Slack reports changes that nobody made, too, link previews above all: so text and files are compared."""
    now, before = event.get("message"), _previous(event)
    if not isinstance(now, dict) or is_own(envelope, now):
        return None
    from chalicelib import files

    files_now, text = files.of_changed_message(now), fields.text(now.get("text")) or ""
    files_before, text_before = files.of_changed_message(before), fields.text(before.get("text")) or ""
    if before and files_now.keys() == files_before.keys() and text == text_before:
        return None
    removed_ids = sorted((files_before.keys() | files.ids(now)) - files_now.keys())
    tags, unnamed = _tags(text, now.get("blocks"))
    message = {**now, "event_ts": event.get("event_ts")}
    if files_now or removed_ids:
        return Change(
            "edit", _message(envelope, message, text), list(files_now.values()), removed_ids, tags, unnamed
        )
    if not _is_reply(now) or _tags(text_before, before.get("blocks")) == (tags, unnamed):
        return None
    return Change("reply", {**_message(envelope, message, text), "comment": ""}, [], [], tags, unnamed)


def _deletion(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change | None:
    """Slack does not always say what was deleted (a tombstone's `previous_message` can be empty).

    In that case a deletion is returned all the same: the message may have had files, tags or both, and
    `records.save` looks.
    """
    before, subject = _previous(event), _subject(event)
    is_unknown = not before or before.get("subtype") == "tombstone"
    if is_own(envelope, before):
        return None
    from chalicelib import files

    message = {**subject, "user": None if is_unknown else before.get("user"), "event_ts": event.get("event_ts")}
    had_files = sorted(files.ids(before))
    if _is_reply(subject) and not had_files and not is_unknown:
        tags, unnamed = _tags(fields.text(before.get("text")) or "", before.get("blocks"))
        had_tags = tags.kept or unnamed
        return Change("reply", _message(envelope, message, ""), [], [], _tags("")[0]) if had_tags else None
    if not is_unknown and not had_files:
        return None
    return Change("deletion", _message(envelope, message, ""), [], had_files, _tags("")[0])


def _file_deletion(envelope: Mapping[str, Any], event: Mapping[str, Any]) -> Change:
    """Return the deletion of a file by a person; for retention and a plan's limit Slack sends no such event.

    It names no conversation (https://docs.slack.dev/reference/events/file_deleted).
    """
    ours, file_id, version = team(envelope), event.get("file_id"), timestamp(event.get("event_ts"))
    if not (ours and identifier(file_id) and version):
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
        "event_id": word(envelope.get("event_id")),
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
    thread_ts = timestamp(message.get("thread_ts"))
    return thread_ts is not None and thread_ts != message.get("ts")


def place(envelope: Mapping[str, Any]) -> dict[str, str | None]:
    """Return where an event that was not understood belongs, as far as its fields are valid."""
    event = envelope.get("event")
    inner: Mapping[str, Any] = event if isinstance(event, dict) else {}
    subject = _subject(inner)
    ts, thread_ts = timestamp(subject.get("ts")), timestamp(subject.get("thread_ts"))
    return {
        "event_id": word(envelope.get("event_id")),
        "team": team(envelope),
        "channel": identifier(inner.get("channel")),
        "ts": ts,
        "thread_ts": thread_ts if thread_ts != ts else None,  # a root names itself as soon as it has replies
    }


def _parts(event: Mapping[str, Any]) -> tuple[Any, str, Any]:
    """Return the files of a message, what its author wrote, and that in blocks."""
    single = event.get("file")
    if "files" not in event and event.get("subtype") == "file_share" and isinstance(single, dict):
        first = single.get("initial_comment")
        comment = first.get("comment") if isinstance(first, dict) else ""  # event.text is Slack's own sentence here
        return [single], fields.text(comment) or "", None
    return event.get("files"), fields.text(event.get("text")) or "", event.get("blocks")


def _message(envelope: Mapping[str, Any], source: Mapping[str, Any], comment: str) -> Message:
    """Return the message as *source* describes it: its author and, if it was changed, the `event_ts` of that."""
    where, event = place(envelope), envelope["event"]
    ours, channel, ts = where["team"], where["channel"], where["ts"]
    version = ts if source is event else timestamp(source.get("event_ts"))
    identity = {"team": ours, "channel": channel, "ts": ts, "event_ts": version}
    if not (ours and channel and ts and version):
        missing_names = ", ".join(name for name, value in identity.items() if not value)
        raise NotUnderstood(f"The message has no valid {missing_names}.")
    message: Message = {
        "team": ours,
        "channel": channel,
        "channel_type": word(event.get("channel_type")),
        "user": word(source.get("user")) or word(source.get("bot_id")),
        "ts": ts,
        "thread_ts": where["thread_ts"],
        "comment": comment,
        "comment_cut": False,
        "version": version,
        "event_id": where["event_id"],
    }
    theirs = (source.get("user_team"), source.get("source_team"), source.get("team"), envelope.get("team_id"))
    sender_team = next((candidate for candidate in theirs if identifier(candidate)), ours)
    if sender_team != ours:
        message["sender_team"] = str(sender_team)
    return message
