"""The tag index in S3: empty objects whose keys say which document bears a tag, and where that may be seen.

tags/{team}/{scope}/{tag}/{9999999999 - created}-{file}

A scope is `public`, or the id of a conversation: a share in a public channel is entered under both, one in any
other conversation under that conversation's id alone. So a search lists only what it may see. A document has the
same last part under every tag, the newest first in a listing, so that several tags are answered by merging sorted
listings. Entries are hints: the record, which is read before a document is shown, is the truth.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from chalicelib import archive
from chalicelib.errors import ArchiveUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PUBLIC = "public"
_LAST = 9_999_999_999
_AT_ONCE = 8
_TRIES = 20


def scopes(share: archive.Record) -> list[str]:
    """Return where *share* may be found: an unknown channel type is a private one."""
    own: str = share["channel"]
    return [PUBLIC, own] if share["channel_type"] == "channel" else [own]


def prefix(team: str, scope: str, tag: str = "") -> str:
    """Return what the keys of *tag* in *scope* begin with; without a tag, what those of all tags do."""
    return f"tags/{team}/{scope}/{tag}/" if tag else f"tags/{team}/{scope}/"


def place(created: int, file_id: str) -> str:
    """Return the last part of a document's keys; *created* is the file's, in epoch seconds."""
    return f"{_LAST - created:010}-{file_id}"


def file_of(last_part: str) -> str:
    """Return the id of the file that a key's last part names."""
    return last_part.partition("-")[2]


def entries(record: archive.Record | None) -> set[str]:
    """Return the keys under which the document of *record* is to be found."""
    if record is None:
        return set()
    last = place(record["file"]["created"], record["file"]["id"])
    return {
        prefix(share["team"], scope, tag) + last
        for share in record["shares"]
        if not share["deleted"]
        for scope in scopes(share)
        for tag in share["tags"]
    }


def change(
    s3: "S3Client", bucket: str, key: str, changed: Callable[[archive.Record | None], archive.Record]
) -> archive.Record:
    """Replace the document's record at *key* as `archive.change` does, and its index entries with it.

    Entries are added before the record and removed after it, so that a crash leaves a hint too many and never one
    too few. Others may do the same to the same entries at the same moment: they are set right until the record has
    stayed as it was meanwhile.
    """
    found: set[str] = set()
    touched: set[str] = set()

    def changed_with_index(current: archive.Record | None) -> archive.Record:
        value = changed(current)
        found.clear()
        found.update(entries(current))
        touched.update(found ^ entries(value))
        _each(lambda entry: _put(s3, bucket, entry), entries(value) - found)
        return value

    record = archive.change(s3, bucket, key, changed_with_index)
    if touched and (found or touched - entries(record)):  # else it is a new one, and nobody knows of it yet
        _settle(s3, bucket, key, record, touched)
    return record


def _settle(s3: "S3Client", bucket: str, key: str, record: archive.Record, touched: set[str]) -> None:
    for _ in range(_TRIES):
        wanted = entries(record)
        _each(lambda entry: _delete(s3, bucket, entry), touched - wanted)
        _each(lambda entry: _put(s3, bucket, entry), touched & wanted)
        now = archive.read(s3, bucket, key)
        if now is None or entries(now.value) & touched == wanted & touched:
            return
        record = now.value
    raise ArchiveUnavailable("Too many others changed the same record at the same moment.")


def _each(action: Callable[[str], Any], keys: Iterable[str]) -> None:
    """Do *action* for every one of *keys*, a few at a time; the first error is raised when all are done."""
    from concurrent.futures import ThreadPoolExecutor

    waiting = sorted(keys)
    if len(waiting) < 2:
        for key in waiting:
            action(key)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(action, waiting))


def _put(s3: "S3Client", bucket: str, key: str) -> None:
    with archive.answering("indexing a tag"):
        archive.stored(s3.put_object(Bucket=bucket, Key=key, Body=b""))


def _delete(s3: "S3Client", bucket: str, key: str) -> None:
    with archive.answering("indexing a tag"):
        s3.delete_object(Bucket=bucket, Key=key)
