"""Many requests at once for somebody who waits, and none of them awaited for longer than the answer may take."""

import time
from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from chalicelib.errors import ArchiveUnavailable

AT_ONCE = 16
T = TypeVar("T")
R = TypeVar("R")


class Deadline:
    """A pool of threads, and the *end* (time.monotonic) until which their results are awaited.

    A context: what is still under way when it is left ends by its own time limits.
    """

    def __init__(self, end: float) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._end = end
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def has_time(self, seconds: float) -> bool:
        """Return True if *seconds* are left."""
        return time.monotonic() + seconds < self._end

    def map(self, action: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return what *action* returns for each of *items*, all at once; raise the first error.

        Raises ArchiveUnavailable at the deadline.
        """
        try:
            return list(self._pool.map(action, items, timeout=max(0.0, self._end - time.monotonic())))
        except TimeoutError as error:
            raise ArchiveUnavailable("The answer took too long.") from error
