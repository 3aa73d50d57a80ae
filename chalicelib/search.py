"""Tags ► documents, for somebody who waits: a bounded number of requests, whatever the size of the archive.

Each tag has one sorted listing per scope, with the same key for a document under every tag: several tags are
answered by merging listings. Where one is ahead of the others, these are listed from there on.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib import index, layout, visibility
from chalicelib.layout import DocumentRecord, Share
from chalicelib.listings import Listings
from chalicelib.visibility import Asker, Channels

MOST_TAGS = 5
"""Tags of a search."""
SHOWN = 10
"""Documents of an answer."""
PAGE = 500
"""Keys of a listing."""
ROUNDS = 4
"""Times that the listings are continued; every tag has two at most."""
CHUNK = 12
"""Records that are read at once."""
CHUNKS = 3
SHOWN_TAGS = 20
"""Tags of a tag list. Each is looked up: two listings and up to `NEWEST` records."""
NEWEST = 3
MOST_REQUESTS = 2 * MOST_TAGS * ROUNDS + CHUNKS * CHUNK + 2 * (1 + MOST_TAGS) + SHOWN_TAGS * (2 + NEWEST)
"""Requests to S3 that an answer takes at most: a search that finds nothing ends in a kind of tag list."""
ROUND_SECONDS = 0.5
"""A round is not begun when less is left."""


class Hit(NamedTuple):
    """A document that matches, with the shares that make it visible, the newest first."""

    place: str
    record: DocumentRecord
    shares: list[Share]


class Results(NamedTuple):
    """A page of hits: *after* is where to go on, None at the end; *capped* if the search stopped before that."""

    hits: list[Hit]
    after: str | None
    capped: bool


def find(
    tags: Sequence[str], after: str, asker: Asker, listings: Listings, channels: Channels, page: int = PAGE
) -> Results:
    """Return the newest documents with all of *tags*, those after *after*; *page* keys are listed at once."""
    candidates = Candidates([_listings_of(tag, asker, page) for tag in tags], after, listings)
    hits: list[Hit] = []
    examined = after
    for number in range(CHUNKS):
        if number and not listings.deadline.has_time(ROUND_SECONDS):
            return _results(hits, examined, after, capped=True)
        places = candidates.take(CHUNK)
        for place, record, shares in _shares(places, tags, asker, listings, channels):
            if shares is None and examined > after:
                return _results(hits, examined, after, capped=True)
            if record and shares:
                hits.append(Hit(place, record, shares))
            if len(hits) > SHOWN:
                return _results(hits[:SHOWN], hits[SHOWN - 1].place, after, capped=False)
            examined = place
        if len(places) < CHUNK:
            break
    if candidates.exhausted:
        return Results(hits, None, capped=False)
    return _results(hits, max(examined, candidates.position), after, capped=True)


def _results(hits: list[Hit], examined: str, after: str, *, capped: bool) -> Results:
    """Name the place to go on from, but never by the id of a document that is not among the *hits*."""
    second = examined.partition("-")[0] + "-"
    if hits and hits[-1].place.startswith(second):
        return Results(hits, hits[-1].place, capped)
    return Results(hits, second if second > after else second + "~", capped)


def _shares(
    places: list[str], tags: Sequence[str], asker: Asker, listings: Listings, channels: Channels
) -> list[tuple[str, DocumentRecord | None, list[Share] | None]]:
    """Return each of *places* with its record and the shares that make it a hit.

    There are none where it is not one, and None instead where that depends on channels that nobody may ask about
    any more.
    """
    records = listings.records(layout.metadata_key(asker.team, index.file_of(place)) for place in places)
    possible = [_possible(record, tags, asker) if record else [] for record in records]
    channels.learn(channel for shares in possible for channel in visibility.elsewhere(shares, asker))
    return [
        (place, record, _of_a_hit(shares, tags, asker, channels))
        for place, record, shares in zip(places, records, possible, strict=True)
    ]


def _of_a_hit(shares: list[Share], tags: Sequence[str], asker: Asker, channels: Channels) -> list[Share] | None:
    visible = visibility.visible(shares, asker, channels)
    if set(tags) <= _tags(visible):
        return visible
    return [] if channels.knows(visibility.elsewhere(shares, asker)) else None


def _possible(record: DocumentRecord, tags: Sequence[str], asker: Asker) -> list[Share]:
    """Return the shares that could make the document a hit: all bear a tag, and together they bear every one."""
    shares = [share for share in visibility.may_be_visible(record, asker) if set(tags) & set(share["tags"])]
    return shares if set(tags) <= _tags(shares) else []


def _tags(shares: Sequence[Share]) -> set[str]:
    return {tag for share in shares for tag in share["tags"]}


_NEVER = "~"
"""Greater than every place."""


def _listings_of(tag: str, asker: Asker, page: int) -> list["Listing"]:
    return [Listing(index.prefix(asker.team, scope, tag), page) for scope in asker.scopes]


class Listing:
    """The keys of a tag in a scope: the *places* of the newest page, of *page* keys at most.

    *is_complete* when there is no page after it; *horizon* is the last place that was listed.
    """

    def __init__(self, prefix: str, page: int) -> None:
        self.prefix, self._page = prefix, page
        self.places: list[str] = []
        self.is_complete = False
        self.horizon = ""

    @property
    def end(self) -> str:
        """The place up to which the listing has got."""
        return _NEVER if self.is_complete else self.horizon

    def next_after(self, place: str) -> str:
        """Return the first listed key after *place*.

        If the listing has not got that far, return the last key it reached: the next one cannot be smaller.
        """
        return next((later for later in self.places if later > place), self.end)

    def go_on(self, listings: Listings, start: str) -> None:
        """List what comes after *start*."""
        page = listings.keys(self.prefix, start, self._page)
        self.places, self.is_complete = page.names, page.is_last
        self.horizon = page.names[-1] if page.names else start


class Candidates:
    """The places under all tags, in order, as far as `ROUNDS` rounds of listing lead.

    *tags* has the listings of each tag; a place in any of them is one of the tag's.
    """

    def __init__(self, tags: list[list[Listing]], after: str, listings: Listings) -> None:
        self._listings, self._tags = listings, tags
        self._rounds = 0
        self._ready: list[str] = []
        self._at = after  # every place up to here was looked at
        self._ended = False

    @property
    def exhausted(self) -> bool:
        """True when all that there are have been taken."""
        return self._ended and not self._ready

    @property
    def position(self) -> str:
        """The place up to which all have been taken."""
        return "" if self._ready else self._at

    def take(self, most: int) -> list[str]:
        """Return up to *most* of the next places; fewer when there are no more, or not within the rounds."""
        while len(self._ready) < most and not self._ended and self._may_go_on():
            self._advance()
        places, self._ready = self._ready[:most], self._ready[most:]
        return places

    def _may_go_on(self) -> bool:
        return self._rounds == 0 or (self._rounds < ROUNDS and self._listings.deadline.has_time(ROUND_SECONDS))

    def _advance(self) -> None:
        """List on where listings have ended, then take what all tags have in common, as far as all were listed."""
        self._list_on(max(min(listing.next_after(self._at) for listing in tag) for tag in self._tags))
        end = min(listing.end for tag in self._tags for listing in tag)
        common = set.intersection(*({place for listing in tag for place in listing.places} for tag in self._tags))
        self._ready += sorted(place for place in common if self._at < place <= end)
        self._ended = any(all(listing.next_after(end) == _NEVER for listing in tag) for tag in self._tags)
        self._at = end

    def _list_on(self, begin: str) -> None:
        """Go on with the listings that have not got beyond *begin*, the first place that all tags could have."""
        short = [
            listing for tag in self._tags for listing in tag if not listing.is_complete and listing.horizon <= begin
        ]
        start = max(self._at, begin.partition("-")[0] + "-")  # so that *begin* is listed as well
        self._listings.deadline.map(lambda listing: listing.go_on(self._listings, start), short)
        self._rounds += 1


class TagList(NamedTuple):
    """The *names* of tags in use, sorted, and whether these are all."""

    names: list[str]
    is_complete: bool


def tags_in_use(begin: str, asker: Asker, listings: Listings, channels: Channels) -> TagList:
    """Return the tags that begin with *begin* and that *asker* sees a document of."""
    names, is_complete = _names([begin], asker, listings)
    visible, is_certain = _with_a_visible_document(names[:SHOWN_TAGS], asker, listings, channels)
    return TagList(visible, is_complete and is_certain and len(names) <= SHOWN_TAGS)


def nearest(tags: Sequence[str], asker: Asker, listings: Listings, channels: Channels) -> list[str]:
    """Return the tags in use that are most like those of *tags* of which *asker* sees no document."""
    from difflib import get_close_matches

    names, _ = _names(["", *(tag[:1] for tag in tags)], asker, listings)
    near = {tag: get_close_matches(tag, [name for name in names if name != tag], 3) for tag in tags}
    candidates = list(dict.fromkeys([*tags, *(name for tag in tags for name in near[tag])]))
    visible, _ = _with_a_visible_document(candidates[:SHOWN_TAGS], asker, listings, channels)
    return [name for tag in tags if tag not in visible for name in near[tag] if name in visible]


def _names(begins: Sequence[str], asker: Asker, listings: Listings) -> tuple[list[str], bool]:
    """Return the tags in the asker's scopes that begin with any of *begins*, and whether these are all."""
    wanted = [(index.prefix(asker.team, scope), begin) for scope in asker.scopes for begin in dict.fromkeys(begins)]
    pages = listings.deadline.map(lambda folder: listings.folders(*folder, PAGE), wanted)
    return sorted({name for page in pages for name in page.names}), all(page.is_last for page in pages)


def _with_a_visible_document(
    tags: Sequence[str], asker: Asker, listings: Listings, channels: Channels
) -> tuple[list[str], bool]:
    """Return those of *tags* of which one of the newest documents is visible, and whether all could be looked up.

    The index alone does not show a tag: a channel may have become private since.
    """
    keys = _newest(tags, asker, listings)
    every_key = sorted({key for keys_of_tag in keys.values() for key in keys_of_tag})
    records = dict(zip(every_key, listings.records(every_key), strict=True))
    shares = {
        tag: [
            share
            for record in (records[key] for key in keys_of_tag)
            if record
            for share in _possible(record, [tag], asker)
        ]
        for tag, keys_of_tag in keys.items()
    }
    wanted = [channel for of_tag in shares.values() for channel in visibility.elsewhere(of_tag, asker)]
    channels.learn(wanted)
    return [tag for tag in tags if visibility.visible(shares[tag], asker, channels)], channels.knows(wanted)


def _newest(tags: Sequence[str], asker: Asker, listings: Listings) -> dict[str, list[str]]:
    """Return the keys of the records of the newest documents of each of *tags*."""
    prefixes = [index.prefix(asker.team, scope, tag) for tag in tags for scope in asker.scopes]
    pages = listings.deadline.map(lambda prefix: listings.keys(prefix, "", NEWEST).names, prefixes)
    width = len(asker.scopes)
    places = {
        tag: sorted({place for page in pages[n * width : (n + 1) * width] for place in page})[:NEWEST]
        for n, tag in enumerate(tags)
    }
    return {
        tag: [layout.metadata_key(asker.team, index.file_of(place)) for place in places_of_tag]
        for tag, places_of_tag in places.items()
    }
