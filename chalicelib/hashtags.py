"""The hashtags of a Slack message.

A tag is `#` and the characters of Unicode's extended hashtag identifiers (UAX #31, R8: XID_Continue, emoji,
`_`, `-`, `+`), case-folded and NFC, so that #Straße and #STRASSE are one tag. Slack's text is markup
(https://docs.slack.dev/messaging/formatting-message-text): code, links and mentions hold no tags, and a channel
mention `<#C1|finance>` is what Slack makes of a typed #finance when such a channel exists.
"""

import re
import unicodedata
from itertools import groupby, islice
from typing import NamedTuple

MOST_TAGS = 30
LONGEST_TAG = 100
"""Bytes of UTF-8: a tag is part of an S3 key."""
_MOST_MARKS = 30
"""Unicode's own limit for safe streams (UAX #15)."""

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]*\|([^<>|]+)>")
_MARKUP = re.compile(r"<[^<>]*>")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")
_HASH = re.compile("[#＃﹟]")

# Extended_Pictographic and Emoji_Component, by range: the joiner, keycap, presentation selectors, tags, then emoji.
_EMOJI = re.compile(
    "[\u200d\u20e3\ufe0e\ufe0f\U000e0020-\U000e007f"
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)


class Tags(NamedTuple):
    """What a text is tagged with: *kept*, sorted, and *left_out*, the rest in the order of the text."""

    kept: list[str]
    left_out: list[str]


def tags(text: str) -> Tags:
    """Return the tags of *text*, a message as Slack sends it, each once.

    The first `MOST_TAGS` that are at most `LONGEST_TAG` bytes long are kept.
    """
    kept: list[str] = []
    left_out: list[str] = []
    for tag in dict.fromkeys(_candidates(_without_markup(text))):
        fits = len(kept) < MOST_TAGS and len(tag.encode()) <= LONGEST_TAG
        (kept if fits else left_out).append(tag)
    return Tags(sorted(kept), left_out)


def typed(text: str) -> list[str]:
    """Return the tags that somebody typed in a command, each once: `#` may lack, blanks or commas separate."""
    words = re.split(r"[\s,;]+", _without_markup(text))
    found = (tag for word in words for tag in _candidates("#" + word.lstrip("#＃﹟\"'“”„‘’(")))
    return list(dict.fromkeys(found))


def fold(tag: str) -> str:
    """Return the one spelling under which *tag* is stored and found."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", tag).casefold())


def _without_markup(text: str) -> str:
    """Return *text* as a person reads it, with blanks where code, links and mentions were."""
    text = _CODE.sub(" ", text)
    text = _CHANNEL.sub(r" #\1 ", text)
    text = _MARKUP.sub(" ", text)
    text = _URL.sub(" ", text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return unicodedata.normalize("NFC", _stream_safe(text))


def _stream_safe(text: str) -> str:
    """Return *text* with at most `_MOST_MARKS` marks in a row: normalising takes quadratic time in those."""
    if text.isascii():
        return text
    runs = groupby(text, lambda character: unicodedata.combining(character) != 0)
    return "".join("".join(islice(run, _MOST_MARKS)) if is_marks else "".join(run) for is_marks, run in runs)


def _candidates(text: str) -> list[str]:
    found = []
    for part in _HASH.finditer(text):
        before = text[part.start() - 1 : part.start()]
        if not _may_precede(before):
            continue
        end = part.end()
        while end < len(text) and _continues(text[end]):
            end += 1
        tag = text[part.end() : end].rstrip("-")
        if before == "_":  # _#finance_ is #finance in italics
            tag = tag.rstrip("_")
        if any(_is_word(character) for character in tag):
            found.append(fold(tag))
    return found


def _may_precede(character: str) -> bool:
    """`foo#bar` is no tag, nor is the middle of `##`, of a path or of an entity such as `&#39;`."""
    return character == "_" or not (character and (character in "#＃﹟&/" or _is_identifier(character)))


def _continues(character: str) -> bool:
    return character in "_-+" or _is_identifier(character) or bool(_EMOJI.match(character))


def _is_word(character: str) -> bool:
    """A tag is more than joints: `#-` and `#__` are none."""
    return character not in "_-+\u200d\ufe0e\ufe0f" and _continues(character)


def _is_identifier(character: str) -> bool:
    """XID_Continue, which str.isidentifier knows and `\\w` does not: it leaves out the vowel signs of #हिन्दी."""
    return ("a" + character).isidentifier()
