"""Slack's export of a workspace: a zip of conversations, with one JSON file a day, read as if it were hostile.

The layout (https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports): `users.json` (an
organisation: `org_users.json`), `channels.json` and, where the plan allows, `groups.json`, `dms.json` and
`mpims.json`; then a folder for each conversation, named after it (a direct message: after its id), with a
`2024-03-01.json` for each day, which is a list of messages.

Nothing is unpacked to the disk, so that no path and no link in the zip leads anywhere. A file is read piece by
piece and message by message: memory stays bounded whatever the zip says about its sizes.
"""

import codecs
import hashlib
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from operations.console import Stop

MOST_ENTRIES = 1_000_000
"""Files in the zip: a thousand conversations of three years. Their list is all that is held, under 1 KB each."""
LONGEST_DIRECTORY = 512 * 1024**2
LONGEST_FILE = 4 * 1024**3
"""Bytes of one day, or one list, unpacked."""
GREATEST_RATIO = 100
"""How many times its size a zip may unpack to: messages take a tenth of their size in it, or more."""
ANY_RATIO = 1024**3
"""Bytes that every zip may unpack to."""
LONGEST_OBJECT = 8 * 1024**2
"""Characters of one message, or of one conversation's description."""
_PIECE = 256 * 1024

_KINDS = {"channels.json": "channel", "groups.json": "group", "mpims.json": "mpim", "dms.json": "im"}
_USERS = ("users.json", "org_users.json")
_DAY = re.compile(r"(?P<folder>[^/]+)/(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})\.json", re.ASCII)
_BETWEEN = re.compile(r"[\s,]*")
_END_OF_DIRECTORY = b"PK\x05\x06"
_END_OF_DIRECTORY_64 = b"PK\x06\x07"

Json = dict[str, Any]


class Conversation(NamedTuple):
    """A conversation of the export; *channel_type* is Slack's word for its kind."""

    id: str
    name: str
    channel_type: str


class Day(NamedTuple):
    """One file of messages; *entry* is its name in the zip, *size* its bytes."""

    entry: str
    date: str
    conversation: Conversation
    size: int


class Export:
    """An export that is open. Raises Stop, with a sentence for whoever runs it, for what is none, or is damaged."""

    def __init__(self, path: Path) -> None:
        _check_directory(path)
        with _readable(path.name):
            self._zip = zipfile.ZipFile(path)
        self._entries = _entries(self._zip)
        _check_sizes(self._entries, path)
        self._root = _root(self._entries)
        self.conversations = self._conversations()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fingerprint(self) -> str:
        """Return what tells this export from every other: its files, with their sizes and checksums."""
        digest = hashlib.sha256()
        for name, entry in sorted(self._entries.items()):
            digest.update(f"{name}\0{entry.file_size}\0{entry.CRC}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()[:32]

    def teams(self) -> set[str]:
        """Return the workspaces that the people of the export belong to; guests of Slack Connect have another."""
        lists = [f"{self._root}{name}" for name in _USERS if f"{self._root}{name}" in self._entries]
        users = (user for entry in lists for user in self._objects(entry))
        return {user["team_id"] for user in users if isinstance(user.get("team_id"), str)}

    def days(self) -> list[Day]:
        """Return the files of messages whose conversation is known, oldest day first."""
        return sorted(self._days(), key=lambda day: (day.date, day.entry))

    def unknown_folders(self) -> set[str]:
        """Return the folders with days in them that none of the lists tells about."""
        folders = {match["folder"] for entry in self._entries if (match := self._day(entry))}
        return {folder for folder in folders if self._conversation(folder) is None}

    def messages(self, day: Day) -> Iterator[Json]:
        """Yield the messages of *day* as the export holds them."""
        return self._objects(day.entry)

    def _days(self) -> Iterator[Day]:
        for entry in self._entries:
            match = self._day(entry)
            conversation = self._conversation(match["folder"]) if match else None
            if match and conversation:
                yield Day(entry, match["date"], conversation, self._entries[entry].file_size)

    def _day(self, entry: str) -> re.Match[str] | None:
        return _DAY.fullmatch(entry.removeprefix(self._root)) if entry.startswith(self._root) else None

    def _conversation(self, folder: str) -> Conversation | None:
        return self.conversations.get(folder) or self.conversations.get(_as_utf8(folder))

    def _conversations(self) -> dict[str, Conversation]:
        """Return the conversations by the names of their folders."""
        by_folder: dict[str, Conversation] = {}
        for listing, kind in _KINDS.items():
            if self._root + listing in self._entries:
                for entry in self._objects(self._root + listing):
                    _add(by_folder, entry, kind, listing)
        return by_folder

    def _objects(self, entry: str) -> Iterator[Json]:
        with _readable(entry), self._zip.open(self._entries[entry]) as file:
            yield from objects(file, entry)


def objects(file: IO[bytes], entry: str) -> Iterator[Json]:
    """Yield the objects of the JSON list in *file*; what else the list holds is passed over."""
    text = _Text(file, entry)
    if text.next_character() != "[":
        raise Stop(f"{entry} in the export is no list.")
    text.skip(1)
    while text.next_character() != "]":
        value = text.value()
        if isinstance(value, dict):
            yield value


class _Text:
    """JSON text that is read as far as it is needed."""

    def __init__(self, file: IO[bytes], entry: str) -> None:
        self._file, self._entry = file, entry
        self._decoder, self._json = codecs.getincrementaldecoder("utf-8-sig")(), json.JSONDecoder()
        self._buffer, self._at, self._bytes, self._is_whole = "", 0, 0, False

    def next_character(self) -> str:
        """Return the character that the next value begins with, or the list's end."""
        while True:
            between = _BETWEEN.match(self._buffer, self._at)
            self._at = between.end() if between else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            self._read()

    def skip(self, count: int) -> None:
        """Go on after *count* characters."""
        self._at += count

    def value(self) -> Any:
        """Return the value that begins here."""
        while True:
            try:
                value, end = self._json.raw_decode(self._buffer, self._at)
            except ValueError:
                value, end = None, len(self._buffer)
            if end < len(self._buffer):  # a number at the buffer's end may have more digits
                self._at = end
                return value
            if len(self._buffer) - self._at > LONGEST_OBJECT:
                raise Stop(f"{self._entry} in the export is damaged, or has a message of over 8 MB.")
            self._read()

    def _read(self) -> None:
        if self._is_whole:
            raise Stop(f"{self._entry} in the export is damaged: its JSON ends too early.")
        piece = self._file.read(max(_PIECE, len(self._buffer) - self._at))
        self._bytes += len(piece)
        if self._bytes > LONGEST_FILE:
            raise Stop(f"{self._entry} in the export unpacks to more than {LONGEST_FILE // 1024**3} GB.")
        self._is_whole = not piece
        self._buffer = self._buffer[self._at :] + self._decoder.decode(piece, final=not piece)
        self._at = 0


def _add(by_folder: dict[str, Conversation], entry: Json, kind: str, listing: str) -> None:
    identity, name = entry.get("id"), entry.get("name")
    if not isinstance(identity, str) or not re.fullmatch(r"[A-Z][A-Z0-9]{1,17}", identity, re.ASCII):
        raise Stop(f"{listing} in the export has a conversation without a valid id.")
    folder = identity if kind == "im" or not isinstance(name, str) else name
    if folder in by_folder and by_folder[folder].id != identity:
        raise Stop(f"The export has two conversations of one name, {by_folder[folder].id} and {identity}.")
    by_folder[folder] = Conversation(identity, folder, kind)


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files in the zip by name; two of one name would hide one of them."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = repr(entry.filename[:80])
        if entry.filename in entries:
            raise Stop(f"The export has two files of one name ({name}): it was tampered with.")
        if entry.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", entry.filename):
            raise Stop(f"The export has a file that leads out of its folder ({name}): it was tampered with.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Stop(f"The export has a link in place of a file ({name}): it was tampered with.")
        if not entry.is_dir():
            entries[entry.filename] = entry
    return entries


def _check_sizes(entries: dict[str, zipfile.ZipInfo], path: Path) -> None:
    """Raise Stop for a zip bomb: its files share their packed bytes, or unpack to far more than messages do."""
    size = path.stat().st_size
    packed = sum(entry.compress_size for entry in entries.values())
    unpacked = sum(entry.file_size for entry in entries.values())
    if packed > size:
        raise Stop(f"{path.name} lists more bytes than it has: it was tampered with.")
    if unpacked > max(ANY_RATIO, GREATEST_RATIO * size):
        raise Stop(f"{path.name} unpacks to {unpacked // 1024**2} MB, far more than an export of its size does.")


def _root(entries: dict[str, zipfile.ZipInfo]) -> str:
    """Return the folder that the whole export stands in: none, unless somebody packed it again."""
    roots = {name.rpartition("/")[0] for name in entries if name.rpartition("/")[2] in _KINDS}
    if not roots:
        inner = next((repr(name[:80]) for name in entries if name.lower().endswith(".zip")), None)
        hint = f" It holds another zip, {inner}: unpack that one." if inner else ""
        raise Stop(f"This is no export of Slack's: it has no channels.json.{hint}")
    root = min(roots, key=len)
    return f"{root}/" if root else ""


def _as_utf8(name: str) -> str:
    """Return a name that was written as UTF-8 and not marked as such, as zipfile could not know."""
    try:
        return name.encode("cp437").decode()
    except UnicodeError:
        return name


def _check_directory(path: Path) -> None:
    """Raise Stop for a zip whose list of files alone would fill the memory: zipfile reads all of it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 65_600))
            entries, directory = _directory_of(file.read())
    except OSError as error:
        raise Stop(f"{path} cannot be read ({error.strerror}).") from error
    if directory > min(size, LONGEST_DIRECTORY) or entries > MOST_ENTRIES:
        raise Stop(f"{path.name} lists more files than an export has: {entries}.")


def _directory_of(tail: bytes) -> tuple[int, int]:
    """Return the number of files, and the bytes of their list, that the end of a zip states."""
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or at + 22 > len(tail):
        raise Stop("This is no zip file, or only a part of one.")
    entries, size = struct.unpack_from("<HL", tail, at + 10)
    large = tail.rfind(_END_OF_DIRECTORY_64, 0, at)
    if large >= 56 and tail[large - 56 : large - 52] == b"PK\x06\x06":
        entries, size = struct.unpack_from("<QQ", tail, large - 56 + 32)
    return entries, size


@contextmanager
def _readable(entry: str) -> Iterator[None]:
    """Turn what zipfile and zlib raise about a damaged zip into a sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OSError) as error:
        raise Stop(f"{entry} is damaged, or not the whole of it is there ({error}).") from error
    except (RuntimeError, NotImplementedError) as error:  # a password, or packed in a way that Slack does not use
        raise Stop(f"{entry} cannot be unpacked ({error}).") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise Stop(f"{entry} is no JSON in UTF-8.") from error
