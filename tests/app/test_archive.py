"""Keys, names, parts, and records changed under conditions."""

import base64
import random
import unicodedata
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import archive, clients, errors
from local.aws.discard import Discard

KEYS = {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("q3-report.pdf", "q3-report.pdf"),
        ("Q3 Bericht (final).pdf", "Q3 Bericht (final).pdf"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("two\nlines\x00.txt", "twolines.txt"),
        (".hidden", "hidden"),
        ("trailing. ", "trailing"),
        ("...", ""),
        ("", ""),
        (None, ""),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("語" * 100 + ".pdf", "語" * 65 + ".pdf"),
        ("a." + "b" * 300, "a." + "b" * 198),
    ],
    ids=ascii,
)
def test_a_name_becomes_safe_and_keeps_its_extension(name: str | None, expected: str) -> None:
    assert archive.safe_name(name) == expected


@given(st.text() | st.none())
def test_whatever_the_name_the_key_is_one_that_s3_advises(name: str | None) -> None:
    key = archive.document_key("T1", "F1", name)
    folder, _, last = key.rpartition("/")
    assert folder == "documents/T1/F1"
    assert 0 < len(last.encode()) <= archive.LONGEST_NAME
    assert last.strip(" .") == last
    assert not set(last) & set("/\\{}^%~#|<>[]`\"'")
    assert all(unicodedata.category(character)[0] != "C" for character in last)


@given(st.text())
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    safe = archive.safe_name(name)
    assert archive.safe_name(safe) == safe


def test_downloads_get_the_name_in_any_script() -> None:
    assert archive.disposition('Übersicht "1".pdf') == "attachment; filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf"


@pytest.mark.parametrize("extra", [-1, 0, 1], ids=str)
@pytest.mark.parametrize("parts", [1, 2], ids=str)
@pytest.mark.parametrize("piece", [1024**2, 3_000_000], ids=str)
def test_parts_are_whole_but_the_last(parts: int, extra: int, piece: int) -> None:
    content = random.Random(piece).randbytes(parts * archive.PART + extra)
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)]
    seen: list[bytes] = []
    parted = list(archive._parts(pieces, len(content), seen.append, []))
    assert seen == pieces
    assert b"".join(part.body for part in parted) == content
    assert {len(part.body) for part in parted[:-1]} <= {archive.PART}
    assert 0 < len(parted[-1].body) <= archive.PART
    assert [int.from_bytes(base64.b64decode(part.crc32)) for part in parted] == [
        zlib.crc32(part.body) for part in parted
    ]


def test_memory_that_was_sent_is_used_again_and_holds_nothing_of_before() -> None:
    used = bytearray(b"x" * archive.PART)
    first, second = archive._parts([bytes(archive.PART), b"last"], archive.PART + 4, len, [used])
    assert second.body is used
    assert [bytes(first.body), bytes(second.body)] == [bytes(archive.PART), b"last"]


def test_nothing_is_one_empty_part() -> None:
    [part] = archive._parts([], 0, len, [])
    assert part.body == b""


@pytest.mark.parametrize("size", [5, archive.PART + 5], ids=str)
def test_s3_is_told_the_checksum_of_all_that_it_is_sent(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with Discard() as s3:
        for name, value in {"ENDPOINT_URL": s3.url, "DEFAULT_REGION": "us-east-1", **KEYS}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        archive.store(clients.s3.__wrapped__(), "archive", "documents/T1/F1/x", [bytes(size)], size, None)
        stored = s3.objects["archive/documents/T1/F1/x"]
    assert [sorted(part.checksums) for part in stored.parts] == [["x-amz-checksum-crc32"]] * len(stored.parts)
    assert sum(part.size for part in stored.parts) == size


def test_a_record_is_one_line_of_json(s3: Any, bucket: str) -> None:
    archive.change(s3, bucket, "metadata/T1/FLINE.json", lambda current: {"comment": "two\nlines"})
    body = s3.get_object(Bucket=bucket, Key="metadata/T1/FLINE.json")["Body"].read()
    assert body == b'{"comment":"two\\nlines"}\n'


def test_a_record_that_is_no_json_is_not_overwritten(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="metadata/T1/FBAD.json", Body=b"<html>")
    with pytest.raises(errors.ArchiveUnavailable, match="no JSON"):
        archive.change(s3, bucket, "metadata/T1/FBAD.json", lambda current: {"new": True})
    assert s3.get_object(Bucket=bucket, Key="metadata/T1/FBAD.json")["Body"].read() == b"<html>"


def test_a_lost_condition_is_no_error(s3: Any, bucket: str) -> None:
    first = archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 1}, over=None)
    assert first is not None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 2}, over=None) is None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 3}, over=first) is not None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 4}, over=first) is None
