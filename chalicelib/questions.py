"""A question, as it is typed behind `/docs` ► the answer for whoever asks.

A command asks it, a button that carries it, or the search field of Home. It is looked up anew each time.
"""

import re
from typing import NamedTuple

from chalicelib import answers, filters, hashtags, log, search, suggestions, terms, visibility
from chalicelib.answers import Answer, Links
from chalicelib.filters import Filters
from chalicelib.listings import Listings
from chalicelib.search import Results
from chalicelib.slack import Slack
from chalicelib.terms import Term
from chalicelib.visibility import Asker, Channels

LONGEST = 500
"""Characters of what is asked for."""
_LONGEST_REST = 40
"""Characters of where to go on."""
_AFTER = re.compile(r"[0-9]{10}-[A-Za-z0-9]{0,18}~?", re.ASCII)


class Query(NamedTuple):
    """A parsed question. *kind*: help; tags, filtered by the prefix *begin*; or search for *terms*, continued after
    the key *after*, within *filters*. Without terms the search is for what is new."""

    kind: str
    terms: list[Term]
    begin: str = ""
    after: str = ""
    filters: Filters = Filters()


class Place(NamedTuple):
    """Where a question is asked, and by whom. In Home, *channel* is ""."""

    team: str
    user: str
    channel: str


def parse(text: str) -> Query:
    """Return the query that *text* stands for."""
    words = text.split()
    if [word.lower() for word in words] == ["help"]:
        return Query("help", [])
    if words and words[0].lower() == "tags" and len(words) <= 2:
        begin = hashtags.in_command(words[1]) if len(words) == 2 else []
        return Query("tags", [], begin=begin[0] if begin else "")
    after = ""
    if len(words) >= 2 and words[-2].lower() == "more" and _AFTER.fullmatch(words[-1]):
        after, words = words[-1], words[:-2]
    words, query_filters = filters.split(words)
    query_terms = terms.parse(" ".join(filters.without_fillers(words)))
    is_search = query_terms or not words
    return Query("search" if is_search else "help", query_terms, after=after, filters=query_filters)


def without_search(text: str) -> Answer | None:
    """Return the answer to *text* if it needs no look into the archive."""
    if len(text) > LONGEST + _LONGEST_REST:
        return answers.too_long(LONGEST)
    query = parse(text)
    if query.kind == "help":
        return answers.usage()
    if query.filters.unknown and not query.terms:
        return answers.not_understood(query.filters)
    return answers.too_many(len(query.terms)) if len(query.terms) > search.MOST_TERMS else None


def answer(text: str, place: Place, slack: Slack, listings: Listings, links: Links) -> Answer:
    """Return the answer to *text*; raises what Slack and the archive do."""
    query = parse(text)
    asker = visibility.asker(slack, listings, *place)
    if asker is None:
        return answers.nothing(query.terms, [], None, query.filters)
    channels = Channels(slack, place.team, listings.deadline)
    if query.kind == "tags":
        tags = suggestions.tags_in_use(query.begin, asker, listings, channels)
        return answers.tag_list(query.begin, tags, asker)
    return _documents(query, asker, listings, channels, links)


def _documents(query: Query, asker: Asker, listings: Listings, channels: Channels, links: Links) -> Answer:
    begin = max(query.after, query.filters.first_place)
    results = _within(search.find(query.terms, begin, asker, listings, channels), query.filters)
    log.info("searched", hits=len(results.hits), capped=results.capped, scopes=len(asker.scopes))
    if not results.hits and results.after and not suggestions.all_visible(query.terms, asker, listings, channels):
        results = Results([], None, capped=False)  # as if there were no such tag or word
    if results.hits or results.after or query.after:
        return answers.documents(query.terms, results, asker, links, query.filters)
    near = suggestions.nearest(query.terms, asker, listings, channels)
    return answers.nothing(query.terms, near, asker, query.filters)


def _within(results: Results, filters: Filters) -> Results:
    """Return *results* without what is older than the filters say."""
    hits = [hit for hit in results.hits if hit.place <= filters.last_place]
    is_end = results.after is not None and results.after > filters.last_place
    return Results(hits, None if is_end or len(hits) < len(results.hits) else results.after, results.capped)
