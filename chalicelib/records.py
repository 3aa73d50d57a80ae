"""The workflow's second step for each file: what was said about it, merged into its records.

A record is written only when the content is complete: it is the promise that the document is there. Two
executions may merge into the same record at the same moment, and a version that is older never replaces a newer
one, whatever the order of arrival.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from chalicelib import archive, log
from chalicelib.archive import Record
from chalicelib.errors import ArchiveUnavailable
from chalicelib.events import Message
from chalicelib.fetch import Fetched

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LONGEST_SHOWN_NAME = 200
"""Bytes of a name in the workflow's results, whose sum has a limit; the record holds the whole of it."""


class FileResult(TypedDict):
    """What came of one file, as the outcome carries it."""

    id: str
    name: str | None
    status: str
    document: str | None
    metadata: str | None
    size: int | None
    reason: str | None


def save(
    message: Message, tags: list[str], file_ids: list[str], fetched: Fetched, now: str, s3: "S3Client", bucket: str
) -> FileResult:
    """Record *message* and its share of the *fetched* document; doing it again changes nothing.

    *now* is the time of archiving, ISO 8601 in UTC.
    """
    team, file_id = message["team"], fetched["file"]["id"]
    at = archive.message_key(team, message["channel"], message["ts"])
    archive.change(s3, bucket, at, lambda current: message_record(current, message, file_ids, tags))
    key = archive.metadata_key(team, file_id)
    record = archive.change(s3, bucket, key, lambda current: document_record(current, message, tags, fetched, now))
    log.info("record saved", metadata=key, shares=len(record["shares"]))
    name = record["file"]["name"]
    return {
        "id": file_id,
        "name": name and name.encode()[:LONGEST_SHOWN_NAME].decode("utf-8", "ignore"),
        "status": fetched["status"],
        "document": record["document"],
        "metadata": key,
        "size": record["file"]["size"],
        "reason": None,
    }


def message_record(
    current: Record | None, message: Message, file_ids: Sequence[str], tags: Sequence[str]
) -> Record:
    """Return what the message says now: *current*, unless *message* is newer."""
    if current and not is_newer(message["version"], current["version"]):
        return current
    return {
        "version": message["version"],
        "deleted": False,
        "files": list(file_ids),
        "tags": list(tags),
        "replies": {},
    }


def document_record(
    current: Record | None, message: Message, tags: Sequence[str], fetched: Fetched, now: str
) -> Record:
    """Return the document's record with the share that *message* is, in place of an older version of it."""
    record = current or _new_record(fetched, now)
    others = [share for share in record["shares"] if _place(share) != _place(message)]
    same = [share for share in record["shares"] if _place(share) == _place(message)]
    if same and not is_newer(message["version"], same[0]["version"]):
        return record
    shares = sorted([*others, _share(message, tags)], key=_place)
    return {**record, "shares": shares, "tags": _union(shares)}


def is_newer(version: str, than: str) -> bool:
    """Compare two of Slack's timestamps (`1499081899.737651`), which carry the version of what a message says."""
    return _moment(version) > _moment(than)


def _moment(version: str) -> tuple[int, int]:
    seconds, _, fraction = version.partition(".")
    return int(seconds), int(fraction.ljust(6, "0"))


def _place(share: Any) -> tuple[str, str, str]:
    return share["team"], share["channel"], share["ts"]


def _share(message: Message, tags: Sequence[str]) -> Record:
    return {**message, "tags": list(tags), "deleted": False}


def _union(shares: list[Record]) -> list[str]:
    """Return the tags of all shares that are not deleted: for analytics only, since it knows no visibility."""
    return sorted({tag for share in shares if not share["deleted"] for tag in share["tags"]})


def _new_record(fetched: Fetched, now: str) -> Record:
    file = fetched["file"]
    if fetched["sha256"] is None:
        raise ArchiveUnavailable("The document's record disappeared while this share was added to it.")
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
