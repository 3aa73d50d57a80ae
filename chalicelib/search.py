"""Tags ► documents, for somebody who waits: a bounded number of requests, whatever the size of the archive.

Each tag has one sorted listing per scope, with the same key for a document under every tag: several tags are
answered by merging listings. Where one is ahead of the others, these are listed from there on.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib import archive, index, visibility
from chalicelib.archive import Record
from chalicelib.reading import Reader
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
    """A document that was found, with the shares that make it visible, the newest first."""

    place: str
    record: Record
    shares: list[Record]


class Found(NamedTuple):
    """The answer: *after* is where to go on, None at the end; *capped* if it is not because the page is full."""

    hits: list[Hit]
    after: str | None
    capped: bool


def find(
    tags: Sequence[str], after: str, asker: Asker, reader: Reader, channels: Channels, page: int = PAGE
) -> Found:
    """Return the newest documents with all of *tags*, those behind *after*; *page* keys are listed at once."""
    candidates = Candidates([_listings(tag, asker, page) for tag in tags], after, reader)
    hits: list[Hit] = []
    examined = after
    for number in range(CHUNKS):
        if number and not reader.has_time(ROUND_SECONDS):
            return _found(hits, examined, after, capped=True)
        places = candidates.take(CHUNK)
        for place, record, shares in _shares(places, tags, asker, reader, channels):
            if shares is None and examined > after:
                return _found(hits, examined, after, capped=True)
            if record and shares:
                hits.append(Hit(place, record, shares))
            if len(hits) > SHOWN:
                return _found(hits[:SHOWN], hits[SHOWN - 1].place, after, capped=False)
            examined = place
        if len(places) < CHUNK:
            break
    if candidates.exhausted:
        return Found(hits, None, capped=False)
    return _found(hits, max(examined, candidates.position), after, capped=True)


def _found(hits: list[Hit], examined: str, after: str, *, capped: bool) -> Found:
    """Name the place to go on from, but never by the id of a document that is not among the *hits*."""
    second = examined.partition("-")[0] + "-"
    if hits and hits[-1].place.startswith(second):
        return Found(hits, hits[-1].place, capped)
    return Found(hits, second if second > after else second + "~", capped)


def _shares(
    places: list[str], tags: Sequence[str], asker: Asker, reader: Reader, channels: Channels
) -> list[tuple[str, Record | None, list[Record] | None]]:
    """Return each of *places* with its record and the shares that make it a hit.

    There are none where it is not one, and None instead where that depends on channels that nobody may ask about
    any more.
    """
    records = reader.records(archive.metadata_key(asker.team, index.file_of(place)) for place in places)
    possible = [_possible(record, tags, asker) if record else [] for record in records]
    channels.learn((one for shares in possible for one in visibility.elsewhere(shares, asker)), reader.each)
    return [
        (place, record, _of_a_hit(shares, tags, asker, channels))
        for place, record, shares in zip(places, records, possible, strict=True)
    ]


def _of_a_hit(shares: list[Record], tags: Sequence[str], asker: Asker, channels: Channels) -> list[Record] | None:
    shown = visibility.visible(shares, asker, channels)
    if set(tags) <= _tags(shown):
        return shown
    return [] if channels.know(visibility.elsewhere(shares, asker)) else None


def _possible(record: Record, tags: Sequence[str], asker: Asker) -> list[Record]:
    """Return the shares that could make the document a hit: all bear a tag, and together they bear every one."""
    shares = [share for share in visibility.may_be_visible(record, asker) if set(tags) & set(share["tags"])]
    return shares if set(tags) <= _tags(shares) else []


def _tags(shares: Sequence[Record]) -> set[str]:
    return {tag for share in shares for tag in share["tags"]}


_NEVER = "~"
"""Behind every place."""


def _listings(tag: str, asker: Asker, page: int) -> list["Listing"]:
    return [Listing(index.prefix(asker.team, scope, tag), page) for scope in asker.scopes]


class Listing:
    """One tag in one scope: the *places* that were listed last, *page* at most, and whether there are no more."""

    def __init__(self, prefix: str, page: int) -> None:
        self.prefix, self._page = prefix, page
        self.places: list[str] = []
        self.whole = False
        self.horizon = ""

    @property
    def known_to(self) -> str:
        """Up to where its places are known."""
        return _NEVER if self.whole else self.horizon

    def next_after(self, place: str) -> str:
        """Return its next place behind *place*; where that is not known, what comes before all that it can be."""
        return next((one for one in self.places if one > place), self.known_to)

    def go_on(self, reader: Reader, start: str) -> None:
        """List what comes behind *start*."""
        page = reader.keys(self.prefix, start, self._page)
        self.places, self.whole = page.names, page.whole
        self.horizon = page.names[-1] if page.names else start


class Candidates:
    """The places under all tags, in order, as far as `ROUNDS` rounds of listing lead.

    *tags* has the listings of each tag; a place in any of them is one of the tag's.
    """

    def __init__(self, tags: list[list[Listing]], after: str, reader: Reader) -> None:
        self._reader, self._tags = reader, tags
        self._rounds = 0
        self._ready: list[str] = []
        self._at = after  # everything up to here is known
        self._ended = False

    @property
    def exhausted(self) -> bool:
        """Whether all that there are have been taken."""
        return self._ended and not self._ready

    @property
    def position(self) -> str:
        """Up to where all that there are have been taken."""
        return "" if self._ready else self._at

    def take(self, most: int) -> list[str]:
        """Return up to *most* of the next places; fewer when there are no more, or not within the rounds."""
        while len(self._ready) < most and not self._ended and self._may_go_on():
            self._advance()
        taken, self._ready = self._ready[:most], self._ready[most:]
        return taken

    def _may_go_on(self) -> bool:
        return self._rounds == 0 or (self._rounds < ROUNDS and self._reader.has_time(ROUND_SECONDS))

    def _advance(self) -> None:
        """List where listings have ended, then take what all tags have in common up to where all are known."""
        begin = max(min(listing.next_after(self._at) for listing in tag) for tag in self._tags)
        short = [one for tag in self._tags for one in tag if not one.whole and one.horizon <= begin]
        start = max(self._at, begin.partition("-")[0] + "-")  # so that *begin* is listed as well
        self._reader.each(lambda listing: listing.go_on(self._reader, start), short)
        self._rounds += 1
        end = min(one.known_to for tag in self._tags for one in tag)
        common = set.intersection(*({place for one in tag for place in one.places} for tag in self._tags))
        self._ready += sorted(place for place in common if self._at < place <= end)
        self._ended = any(all(one.next_after(end) == _NEVER for one in tag) for tag in self._tags)
        self._at = end


class TagList(NamedTuple):
    """Tags in use, sorted; *whole* unless there are more."""

    tags: list[str]
    whole: bool


def tags_in_use(begin: str, asker: Asker, reader: Reader, channels: Channels) -> TagList:
    """Return the tags that begin with *begin* and that *asker* sees a document of."""
    names, whole = _names([begin], asker, reader)
    shown, known = _with_a_visible_document(names[:SHOWN_TAGS], asker, reader, channels)
    return TagList(shown, whole and known and len(names) <= SHOWN_TAGS)


def nearest(tags: Sequence[str], asker: Asker, reader: Reader, channels: Channels) -> list[str]:
    """Return the tags in use that are most like those of *tags* of which *asker* sees no document."""
    from difflib import get_close_matches

    names, _ = _names(["", *(tag[:1] for tag in tags)], asker, reader)
    near = {tag: get_close_matches(tag, [name for name in names if name != tag], 3) for tag in tags}
    candidates = list(dict.fromkeys([*tags, *(name for tag in tags for name in near[tag])]))
    seen, _ = _with_a_visible_document(candidates[:SHOWN_TAGS], asker, reader, channels)
    return [name for tag in tags if tag not in seen for name in near[tag] if name in seen]


def _names(begins: Sequence[str], asker: Asker, reader: Reader) -> tuple[list[str], bool]:
    wanted = [(index.prefix(asker.team, scope), begin) for scope in asker.scopes for begin in dict.fromkeys(begins)]
    pages = reader.each(lambda folder: reader.folders(*folder, PAGE), wanted)
    return sorted({name for page in pages for name in page.names}), all(page.whole for page in pages)


def _with_a_visible_document(
    tags: Sequence[str], asker: Asker, reader: Reader, channels: Channels
) -> tuple[list[str], bool]:
    """Return those of *tags* of which one of the newest documents is visible, and whether all could be looked up.

    The index alone does not show a tag: a channel may have become private since.
    """
    prefixes = [index.prefix(asker.team, scope, tag) for tag in tags for scope in asker.scopes]
    pages = reader.each(lambda prefix: reader.keys(prefix, "", NEWEST).names, prefixes)
    width = len(asker.scopes)
    places = {
        tag: sorted({place for page in pages[n * width : (n + 1) * width] for place in page})[:NEWEST]
        for n, tag in enumerate(tags)
    }
    keys = sorted(
        {archive.metadata_key(asker.team, index.file_of(place)) for every in places.values() for place in every}
    )
    records = dict(zip(keys, reader.records(keys), strict=True))
    shares = {
        tag: [
            share
            for place in every
            if (record := records[archive.metadata_key(asker.team, index.file_of(place))])
            for share in _possible(record, [tag], asker)
        ]
        for tag, every in places.items()
    }
    wanted = [channel for every in shares.values() for channel in visibility.elsewhere(every, asker)]
    channels.learn(wanted, reader.each)
    return [tag for tag in tags if visibility.visible(shares[tag], asker, channels)], channels.know(wanted)
