"""POST /slack/commands: answers `/docs` to the asker alone, within Slack's three seconds.

https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from chalicelib import (
    answers,
    authentication,
    clients,
    hashtags,
    log,
    opening,
    search,
    settings,
    suggestions,
    terms,
    visibility,
)
from chalicelib.archive import Archive
from chalicelib.authentication import HttpResponse
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError, NotUnderstood, Refused, SecretsUnreadable, SettingsWrong
from chalicelib.listings import Listings
from chalicelib.slack import Slack
from chalicelib.terms import Term
from chalicelib.tickets import Ticket
from chalicelib.visibility import Asker, Channels

SECONDS = 2.2
"""For the whole answer, of Slack's three: the rest is the network's, and a cold start's before the first line."""
LONGEST_TEXT = 500
"""Characters of a command."""
_MOST_FIELDS = 100
_ID = re.compile(r"[A-Z][A-Z0-9]{1,17}", re.ASCII)
_AFTER = re.compile(r"[0-9]{10}-[A-Za-z0-9]{0,18}~?", re.ASCII)


Link = Callable[[Ticket], str | None]
"""Makes the address that opens a document."""


class Query(NamedTuple):
    """A parsed command. *kind*: help; tags, filtered by the prefix *begin*; or search for *terms*, continued after
    the key *after*. Without terms the search is for what is new."""

    kind: str
    terms: list[Term]
    begin: str = ""
    after: str = ""


def respond(request: Any, now: float) -> HttpResponse:
    """Return the response to Chalice's *request*, which came at *now* (epoch seconds)."""
    end = time.monotonic() + SECONDS
    try:
        body = authentication.raw_body(request)
        if (form(body[: authentication.LONGEST_BODY]) or {}).get("ssl_check") == "1":
            return 200, {}  # Slack looks whether the address has a certificate; it asks for nothing else
        fields = authentication.authenticate(body, request.headers, now, form)
    except (Refused, SecretsUnreadable, SettingsWrong) as error:
        return authentication.refusal(error)
    return 200, _answer(fields, end, lambda ticket: opening.link(request, ticket, now))


def form(body: bytes) -> dict[str, Any] | None:
    """Return the fields of the form that *body* is, the last of each name; None if it is none."""
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return None
    return dict(fields)


def parse(text: str) -> Query:
    """Return the query that *text*, all that was typed behind `/docs`, stands for."""
    words = text.split()
    if [word.lower() for word in words] == ["help"]:
        return Query("help", [])
    if words and words[0].lower() == "tags" and len(words) <= 2:
        begin = hashtags.typed(words[1]) if len(words) == 2 else []
        return Query("tags", [], begin=begin[0] if begin else "")
    after = ""
    if len(words) >= 2 and words[-2].lower() == "more" and _AFTER.fullmatch(words[-1]):
        after, words = words[-1], words[:-2]
    typed = terms.parse(" ".join(words))
    return Query("search", typed, after=after) if typed or not words else Query("help", [])


def _answer(fields: dict[str, Any], end: float, link: Link) -> answers.Answer:
    """Return the answer, also to what goes wrong: at an HTTP error Slack would show the asker an error code."""
    text = fields.get("text", "")
    if len(text) > LONGEST_TEXT:
        return answers.too_long(LONGEST_TEXT)
    query = parse(text)
    try:
        if query.kind == "help":
            return answers.usage()
        if len(query.terms) > search.MOST_TERMS:
            return answers.too_many(len(query.terms))
        return _search(query, fields, end, link)
    except IntegratorError as error:
        log.error("not searched", error=type(error).__name__, reason=str(error))
        return answers.failure(error)


def _search(query: Query, fields: dict[str, Any], end: float, link: Link) -> answers.Answer:
    team, channel, user = (_id(fields, name) for name in ("team_id", "channel_id", "user_id"))
    loaded = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    slack = Slack(clients.http(), loaded)
    with Deadline(end) as deadline:
        listings = Listings(Archive(clients.s3_for_search(), loaded.bucket), deadline)
        asker = visibility.asker(slack, listings, team, user, channel)
        if asker is None:
            return answers.nothing(query.terms, [])
        channels = Channels(slack, team, deadline)
        if query.kind == "tags":
            tags = suggestions.tags_in_use(query.begin, asker, listings, channels)
            return answers.tag_list(query.begin, tags, asker)
        return _documents(query, asker, listings, channels, answers.Links(slack.owns, link))


def _documents(
    query: Query, asker: Asker, listings: Listings, channels: Channels, links: answers.Links
) -> answers.Answer:
    results = search.find(query.terms, query.after, asker, listings, channels)
    log.info("searched", hits=len(results.hits), capped=results.capped, scopes=len(asker.scopes))
    if results.hits or results.after or query.after:
        return answers.documents(query.terms, results, asker, links)
    return answers.nothing(query.terms, suggestions.nearest(query.terms, asker, listings, channels), asker)


def _id(fields: dict[str, Any], name: str) -> str:
    value = str(fields.get(name, ""))
    if not _ID.fullmatch(value):
        raise NotUnderstood(f"Slack's request has no valid {name}.")
    return value
