"""Keys, names and parts: what of the archive is pure."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import archive


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
