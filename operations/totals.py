"""How many files a catch-up or an import has archived, and how many not, in one sentence."""

from collections.abc import Iterable, Mapping

_WORDS = {
    "archived": "files archived",
    "unchanged": "there before",
    "skipped": "skipped",
    "failed": "failed",
    "not_understood": "messages not understood",
}


def totals(counts: Iterable[Mapping[str, int]]) -> str:
    """Return "Done: …" with the sums of *counts*; each maps a status of files to their number."""
    parts = list(counts)
    sums = {status: sum(part.get(status, 0) for part in parts) for status in _WORDS}
    return "Done: " + ", ".join(f"{sums[status]} {words}" for status, words in _WORDS.items()) + "."
