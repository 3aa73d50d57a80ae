"""The index made again from the records: `make reindex STAGE=dev`, with DRY_RUN=1 only to report.

Safe while the archive is in use, and to repeat: only entries that are missing, or too many, are touched. The index
is listed once (a request per thousand entries), and every record is read, by as many processes as there are cores.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from threading import Lock
from typing import NamedTuple

from chalicelib import index, layout
from chalicelib.bucket import Bucket, Entry
from chalicelib.errors import ArchiveUnavailable
from chalicelib.layout import DocumentRecord
from chalicelib.sigv4 import Account, Answer, Connections
from operations import stages
from operations.console import Stop, say, step

USAGE = "make reindex STAGE=dev, with DRY_RUN=1 only to report, with AFTER=F0123456789 to go on from there"
AT_ONCE = 32
"""Documents that a process compares at the same time."""
_CHUNK = 200
_CHUNKS_WAITING = 3 * (os.cpu_count() or 1)
_SETTLING_TIME = timedelta(hours=1)
"""An entry is written before its record: one that is younger may be ahead of an upload that is under way."""
_PAUSES = (0.1, 0.3, 1.0, 3.0, 6.0, 10.0)
"""Seconds before S3 is asked again."""
_PROGRESS_SECONDS = 5.0


class Report(NamedTuple):
    """What was wrong, or is with a dry run: *missing* entries, and those that were *too_many*."""

    documents: int
    entries: int
    missing: int
    too_many: int
    requests: int


class Place(NamedTuple):
    """Where the archive is: the name of its bucket, and the environment of who asks there."""

    bucket: str
    environ: dict[str, str]


class File(NamedTuple):
    """The *keys* of the index that name a file, and those of them that are too *young* to be removed."""

    id: str
    keys: list[str]
    young: set[str]


class Chunk(NamedTuple):
    """Files of a team that a process compares with their records."""

    place: Place
    team: str
    files: list[File]
    dry_run: bool


class ChunkResult(NamedTuple):
    """What was wrong with a chunk, and the requests that it took."""

    missing: int
    too_many: int
    requests: int


class PatientBucket(Bucket):
    """A bucket that is asked again while S3 has trouble, and counts the *requests*."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.bucket, _connections(), Account(place.environ))
        self.requests = 0
        self._lock = Lock()

    def ask(self, verb: str, key: str, doing: str, fields: dict[str, str] | None = None) -> Answer | None:
        """Return S3's answer; raise what is raised at the last try."""
        for pause in _PAUSES:
            try:
                return self._ask_and_count(verb, key, doing, fields)
            except ArchiveUnavailable:
                time.sleep(random.uniform(pause / 2, pause))
        return self._ask_and_count(verb, key, doing, fields)

    def _ask_and_count(self, verb: str, key: str, doing: str, fields: dict[str, str] | None) -> Answer | None:
        with self._lock:
            self.requests += 1
        return super().ask(verb, key, doing, fields)


@cache
def _connections() -> Connections:
    """Those of this process."""
    return Connections(connect=5, read=30)


class Entries:
    """The index as it is: the keys of each file, which of them are young, and how many there are in all."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._young: set[str] = set()
        self.total = 0
        self._lock = Lock()

    def add(self, entry: Entry, young_from: str) -> None:
        """Take up one of the index's entries; it is young if it was written after *young_from*."""
        file_id = index.file_of(entry.key.rpartition("/")[2])
        with self._lock:
            self._keys.setdefault(file_id, []).append(entry.key)
            self.total += 1
            if entry.modified[: len(young_from)] > young_from:
                self._young.add(entry.key)

    def take(self, file_id: str) -> File:
        """Return what names the file, and forget it."""
        keys = self._keys.pop(file_id, [])
        return File(file_id, keys, self._young.intersection(keys))

    def files_after(self, after: str) -> list[str]:
        """Return the ids of the files that are left, of those after *after*."""
        return sorted(file_id for file_id in self._keys if file_id > after)


def reindex(
    place: Callable[[], Place],
    team: str,
    workers: Executor,
    progress: Callable[[int, str], None],
    *,
    after: str = "",
    dry_run: bool = False,
    settling_time: timedelta = _SETTLING_TIME,
) -> Report:
    """Compare the index of *team* with the records of the files after *after*; set it right unless *dry_run*.

    An entry counts as too many only when it is older than *settling_time*. *place* is called again for every part,
    because AWS credentials expire.
    """
    bucket = PatientBucket(place())
    entries = _entries(bucket, team, datetime.now(UTC) - settling_time)

    def compare(files: Iterable[str]) -> Iterator[tuple[Chunk, ChunkResult]]:
        chunks = (Chunk(place(), team, [*map(entries.take, part)], dry_run) for part in _parts(files))
        return _in_turn(workers, chunks)

    documents, results = 0, []
    for chunk, result in compare(_files(bucket, team, after)):
        documents += len(chunk.files)
        results.append(result)
        progress(documents, chunk.files[-1].id)
    results += [result for _, result in compare(entries.files_after(after))]  # of documents without a record
    missing_count, too_many, requests = map(sum, zip(ChunkResult(0, 0, bucket.requests), *results, strict=True))
    return Report(documents, entries.total, missing_count, too_many, requests)


def _in_turn(workers: Executor, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, ChunkResult]]:
    """Yield the result of each of *chunks* in their order; only some of them wait at a time."""
    waiting: deque[tuple[Chunk, Future[ChunkResult]]] = deque()
    for chunk in chunks:
        waiting.append((chunk, workers.submit(settle, chunk)))
        if len(waiting) >= _CHUNKS_WAITING:
            first, result = waiting.popleft()
            yield first, result.result()
    for first, result in waiting:
        yield first, result.result()


def settle(chunk: Chunk) -> ChunkResult:
    """Compare the files of *chunk* with their records, many at once, and set their entries right."""
    bucket = PatientBucket(chunk.place)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda file: _settle(bucket, chunk.team, file, chunk.dry_run), chunk.files))
    missing_count, too_many = (sum(numbers) for numbers in zip(*results, strict=True))
    return ChunkResult(missing_count, too_many, bucket.requests)


def _settle(bucket: Bucket, team: str, file: File, dry_run: bool) -> tuple[int, int]:
    """Set the entries of one file right; return how many were missing, and too many."""
    key = layout.metadata_key(team, file.id)
    current = bucket.read(key)
    record: DocumentRecord | None = current.value if current else None
    there = set(file.keys)
    target = {entry for entry in index.entries(record) if entry.split("/")[1] == team}
    missing_entries, surplus = target - there, there - target - file.young
    if missing_entries | surplus and not dry_run:
        index.settle(bucket, key, record, missing_entries | surplus, at_once=1)
    return len(missing_entries), len(surplus)


def _entries(bucket: Bucket, team: str, young_from: datetime) -> Entries:
    """List all of the index."""
    entries = Entries()

    def take(kind: str) -> None:
        for entry in _objects(bucket, index.prefix_of_all(kind, team)):
            entries.add(entry, f"{young_from:%Y-%m-%dT%H:%M:%S}")

    with ThreadPoolExecutor(len(index.KINDS)) as pool:
        list(pool.map(take, index.KINDS))
    return entries


def _files(bucket: Bucket, team: str, after: str) -> Iterator[str]:
    """The ids of the team's documents after *after*, sorted."""
    prefix = f"metadata/{team}/"
    start = f"{prefix}{after}.json~" if after else ""
    for entry in _objects(bucket, prefix, start):
        yield entry.key.removeprefix(prefix).removesuffix(".json")


def _objects(bucket: Bucket, prefix: str, after: str = "") -> Iterator[Entry]:
    while True:
        page = bucket.page(prefix, after)
        yield from page.entries
        if page.is_last:
            return
        after = page.entries[-1].key


def _parts(files: Iterable[str]) -> Iterator[list[str]]:
    files = iter(files)
    while part := list(islice(files, _CHUNK)):
        yield part


def main(arguments: Mapping[str, str]) -> None:
    """Make the index of STAGE again from its records."""
    dry_run, after = arguments.get("DRY_RUN", "") not in ("", "0"), arguments.get("AFTER", "").strip()
    if after and not after.isalnum():
        raise Stop(f"AFTER is the id of a file: {USAGE}.")
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    stage.check_bucket()

    def place() -> Place:
        return Place(stage.bucket, stage.signing_environ())

    teams = [folder.split("/")[1] for folder in PatientBucket(place()).page("metadata/", delimiter="/").folders]
    if not teams:
        print(f"There is no document in {stage.bucket} yet.")
        return
    with _processes() as workers:
        for team in teams:
            step(f"The index of workspace {team}")
            start = time.monotonic()
            report = reindex(place, team, workers, _progress(start), after=after, dry_run=dry_run)
            say(_summary(report, time.monotonic() - start, dry_run))


def _processes() -> ProcessPoolExecutor:
    """As many as there are cores. Ctrl-C is for the parent: they end with what they have in hand."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), context, signal.signal, (signal.SIGINT, signal.SIG_IGN))


def _summary(report: Report, seconds: float, dry_run: bool) -> str:
    what = "missing" if dry_run else "missing and are there again"
    more = "too many" if dry_run else "too many and are gone"
    return (
        f"{report.documents:,} documents, {report.entries:,} entries: {report.missing:,} {what}, "
        f"{report.too_many:,} {more}. {report.requests:,} requests in {seconds:,.0f} s."
    )


def _progress(start: float) -> Callable[[int, str], None]:
    last = start

    def progress(documents: int, file_id: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            say(f"{documents:,} documents in {now - start:.0f} s (AFTER={file_id} goes on from there)")

    return progress
