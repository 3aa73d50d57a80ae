"""What a message's `rich_text` blocks say that its text does not: which of its words are code.

Slack sends a message twice, as text with marks and as blocks. A back-tick in the text may be a letter
(``dell`anno``) or the beginning of code; the blocks know. Links and mentions are in both.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_DEEPEST = 12
"""Levels of elements: a list within a quote within a list is a few."""
_TOKEN = re.compile(r"<[^<>]*>")
_CHANNEL = re.compile(r"<#([A-Z0-9]+)\|([^<>|]+)>")
_NO_LETTERS = re.compile(r"[\W_]+")


class Leaf(NamedTuple):
    """A piece of a message in Slack's markup; *words* are those that somebody wrote, as they are."""

    markup: str
    words: str = ""
    is_code: bool = False


def without_code(text: str, blocks: object) -> str | None:
    """Return the message of *blocks* in Slack's markup without its code; None if the blocks do not tell.

    They do not when there are none, or when an app sent others than it wrote in *text*.
    """
    names = dict(_CHANNEL.findall(text))
    leaves = [leaf for block in _list(blocks) if _kind(block) == "rich_text" for leaf in _leaves(block, names)]
    if not leaves or not _is_in(leaves, text):
        return None
    return "".join(" " if leaf.is_code else leaf.markup for leaf in leaves)


def _leaves(element: Any, names: dict[str, str], is_code: bool = False, depth: int = 0) -> Iterator[Leaf]:
    """Give the pieces in *element*, a block or a part of it; *names* are the channels' that the text tells."""
    is_code = is_code or _kind(element) == "rich_text_preformatted"
    for part in _list(element.get("elements")) if depth < _DEEPEST else []:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("elements"), list):
            yield from _leaves(part, names, is_code, depth + 1)
        else:
            yield _leaf(part, names, is_code)
    yield Leaf("\n")


def _leaf(part: dict[str, Any], names: dict[str, str], is_code: bool) -> Leaf:
    style = part.get("style")
    is_code = is_code or (isinstance(style, dict) and style.get("code") is True)
    text, name, channel = part.get("text"), part.get("name"), part.get("channel_id")
    if _kind(part) == "text" and isinstance(text, str):
        return Leaf(_escape(text), text, is_code)
    if _kind(part) == "emoji" and isinstance(name, str):
        return Leaf(f":{_escape(name)}:{_tone(part, name)}", is_code=is_code)
    if _kind(part) == "channel" and isinstance(channel, str):
        return Leaf(f"<#{_escape(channel)}|{names.get(channel, '')}>", is_code=is_code)
    return Leaf(" ", is_code=is_code)


def _tone(part: dict[str, Any], name: str) -> str:
    tone = part.get("skin_tone")
    return f":skin-tone-{tone}:" if isinstance(tone, int) and "::" not in name else ""


def _is_in(leaves: list[Leaf], text: str) -> bool:
    """Tell whether the words of all *leaves* are in *text*, in that order, and all of its number signs in them."""
    readable = _TOKEN.sub(" ", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if readable.count("#") != sum(leaf.words.count("#") for leaf in leaves):
        return False
    letters, at = _NO_LETTERS.sub("", readable), 0
    for leaf in leaves:
        words = _NO_LETTERS.sub("", leaf.words)
        start = letters.find(words, at)
        if start < 0:
            return False
        at = start + len(words)
    return True


def _kind(element: Any) -> Any:
    return element.get("type") if isinstance(element, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
