"""The index made again from the records: `make reindex STAGE=dev`, with DRY_RUN=1 only to report.

Safe while the archive is in use, and to repeat: only entries that are missing, or too many, are touched. The index
is listed once (a request per thousand entries), and every record is read.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple

from chalicelib import index, layout
from chalicelib.archive import Archive
from chalicelib.layout import DocumentRecord
from operations import stages
from operations.console import Stop, say, step

USAGE = "make reindex STAGE=dev, with DRY_RUN=1 only to report, with AFTER=F0123456789 to go on from there"
AT_ONCE = 32
_CHUNK = 2_000
_SETTLED = timedelta(hours=1)
"""An entry is written before its record: one that is younger may be ahead of an upload that is under way."""
_PROGRESS_SECONDS = 5.0


class Report(NamedTuple):
    """What was wrong, or is with a dry run: *missing* entries, and those that were *too_many*."""

    documents: int
    entries: int
    missing: int
    too_many: int


class Entries(NamedTuple):
    """The index as it is: the *keys* of each file, and those that are too *young* to be removed."""

    keys: dict[str, list[str]]
    young: set[str]
    total: Counter[str]


def reindex(
    archive: Archive,
    team: str,
    progress: Callable[[int, str], None],
    *,
    after: str = "",
    dry_run: bool = False,
    settled: timedelta = _SETTLED,
) -> Report:
    """Compare the index of *team* with the records of the files after *after*; set it right unless *dry_run*.

    An entry may be too many when it is *settled*.
    """
    entries = _entries(archive, team, datetime.now(UTC) - settled)
    documents = missing = too_many = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for files in _chunks(_files(archive, team, after)):
            for lacking, surplus in pool.map(
                lambda file_id: _settle(archive, team, file_id, entries, dry_run), files
            ):
                missing, too_many = missing + lacking, too_many + surplus
            documents += len(files)
            progress(documents, files[-1])
        strays = [file_id for file_id in entries.keys if file_id > after]
        for _, surplus in pool.map(lambda file_id: _settle(archive, team, file_id, entries, dry_run), strays):
            too_many += surplus
    return Report(documents, entries.total.total(), missing, too_many)


def _settle(archive: Archive, team: str, file_id: str, entries: Entries, dry_run: bool) -> tuple[int, int]:
    """Set the entries of one file right; return how many were missing, and too many."""
    key = layout.metadata_key(team, file_id)
    stored = archive.read(key)
    record: DocumentRecord | None = stored.value if stored else None
    there = set(entries.keys.pop(file_id, ()))
    wanted = {entry for entry in index.entries(record) if entry.split("/")[1] == team}
    missing, surplus = wanted - there, there - wanted - entries.young
    if missing | surplus and not dry_run:
        index.settle(archive, key, record, missing | surplus, at_once=1)
    return len(missing), len(surplus)


def _entries(archive: Archive, team: str, settled: datetime) -> Entries:
    """List all of the index. Only names are kept: a listing's own entries are twenty times as large."""
    entries = Entries({}, set(), Counter())
    lock = Lock()

    def take(kind: str) -> None:
        for entry in _objects(archive, index.prefix_of_all(kind, team)):
            key = entry["Key"]
            with lock:
                entries.keys.setdefault(index.file_of(key.rpartition("/")[2]), []).append(key)
                entries.total[kind] += 1
                if entry["LastModified"] > settled:
                    entries.young.add(key)

    with ThreadPoolExecutor(len(index.KINDS)) as pool:
        list(pool.map(take, index.KINDS))
    return entries


def _files(archive: Archive, team: str, after: str) -> Iterator[str]:
    """The ids of the team's documents after *after*, sorted."""
    prefix = f"metadata/{team}/"
    start = f"{prefix}{after}.json~" if after else ""
    for entry in _objects(archive, prefix, start):
        yield entry["Key"].removeprefix(prefix).removesuffix(".json")


def _objects(archive: Archive, prefix: str, start: str = "") -> Iterator[Any]:
    pages = archive.s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=archive.bucket, Prefix=prefix, StartAfter=start):
        yield from page.get("Contents", [])


def _chunks(files: Iterable[str]) -> Iterator[list[str]]:
    files = iter(files)
    while chunk := list(islice(files, _CHUNK)):
        yield chunk


def _teams(archive: Archive) -> list[str]:
    answer = archive.s3.list_objects_v2(Bucket=archive.bucket, Prefix="metadata/", Delimiter="/")
    return [folder["Prefix"].split("/")[1] for folder in answer.get("CommonPrefixes", [])]


def main(arguments: Mapping[str, str]) -> None:
    """Make the index of STAGE again from its records."""
    dry_run, after = arguments.get("DRY_RUN", "") not in ("", "0"), arguments.get("AFTER", "").strip()
    if after and not after.isalnum():
        raise Stop(f"AFTER is the id of a file: {USAGE}.")
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    stage.check_bucket()
    archive = Archive(stage.busy_client("s3", AT_ONCE), stage.bucket)
    teams = _teams(archive)
    if not teams:
        print(f"There is no document in {stage.bucket} yet.")
    for team in teams:
        step(f"The index of workspace {team}")
        report = reindex(archive, team, _progress(), after=after, dry_run=dry_run)
        what = "missing" if dry_run else "missing and are there again"
        more = "too many" if dry_run else "too many and are gone"
        say(
            f"{report.documents:,} documents, {report.entries:,} entries: {report.missing:,} {what}, "
            f"{report.too_many:,} {more}."
        )


def _progress() -> Callable[[int, str], None]:
    began = last = time.monotonic()

    def progress(documents: int, file_id: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            say(f"{documents:,} documents in {now - began:.0f} s (AFTER={file_id} goes on from there)")

    return progress
