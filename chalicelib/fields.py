"""The fields of what Slack sends: foreign JSON in; an id, a timestamp, a text or a number out, or None.

Nothing is believed to be of the type that Slack's documentation gives it.
"""

import re

ID = re.compile(r"[A-Z][A-Z0-9]{1,17}", re.ASCII)
"""So that ids are safe in keys, where `public` stands beside channels, and an execution's name stays below 80
characters."""
TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}", re.ASCII)
LONGEST_NAME = 1_024
"""Characters of a name or title."""
LONGEST_WORD = 255
"""Characters of a field that is no prose: MIME types and their like."""


def identifier(value: object) -> str | None:
    """Return *value* if it is an id of Slack's."""
    return value if isinstance(value, str) and ID.fullmatch(value) else None


def timestamp(value: object) -> str | None:
    """Return *value* if it is a timestamp of Slack's, `1499081899.737651`."""
    return value if isinstance(value, str) and TS.fullmatch(value) else None


def text(value: object, longest: int | None = None) -> str | None:
    """Return the first *longest* characters of a non-empty string.

    Lone surrogates, which JSON can hold and UTF-8 cannot, are replaced.
    """
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:longest]


def word(value: object) -> str | None:
    """Return a non-empty string that is no prose, at most `LONGEST_WORD` characters of it."""
    return text(value, LONGEST_WORD)


def count(value: object) -> int | None:
    """Return a whole number that is not negative (JSON's true is no number, though Python's is)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
