"""Sorted listings of the index, merged: the documents that all of some tags and words have in common.

Each tag or word has one sorted listing per scope, with the same key for a document under every one of them. Where
one listing is ahead of the others, these are listed from there on.
"""

from chalicelib.listings import Listings

ROUNDS = 6
"""Times that the listings are continued."""
ROUND_SECONDS = 0.5
"""A round is not begun when less is left."""
_NEVER = "~"
"""Greater than every place."""


class Listing:
    """The keys of a tag or word in a scope: the *places* of the newest page, of *page* keys at most.

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
    """The places that all *lookups* have, in order, as far as `ROUNDS` rounds of listing lead.

    A lookup is the listings of a tag or word; a place in any of them is one of the lookup's.
    """

    def __init__(self, lookups: list[list[Listing]], after: str, listings: Listings) -> None:
        self._listings, self._lookups = listings, lookups
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
        """List on where listings have ended, then take what all have in common, as far as all were listed."""
        self._list_on(max(min(listing.next_after(self._at) for listing in lookup) for lookup in self._lookups))
        end = min(listing.end for lookup in self._lookups for listing in lookup)
        places = ({place for listing in lookup for place in listing.places} for lookup in self._lookups)
        self._ready += sorted(place for place in set.intersection(*places) if self._at < place <= end)
        self._ended = any(all(listing.next_after(end) == _NEVER for listing in lookup) for lookup in self._lookups)
        self._at = end

    def _list_on(self, begin: str) -> None:
        """Go on with the listings that have not got beyond *begin*, the first place that all could have."""
        every = (listing for lookup in self._lookups for listing in lookup)
        short = [listing for listing in every if not listing.is_complete and listing.horizon <= begin]
        start = max(self._at, begin.partition("-")[0] + "-")  # so that *begin* is listed as well
        self._listings.deadline.map(lambda listing: listing.go_on(self._listings, start), short)
        self._rounds += 1
