"""The index made again from the records, while the archive is in use."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import index, records
from chalicelib.archive import Archive
from local.pipeline import PROJECT, Pipeline
from operations import reindex
from operations.console import Stop
from tests.app.test_records import NOW, fetched, step

Run = Callable[..., Any]
REGION = "eu-north-1"
"""Not that of the other tests, since the bucket is named after it."""


@pytest.fixture
def store(s3: Any, request: pytest.FixtureRequest) -> Archive:
    """An archive of the test's own, of five documents."""
    bucket = f"again-{abs(hash(request.node.name))}"
    s3.create_bucket(Bucket=bucket)
    archive = Archive(s3, bucket)
    for number in range(1, 6):
        upload = step("upload", f"{number}00.1", "plan board", f"F{number}", ts=f"{number}00.1")
        records.save(fetched(upload, f"F{number}"), NOW, archive)
    return archive


def keys(archive: Archive) -> set[str]:
    pages = [archive.s3.list_objects_v2(Bucket=archive.bucket, Prefix=f"{kind}/") for kind in index.KINDS]
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


@pytest.fixture
def run(pipeline: Pipeline, store: Archive) -> Iterator[Run]:
    """Run it; by default every entry is old enough: S3 tells a write's own time alone.

    The number of requests is left out of the report.
    """
    place = reindex.Place(store.bucket, pipeline.aws.environ())
    with ThreadPoolExecutor(2) as workers:

        def once(settling_time: timedelta = timedelta(hours=-1), **options: Any) -> tuple[int, ...]:
            report = reindex.reindex(
                lambda: place, "T1", workers, lambda *_: None, settling_time=settling_time, **options
            )
            return report[:4]

        yield once


def spoil(archive: Archive) -> tuple[set[str], set[str]]:
    """Remove some entries, and write some that nothing wants; return both."""
    gaps = {key for key in keys(archive) if key.startswith("words/") or key.endswith("F3")}
    stale = {"words/T1/public/stale/8500000000-F1", "tags/T1/C9/gone/8500000000-F0GONE", "recent/T1/C9/8-F0GONE"}
    for key in gaps:
        archive.delete(key)
    for key in stale:
        archive.put_empty(key)
    return gaps, stale


@pytest.mark.long
def test_what_is_missing_is_written_and_what_is_too_many_is_removed(store: Archive, run: Run) -> None:
    before = keys(store)
    gaps, stale = spoil(store)
    assert run() == (5, len(before) - len(gaps) + len(stale), len(gaps), len(stale))
    assert keys(store) == before
    assert run() == (5, len(before), 0, 0)


def test_a_dry_run_reports_and_changes_nothing(store: Archive, run: Run) -> None:
    gaps, stale = spoil(store)
    before = keys(store)
    assert run(dry_run=True)[2:] == (len(gaps), len(stale))
    assert keys(store) == before


@pytest.mark.long
def test_an_index_of_more_than_a_page_of_listing_is_read_once(store: Archive, run: Run) -> None:
    before = len(keys(store))
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                store.put_empty, [f"words/T1/C9/stale/8500000000-F0GONE{number:04}" for number in range(1_001)]
            )
        )
    assert run(dry_run=True)[1:] == (before + 1_001, 0, 1_001)


def test_progress_names_the_last_document_from_which_it_can_go_on(pipeline: Pipeline, store: Archive) -> None:
    place, told = reindex.Place(store.bucket, pipeline.aws.environ()), list[tuple[int, str]]()
    with ThreadPoolExecutor(2) as workers:
        reindex.reindex(lambda: place, "T1", workers, lambda *how_far: told.append(how_far), dry_run=True)
    assert told[-1] == (5, "F5")


@pytest.mark.parametrize("after", ["F1/../x", "-", "F1.json"])
def test_what_is_no_files_id_is_refused(after: str) -> None:
    with pytest.raises(Stop, match="AFTER is the id of a file"):
        reindex.main({"STAGE": "local", "AFTER": after})


def test_every_request_is_counted(pipeline: Pipeline, store: Archive) -> None:
    bucket = reindex.PatientBucket(reindex.Place(store.bucket, pipeline.aws.environ()))
    for _ in range(2):
        assert bucket.read("metadata/T1/F0NONE.json") is None
    assert bucket.requests == 2


@pytest.mark.long
def test_it_goes_on_from_a_document_and_leaves_those_before_it(store: Archive, run: Run) -> None:
    gaps, _ = spoil(store)
    assert run(after="F3")[0] == 2
    assert {key[-2:] for key in gaps - keys(store)} == {"F1", "F2", "F3"}


def test_the_entry_of_an_upload_that_is_under_way_stays(store: Archive, run: Run) -> None:
    """It is written before its record."""
    store.put_empty("words/T1/public/soon/8500000000-F0SOON")
    store.put_empty("words/T1/public/soon/8500000000-F1")
    assert run(settling_time=timedelta(minutes=5))[3] == 0
    assert {key for key in keys(store) if "/soon/" in key} == {
        "words/T1/public/soon/8500000000-F0SOON",
        "words/T1/public/soon/8500000000-F1",
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "says"), [({"DRY_RUN": "1"}, "missing, 0 too many. "), ({"AFTER": "F0"}, "are there again")]
)
def test_the_command_says_what_it_found(pipeline: Pipeline, s3: Any, variables: dict[str, str], says: str) -> None:
    bucket = f"slack-integrator-local-{pipeline.aws.account}-{REGION}"
    s3.create_bucket(Bucket=bucket)
    archive = Archive(s3, bucket)
    records.save(fetched(step("upload", "100.1", "a"), "F1"), NOW, archive)
    for key in keys(archive):
        archive.delete(key)
    archive.put_empty("words/T1/public/soon/8500000000-F0SOON")  # its record may be about to be written
    whole = {**pipeline.aws.environ(), "PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": REGION, **variables}
    del whole["AWS_REGION"]
    command = [sys.executable, "-m", "operations", "reindex", "STAGE=local"]
    process = subprocess.run(command, cwd=PROJECT, env=whole, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert "The index of workspace T1" in process.stdout
    assert "1 documents, 1 entries: " in process.stdout
    assert says in process.stdout
    assert re.search(r"gone. \d+ requests in \d+ s\.|too many. \d+ requests in \d+ s\.", process.stdout)
