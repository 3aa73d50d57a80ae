"""S3 read for somebody who waits: many requests at once, and never later than the answer is due."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from chalicelib import archive
from chalicelib.errors import ArchiveUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 16
T = TypeVar("T")
R = TypeVar("R")


class Page(NamedTuple):
    """What a listing found: the keys, or the folders, without what it was asked for; and whether that is all."""

    names: list[str]
    whole: bool


class Reader:
    """Reads *bucket* until *end* (time.monotonic); afterwards every wait raises ArchiveUnavailable.

    A context: what is still under way at its end is left to its own time limits.
    """

    def __init__(self, s3: "S3Client", bucket: str, end: float) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._s3, self._bucket, self._end = s3, bucket, end
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def has_time(self, seconds: float) -> bool:
        """Tell whether *seconds* are left."""
        return time.monotonic() + seconds < self._end

    def each(self, action: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return what *action* makes of each of *items*, all at once; the first error is raised."""
        try:
            return list(self._pool.map(action, items, timeout=max(0.0, self._end - time.monotonic())))
        except TimeoutError as error:
            raise ArchiveUnavailable("The archive took too long.") from error

    def keys(self, prefix: str, after: str, most: int) -> Page:
        """Return the ends of up to *most* keys that begin with *prefix*, those that come after *after*."""
        found = self._listed(Prefix=prefix, MaxKeys=most, **({"StartAfter": prefix + after} if after else {}))
        names = [one["Key"].removeprefix(prefix) for one in found.get("Contents", [])]
        return Page(names, not found["IsTruncated"])

    def folders(self, prefix: str, begin: str, most: int) -> Page:
        """Return the names of up to *most* folders in *prefix*, those that begin with *begin*."""
        found = self._listed(Prefix=prefix + begin, Delimiter="/", MaxKeys=most)
        names = [one["Prefix"].removeprefix(prefix).rstrip("/") for one in found.get("CommonPrefixes", [])]
        return Page(names, not found["IsTruncated"])

    def records(self, keys: Iterable[str]) -> list[archive.Record | None]:
        """Return the records at *keys*, None for those that are not there."""
        return [kept and kept.value for kept in self.each(self._record, keys)]

    def _record(self, key: str) -> archive.Kept | None:
        return archive.read(self._s3, self._bucket, key)

    def _listed(self, **arguments: Any) -> Any:
        with archive.answering("a search"):
            return self._s3.list_objects_v2(Bucket=self._bucket, **arguments)
