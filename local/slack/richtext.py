"""Slack's two ways of writing one message: the escaped `text`, and the `rich_text` block beside it.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

TOKEN = re.compile(r"<([^<>]+)>|`([^`\n]+)`|:([a-z0-9_+-]+):")
TYPED = re.compile(r"(?P<url>https?://[^\s<>]+)|#(?P<channel>[\w-]+)|@(?P<user>[\w.-]+)")


def typed(words: str, channels: Mapping[str, str], users: Mapping[str, str]) -> str:
    """What Slack makes of *words* typed by a person: escaped, with links and known #channels and @users as tokens.

    *channels* and *users* map names to ids. A #word that is no channel stays as typed.
    """

    def token(match: re.Match[str]) -> str:
        if url := match["url"]:
            return f"<{url}>"
        if channel := channels.get(match["channel"] or ""):
            return f"<#{channel}|{match['channel']}>"
        user = users.get(match["user"] or "")
        return f"<@{user}>" if user else match[0]

    return TYPED.sub(token, escape(words))


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
    token, code, emoji = match.groups()
    if code:
        return _plain(code) | {"style": {"code": True}}
    return {"type": "emoji", "name": emoji} if emoji else _token(token)


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
