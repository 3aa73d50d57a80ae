"""The archive's listings and records, read within a deadline."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib.bucket import Bucket
from chalicelib.deadline import Deadline
from chalicelib.layout import DocumentRecord


class Page(NamedTuple):
    """A page of a listing: the *names*, without the prefix that was listed, and whether it is the last."""

    names: list[str]
    is_last: bool


class Listings:
    """Reads the archive's *bucket* until the *deadline*."""

    def __init__(self, bucket: Bucket, deadline: Deadline) -> None:
        self._bucket = bucket
        self.deadline = deadline

    def keys(self, prefix: str, after: str, most: int) -> Page:
        """Return the ends of up to *most* keys that begin with *prefix*, from behind *prefix* + *after* on."""
        page = self._bucket.page(prefix, prefix + after if after else "", most)
        return Page([entry.key.removeprefix(prefix) for entry in page.entries], page.is_last)

    def newest(self, prefix: str, after: float, most: int) -> list[str]:
        """Return the ends of the *most* keys that begin with *prefix* and were written last, *after* epoch seconds.

        Of more than a thousand such keys only the first thousand are looked at.
        """
        since = f"{datetime.fromtimestamp(after, UTC):%Y-%m-%dT%H:%M:%S}"
        times = {entry.key.removeprefix(prefix): entry.modified for entry in self._bucket.page(prefix).entries}
        recent = [name for name, at in times.items() if at > since]
        return sorted(recent, key=lambda name: times[name], reverse=True)[:most]

    def folders(self, prefix: str, begin: str, most: int) -> Page:
        """Return the names of up to *most* folders in *prefix*, of those that begin with *begin*."""
        page = self._bucket.page(prefix + begin, most=most, delimiter="/")
        return Page([folder.removeprefix(prefix).rstrip("/") for folder in page.folders], page.is_last)

    def records(self, keys: Iterable[str]) -> list[DocumentRecord | None]:
        """Return the documents' records at *keys*, None for those that are not there."""
        return [record and record.value for record in self.deadline.map(self._bucket.read, keys)]
