"""What messages say about documents, kept true in their records and in the tag index.

A message has a record of its own: what it says now, by its newest version, whatever the order in which versions
arrive. A document's record has a share for each message that shows it, and a share only repeats what the message's
record says. The message's record is written before its shares and read again after them, so that an edit or a
deletion that overtook the upload still wins. A document's record is written only when the content is complete: it
is the promise that the document is there.
"""

from typing import NamedTuple, TypedDict

from chalicelib import index, layout, log
from chalicelib.archive import Archive, JsonObject, attempts
from chalicelib.errors import ArchiveUnavailable
from chalicelib.events import Message
from chalicelib.fetch import FetchResult
from chalicelib.layout import DocumentRecord, FileDeletion, FileRecord, MessageRecord, Reply, Share, Snapshot
from chalicelib.utf8 import cut

LONGEST_SHOWN_NAME = 200
"""Bytes of a name in the workflow's results, whose sum has a limit; the record holds the whole of it."""
MOST_TAGS = 100
"""Tags of a share, those of the replies included: the message's own come first, then the oldest replies'."""
KEEP_AFTER = 80
"""Days, unless KEEP_AFTER_DAYS says otherwise: a free workspace hides what is older than 90."""
MOST_SNAPSHOTS = 100
"""Of a canvas, that its record names: the newest."""
NO_VERSION = "0.0"
"""The version of a message of which only replies are known yet."""


class Step(TypedDict):
    """What the workflow hands over: *kind* is upload, edit, deletion, reply, file_deletion or opening.

    *file_ids* are the files that the message shows, *removed* those that it no longer does. Without *fetched* it is
    about the message and all of its documents.
    """

    kind: str
    message: Message
    tags: list[str]
    file_ids: list[str]
    removed: list[str]
    fetched: FetchResult | None


class FileResult(TypedDict):
    """What came of one file, as the outcome carries it."""

    id: str
    name: str | None
    status: str
    document: str | None
    metadata: str | None
    size: int | None
    reason: str | None
    here_before: bool


def save(step: Step, now: str, archive: Archive, keep_after: int = KEEP_AFTER) -> FileResult | None:
    """Record what *step* says, of the message and of the fetched file; doing it again changes nothing.

    Without a fetched file every document of the message that is there follows the message. *now* is the time of
    archiving, ISO 8601 in UTC; *keep_after* what Slack may lose by age, in days.
    """
    team, fetch_result = step["message"]["team"], step["fetched"]
    if step["kind"] == "file_deletion":
        delete_file(team, step["removed"][0], step["message"]["version"], archive, keep_after)
        return None
    if step["kind"] == "opening":
        archive.put_empty(index.opened_prefix(team) + step["message"]["channel"])
        return None
    key = layout.message_key(team, step["message"]["channel"], root(step))
    message: MessageRecord = archive.change(key, lambda current: message_record(current, step, keep_after))
    if fetch_result is None:
        _follow_all(archive, message, keep_after)
        log.info("message followed", kind=step["kind"], documents=len(message["known"]))
        if step["kind"] == "deletion" and not step["removed"] and step["message"]["thread_ts"] is not None:
            save({**step, "kind": "reply"}, now, archive, keep_after)  # nobody knows whether it had files or tags
        return None
    file_id = fetch_result["file"]["id"]
    document = _follow(
        archive, message, file_id, keep_after, Arrival(fetch_result, step["message"]["version"], now)
    )
    if archive.read(layout.file_deletion_key(team, file_id)):
        document = _take_off(archive, message, file_id, keep_after)
    metadata = layout.metadata_key(team, file_id)
    log.info("record saved", metadata=metadata, shares=len(document["shares"]))
    return _result(document, message, fetch_result, metadata)


def delete_file(team: str, file_id: str, version: str, archive: Archive, keep_after: int = KEEP_AFTER) -> None:
    """Withdraw the document at every share, and at those that are still to come: a person deleted the file.

    That is written down first, and `save` looks for it last: so one of them finds the other.
    """

    def edit(current: FileDeletion | None) -> FileDeletion:
        return current or {"version": version}

    archive.change(layout.file_deletion_key(team, file_id), edit)
    record: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(team, file_id))
    shares = record.value["shares"] if record else []
    for share in shares:
        _take_off(archive, share, file_id, keep_after)
    log.info("file deletion followed", file=file_id, shares=len(shares))


def _take_off(archive: Archive, place: MessageRecord | Share, file_id: str, keep_after: int) -> DocumentRecord:
    """Withdraw the file from the message that *place* is a record of, or a share in."""

    def edit(current: MessageRecord | None) -> MessageRecord:
        if current is None:
            raise ArchiveUnavailable("The message's record disappeared while a file of it was withdrawn.")
        return {**current, "deleted_files": sorted({*current.get("deleted_files", []), file_id})}

    message = archive.change(layout.message_key(place["team"], place["channel"], place["ts"]), edit)
    return _follow(archive, message, file_id, keep_after)


def _follow_all(archive: Archive, message: MessageRecord, keep_after: int) -> None:
    """Make the shares of all the message's documents that are there say what it says."""
    for file_id in message["known"]:
        if archive.read(layout.metadata_key(message["team"], file_id)):
            _follow(archive, message, file_id, keep_after)


def root(step: Step) -> str:
    """Return the ts of the message whose documents *step* is about: a reply speaks about its thread's root."""
    message = step["message"]
    return (message["thread_ts"] if step["kind"] == "reply" else None) or message["ts"]


def message_record(current: MessageRecord | None, step: Step, keep_after: int = KEEP_AFTER) -> MessageRecord:
    """Return what the message says now: *current*, with what *step* adds to it.

    Its field `known` is every file that any version of the message has shown: those whose shares follow it. What
    vanishes from Slack *keep_after* days after it was written still says what it said: Slack does not tell
    retention from a person, and the documents that it loses are the reason for the archive.
    """
    record = current or _empty_message_record(step)
    message, version = step["message"], step["message"]["version"]
    by_age = is_old(message["ts"], version, keep_after)
    if step["kind"] == "reply":
        vanished = by_age and not step["tags"]
        return record if vanished else {**record, "replies": _replies(record["replies"], message, step["tags"])}
    record = _with_files(record, step)
    if step["kind"] == "deletion" and by_age:
        return {**record, "gone": _earliest(record.get("gone"), version)}
    if not is_newer(version, record["version"]):
        return record
    return {
        **record,
        "channel_type": message["channel_type"],
        "comment": message["comment"],
        "comment_cut": message["comment_cut"],
        "version": message["version"],
        "event_id": message["event_id"],
        "deleted": step["kind"] == "deletion",
        "files": sorted(step["file_ids"]),
        "tags": list(step["tags"]),
    }


def _with_files(record: MessageRecord, step: Step) -> MessageRecord:
    """Return *record* with the files that *step* names, and who wrote the message where."""
    message = step["message"]
    file_ids = sorted({*record["known"], *step["file_ids"], *step["removed"]})
    user, thread_ts = record["user"] or message["user"], record["thread_ts"] or message["thread_ts"]
    absent = dict(record.get("absent", {}))
    if step["kind"] == "edit":
        # By a record of before, which had no dates.
        withdrawn_ids = set(record["known"]) - set(record["files"]) if record["version"] != NO_VERSION else set()
        before = {file_id: record["version"] for file_id in step["removed"] if file_id in withdrawn_ids}
        for file_id in step["removed"]:
            absent[file_id] = _earliest(absent.get(file_id, before.get(file_id)), message["version"])
    record = {**record, "user": user, "thread_ts": thread_ts, "known": file_ids, "absent": absent}
    return {**record, "sender_team": message["sender_team"]} if "sender_team" in message else record


def _earliest(version: str | None, other: str) -> str:
    """Return the earlier one: what vanished does not come back, in whatever order the events arrive."""
    return other if version is None or is_newer(version, other) else version


def is_old(since: str, version: str, keep_after: int) -> bool:
    """Return True if *version* is *keep_after* days after *since* or more; never, when these are 0."""
    return keep_after > 0 and _moment(version)[0] - _moment(since)[0] >= keep_after * 86_400


def document_record(
    current: DocumentRecord, message: MessageRecord, file_id: str, keep_after: int = KEEP_AFTER
) -> DocumentRecord:
    """Return the document's record with its share in *message*.

    What a newer version of the message says about the share stays.
    """
    share = share_of(message, file_id, current["file"]["created"], keep_after)
    others = [other for other in current["shares"] if _identity(other) != _identity(share)]
    same = [other for other in current["shares"] if _identity(other) == _identity(share)]
    if same and is_newer(same[0]["version"], share["version"]):
        return current
    shares = sorted([*others, share], key=_identity)
    return {**current, "shares": shares, "tags": _tags_of_all(shares)}


def share_of(message: MessageRecord, file_id: str, created: int = 0, keep_after: int = KEEP_AFTER) -> Share:
    """Return the share of one of *message*'s files, which was *created* then; a withdrawn one says nothing more."""
    gone_since = message.get("gone") or _lost_by_age(message, file_id, created, keep_after)
    is_withdrawn = (
        message["deleted"]
        or file_id in message.get("deleted_files", [])
        or (file_id not in message["files"] and gone_since is None)
    )
    return {
        "team": message["team"],
        "channel": message["channel"],
        "channel_type": message["channel_type"],
        "ts": message["ts"],
        "thread_ts": message["thread_ts"],
        "user": message["user"],
        "comment": "" if is_withdrawn else message["comment"],
        "comment_cut": not is_withdrawn and message["comment_cut"],
        "tags": [] if is_withdrawn else tags_of(message),
        "version": message["version"],
        "event_id": message["event_id"],
        "deleted": is_withdrawn,
        "gone": None if is_withdrawn else gone_since,
        "sender_team": message.get("sender_team"),
    }


def is_taken_off(message: MessageRecord, file_id: str, keep_after: int, created: int = 0) -> bool:
    """Return True if the file was taken off the message, or deleted, by a person; by age it is not.

    *created* is the file's, in epoch seconds, which may be older than the message.
    """
    if file_id in message.get("deleted_files", []):
        return True
    is_missing = file_id in message["known"] and file_id not in message["files"]
    return is_missing and not message.get("gone") and _lost_by_age(message, file_id, created, keep_after) is None


def _lost_by_age(message: MessageRecord, file_id: str, created: int, keep_after: int) -> str | None:
    """Return the version by which the file is no longer there, if the message or the file was old by then."""
    absent = message.get("absent", {}).get(file_id)
    if file_id in message["files"] or absent is None:
        return None
    oldest = min(created or _moment(message["ts"])[0], _moment(message["ts"])[0])
    return absent if is_old(f"{oldest}.0", absent, keep_after) else None


def is_newer(version: str, than: str) -> bool:
    """Compare two of Slack's timestamps (`1499081899.737651`), which are the versions of what a message says."""
    return _moment(version) > _moment(than)


def _moment(version: str) -> tuple[int, int]:
    seconds, _, fraction = version.partition(".")
    return int(seconds), int(fraction.ljust(6, "0"))


def _empty_message_record(step: Step) -> MessageRecord:
    """Return the record of a message of which nothing is known yet.

    Only a reply to it has arrived, or its first version is being saved.
    """
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
        "version": NO_VERSION,
        "event_id": None,
        "deleted": False,
        "files": [],
        "known": [],
        "tags": [],
        "replies": {},
    }


def _replies(current: dict[str, Reply], message: Message, tags: list[str]) -> dict[str, Reply]:
    """Return *current* with the reply *message*.

    A reply that was deleted, or edited to have no tags, stays by its version: a late original must not undo that.
    """
    same = current.get(message["ts"])
    if same and not is_newer(message["version"], same["version"]):
        return current
    return {**current, message["ts"]: {"version": message["version"], "tags": list(tags)}}


def tags_of(message: MessageRecord) -> list[str]:
    """Return the tags of the message and of its replies; the message's own and the oldest replies' come first."""
    replies = sorted(message["replies"].items(), key=lambda reply: _moment(reply[0]))
    tags = [*message["tags"], *(tag for _, reply in replies for tag in reply["tags"])]
    return sorted(list(dict.fromkeys(tags))[:MOST_TAGS])


class Arrival(NamedTuple):
    """A file that came with the *version* of a message: what fetching it gave, at the time *now*."""

    fetch_result: FetchResult
    version: str
    now: str


def _follow(
    archive: Archive, message: MessageRecord, file_id: str, keep_after: int, arrival: Arrival | None = None
) -> DocumentRecord:
    """Make the document's share say what *message* says, until the message's record has stayed the same."""
    metadata = layout.metadata_key(message["team"], file_id)
    for _ in attempts():
        document = _share(archive, metadata, message, file_id, keep_after, arrival)
        current = archive.read(layout.message_key(message["team"], message["channel"], message["ts"]))
        if current is None or current.value == message:
            return document
        message = current.value
    raise AssertionError("attempts() ends by raising")


def _share(
    archive: Archive,
    metadata: str,
    message: MessageRecord,
    file_id: str,
    keep_after: int,
    arrival: Arrival | None,
) -> DocumentRecord:
    def edit(current: DocumentRecord | None) -> DocumentRecord:
        record = _with_arrival(current, arrival) if arrival else current
        if record is None:
            raise ArchiveUnavailable("The document's record disappeared while this share was added to it.")
        return document_record(record, message, file_id, keep_after)

    return index.change(archive, metadata, edit)


def _identity(share: Share) -> tuple[str, str, str]:
    return share["team"], share["channel"], share["ts"]


def _tags_of_all(shares: list[Share]) -> list[str]:
    """Return the tags of all shares that are not deleted: for analytics only, since it knows no visibility."""
    return sorted({tag for share in shares if not share["deleted"] for tag in share["tags"]})


def _with_arrival(current: DocumentRecord | None, arrival: Arrival) -> DocumentRecord | None:
    """Return the document's record with the bytes that were stored, and with its newest name and title."""
    fetch_result = arrival.fetch_result
    if current is None:
        return _new_record(fetch_result, arrival.now)
    file, fetched_file = current["file"], fetch_result["file"]
    if fetch_result["sha256"] is not None and fetched_file.get("snapshot"):
        current = _with_snapshot(current, fetch_result)
        file = current["file"]
    elif fetch_result["sha256"] is not None:
        file = {**file, "size": fetched_file["size"], "sha256": fetch_result["sha256"]}
        current = {**current, "document": fetch_result["document"]}
    is_newest = not any(is_newer(share["version"], arrival.version) for share in current["shares"])
    if is_newest and fetched_file["name"]:
        file = {**file, "name": fetched_file["name"], "title": fetched_file["title"]}
    return {**current, "file": file}


def _with_snapshot(current: DocumentRecord, fetch_result: FetchResult) -> DocumentRecord:
    """Return the record of a canvas with the snapshot in *fetch_result*. The newest snapshot is the document.

    If the page has not changed, the record keeps the time at which the page was first fetched.
    """
    fetched_file, sha256, before = fetch_result["file"], str(fetch_result["sha256"]), current["file"]
    snapshot_time, last = fetched_file["snapshot"], before.get("snapshot") or ""
    if sha256 == before["sha256"]:
        return current
    old_snapshot = Snapshot(document=current["document"], sha256=before["sha256"], taken=last)
    new_snapshot = Snapshot(document=fetch_result["document"], sha256=sha256, taken=snapshot_time)
    earlier = [snapshot for snapshot in current.get("earlier", []) if snapshot["sha256"] != sha256]
    if snapshot_time < last:
        return {**current, "earlier": _newest([*earlier, new_snapshot])}
    file: FileRecord = {**before, "size": fetched_file["size"], "sha256": sha256, "snapshot": snapshot_time}
    return {
        **current,
        "document": fetch_result["document"],
        "file": file,
        "earlier": _newest([*earlier, old_snapshot]),
    }


def _newest(snapshots: list[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: snapshot["taken"])[-MOST_SNAPSHOTS:]


def _new_record(fetch_result: FetchResult, now: str) -> DocumentRecord | None:
    """Return the record of a document that was fetched just now; None if it had been archived before."""
    if fetch_result["sha256"] is None:
        return None
    file = fetch_result["file"]
    return {
        "version": 1,
        "document": fetch_result["document"],
        "file": {
            "id": file["id"],
            "name": file["name"],
            "title": file["title"],
            "mimetype": file["mimetype"],
            "size": file["size"],
            "sha256": fetch_result["sha256"],
            "created": file["created"],
            "uploader": file["user"],
            "permalink": file["permalink"],
            "snapshot": file.get("snapshot"),
        },
        "tags": [],
        "shares": [],
        "archived_at": now,
    }


def _result(
    document: DocumentRecord, message: MessageRecord, fetch_result: FetchResult, metadata: str
) -> FileResult:
    """Return what became of the file, under the name that it has in *message*.

    That it was in the archive before is for those alone who could see it: in the same conversation.
    """
    name = fetch_result["file"]["name"] or document["file"]["name"]
    here = [
        share for share in document["shares"] if share["channel"] == message["channel"] and not share["deleted"]
    ]
    return {
        "id": document["file"]["id"],
        "name": name and cut(name, LONGEST_SHOWN_NAME),
        "status": fetch_result["status"],
        "document": document["document"],
        "metadata": metadata,
        "size": document["file"]["size"],
        "reason": None,
        "here_before": any(share["ts"] != message["ts"] for share in here),
    }
