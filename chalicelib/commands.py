"""The slash command `/docs` ► an answer that only the asker sees, within Slack's three seconds.

https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from chalicelib import answers, clients, hashtags, intake, log, search, settings, slack, visibility
from chalicelib.errors import IntegratorError, NotUnderstood
from chalicelib.intake import Answer
from chalicelib.reading import Reader
from chalicelib.visibility import Channels

SECONDS = 2.2
"""For the whole answer, of Slack's three: the rest is the network's, and a cold start's before the first line."""
_MOST_FIELDS = 100
_ID = re.compile(r"[A-Z][A-Z0-9]{1,17}", re.ASCII)
_AFTER = re.compile(r"[0-9]{10}-[A-Za-z0-9]{0,18}~?", re.ASCII)


class Wish(NamedTuple):
    """What is asked for: *kind* is help, tags (that begin with *begin*) or search (for *tags*, behind *after*)."""

    kind: str
    tags: list[str]
    begin: str = ""
    after: str = ""


def receive(body: Callable[[], bytes], headers: Mapping[str, str], now: float) -> Answer:
    """Return what Slack is told about the form that *body* gives; *headers* are case-insensitive."""
    end = time.monotonic() + SECONDS
    return intake.guarded(lambda: _answer(intake.read(body), headers, now, end))


def _answer(body: bytes, headers: Mapping[str, str], now: float, end: float) -> Answer:
    if (form(body[: intake.LONGEST_BODY]) or {}).get("ssl_check") == "1":
        return 200, {}  # Slack looks whether the address has a certificate; nothing is asked, and nothing told
    return _answered(intake.authenticated(body, headers, now, form), end)


def form(body: bytes) -> dict[str, Any] | None:
    """Return the fields of a form, the last of each name; None where it is none."""
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return None
    return dict(fields)


def understood(text: str) -> Wish:
    """Return what *text*, all that was typed behind `/docs`, asks for."""
    words = text.split()
    if not words or [word.lower() for word in words] == ["help"]:
        return Wish("help", [])
    if words[0].lower() == "tags" and len(words) <= 2:
        begin = hashtags.typed(words[1]) if len(words) == 2 else []
        return Wish("tags", [], begin=begin[0] if begin else "")
    after = ""
    if len(words) > 2 and words[-2].lower() == "more" and _AFTER.fullmatch(words[-1]):
        after, words = words[-1], words[:-2]
    tags = hashtags.typed(" ".join(words))
    return Wish("search", tags, after=after) if tags else Wish("help", [])


def _answered(fields: dict[str, Any], end: float) -> Answer:
    """Whatever goes wrong from here on is said in words: a status would show the asker an error code."""
    wish = understood(fields.get("text", ""))
    try:
        return 200, _found(wish, fields, end)
    except IntegratorError as error:
        log.error("not found out", error=type(error).__name__, reason=str(error))
        return 200, answers.failure(error)


def _found(wish: Wish, fields: dict[str, Any], end: float) -> dict[str, Any]:
    if wish.kind == "help":
        return answers.usage()
    if len(wish.tags) > search.MOST_TAGS:
        return answers.too_many(wish.tags)
    team, channel, user = (_id(fields, name) for name in ("team_id", "channel_id", "user_id"))
    chosen = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    http = clients.http()
    asker = visibility.asker(http, chosen, team, user, channel)
    if asker is None:
        return answers.nothing(wish.tags, [])
    channels = Channels(http, chosen, team)
    with Reader(clients.s3_for_search(), chosen.bucket, end) as reader:
        if wish.kind == "tags":
            return answers.tag_list(wish.begin, search.tags_in_use(wish.begin, asker, reader, channels))
        found = search.find(wish.tags, wish.after, asker, reader, channels)
        log.info("searched", hits=len(found.hits), capped=found.capped)
        if found.hits or found.after or wish.after:
            return answers.documents(wish.tags, found, asker, lambda url: slack.is_slack(url, chosen))
        return answers.nothing(wish.tags, search.nearest(wish.tags, asker, reader, channels))


def _id(fields: dict[str, Any], name: str) -> str:
    value = str(fields.get(name, ""))
    if not _ID.fullmatch(value):
        raise NotUnderstood(f"Slack's request has no valid {name}.")
    return value
