"""What the bucket holds: the keys, and the form of every JSON object.

documents/{team}/{file}/{name}          the content of a document
documents/{team}/{file}/{hash}/{name}   a canvas as it was once
metadata/{team}/{file}.json             its record: a `DocumentRecord`
messages/{team}/{channel}/{ts}.json     what the message says now: a `MessageRecord`
notices/{execution}.json                whether the notice was posted: a `NoticeMark`
problems/{team}/{user}/{place}.json     files of a person's upload that are not archived: a `Problem`
withdrawn/{team}/{file}.json            that a person deleted the file in Slack: a `FileDeletion`
opened/{team}/{channel}                 that a conversation was made public
people/{team}/{user}.json               which of a person's uploads was the first: a `FirstUpload`
tags/…, words/…, recent/…               the index: index.py
imports/{team}/{export}.json            how far the import of an export is: a `Progress` of operations/importer.py
history/{team}/{channel}.json           how far the archiving of its past is: a `Run` of history_run.py
"""

import unicodedata
from typing import NotRequired, TypedDict

from chalicelib.utf8 import cut

LONGEST_NAME = 200
"""Bytes of a document's name in its key; S3 allows 1,024 for the whole key."""
_UNSAFE = set("/\\{}^%~#|<>[]`\"'")
"""Separators, and what S3 advises against in keys (AmazonS3/latest/userguide/object-keys.html)."""


class Share(TypedDict):
    """A document in a message. *version* is the ts of what the message said last; *deleted*: it is withdrawn.

    *gone* is the ts at which Slack lost the message or the file, by age: then the share stays. *sender_team* is the
    author's workspace, where it is not ours: in a channel that is shared by Slack Connect.
    """

    team: str
    channel: str
    channel_type: str | None
    ts: str
    thread_ts: str | None
    user: str | None
    comment: str
    comment_cut: bool
    tags: list[str]
    version: str
    event_id: str | None
    deleted: bool
    gone: NotRequired[str | None]
    sender_team: NotRequired[str | None]


class FileRecord(TypedDict):
    """The file of a document, as Slack described it. *created* is in epoch seconds.

    *snapshot* is when Slack handed out the page that is archived of a canvas; None for files.
    """

    id: str
    name: str | None
    title: str | None
    mimetype: str | None
    size: int | None
    sha256: str
    created: int
    uploader: str | None
    permalink: str | None
    snapshot: NotRequired[str | None]


class Snapshot(TypedDict):
    """A canvas as it was before: the key of the page, its SHA-256, and when it was *taken*."""

    document: str | None
    sha256: str
    taken: str


class DocumentRecord(TypedDict):
    """A document. Its *tags* are those of all shares, whoever may see them: for analytics alone.

    *earlier* has what a canvas was before, oldest first.
    """

    version: int
    document: str | None
    file: FileRecord
    tags: list[str]
    shares: list[Share]
    archived_at: str
    earlier: NotRequired[list[Snapshot]]


class Reply(TypedDict):
    """The tags of a reply in a message's thread, by the *version* of the reply."""

    version: str
    tags: list[str]


class MessageRecord(TypedDict):
    """What a message says now. *files* are the ids of those that it shows, *known* of those that it ever showed.

    *replies* has the tags of each reply in its thread, by ts; *absent* the ts at which each file was first said to
    be no longer there, by id; *gone* is the ts of the message's deletion, if it was old by then; *deleted_files*
    has the ids of those that a person deleted.
    """

    team: str
    channel: str
    channel_type: str | None
    ts: str
    thread_ts: str | None
    user: str | None
    comment: str
    comment_cut: bool
    version: str
    event_id: str | None
    deleted: bool
    files: list[str]
    known: list[str]
    tags: list[str]
    replies: dict[str, Reply]
    absent: NotRequired[dict[str, str]]
    gone: NotRequired[str]
    deleted_files: NotRequired[list[str]]
    sender_team: NotRequired[str]


class FileDeletion(TypedDict):
    """A person deleted the file in Slack, in every conversation: *version* is when."""

    version: str


class ReplyFile(TypedDict):
    """What a reply says of a file: *status* is archived, unchanged, skipped or failed.

    *here_before*: it was in the archive before this message, from the same conversation.
    """

    id: str
    name: str | None
    status: str
    size: int | None
    reason: str | None
    here_before: bool


class LeftOut(TypedDict):
    """The tags that the *version* of a message has too many: how many, and the *first* of them.

    *links* is the number of its links to channels that are no tags.
    """

    version: str
    count: int
    first: list[str]
    links: NotRequired[int]


class NoticeMark(TypedDict):
    """What became of a notice: *state* is claimed, posted, refused, released or withdrawn; *at* is epoch seconds.

    *reply* is the ts of what was posted; *sign*: it is a sign under the message. *files* are the ids of the files
    that it ever named, *said* what it says of those that it knows of, *shown* the digest of its words. *is_first*:
    the words explain the sign.
    """

    state: str
    at: float
    reply: NotRequired[str | None]
    sign: NotRequired[bool]
    files: NotRequired[list[str]]
    said: NotRequired[list[ReplyFile]]
    left_out: NotRequired[LeftOut]
    shown: NotRequired[str]
    is_first: NotRequired[bool]


class ProblemFile(TypedDict):
    """A file that is not archived: *status* is failed or skipped, *reason* a sentence for the person."""

    id: str
    name: str | None
    status: str
    reason: str | None


class Problem(TypedDict):
    """An upload of which some files are not archived."""

    channel: str
    ts: str
    files: list[ProblemFile]


class FirstUpload(TypedDict):
    """The *execution* of somebody's first upload since REPLIES is `problems`."""

    execution: str


def document_key(team: str, file_id: str, name: str | None) -> str:
    """Return the key of the content of a file called *name*."""
    return f"documents/{team}/{file_id}/{safe_name(name) or file_id}"


def snapshot_key(team: str, file_id: str, name: str | None, sha256: str) -> str:
    """Return the key of a canvas as it is now: what changed has another one, so that none replaces another."""
    return f"documents/{team}/{file_id}/{sha256[:16]}/{safe_name(name) or file_id}"


def metadata_key(team: str, file_id: str) -> str:
    """Return the key of the document's record."""
    return f"metadata/{team}/{file_id}.json"


def file_deletion_key(team: str, file_id: str) -> str:
    """Return the key under which it is kept that a person deleted the file."""
    return f"withdrawn/{team}/{file_id}.json"


def message_key(team: str, channel: str, ts: str) -> str:
    """Return the key of the message's record."""
    return f"messages/{team}/{channel}/{ts}.json"


def notice_key(name: str) -> str:
    """Return the key of a notice's mark; *name* is its execution's."""
    return f"notices/{name}.json"


def problem_key(team: str, user: str, channel: str, ts: str) -> str:
    """Return the key of what went wrong with a person's upload: the newest comes first in a listing."""
    return f"{problems_prefix(team, user)}{9_999_999_999 - int(ts.partition('.')[0]):010}-{channel}-{ts}.json"


def problems_prefix(team: str, user: str) -> str:
    """Return what the keys of a person's problems begin with."""
    return f"problems/{team}/{user}/"


def person_key(team: str, user: str) -> str:
    """Return the key of what the app remembers of a person."""
    return f"people/{team}/{user}.json"


def history_key(team: str, channel: str) -> str:
    """Return the key of the object that tells how far the archiving of a conversation's past is."""
    return f"{histories_prefix(team)}{channel}.json"


def histories_prefix(team: str) -> str:
    """Return what the keys of the histories of the team's conversations begin with."""
    return f"history/{team}/"


def import_key(team: str, export: str) -> str:
    """Return the key of the object that tells how far the import of an *export* is."""
    return f"imports/{team}/{export}.json"


def safe_name(name: str | None) -> str:
    """Return *name* fit for the last part of a key: NFC, nothing unsafe or invisible, extension kept.

    May be empty.
    """
    plain = unicodedata.normalize("NFC", name or "")
    safe = "".join("_" if character in _UNSAFE else character for character in plain if _is_visible(character))
    safe = safe.strip(" .")
    stem, dot, extension = safe.rpartition(".")
    if not dot or len(extension.encode()) > LONGEST_NAME // 4:
        return _trim(safe, LONGEST_NAME)
    return _trim(stem, LONGEST_NAME - len(extension.encode()) - 1) + "." + extension


def _is_visible(character: str) -> bool:
    """Leave out control and format characters (right-to-left marks among them), surrogates, line ends."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _trim(text: str, size: int) -> str:
    return cut(text, size).strip(" .")
