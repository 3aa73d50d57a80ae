"""What somebody typed to find documents ► terms, each of which a document must match.

`#finance` is a tag, `finance` a word, `pdf` an extension and so a word too, `"notice period"` two words next to
each other. So are the parts of `q3-report.pdf`, and those of a word in a script without spaces.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib import hashtags, words

_SIGNS = "#＃﹟"
_QUOTES = '"“”„«»'
_PART = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]|([^\s,;、，،؛]+)")
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]*\|[^<>|]*>")


class Term(NamedTuple):
    """A *tag*, or *words* that stand next to each other; *text* is what was typed."""

    text: str
    tag: str | None
    words: tuple[str, ...]

    def is_in(self, text: Sequence[str]) -> bool:
        """Return True if the term's words stand in *text*, the words of something, next to each other."""
        first, count = self.words[0], len(self.words)
        return any(word == first and tuple(text[at : at + count]) == self.words for at, word in enumerate(text))


def parse(text: str) -> list[Term]:
    """Return the terms of *text*, each once; what holds neither a tag nor a word is none."""
    terms: dict[tuple[str | None, tuple[str, ...]], Term] = {}
    for quoted, bare in _PART.findall(_channels_as_tags(words.visible(text))):
        for term in _terms(quoted, is_quoted=True) if quoted else _terms(bare, is_quoted=False):
            terms.setdefault(term[1:], term)
    return list(terms.values())


def _channels_as_tags(text: str) -> str:
    """Return *text* with `#finance` in place of `<#C1|finance>`, which Slack makes of it where it escapes."""
    return _CHANNEL.sub(lambda match: f" #{match.group()[:-1].partition('|')[2]} ", text)


def _terms(typed: str, *, is_quoted: bool) -> list[Term]:
    tags = [Term(f"#{tag}", tag, ()) for tag in hashtags.typed(typed)]
    of_words = tuple(words.words(typed))
    is_tag = not is_quoted and typed.lstrip(_QUOTES + "(‘’'")[:1] in tuple(_SIGNS)
    if (is_tag and tags) or not of_words:
        return tags
    shown = typed.strip() if not is_quoted else f'"{" ".join(typed.split())}"'
    return [Term(shown, None, of_words)]
