"""The tag index in S3: empty objects whose keys say which document bears a tag, and where that may be seen.

tags/{team}/{scope}/{tag}/{9999999999 - created}-{file}

A scope is `public`, or the id of a conversation: a share in a public channel is entered under both, one in any
other conversation under that conversation's id alone. So a search lists only what it may see. A document has the
same last part under every tag, the newest first in a listing, so that several tags are answered by merging sorted
listings. Entries are hints: the record, which is read before a document is shown, is the truth.
"""

from collections.abc import Callable, Iterable

from chalicelib.archive import Archive, attempts
from chalicelib.layout import DocumentRecord, Share

PUBLIC = "public"
_LAST = 9_999_999_999
_AT_ONCE = 8


def scopes(share: Share) -> list[str]:
    """Return where *share* may be found: an unknown channel type is a private one."""
    own = share["channel"]
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


def entries(record: DocumentRecord | None) -> set[str]:
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


def change(archive: Archive, key: str, edit: Callable[[DocumentRecord | None], DocumentRecord]) -> DocumentRecord:
    """Replace the document's record at *key* as `Archive.change` does, and its index entries with it.

    Entries are added before the record and removed after it, so that a crash leaves a hint too many and never one
    too few. Others may do the same to the same entries at the same moment: they are set right until the record has
    stayed as it was meanwhile.
    """
    before: set[str] = set()
    touched: set[str] = set()

    def edit_with_index(current: DocumentRecord | None) -> DocumentRecord:
        record = edit(current)
        before.clear()
        before.update(entries(current))
        touched.update(before ^ entries(record))
        _each(archive.put_empty, entries(record) - before)
        return record

    record = archive.change(key, edit_with_index)
    if touched and (before or touched - entries(record)):  # else it is a new one, and nobody knows of it yet
        _settle(archive, key, record, touched)
    return record


def _settle(archive: Archive, key: str, record: DocumentRecord, touched: set[str]) -> None:
    for _ in attempts():
        wanted = entries(record)
        _each(archive.delete, touched - wanted)
        _each(archive.put_empty, touched & wanted)
        current = archive.read(key)
        if current is None or entries(current.value) & touched == wanted & touched:
            return
        record = current.value


def _each(action: Callable[[str], None], keys: Iterable[str]) -> None:
    """Call *action* for every one of *keys*, a few at a time; the first error is raised when all are done."""
    from concurrent.futures import ThreadPoolExecutor

    waiting = sorted(keys)
    if len(waiting) < 2:
        for key in waiting:
            action(key)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(action, waiting))
