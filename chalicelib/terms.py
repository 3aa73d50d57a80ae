"""What somebody typed to find documents ► terms, each of which a document must match.

`#finance` is a tag, `finance` a word, `pdf` an extension and so a word too, `"notice period"` two words next to
each other. So are the parts of `q3-report.pdf`, and those of a word in a script without spaces.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib import hashtags, words

_SIGNS = ("#", "＃", "﹟")
_QUOTES = '"“”„«»'
_OPENING = _QUOTES + "'‘’([{【"
_PART = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]|([^\s,;、，،؛]+)")
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]*\|([^<>|]+)>")
_MARKUP = re.compile(r"<[^<>]*>")
_PASTED = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Nobody types these on purpose. (Joiners and variation selectors are part of tags.)"""


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
    for quoted, bare in _PART.findall(_without_markup(_PASTED.sub("", text))):
        for term in _terms(quoted, is_quoted=True) if quoted else _terms(bare, is_quoted=False):
            terms.setdefault(term[1:], term)
    return list(terms.values())


def _without_markup(text: str) -> str:
    """Return *text* as it was typed: `#finance` where Slack made `<#C1|finance>` of it; mentions are left out."""
    text = _MARKUP.sub(" ", _CHANNEL.sub(r" #\1 ", text))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _terms(text: str, *, is_quoted: bool) -> list[Term]:
    tags = [Term(f"#{tag}", tag, ()) for tag in hashtags.in_command(text)]
    is_tag = not is_quoted and text.lstrip(_OPENING)[:1] in _SIGNS
    if tags and (is_tag or not words.words(tags[0].text)):  # an emoji is a tag, or nothing
        return tags
    of_words = tuple(words.words(text))
    term_text = f'"{" ".join(text.split())}"' if is_quoted else text.strip()
    return [Term(term_text, None, of_words)] if of_words else []
