"""The archive's listings and records, read within a deadline."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from chalicelib.archive import Archive, s3_errors
from chalicelib.deadline import Deadline
from chalicelib.layout import DocumentRecord


class Page(NamedTuple):
    """A page of a listing: the *names*, without the prefix that was listed, and whether it is the last."""

    names: list[str]
    is_last: bool


class Listings:
    """Reads the *archive* until the *deadline*."""

    def __init__(self, archive: Archive, deadline: Deadline) -> None:
        self._archive = archive
        self.deadline = deadline

    def keys(self, prefix: str, after: str, most: int) -> Page:
        """Return the ends of up to *most* keys that begin with *prefix*, from behind *prefix* + *after* on."""
        answer = self._list(Prefix=prefix, MaxKeys=most, **({"StartAfter": prefix + after} if after else {}))
        names = [entry["Key"].removeprefix(prefix) for entry in answer.get("Contents", [])]
        return Page(names, not answer["IsTruncated"])

    def newest(self, prefix: str, after: float, most: int) -> list[str]:
        """Return the ends of the *most* keys that begin with *prefix* and were written last, *after* epoch seconds.

        Of more than a thousand such keys only the first thousand are looked at.
        """
        entries = self._list(Prefix=prefix).get("Contents", [])
        written = {entry["Key"].removeprefix(prefix): entry["LastModified"].timestamp() for entry in entries}
        recent = [name for name, at in written.items() if at > after]
        return sorted(recent, key=lambda name: written[name], reverse=True)[:most]

    def folders(self, prefix: str, begin: str, most: int) -> Page:
        """Return the names of up to *most* folders in *prefix*, of those that begin with *begin*."""
        answer = self._list(Prefix=prefix + begin, Delimiter="/", MaxKeys=most)
        names = [entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in answer.get("CommonPrefixes", [])]
        return Page(names, not answer["IsTruncated"])

    def records(self, keys: Iterable[str]) -> list[DocumentRecord | None]:
        """Return the documents' records at *keys*, None for those that are not there."""
        return [record and record.value for record in self.deadline.map(self._archive.read, keys)]

    def _list(self, **arguments: Any) -> Any:
        with s3_errors("searching"):
            return self._archive.s3.list_objects_v2(Bucket=self._archive.bucket, **arguments)
