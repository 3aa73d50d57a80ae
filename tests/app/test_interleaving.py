"""Index entries may be too many, never too few: whatever happens to one document at the same moment.

Several workers follow what happened to messages that share a document. Their requests to S3 go through one by one,
in an order drawn by chance, and any of them may die at any request, before it or after it, and be started again.
"""

import os
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import index, layout, records
from chalicelib.archive import Archive
from chalicelib.records import Step
from tests.app.test_records import NOW, fetched, file_deletion, of_team, step

MORE = int(os.environ.get("INTERLEAVINGS", "4"))
"""Orders by chance, beside those four that found an entry missing before its record was looked at again."""


class DeadError(BaseException):
    """The function was ended in the middle."""


class Turns:
    """Lets one request of one worker through at a time; *rng* chooses whose."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._condition = threading.Condition()
        self._waiting: list[int] = []
        self._running: set[int] = set()
        self._turn: int | None = None

    def join(self, worker: int) -> None:
        with self._condition:
            self._running.add(worker)

    def leave(self, worker: int) -> None:
        with self._condition:
            self._running.discard(worker)
            self._choose()

    def take(self, worker: int, request: Callable[[], Any]) -> Any:
        """Wait for the worker's turn, do *request*, and let the next one go."""
        with self._condition:
            self._waiting.append(worker)
            self._choose()
            while self._turn != worker:
                self._condition.wait()
            self._waiting.remove(worker)
            self._turn = -1
            try:
                return request()
            finally:
                self._turn = None
                self._choose()

    def _choose(self) -> None:
        """Choose when every worker that runs waits; those that are many threads count once."""
        if self._turn is None and self._waiting and self._running <= set(self._waiting):
            self._turn = self._rng.choice(sorted(set(self._waiting)))
        self._condition.notify_all()


class Mortal(Archive):
    """The archive as one worker reaches it: in turns, and dead after *lives* requests, done or not."""

    def __init__(self, s3: Any, bucket: str, turns: Turns, worker: int, lives: int, is_done: bool) -> None:
        super().__init__(s3, bucket)
        self._turns, self._worker, self._lives, self._done = turns, worker, lives, is_done

    def read(self, key: str) -> Any:
        return self._request(lambda: Archive.read(self, key))

    def write(self, key: str, value: Any, *, over: Any) -> Any:
        return self._request(lambda: Archive.write(self, key, value, over=over))

    def has(self, key: str) -> bool:
        return bool(self._request(lambda: Archive.has(self, key)))

    def put_empty(self, key: str) -> None:
        self._request(lambda: Archive.put_empty(self, key))

    def delete(self, key: str) -> None:
        self._request(lambda: Archive.delete(self, key))

    def _request(self, request: Callable[[], Any]) -> Any:
        def once() -> Any:
            self._lives -= 1
            if self._lives < 0 or (self._lives == 0 and not self._done):
                raise DeadError
            result = request()
            if self._lives == 0:
                raise DeadError
            return result

        return self._turns.take(self._worker, once)


def missing(s3: Any, bucket: str, team: str) -> set[str]:
    """The entries that the document's record promises and the index has not."""
    record = Archive(s3, bucket).read(layout.metadata_key(team, "F1"))
    assert record is not None
    keys = [
        entry["Key"]
        for kind in index.KINDS
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=index.prefix_of_all(kind, team)).get("Contents", [])
    ]
    return index.entries(record.value) - set(keys)


def run(s3: Any, bucket: str, turns: Turns, worker: int, one_step: Step, rng: random.Random) -> None:
    """Follow *one_step* as the workflow does: start again whatever died."""
    lives = [rng.randint(1, 25) for _ in range(rng.choice([0, 1, 2]))] + [10_000]
    for life in lives:
        archive = Mortal(s3, bucket, turns, worker, life, rng.random() < 0.5)
        try:
            records.save(one_step, NOW, archive)
        except DeadError:
            continue
        break
    turns.leave(worker)


def run_all(s3: Any, bucket: str, seed: int, steps: list[Step], rng: random.Random) -> None:
    """Follow all of *steps* at the same moment."""
    turns = Turns(rng)
    threads = []
    for worker, one_step in enumerate(steps):
        turns.join(worker)
        arguments = (s3, bucket, turns, worker, one_step, random.Random(f"{seed} {worker}"))
        threads.append(threading.Thread(target=run, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.long
@pytest.mark.parametrize("seed", [14, 17, 20, 28, *range(100, 100 + MORE)])
def test_whatever_the_order_and_whoever_dies_no_entry_is_missing(s3: Any, bucket: str, seed: int) -> None:
    rng, team = random.Random(seed), f"TI{seed}"
    first = step("upload", "100.1", "a b", ts="100.1")
    records.save(fetched(of_team(first, team), "F1"), NOW, Archive(s3, bucket))
    steps = [
        step("edit", "101.1", "b", ts="100.1"),
        step("deletion", "102.1", "", "", removed="F1", ts="100.1"),
        fetched(step("upload", "200.1", "a", ts="200.1"), "F1"),
        step("edit", "201.1", "a b", ts="200.1"),
        step("edit", "202.1", "b", ts="200.1"),
    ]
    run_all(s3, bucket, seed, [of_team(one_step, team) for one_step in rng.sample(steps, 3)], rng)
    assert missing(s3, bucket, team) == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", [*range(4), *range(100, 100 + MORE)])
def test_whatever_the_order_and_whoever_dies_a_deleted_file_is_withdrawn(s3: Any, bucket: str, seed: int) -> None:
    rng, team = random.Random(seed), f"TD{seed}"
    steps = [
        fetched(step("upload", "100.1", "a", ts="100.1"), "F1"),
        fetched(step("upload", "200.1", "a", ts="200.1"), "F1"),
        file_deletion(team, "F1", "300.1"),
    ]
    run_all(s3, bucket, seed, [of_team(one_step, team) for one_step in steps], rng)
    record = Archive(s3, bucket).read(layout.metadata_key(team, "F1"))
    assert record is not None
    assert [share["deleted"] for share in record.value["shares"]] == [True, True]
