"""The bucket without botocore: what it reads is what botocore reads, and what S3 refuses is said as elsewhere."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from chalicelib.archive import Archive
from chalicelib.bucket import Bucket
from chalicelib.errors import ArchiveRefused, ArchiveUnavailable
from chalicelib.sigv4 import Account, Connections
from local.http_server import Response
from local.pipeline import Pipeline
from tests.receiver import Receiver, reply

KEYS = [
    "tags/T1/public/c++/1-F1",
    "tags/T1/public/年度 報告/1-F1",
    "tags/T1/public/a&b<c>%2B/1-F1",
    "tags/T1/public/z/1-F1",
]


@pytest.fixture
def shelf(pipeline: Pipeline, s3: Any) -> Iterator[Bucket]:
    """A bucket of the tests' own."""
    s3.create_bucket(Bucket="shelf")
    for key in KEYS:
        s3.put_object(Bucket="shelf", Key=key, Body=b"")
    with closing(Connections(5, 30)) as connections:
        yield Bucket("shelf", connections, Account(pipeline.aws.environ()))


@contextmanager
def at(name: str, *replies: Response) -> Iterator[Bucket]:
    """A bucket at a server that answers with *replies*."""
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with Receiver(*replies) as receiver, closing(Connections(1, 2)) as connections:
        url = receiver.url.removesuffix("/slack/events")
        yield Bucket(name, connections, Account({**keys, "AWS_ENDPOINT_URL": url}))


def refusal(status: int, code: str) -> Response:
    return reply(status, f"<Error><Code>{code}</Code></Error>".encode())


def test_a_listing_is_what_botocore_lists(shelf: Bucket, s3: Any) -> None:
    theirs = s3.list_objects_v2(Bucket="shelf", Prefix="tags/T1/public/")
    page = shelf.page("tags/T1/public/")
    assert [entry.key for entry in page.entries] == [entry["Key"] for entry in theirs["Contents"]] == sorted(KEYS)
    times = [entry["LastModified"].strftime("%Y-%m-%dT%H:%M:%S") for entry in theirs["Contents"]]
    assert [entry.modified[:19] for entry in page.entries] == times
    assert page.is_last


def test_a_listing_goes_on_and_folds_folders(shelf: Bucket) -> None:
    first = shelf.page("tags/T1/", most=2)
    assert [entry.key for entry in first.entries] == sorted(KEYS)[:2]
    assert not first.is_last
    second = shelf.page("tags/T1/", first.entries[-1].key)
    assert [entry.key for entry in second.entries] == sorted(KEYS)[2:]
    folders = shelf.page("tags/T1/public/", delimiter="/")
    assert (folders.folders, folders.entries) == (sorted(key[:-4] for key in KEYS), [])
    assert shelf.page("nothing/") == ([], [], True)


def test_a_record_is_read_as_the_archive_reads_it(shelf: Bucket, s3: Any) -> None:
    key = "metadata/T1/F é+ü.json"
    assert shelf.read(key) is None
    Archive(s3, "shelf").write(key, {"a": "ß"}, over=None)
    assert shelf.read(key) == Archive(s3, "shelf").read(key)
    s3.put_object(Bucket="shelf", Key="damaged.json", Body=b"{")
    with pytest.raises(ArchiveUnavailable, match="no JSON"):
        shelf.read("damaged.json")


def test_an_entry_is_written_and_deleted(shelf: Bucket, s3: Any) -> None:
    key = "words/T1/public/c++ ü/1-F2"
    shelf.put_empty(key)
    assert s3.head_object(Bucket="shelf", Key=key)["ContentLength"] == 0
    shelf.delete(key)
    shelf.delete(key)
    assert shelf.page("words/").entries == []


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InvalidAccessKeyId"])
def test_what_s3_does_not_permit_is_refused(code: str) -> None:
    with at("shelf", refusal(403, code)) as bucket, pytest.raises(ArchiveRefused, match=code):
        bucket.page("tags/")


@pytest.mark.parametrize(
    "answer",
    [refusal(503, "SlowDown"), reply(500), reply(200, b"<html>"), reply(200, b"<a/>"), refusal(404, "NoSuchKey")],
)
def test_a_listing_that_is_none_is_trouble(answer: Response) -> None:
    with at("shelf", answer) as bucket, pytest.raises(ArchiveUnavailable):
        bucket.page("tags/")


def test_a_success_that_does_not_say_what_is_stored_is_none() -> None:
    with at("shelf", reply(200)) as bucket, pytest.raises(ArchiveUnavailable, match="did not say"):
        bucket.put_empty("tags/a")


def test_nobody_listening_is_trouble() -> None:
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    account = Account({**keys, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(ArchiveUnavailable, match="ConnectionRefusedError"):
        Bucket("shelf", Connections(0.2, 0.2), account).read("a")
