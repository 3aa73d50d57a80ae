"""The archive of any size lists what a bucket with all of its objects would."""

from dataclasses import replace

import pytest

from bench.archive import Archive, Plan
from chalicelib import index

PLAN = Plan("T1", "C1", [f"G{number}" for number in range(25)], 300)
ARCHIVE = Archive(PLAN)
KEYS = sorted(key for number in range(PLAN.size) for key in index.entries(PLAN.record(number)))
PREFIXES = [
    "words/T1/public/board/",
    "tags/T1/G3/docs/",
    "recent/T1/public/",
    "words/T1/C1/week/",
    "words/T1/G0/nothing/",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("most", [1, 7, 1_000])
def test_pages_are_those_of_all_keys_in_their_order(prefix: str, most: int) -> None:
    listing: list[str] = []
    is_last = False
    while not is_last:
        keys, folders, is_last = ARCHIVE.listing(prefix, listing[-1] if listing else "", most, "")
        assert len(keys) <= most
        assert folders == []
        listing += keys
    assert listing == [key for key in KEYS if key.startswith(prefix)]


@pytest.mark.parametrize("after", ["-", "8399999850-", "8399999850-~", "8399999850-FX00000149", "8399999699-"])
def test_a_page_begins_behind_any_place(after: str) -> None:
    prefix = PREFIXES[0]
    keys, _, is_last = ARCHIVE.listing(prefix, prefix + after, 20, "")
    rest = [key for key in KEYS if key.startswith(prefix) and key > prefix + after]
    assert (keys, is_last) == (rest[:20], len(rest) <= 20)


@pytest.mark.parametrize(
    "prefix", ["words/T1/public/", "words/T1/public/b", "recent/T1/", "tags/T1/", "history/T1/"]
)
def test_folders_are_those_of_all_keys(prefix: str) -> None:
    ends = (key[len(prefix) :].partition("/") for key in KEYS if key.startswith(prefix))
    folders = sorted({prefix + name + slash for name, slash, _ in ends})
    assert ARCHIVE.listing(prefix, "", 1_000, "/") == ([], folders, True)
    assert ARCHIVE.listing(prefix, "", 2, "/") == ([], folders[:2], len(folders) <= 2)


def test_of_a_million_documents_the_newest_and_the_oldest_are_listed_and_read() -> None:
    large = Archive(replace(PLAN, size=1_000_000))
    prefix = "recent/T1/public/"
    [newest], _, _ = large.listing(prefix, "", 1, "")
    assert newest == prefix + index.place(1_600_999_999, "FX00999999")
    oldest, _, is_last = large.listing(prefix, prefix + index.place(1_600_000_003, "FX00000003"), 9, "")
    assert (oldest, is_last) == ([prefix + index.place(1_600_000_001, "FX00000001")], True)
    assert large.record("metadata/T1/FX00999999.json")
    assert large.record("metadata/T1/FX01000000.json") is None
