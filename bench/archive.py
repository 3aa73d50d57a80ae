"""An S3 with an archive of any size that holds no object: listings and records are made up when they are asked for.

The documents are numbered, and all of what a number's document is (where it is shared, its words) repeats itself
after `PERIOD` numbers. So the keys that begin with a prefix are known for every number, and a listing starts
anywhere in it at once, as S3's does: a million documents take no more memory and time than a thousand.

A process of its own: `python -m bench.archive` prints its port and serves until standard input ends. A PUT of `/-/`
says which archive it is to be, a GET of `/-/` returns the requests counted since the last, by operation.
"""

import json
import socket
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bench.counting import operation
from bench.stub import Connection, State, serve
from chalicelib import index

WORDS = ("report", "board", "finance", "plan", "budget", "notes", "numbers", "draft")
PERIOD = 12_800
"""Numbers after which all repeats itself: a multiple of 50 (rooms and weeks) and of 8 × 8 × 8 (words)."""
FIRST = 1_600_000_000
"""When the document 0 was made, in epoch seconds; each of the others a second after the one before."""
WRITTEN = "2026-11-23T10:00:00.000Z"


@dataclass(frozen=True)
class Plan:
    """An archive of *size* documents: every other one in the *public* channel, the rest in turn in the *rooms*."""

    team: str
    public: str
    rooms: list[str]
    size: int

    def record(self, number: int) -> Any:
        """Return the record of the document *number*; the greatest is the newest."""
        is_public = number % 2 == 1
        channel = self.public if is_public else self.rooms[number // 2 % len(self.rooms)]
        file_id, creation = f"FX{number:08}", FIRST + number
        name, ts = f"{WORDS[number % 8]}.pdf", f"{creation}.000001"
        comment = f"{WORDS[number // 8 % 8]} for the {WORDS[number // 64 % 8]} of week {number % 50} #docs"
        share: dict[str, Any] = {"team": self.team, "channel": channel}
        share |= {"channel_type": "channel" if is_public else "group", "ts": ts, "thread_ts": None, "user": "U1"}
        share |= {"comment": comment, "comment_cut": False, "tags": ["docs"], "version": ts, "event_id": "Ev1"}
        share |= {"deleted": False, "gone": None}
        file: dict[str, Any] = {
            "id": file_id,
            "name": name,
            "title": name,
            "mimetype": "application/pdf",
            "size": 1,
        }
        file |= {"sha256": "0" * 64, "created": creation, "uploader": "U1", "snapshot": None}
        file |= {"permalink": "https://example.slack.com/"}
        whole: dict[str, Any] = {"version": 1, "document": f"documents/{self.team}/{file_id}/{name}", "file": file}
        return whole | {"tags": ["docs"], "shares": [share], "archived_at": "2026-11-23T10:00:00Z"}


class Archive:
    """The archive of *plan*: what S3 would return of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._numbers: dict[str, list[int]] = defaultdict(list)
        for number in range(min(plan.size, PERIOD)):
            for key in index.entries(plan.record(number)):
                self._numbers[key.rpartition("/")[0] + "/"].append(number)
        self._prefixes = sorted(self._numbers)

    def record(self, key: str) -> bytes | None:
        """Return the object at *key*, None where there is none: there are records alone."""
        head, _, name = key.rpartition("/")
        number = name.removeprefix("FX").removesuffix(".json")
        if head != f"metadata/{self.plan.team}" or not number.isdigit() or int(number) >= self.plan.size:
            return None
        return json.dumps(self.plan.record(int(number))).encode()

    def listing(self, prefix: str, after: str, most: int, delimiter: str) -> tuple[list[str], list[str], bool]:
        """Return keys, folders and whether that is all of what begins with *prefix* and comes after *after*."""
        if delimiter:
            folders = list(islice(self._folders(prefix, after), most + 1))
            return [], folders[:most], len(folders) <= most
        keys = list(islice(self._keys(prefix, after), most + 1))
        return keys[:most], [], len(keys) <= most

    def _folders(self, prefix: str, after: str) -> Iterator[str]:
        at, last = bisect_left(self._prefixes, prefix), ""
        while at < len(self._prefixes) and self._prefixes[at].startswith(prefix):
            rest, slash, _ = self._prefixes[at][len(prefix) :].partition("/")
            if slash and rest != last and prefix + rest + "/" > after:
                yield prefix + rest + "/"
            at, last = at + 1, rest

    def _keys(self, prefix: str, after: str) -> Iterator[str]:
        """Yield the keys in *prefix*, one of the index that ends with a slash, from the newest document on."""
        numbers, plan = self._numbers.get(prefix, []), self.plan
        if not numbers:
            return
        newest = plan.size - 1
        second = after.removeprefix(prefix).partition("-")[0]
        if second.isdigit():
            newest = min(newest, 9_999_999_999 - int(second) - FIRST)
        turn, at = newest // PERIOD, bisect_right(numbers, newest % PERIOD) - 1
        while turn >= 0:
            for residue in reversed(numbers[: at + 1]):
                number = turn * PERIOD + residue
                key = prefix + index.place(FIRST + number, f"FX{number:08}")
                if key > after:
                    yield key
            turn, at = turn - 1, len(numbers) - 1


@dataclass
class Served:
    """What is served: the *archive*, and the requests *seen*."""

    archive: Archive | None = None
    seen: Counter[str] = field(default_factory=Counter)


class Reader(Connection):
    """The connection of one client to what is *served*."""

    def __init__(self, sock: socket.socket, served: Served) -> None:
        super().__init__(sock, State())
        self._served = served

    def _answer(self, target: str) -> None:
        parts = urlsplit(target)
        body = self._body().content or b""
        if parts.path == "/-/":
            self._manage(body)
            return
        self._served.seen[operation(self.method, target, self.headers.get("x-amz-target"), body)] += 1
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        key = unquote(parts.path).removeprefix("/").partition("/")[2]
        archive = self._served.archive
        if "list-type" in query and archive:
            self._list(archive, query)
        elif archive and self.method == "GET" and (content := archive.record(key)):
            self._send(200, content, "application/json")
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _manage(self, body: bytes) -> None:
        if self.method == "PUT":
            self._served.archive = Archive(Plan(**json.loads(body)))
        counts = dict(self._served.seen)
        self._served.seen.clear()
        self._send(200, json.dumps(counts).encode(), "application/json")

    def _list(self, archive: Archive, query: dict[str, str]) -> None:
        most = int(query.get("max-keys", "1000"))
        arguments = query.get("prefix", ""), query.get("start-after", ""), most, query.get("delimiter", "")
        keys, folders, is_last = archive.listing(*arguments)
        lines = [f"<Contents><Key>{key}</Key><LastModified>{WRITTEN}</LastModified></Contents>" for key in keys]
        lines += [f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders]
        end = f"<IsTruncated>{str(not is_last).lower()}</IsTruncated>"
        self._send(200, f"<ListBucketResult>{end}{''.join(lines)}</ListBucketResult>".encode())


def described(plan: Plan) -> bytes:
    """Return *plan* as the process takes it."""
    return json.dumps(asdict(plan)).encode()


if __name__ == "__main__":
    served = Served()
    serve(lambda sock: Reader(sock, served))
