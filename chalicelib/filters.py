"""What people type around the words that they look for: Slack's own filters, and whole sentences.

`before:` and `after:` a date are understood (2026, 2026-03 or 2026-03-31, in UTC, as in Slack without that day). Of
the other filters the answer says that they are not. Of a sentence the words that carry it are left out.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

_FILTER = re.compile(
    r"-?(?:from|in|to|with|before|after|on|during|has|hasmy|is|type):.*|-[#\w].*", re.IGNORECASE | re.DOTALL
)
"""Slack's search understands these, and a `-` in front of what is not to be found."""
_DATE = re.compile(r"(before|after):([12][0-9]{3})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?", re.IGNORECASE | re.ASCII)
_LAST = 9_999_999_999
"""What a place in the index is counted down from (index.py)."""
_BEGINNINGS = {"can", "could", "find", "get", "give", "i", "please", "search", "show", "what", "where", "which"}
_FILLERS = _BEGINNINGS | set(
    (  # noqa: SIM905 - as a list it would be a page
        "a about all am an and any are by document documents file files for have in is it look looking me my need "
        "of on our that the there to us want we were with would you your"
    ).split()
)
"""Words that say nothing of what is looked for, in English."""


class Filters(NamedTuple):
    """The dates *before* and *after* which documents are looked for, as typed, and what is *unknown*."""

    before: str = ""
    after: str = ""
    unknown: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The filters that are understood, as they are typed."""
        dates = {"before": self.before, "after": self.after}
        return " ".join(f"{name}:{date}" for name, date in dates.items() if date)

    @property
    def first_place(self) -> str:
        """The place in the index behind which everything is older than *before*; "" without one."""
        return f"{_LAST - _seconds(self.before):010}-~" if self.before else ""

    @property
    def last_place(self) -> str:
        """The place in the index behind which everything is older than the end of *after*."""
        return f"{_LAST - _seconds(self.after, is_end=True):010}-~" if self.after else "~"


def split(words: Sequence[str]) -> tuple[list[str], Filters]:
    """Return *words* without the filters among them, and these."""
    dates: dict[str, str] = {}
    unknown, rest = [], []
    for word in words:
        date = _DATE.fullmatch(word)
        if date and date[1].lower() not in dates and _is_date(word.partition(":")[2]):
            dates[date[1].lower()] = word.partition(":")[2]
        elif _FILTER.fullmatch(word):
            unknown.append(word)
        else:
            rest.append(word)
    return rest, Filters(dates.get("before", ""), dates.get("after", ""), tuple(unknown))


def without_fillers(words: Sequence[str]) -> list[str]:
    """Return the words that matter of a sentence such as `find me the contract`; others as they are."""
    plain = [word.lower().strip("?!.,") for word in words]
    rest = [word.strip("?!.") for word, bare in zip(words, plain, strict=True) if bare not in _FILLERS]
    return rest if plain and plain[0] in _BEGINNINGS and rest else list(words)


def _is_date(text: str) -> bool:
    try:
        _seconds(text)
    except ValueError:
        return False
    return True


def _seconds(text: str, *, is_end: bool = False) -> int:
    """Return when the year, month or day *text* begins, or the next one does; in epoch seconds."""
    parts = [int(part) for part in text.split("-")]
    year, month, day = [*parts, 1, 1][:3]
    begin = datetime(year, month, day, tzinfo=UTC)
    if not is_end:
        return max(0, int(begin.timestamp()))
    if len(parts) == 3:
        return max(0, int(begin.timestamp()) + 86_400)
    months = year * 12 + month - 1 + (1 if len(parts) == 2 else 12)
    return max(0, int(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()))
