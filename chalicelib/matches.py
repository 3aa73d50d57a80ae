"""Does a document match? By its record, which is the truth, and by the shares that somebody may see of it."""

from collections.abc import Sequence
from functools import cached_property

from chalicelib import words
from chalicelib.layout import DocumentRecord, Share
from chalicelib.terms import Term

IN_NAME, IN_TITLE, IN_COMMENT = range(3)


class Match:
    """What of *terms* the document of *record* matches."""

    def __init__(self, record: DocumentRecord, terms: Sequence[Term]) -> None:
        self.record, self._terms = record, terms
        self._shares: dict[tuple[str, str], frozenset[int]] = {}

    def shares(self, visible: Sequence[Share]) -> list[Share]:
        """Return those of the *visible* shares that make the document a hit; none if it is not one.

        A term is in the file's name or title, or in the comment or the tags of a share: the shares together must
        have all that are in neither.
        """
        missing_terms = set(range(len(self._terms))) - self._in_name - self._in_title
        if not missing_terms:
            return list(visible)
        telling = [share for share in visible if self._in_share(share) & missing_terms]
        return telling if missing_terms <= {number for share in telling for number in self._in_share(share)} else []

    @property
    def rank(self) -> int:
        """How far from the file's name the terms are, the farthest of them; tags count as near."""
        return max((self._rank(number) for number, term in enumerate(self._terms) if term.words), default=IN_NAME)

    def _rank(self, number: int) -> int:
        if number in self._in_name:
            return IN_NAME
        return IN_TITLE if number in self._in_title else IN_COMMENT

    @cached_property
    def _in_name(self) -> frozenset[int]:
        return self._in(words.words(self.record["file"]["name"] or ""))

    @cached_property
    def _in_title(self) -> frozenset[int]:
        return self._in(words.words(self.record["file"]["title"] or ""))

    def _in_share(self, share: Share) -> frozenset[int]:
        key = share["channel"], share["ts"]
        if key not in self._shares:
            texts = [words.of_comment(share["comment"]), *map(words.words, share["tags"])]
            by_tag = {number for number, term in enumerate(self._terms) if term.tag in share["tags"]}
            self._shares[key] = frozenset(by_tag).union(*map(self._in, texts))
        return self._shares[key]

    def _in(self, text: Sequence[str]) -> frozenset[int]:
        return frozenset(number for number, term in enumerate(self._terms) if term.words and term.is_in(text))
