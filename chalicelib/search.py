"""Terms ► documents, for somebody who waits: a bounded number of requests, whatever the size of the archive.

The index says which documents may match (candidates.py), their records whether they do (matches.py), and Slack
which of their shares the asker may see (visibility.py).
"""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib import index, layout, visibility
from chalicelib.candidates import ROUND_SECONDS, ROUNDS, Candidates, Listing
from chalicelib.layout import DocumentRecord, Share
from chalicelib.listings import Listings
from chalicelib.matches import Match
from chalicelib.terms import Term
from chalicelib.visibility import Asker, Channels

MOST_TERMS = 5
"""Terms of a search, and listings per scope."""
SHOWN = 10
"""Documents of an answer."""
CHUNK = 12
"""Records that are read at once."""
CHUNKS = 3
_PAGE_OF_SINGLE = 50
"""Keys of a listing that needs no other: a little more than the records that are read."""
_MOST_KEYS = 2_000
"""Keys of a round of listings: reading 1,000 takes some 20 ms of a processor."""
_LONGEST_PAGE = 500
_AT_ONCE = 64
"""Listings of a round: in many conversations fewer of the terms are listed, and the records tell the others."""
MOST_LISTINGS = _AT_ONCE * ROUNDS
MOST_RECORDS = CHUNK * CHUNKS


class Hit(NamedTuple):
    """A document that matches, with the shares that make it visible, the newest first."""

    place: str
    record: DocumentRecord
    shares: list[Share]
    rank: int


class Results(NamedTuple):
    """A page of hits: *after* is where to go on, None at the end; *capped* if the search stopped before that."""

    hits: list[Hit]
    after: str | None
    capped: bool


def find(
    terms: Sequence[Term],
    after: str,
    asker: Asker,
    listings: Listings,
    channels: Channels,
    page: int | None = None,
) -> Results:
    """Return the newest documents that match all *terms*, those after *after*; *page* keys are listed at once.

    When all of them are on the first page, those that match by their name come first.
    """
    if not asker.scopes:  # a guest in Home who is in no conversation with the app
        return Results([], None, capped=False)
    results = _newest(terms, after, asker, listings, channels, page)
    if after or results.after is not None:
        return results
    return results._replace(hits=sorted(results.hits, key=lambda hit: (hit.rank, hit.place)))


def _newest(
    terms: Sequence[Term],
    after: str,
    asker: Asker,
    listings: Listings,
    channels: Channels,
    page: int | None,
) -> Results:
    candidates = Candidates(_lookups(terms, asker, page), after, listings)
    hits: list[Hit] = []
    examined = after
    for number in range(CHUNKS):
        if number and not listings.deadline.has_time(ROUND_SECONDS):
            return _results(hits, examined, after, capped=True)
        places = candidates.take(CHUNK)
        for place, hit, is_certain in _examined(places, terms, asker, listings, channels):
            if not is_certain and examined > after:
                return _results(hits, examined, after, capped=True)
            if hit:
                hits.append(hit)
            if len(hits) > SHOWN:
                return _results(hits[:SHOWN], hits[SHOWN - 1].place, after, capped=False)
            examined = place
        if len(places) < CHUNK:
            break
    if candidates.exhausted:
        return Results(hits, None, capped=False)
    return _results(hits, max(examined, candidates.position), after, capped=True)


def _lookups(terms: Sequence[Term], asker: Asker, page: int | None) -> list[list[Listing]]:
    keys = _listed(terms)[: max(1, _AT_ONCE // len(asker.scopes))]
    share = _MOST_KEYS // (len(keys) * len(asker.scopes))
    page = page or (_PAGE_OF_SINGLE if len(keys) == 1 else min(_LONGEST_PAGE, share))
    return [
        [Listing(index.prefix(kind, asker.team, scope, name), page) for scope in asker.scopes]
        for kind, name in keys
    ]


def _listed(terms: Sequence[Term]) -> list[tuple[str, str]]:
    """Return what is listed, as kind and name: for every term a tag or word, then more words of the phrases.

    Tags come first, then long words: they are rarer. What is not listed, the records tell.
    """
    first: list[tuple[str, str]] = []
    more: list[tuple[str, str]] = []
    for term in terms:
        if term.tag is not None:
            first.append((index.TAGS, term.tag))
        else:
            longest, *others = sorted(dict.fromkeys(term.words), key=len, reverse=True)
            first.append((index.WORDS, longest))
            more += [(index.WORDS, word) for word in others]
    first.sort(key=lambda key: (key[0] == index.WORDS, -len(key[1])))
    return list(dict.fromkeys([*first, *more]))[:MOST_TERMS] or [(index.RECENT, "")]


def _results(hits: list[Hit], examined: str, after: str, *, capped: bool) -> Results:
    """Name the place to go on from, but never by the id of a document that is not among the *hits*."""
    second = examined.partition("-")[0] + "-"
    if hits and hits[-1].place.startswith(second):
        return Results(hits, hits[-1].place, capped)
    return Results(hits, second if second > after else second + "~", capped)


def _examined(
    places: list[str], terms: Sequence[Term], asker: Asker, listings: Listings, channels: Channels
) -> list[tuple[str, Hit | None, bool]]:
    """Return each of *places* with its hit, if the document matches, and whether that is certain.

    It is not where it depends on channels that Slack may not be asked about any more.
    """
    records = listings.records(layout.metadata_key(asker.team, index.file_of(place)) for place in places)
    matches = [Match(record, terms) if record else None for record in records]
    possible = [match.shares(visibility.may_be_visible(match.record, asker)) if match else [] for match in matches]
    channels.learn(channel for shares in possible for channel in visibility.elsewhere(shares, asker))
    examined = []
    for place, match, shares in zip(places, matches, possible, strict=True):
        hit = _hit(place, match, visibility.visible(shares, asker, channels)) if match else None
        is_certain = hit is not None or channels.knows(visibility.elsewhere(shares, asker))
        examined.append((place, hit, is_certain))
    return examined


def _hit(place: str, match: Match, visible: Sequence[Share]) -> Hit | None:
    shares = match.shares(visible)
    return Hit(place, match.record, shares, match.rank) if shares else None
