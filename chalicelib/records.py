"""What messages say about documents, kept true in their records and in the tag index.

A message has a record of its own: what it says now, by its newest version, whatever the order in which versions
arrive. A document's record has a share for each message that shows it, and a share only repeats what the message's
record says. The message's record is written before its shares and read again after them, so that an edit or a
deletion that overtook the upload still wins. A document's record is written only when the content is complete: it
is the promise that the document is there.
"""

from typing import TYPE_CHECKING, TypedDict

from chalicelib import archive, index, log
from chalicelib.archive import Record
from chalicelib.errors import ArchiveUnavailable
from chalicelib.events import Message
from chalicelib.fetch import Fetched

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LONGEST_SHOWN_NAME = 200
"""Bytes of a name in the workflow's results, whose sum has a limit; the record holds the whole of it."""
MOST_TAGS = 100
"""Tags of a share, those of the replies included: the message's own come first, then the oldest replies'."""
NOTHING_SAID = "0.0"
"""The version of a message of which only replies are known yet."""
_TRIES = 20


class Step(TypedDict):
    """What the workflow hands over: *kind* is upload, edit, deletion or reply.

    *file_ids* are the files that the message shows, *removed* those that it no longer does. Without *fetched* it is
    about the message and all of its documents.
    """

    kind: str
    message: Message
    tags: list[str]
    file_ids: list[str]
    removed: list[str]
    fetched: Fetched | None


class FileResult(TypedDict):
    """What came of one file, as the outcome carries it."""

    id: str
    name: str | None
    status: str
    document: str | None
    metadata: str | None
    size: int | None
    reason: str | None


def save(step: Step, now: str, s3: "S3Client", bucket: str) -> FileResult | None:
    """Record what *step* says, of the message and of the fetched file; doing it again changes nothing.

    Without a fetched file every document of the message that is there follows the message. *now* is the time of
    archiving, ISO 8601 in UTC.
    """
    team, fetched = step["message"]["team"], step["fetched"]
    at = archive.message_key(team, step["message"]["channel"], root(step))
    said = archive.change(s3, bucket, at, lambda current: message_record(current, step))
    if fetched is None:
        for file_id in said["known"]:
            if archive.read(s3, bucket, archive.metadata_key(team, file_id)):
                _follow(at, said, file_id, None, now, s3, bucket)
        log.info("message followed", kind=step["kind"], documents=len(said["known"]))
        return None
    file_id = fetched["file"]["id"]
    record = _follow(at, said, file_id, fetched, now, s3, bucket)
    log.info("record saved", metadata=archive.metadata_key(team, file_id), shares=len(record["shares"]))
    return _result(record, fetched, archive.metadata_key(team, file_id))


def root(step: Step) -> str:
    """Return the ts of the message whose documents *step* is about: a reply speaks about its thread's root."""
    message = step["message"]
    return (message["thread_ts"] if step["kind"] == "reply" else None) or message["ts"]


def message_record(current: Record | None, step: Step) -> Record:
    """Return what the message says now: *current*, with what *step* adds to it.

    *known* is every file that any version of the message has shown: those whose shares have to follow it.
    """
    record = current or _unsaid(step)
    message = step["message"]
    if step["kind"] == "reply":
        return {**record, "replies": _replies(record["replies"], message, step["tags"])}
    known = sorted({*record["known"], *step["file_ids"], *step["removed"]})
    constant = {name: record[name] or message[name] for name in ("user", "thread_ts")}
    if not is_newer(message["version"], record["version"]):
        return {**record, **constant, "known": known}
    said = {name: message[name] for name in ("channel_type", "comment", "comment_cut", "version", "event_id")}
    deleted = step["kind"] == "deletion"
    shown = {"deleted": deleted, "files": sorted(step["file_ids"]), "tags": list(step["tags"])}
    return {**record, **constant, **said, **shown, "known": known}


def document_record(current: Record, said: Record, file_id: str) -> Record:
    """Return the document's record with its share in the message that *said* is the record of.

    What a newer version of the message has said about the share stays.
    """
    share = share_of(said, file_id)
    others = [one for one in current["shares"] if _place(one) != _place(share)]
    same = [one for one in current["shares"] if _place(one) == _place(share)]
    if same and is_newer(same[0]["version"], share["version"]):
        return current
    shares = sorted([*others, share], key=_place)
    return {**current, "shares": shares, "tags": _union(shares)}


def share_of(said: Record, file_id: str) -> Record:
    """Return the share that a message's record makes of one of its files; a withdrawn one says nothing more."""
    gone = said["deleted"] or file_id not in said["files"]
    words: Record = {"comment": said["comment"], "comment_cut": said["comment_cut"], "tags": _tags(said)}
    nothing: Record = {"comment": "", "comment_cut": False, "tags": []}
    return {
        **{name: said[name] for name in ("team", "channel", "channel_type", "ts", "thread_ts", "user")},
        **(nothing if gone else words),
        "version": said["version"],
        "event_id": said["event_id"],
        "deleted": gone,
    }


def is_newer(version: str, than: str) -> bool:
    """Compare two of Slack's timestamps (`1499081899.737651`), which carry the version of what a message says."""
    return _moment(version) > _moment(than)


def _moment(version: str) -> tuple[int, int]:
    seconds, _, fraction = version.partition(".")
    return int(seconds), int(fraction.ljust(6, "0"))


def _unsaid(step: Step) -> Record:
    """The record of a message that has not arrived: a reply to it has, or this is about to be its first version."""
    message = step["message"]
    return {
        "team": message["team"],
        "channel": message["channel"],
        "channel_type": None,
        "ts": root(step),
        "thread_ts": None,
        "user": None,
        "comment": "",
        "comment_cut": False,
        "version": NOTHING_SAID,
        "event_id": None,
        "deleted": False,
        "files": [],
        "known": [],
        "tags": [],
        "replies": {},
    }


def _replies(current: Record, message: Message, tags: list[str]) -> Record:
    """One that was deleted, or edited to have no tags, stays by its version: a late original must not undo that."""
    same = current.get(message["ts"])
    if same and not is_newer(message["version"], same["version"]):
        return current
    return {**current, message["ts"]: {"version": message["version"], "tags": list(tags)}}


def _tags(said: Record) -> list[str]:
    replies = sorted(said["replies"].items(), key=lambda reply: _moment(reply[0]))
    every = [*said["tags"], *(tag for _, reply in replies for tag in reply["tags"])]
    return sorted(list(dict.fromkeys(every))[:MOST_TAGS])


def _follow(
    at: str, said: Record, file_id: str, fetched: Fetched | None, now: str, s3: "S3Client", bucket: str
) -> Record:
    """Make the document's share what *said*, the message's record at *at*, says, until that has stayed the same."""
    for _ in range(_TRIES):
        record = _shared(said, file_id, fetched, now, s3, bucket)
        kept = archive.read(s3, bucket, at)
        if kept is None or kept.value == said:
            return record
        said = kept.value
    raise ArchiveUnavailable("The message's record changed each time its document followed it.")


def _shared(said: Record, file_id: str, fetched: Fetched | None, now: str, s3: "S3Client", bucket: str) -> Record:
    key = archive.metadata_key(said["team"], file_id)
    return index.change(
        s3, bucket, key, lambda current: document_record(current or _new_record(fetched, now), said, file_id)
    )


def _place(share: Record) -> tuple[str, str, str]:
    return share["team"], share["channel"], share["ts"]


def _union(shares: list[Record]) -> list[str]:
    """Return the tags of all shares that are not deleted: for analytics only, since it knows no visibility."""
    return sorted({tag for share in shares if not share["deleted"] for tag in share["tags"]})


def _new_record(fetched: Fetched | None, now: str) -> Record:
    if fetched is None or fetched["sha256"] is None:
        raise ArchiveUnavailable("The document's record disappeared while this share was added to it.")
    file = fetched["file"]
    return {
        "version": 1,
        "document": fetched["document"],
        "file": {
            "id": file["id"],
            "name": file["name"],
            "title": file["title"],
            "mimetype": file["mimetype"],
            "size": file["size"],
            "sha256": fetched["sha256"],
            "created": file["created"],
            "uploader": file["user"],
            "permalink": file["permalink"],
        },
        "tags": [],
        "shares": [],
        "archived_at": now,
    }


def _result(record: Record, fetched: Fetched, key: str) -> FileResult:
    name = record["file"]["name"]
    return {
        "id": record["file"]["id"],
        "name": name and name.encode()[:LONGEST_SHOWN_NAME].decode("utf-8", "ignore"),
        "status": fetched["status"],
        "document": record["document"],
        "metadata": key,
        "size": record["file"]["size"],
        "reason": None,
    }
