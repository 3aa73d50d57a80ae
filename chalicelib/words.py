"""The words of a text, as the archive stores and finds them.

A word is a run of letters, digits and marks of any script, folded as tags are; everything else separates words, so
that `q3-report.pdf` is q3, report and pdf. Where a script is written without spaces, each pair of neighbouring
characters counts as a word: 年度報告 is found by 報告.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from chalicelib import hashtags
from chalicelib.letters import LETTERS_AND_DIGITS, MARKS, character_class

MOST_WORDS = 40
"""Words of a share that are in the index."""
LONGEST_WORD = 100
"""Bytes of UTF-8: a word is part of an S3 key. A longer one is cut, in the index as in a question."""
_LONGEST_RUN = 400
"""Characters: folding makes fewer than four into one, so that a cut run still fills `LONGEST_WORD` bytes."""
_LONGEST_CHARACTER = 31
"""A letter and its marks, as Unicode limits them (UAX #15, stream-safe): folding takes quadratic time in those."""

_RUN = re.compile(f"[{LETTERS_AND_DIGITS}][{LETTERS_AND_DIGITS}{MARKS}]*")
_SPACELESS = character_class(
    "E01-E4E E80-EC4 EC6-ECF EDC-EFF 1000-103F 1050-108F 109A-109D 1780-17D3 1950-19CF 1A20-1A7C AA60-AADF "
    "3005-3007 3021-302F 3031-3035 303B 3041-312F 31A0-31BF 31F0-31FF 3400-4DBF 4E00-9FFF F900-FAFF FF66-FF9F "
    "16FE0-18DFF 1B000-1B16F 20000-3FFFF"
)
"""Thai, Lao, Myanmar, Khmer, Tai, kana, bopomofo, Han, Tangut; without their digits."""
_SPACELESS_RUN = re.compile(f"((?![{MARKS}])[{_SPACELESS}][{_SPACELESS}{MARKS}]*)")
_CHARACTER = re.compile(f".[{MARKS}]*", re.DOTALL)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]*\|([^<>|]*)>")
_LABEL = re.compile(r"<[^<>|@!#][^<>|]*\|([^<>|]*)>")
_MARKUP = re.compile(r"<[^<>]*>")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")


def words(text: str) -> list[str]:
    """Return the words of *text* in their order, as often as they occur."""
    return [word for run in _RUN.finditer(_INVISIBLE.sub("", text)) for word in _words_of_run(run.group())]


def is_half(word: str) -> bool:
    """Return True for one character of a script without spaces: most of them are in the index in pairs alone."""
    return len(_CHARACTER.findall(word)) == 1 and _SPACELESS_RUN.fullmatch(word) is not None


def of_comment(comment: str) -> list[str]:
    """Return the words of a message's text, without the addresses and ids that only Slack's markup shows."""
    text = _LABEL.sub(r" \1 ", _CHANNEL.sub(r" \1 ", comment))
    text = _URL.sub(" ", _MARKUP.sub(" ", text))
    return words(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def of_share(name: str | None, title: str | None, tags: Iterable[str], comment: str) -> list[str]:
    """Return the words under which a share is entered, each once: the file's name's first, then its title's."""
    of_names = [*words(name or ""), *words(title or "")]
    of_tags = [word for tag in tags for word in words(tag)]
    return list(dict.fromkeys([*of_names, *of_tags, *of_comment(comment)]))[:MOST_WORDS]


def _words_of_run(run: str) -> Iterator[str]:
    if run.isascii():
        yield _folded(run)
        return
    for index, part in enumerate(_SPACELESS_RUN.split(run)):
        if index % 2:
            yield from _pairs(part)
        elif part:
            yield _folded(part)


def _pairs(run: str) -> Iterator[str]:
    characters = [character[:_LONGEST_CHARACTER] for character in _CHARACTER.findall(run)]
    if len(characters) == 1:
        yield _folded(run)
    for first, second in pairwise(characters):
        yield _folded(first + second)


def _folded(word: str) -> str:
    folded = hashtags.fold(word[:_LONGEST_RUN])
    return folded.encode()[:LONGEST_WORD].decode("utf-8", "ignore")
