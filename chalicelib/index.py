"""The index in S3: empty objects whose keys say how a document can be found, and where that may be seen.

tags/{team}/{scope}/{tag}/{9999999999 - created}-{file}
words/{team}/{scope}/{word}/{9999999999 - created}-{file}
recent/{team}/{scope}/{9999999999 - created}-{file}

A scope is `public`, or the id of a conversation: a share in a public channel is entered under both, one in any
other conversation under that conversation's id alone. So a search lists only what it may see. A document has the
same last part under every tag and word, the newest first in a listing, so that several of them are answered by
merging sorted listings. Entries are hints: the record, which is read before a document is shown, is the truth.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from chalicelib import words
from chalicelib.archive import Archive, attempts
from chalicelib.layout import DocumentRecord, Share

if TYPE_CHECKING:
    from chalicelib.bucket import Bucket

TAGS, WORDS, RECENT = "tags", "words", "recent"
"""The kinds of entries: the first part of their keys."""
KINDS = (TAGS, WORDS, RECENT)
PUBLIC = "public"
_LAST = 9_999_999_999
_AT_ONCE = 10


def scopes(share: Share) -> list[str]:
    """Return where *share* may be found: an unknown channel type is a private one."""
    own = share["channel"]
    return [PUBLIC, own] if share["channel_type"] == "channel" else [own]


def prefix(kind: str, team: str, scope: str, name: str = "") -> str:
    """Return what the keys of *name*, a tag or a word, in *scope* begin with; without it, what those of all do.

    Raises ValueError without a scope: that would be the prefix of everybody's documents.
    """
    if not scope:
        raise ValueError("an entry of the index has a scope")
    return "".join(f"{part}/" for part in (kind, team, scope, name) if part)


def prefix_of_all(kind: str, team: str) -> str:
    """Return what the keys of all scopes begin with: for operations, and to learn which scopes there are."""
    return f"{kind}/{team}/"


def opened_prefix(team: str) -> str:
    """Return what the keys begin with that name conversations which were made public: what was shared there before
    has no entries in the public scope."""
    return f"opened/{team}/"


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
    file = record["file"]
    keys = set()
    for share in record["shares"]:
        if share["deleted"]:
            continue
        of_share = words.of_share(file["name"], file["title"], share["tags"], share["comment"])
        for scope in scopes(share):
            keys.add(prefix(RECENT, share["team"], scope) + last)
            keys.update(prefix(TAGS, share["team"], scope, tag) + last for tag in share["tags"])
            keys.update(prefix(WORDS, share["team"], scope, word) + last for word in of_share)
    return keys


def change(archive: Archive, key: str, edit: Callable[[DocumentRecord | None], DocumentRecord]) -> DocumentRecord:
    """Replace the document's record at *key* as `Archive.change` does, and its index entries with it.

    Entries are added before the record and removed after it, so that a crash leaves a hint too many and never one
    too few. Others may do the same to the same entries at the same moment: they are set right until the record has
    stayed as it was meanwhile. A record that stays as it is may be one that an attempt before this one has written,
    and then died: so its entries are looked for, each of them, and those that are missing are added.
    """
    before: set[str] = set()
    touched: set[str] = set()
    is_new = False

    def edit_with_index(current: DocumentRecord | None) -> DocumentRecord:
        nonlocal is_new
        record = edit(current)
        is_new = current is None
        before.clear()
        before.update(entries(current))
        touched.update(before ^ entries(record))
        _each(archive.put_empty, entries(record) - before)
        return record

    record = archive.change(key, edit_with_index)
    if before == entries(record):
        touched.update(entry for entry, there in _looked_for(archive, before) if not there)
    if touched and not (is_new and touched <= entries(record)):  # nobody else changes what is new
        settle(archive, key, record, touched)
    return record


def settle(
    archive: "Archive | Bucket", key: str, record: DocumentRecord | None, touched: set[str], at_once: int = _AT_ONCE
) -> None:
    """Make the *touched* entries what the *record* at *key* says, until it has stayed as it was meanwhile."""
    for _ in attempts():
        target = entries(record)
        _each(archive.delete, touched - target, at_once)
        _each(archive.put_empty, touched & target, at_once)
        current = archive.read(key)
        if entries(current and current.value) & touched == target & touched:
            return
        record = current and current.value


def _looked_for(archive: Archive, keys: Iterable[str]) -> list[tuple[str, bool]]:
    """Return each of *keys* with whether there is an object."""
    from concurrent.futures import ThreadPoolExecutor

    waiting = sorted(keys)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(zip(waiting, pool.map(archive.has, waiting), strict=True))


def _each(action: Callable[[str], None], keys: Iterable[str], at_once: int = _AT_ONCE) -> None:
    """Call *action* for every one of *keys*, *at_once* at a time; the first error is raised when all are done."""
    from concurrent.futures import ThreadPoolExecutor

    waiting = sorted(keys)
    if len(waiting) < 2 or at_once == 1:
        for key in waiting:
            action(key)
        return
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(action, waiting))
