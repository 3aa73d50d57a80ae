"""The hashtags of a Slack message.

A tag is `#` and the characters of Unicode's extended hashtag identifiers (UAX #31, R8: XID_Continue, emoji,
`_`, `-`, `+`), case-folded and NFC, so that #Straße and #STRASSE are one tag. The characters that UAX #31 calls
medial belong to a tag between two letters, never at its end. Slack writes emoji as `:name:`, which is one character
of a tag. Slack's text is markup (https://docs.slack.dev/messaging/formatting-message-text): there are no tags in
code, links and mentions. If a channel is called finance, Slack replaces a typed #finance by a link to the channel,
`<#C1|finance>`: that is the tag finance. Without the name it is looked up (channel_links.py).
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

MOST_TAGS = 30
LONGEST_TAG = 100
"""Bytes of UTF-8: a tag is part of an S3 key."""
_MOST_MARKS = 30
"""Combining marks in a row, by Unicode's own limit for safe streams (UAX #15): normalising takes quadratic time."""

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_STYLE = re.compile("[`*_~]")
"""The marks of Slack's text around code; a tag in two styles has such a mark inside."""
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]*\|([^<>|]+)>")
_UNNAMED = re.compile(r"<#([CG][A-Z0-9]{1,17})\|?>")
_MARKUP = re.compile(r"<[^<>]*>")
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")
_HASH = re.compile("[#＃﹟]")
_SHORTCODE = re.compile(r":([^\s:]{1,100}):(?::skin-tone-([2-6]):)?")

# Extended_Pictographic and Emoji_Component, by range: the joiner, keycap, presentation selectors, tags, then emoji.
_EMOJI = re.compile(
    "[\u200d\u20e3\ufe0e\ufe0f\U000e0020-\U000e007f"
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_MEDIAL = frozenset("&\u00b7\u0387\u058a\u05be\u05f3\u05f4\u0f0b\u200c\u2010\u2027\u30a0\u30fb\uff65")
"""Part of a word between two letters (UAX #31, tables 3a and 3b): the Catalan point, the hyphens, the Hebrew maqaf,
geresh and gershayim, the Tibetan tsheg, the Persian non-joiner, the Japanese middle dots. Some of those tables are
left out, because people write them after a tag: the full stop, the colon and the apostrophes. The ampersand is
added, for #R&D. Python's versions differ about the Japanese dots."""


class Tags(NamedTuple):
    """The tags of a text: *kept*, sorted, and *left_out*, the others in the order of the text."""

    kept: list[str]
    left_out: list[str]


def tags(text: str, blocks: object = None) -> Tags:
    """Return the tags in the *text* of a message as Slack sends it, each once. Its *blocks* say what is code.

    The first `MOST_TAGS` that are at most `LONGEST_TAG` bytes long are kept.
    """
    kept_tags: list[str] = []
    left_out: list[str] = []
    for tag in dict.fromkeys(_candidates(_without_markup(_without_code(text, blocks)))):
        fits = len(kept_tags) < MOST_TAGS and len(tag.encode()) <= LONGEST_TAG
        (kept_tags if fits else left_out).append(tag)
    return Tags(sorted(kept_tags), left_out)


def unnamed_channels(text: str, blocks: object = None) -> list[str]:
    """Return the ids of the channels that the message links to without a name, as Slack does with private ones."""
    return list(dict.fromkeys(_UNNAMED.findall(_without_code(text, blocks))))


def in_command(text: str) -> list[str]:
    """Return the tags that somebody typed in a command, each once.

    The `#` is optional, and so are quotation marks and brackets; tags are separated by spaces or commas.
    """
    words = re.split(r"[\s,;]+", _without_markup(_CODE.sub(" ", text)))
    return list(dict.fromkeys(tag for word in words for tag in _in_word(word)))


def _in_word(word: str) -> list[str]:
    """Return the tags in *word*, whose first may stand without its `#`, and behind punctuation."""
    start = next((at for at, character in enumerate(word) if character == ":" or _is_word(character)), len(word))
    if "/" in word[:start]:
        return []
    with_sign = _candidates(word) if _HASH.search(word, 0, start) else []  # #+1 and #_x begin with joints
    return with_sign or _candidates("#" + word[start:])


def fold(tag: str) -> str:
    """Return the one spelling under which *tag* is stored and found."""
    if tag.isascii():
        return tag.lower()
    decomposed = _stream_safe(unicodedata.normalize("NFD", _stream_safe(tag)))
    return unicodedata.normalize("NFC", decomposed.casefold())


def _stream_safe(text: str) -> str:
    """Return *text* with at most `_MOST_MARKS` marks in a row."""
    if len(text) <= _MOST_MARKS or text.isascii():
        return text
    characters, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) or character in "\u0f73\u0f75\u0f81" else 0
        if marks <= _MOST_MARKS:
            characters.append(character)
    return "".join(characters)


def _without_code(text: str, blocks: object) -> str:
    if blocks and _STYLE.search(text):
        from chalicelib import richtext  # few messages have a style, and a cold start pays for every module

        plain = richtext.without_code(text, blocks)
        if plain is not None:
            return plain
    return _CODE.sub(" ", text)


def _without_markup(text: str) -> str:
    """Return *text* as a person reads it, with spaces in place of links and mentions."""
    text = _CHANNEL.sub(r" #\1 ", text)
    text = _MARKUP.sub(" ", text)
    text = _URL.sub(" ", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _candidates(text: str) -> list[str]:
    tags = []
    for sign in _HASH.finditer(text):
        before = text[sign.start() - 1 : sign.start()]
        if not _may_precede(before) or text.startswith("\ufe0f\u20e3", sign.end()):  # the second is the emoji #️⃣
            continue
        tag = _tag_at(text, sign.end()).rstrip("-")
        if before == "_":  # _#finance_ is #finance in italics
            tag = tag.rstrip("_")
        if any(_is_word(character) for character in tag):
            tags.append(fold(tag))
    return tags


def _tag_at(text: str, at: int) -> str:
    """Return the tag whose first character is at *at*; `:tada:` in it becomes the emoji itself."""
    parts: list[str] = []
    while at < len(text):
        code = _SHORTCODE.match(text, at) if text[at] == ":" else None
        if code:
            emoji = _emoji(code[1], code[2])
            if emoji is None:
                break
            parts.append(emoji)
            at = code.end()
        elif _continues(text[at]) or _joins(text, at):
            parts.append(text[at])
            at += 1
        else:
            break
    return "".join(parts)


def _emoji(name: str, tone: str | None) -> str | None:
    """Return the emoji that Slack calls *name*, or `:name:` for a workspace's own; None for the 12 in 10:12:30."""
    from chalicelib import emoji  # a large table, for which few messages have a use

    character = emoji.character(name, tone)
    if character and not character.startswith(("#", "*")):  # #️⃣ and *️⃣
        return character
    is_name = not name.isdecimal() and name == fold(name) and all(map(_is_in_a_name, name))
    return f":{name}:" if is_name else None


def _is_in_a_name(character: str) -> bool:
    return character in "+-" or _is_identifier(character)


def _joins(text: str, at: int) -> bool:
    """Return True if the character at *at* is medial and stands between two letters."""
    return (
        text[at] in _MEDIAL and _is_identifier(text[at - 1]) and at + 1 < len(text) and _is_identifier(text[at + 1])
    )


def _may_precede(character: str) -> bool:
    """Return True if a tag can begin after *character*, "" at the beginning of the text.

    There is no tag in `foo#bar`, in `##`, in a path, or in an entity such as `&#39;`. A variation selector ends an
    emoji, as in ⚠️#urgent.
    """
    if character in ("_", "\ufe0e", "\ufe0f"):
        return True
    return not (character and (character in "#＃﹟&/" or _is_identifier(character)))


def _continues(character: str) -> bool:
    return character in "_-+" or _is_identifier(character) or bool(_EMOJI.match(character))


def _is_word(character: str) -> bool:
    """Return True if *character* makes a tag by itself: `#-` and `#__` are no tags."""
    return character not in "_-+\u200d\ufe0e\ufe0f\u20e3" and _continues(character)


def _is_identifier(character: str) -> bool:
    """Return True for XID_Continue, which str.isidentifier knows; `\\w` lacks the vowel signs of #हिन्दी."""
    return (
        ("a" + character).isidentifier()
        and character not in _MEDIAL
        and (_HAS_OUR_UNICODE or character < "\u0530" or _is_in_our_unicode(character))
    )


_HAS_OUR_UNICODE = unicodedata.unidata_version == "14.0.0"
"""True on Python 3.11. Newer versions of Python know more letters, by which a tag would differ between them."""


@cache
def _is_in_our_unicode(character: str) -> bool:
    return _our_unicode().match(character) is not None


@cache
def _our_unicode() -> re.Pattern[str]:
    from chalicelib.letters import LETTERS_AND_DIGITS, MARKS

    return re.compile(f"[{LETTERS_AND_DIGITS}{MARKS}\u203f\u2040\u2054\u2118\u212e\ufe33\ufe34\ufe4d-\ufe4f\uff3f]")
