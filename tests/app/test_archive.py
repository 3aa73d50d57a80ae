"""Records changed under conditions."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.archive import Archive
from local.http_server import whole
from tests.app.spoiled_s3 import SpoiledS3, without_etag


def test_a_record_is_one_line_of_json(archive: Archive, s3: Any, bucket: str) -> None:
    archive.change("metadata/T1/FLINE.json", lambda current: {"comment": "two\nlines"})
    body = s3.get_object(Bucket=bucket, Key="metadata/T1/FLINE.json")["Body"].read()
    assert body == b'{"comment":"two\\nlines"}\n'


def test_a_record_that_is_no_json_is_not_overwritten(archive: Archive, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="metadata/T1/FBAD.json", Body=b"<html>")
    with pytest.raises(errors.ArchiveUnavailable, match="no JSON"):
        archive.change("metadata/T1/FBAD.json", lambda current: {"new": True})
    assert s3.get_object(Bucket=bucket, Key="metadata/T1/FBAD.json")["Body"].read() == b"<html>"


@pytest.mark.parametrize("body", [b"\xff\x00 a proxy's page </html>", b'{"a": 1}'], ids=["page", "JSON"])
def test_a_record_without_an_etag_is_a_proxys_answer_and_is_asked_for_again(
    archive: Archive, spoiled: SpoiledS3, body: bytes
) -> None:
    archive.write("tests/read-again.json", {"a": 1}, over=None)
    spoiled.spoil("GET", "tests/", lambda *_: whole(body, headers={"Content-Type": "text/html"}))
    there = spoiled.archive(archive.bucket)
    with pytest.raises(errors.ArchiveUnavailable):
        there.read("tests/read-again.json")
    record = there.read("tests/read-again.json")
    assert record is not None
    assert record.value == {"a": 1}


def test_a_lost_condition_is_no_error(archive: Archive) -> None:
    first = archive.write("messages/T1/C1/w.json", {"a": 1}, over=None)
    assert first is not None
    assert archive.write("messages/T1/C1/w.json", {"a": 2}, over=None) is None
    assert archive.write("messages/T1/C1/w.json", {"a": 3}, over=first) is not None
    assert archive.write("messages/T1/C1/w.json", {"a": 4}, over=first) is None


@pytest.mark.parametrize(
    "act",
    [lambda archive, key: archive.write(key, {}, over=None), lambda archive, key: archive.put_empty(key)],
    ids=["record", "index entry"],
)
def test_a_success_of_s3_without_an_etag_is_no_success(
    archive: Archive, spoiled: SpoiledS3, act: Callable[[Archive, str], object]
) -> None:
    spoiled.spoil("PUT", "tests/", without_etag)
    with pytest.raises(errors.ArchiveUnavailable):
        act(spoiled.archive(archive.bucket), "tests/without-etag.json")
