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
MOST_HIDDEN = 240
"""Records beside these, of documents that the asker may not see, for example of a channel that became private."""
_PAGE_OF_SINGLE = 50
"""Keys of a listing that needs no other: a little more than the records that are read."""
_MOST_KEYS = 2_000
"""Keys of a round of listings: reading 1,000 takes some 20 ms of a processor."""
_LONGEST_PAGE = 500
_AT_ONCE = 64
"""Listings of a round: in many conversations fewer of the terms are listed, and the records tell the others."""
MOST_LISTINGS = _AT_ONCE * ROUNDS
MOST_RECORDS = CHUNK * CHUNKS + MOST_HIDDEN


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


class _Examined(NamedTuple):
    """A place with its *hit*, if the document matches; *is_visible* if the asker may see the document at all.

    Neither *is_certain* where it depends on channels that Slack may not be asked about any more.
    """

    place: str
    hit: Hit | None
    is_visible: bool
    is_certain: bool


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
    begin = last_examined = after
    last_visible = ""  # the last place whose document the asker may see
    visible_left, hidden_left, chunk = CHUNK * CHUNKS, MOST_HIDDEN, CHUNK
    while (
        visible_left > 0
        and hidden_left > 0
        and (last_examined == after or listings.deadline.has_time(ROUND_SECONDS))
    ):
        begin, places = last_examined, candidates.take(chunk)
        of_chunk = _examine(places, terms, asker, listings, channels)
        for place, hit, is_visible, is_certain in of_chunk:
            if not is_certain and last_examined > after:
                return _stopped(hits, last_visible, after)
            last_visible = place if is_visible else last_visible
            hits += [hit] if hit else []
            if len(hits) > SHOWN:
                return _results(hits[:SHOWN], hits[SHOWN - 1].place, after, capped=False)
            last_examined = place
        if len(places) < chunk and not candidates.exhausted:
            return _results(hits, max(last_examined, candidates.position), after, capped=True)
        if candidates.exhausted or not places:
            return Results(hits, None, capped=False)
        visible = sum(each.is_visible for each in of_chunk)
        visible_left, hidden_left = visible_left - visible, hidden_left - len(places) + visible
        chunk = CHUNK if visible else min(4 * CHUNK, hidden_left)
    return _stopped(hits, last_visible if last_visible > begin else "", after)


def _stopped(hits: list[Hit], last_visible: str, after: str) -> Results:
    """Return that the search stopped, and goes on after the place *last_visible*; or, without one, that it ended.

    What the asker may not see looks like what is not there: a search that came upon nothing else has ended.
    """
    return _results(hits, last_visible, after, capped=True) if last_visible else Results(hits, None, capped=False)


def _lookups(terms: Sequence[Term], asker: Asker, page: int | None) -> list[list[Listing]]:
    keys = _index_keys(terms)[: max(1, _AT_ONCE // len(asker.scopes))]
    share = _MOST_KEYS // (len(keys) * len(asker.scopes))
    page = page or (_PAGE_OF_SINGLE if len(keys) == 1 else min(_LONGEST_PAGE, share))
    return [
        [Listing(index.prefix(kind, asker.team, scope, name), page) for scope in asker.scopes]
        for kind, name in keys
    ]


def _index_keys(terms: Sequence[Term]) -> list[tuple[str, str]]:
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


def _examine(
    places: list[str], terms: Sequence[Term], asker: Asker, listings: Listings, channels: Channels
) -> list[_Examined]:
    """Return what is found at each of *places*."""
    records = listings.records(layout.metadata_key(asker.team, index.file_of(place)) for place in places)
    matches = [Match(record, terms) if record else None for record in records]
    every = [visibility.may_be_visible(match.record, asker) if match else [] for match in matches]
    possible = [match.shares(shares) if match else [] for match, shares in zip(matches, every, strict=True)]
    for shares_of_places in (possible, every):  # those that match first: the look-ups are few
        channels.learn(channel for shares in shares_of_places for channel in visibility.elsewhere(shares, asker))
    results = []
    for place, match, shares, all_shares in zip(places, matches, possible, every, strict=True):
        hit = _hit(place, match, visibility.visible(shares, asker, channels)) if match else None
        is_certain = hit is not None or channels.knows(visibility.elsewhere(shares, asker))
        is_visible = bool(visibility.visible(all_shares, asker, channels))
        results.append(_Examined(place, hit, is_visible, is_certain))
    return results


def _hit(place: str, match: Match, visible: Sequence[Share]) -> Hit | None:
    shares = match.shares(visible)
    return Hit(place, match.record, shares, match.rank) if shares else None
