"""Keys, and the names in them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import layout


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
    assert layout.safe_name(name) == expected


@given(st.text() | st.none())
def test_whatever_the_name_the_key_is_one_that_s3_advises(name: str | None) -> None:
    key = layout.document_key("T1", "F1", name)
    folder, _, last = key.rpartition("/")
    assert folder == "documents/T1/F1"
    assert 0 < len(last.encode()) <= layout.LONGEST_NAME
    assert last.strip(" .") == last
    assert not set(last) & set("/\\{}^%~#|<>[]`\"'")
    assert all(unicodedata.category(character)[0] != "C" for character in last)


@given(st.text())
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    safe = layout.safe_name(name)
    assert layout.safe_name(safe) == safe


@pytest.mark.parametrize(("length", "is_kept"), [(50, True), (51, False)])
def test_of_a_long_name_an_extension_of_fifty_bytes_stays_and_a_longer_one_is_cut(
    length: int, is_kept: bool
) -> None:
    name = layout.safe_name("n" * 300 + "." + "e" * length)
    assert len(name) == layout.LONGEST_NAME
    assert name.endswith("." + "e" * length) is is_kept


def test_a_persons_newest_problem_comes_first_in_a_listing() -> None:
    moments = ["1.000001", "999999999.999999", "1000000000.000001", "1499081897.000001", "1499081898.000001"]
    keys = [layout.problem_key("T1", "U1", "C1", ts) for ts in moments]
    assert keys == sorted(keys, reverse=True)
    assert len({len(key) for key in keys[2:]}) == 1
