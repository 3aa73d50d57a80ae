"""Many requests at once, and nobody waits for the slowest."""

import threading
import time

import pytest

from chalicelib.deadline import AT_ONCE, Deadline
from chalicelib.errors import ArchiveUnavailable
from tests.waiting import eventually


@pytest.mark.parametrize("seconds", [0.05, -1.0])
def test_what_is_under_way_when_the_time_is_up_is_not_waited_for(seconds: float) -> None:
    is_over, results = threading.Event(), list[int]()

    def slow(number: int) -> None:
        is_over.wait(3)
        results.append(number)

    with pytest.raises(ArchiveUnavailable), Deadline(time.monotonic() + seconds) as deadline:
        deadline.map(slow, [1, 2])
    assert results == []
    is_over.set()


def test_what_has_not_begun_when_the_time_is_up_does_not_begin() -> None:
    is_over, begun = threading.Event(), list[int]()

    def slow(number: int) -> None:
        begun.append(number)
        is_over.wait(3)

    with pytest.raises(ArchiveUnavailable), Deadline(time.monotonic() + 0.05) as deadline:
        deadline.map(slow, range(2 * AT_ONCE))
    is_over.set()
    assert not eventually(lambda: len(begun) > AT_ONCE, 0.3)
