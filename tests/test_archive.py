"""Keys, names, parts, and records changed under conditions."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import archive, errors


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
    size = parts * archive.PART + extra
    pieces = [bytes(min(piece, size - start)) for start in range(0, size, piece)]
    seen: list[int] = []
    lengths = [len(part) for part in archive._parts(pieces, lambda data: seen.append(len(data)))]
    assert sum(lengths) == sum(seen) == size
    assert set(lengths[:-1]) <= {archive.PART}
    assert 0 < lengths[-1] <= archive.PART


def test_nothing_is_one_empty_part() -> None:
    assert list(archive._parts([], len)) == [b""]


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
