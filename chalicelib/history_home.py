"""What is not archived of the past of conversations, for the Home of whoever may see the conversation.

Of the conversations whose past was read last; for as long as Home shows what is not archived of a person's uploads.
"""

from typing import NamedTuple

from chalicelib import layout, visibility
from chalicelib.archive import JsonObject
from chalicelib.bucket import Bucket
from chalicelib.history_run import Problem, Run
from chalicelib.listings import Listings
from chalicelib.visibility import Asker, Channels

MOST_RUNS = 16
MOST_PASTS = 5
MOST_FILES = 5
SECONDS = 30 * 86_400.0
"""As in stepfunctions/stack.yaml for problems/."""


class Past(NamedTuple):
    """*problems* are files of *channel*'s past that are not archived; *more* of them are not named."""

    channel: str
    channel_type: str
    problems: list[Problem]
    more: int


def pasts(asker: Asker, bucket: Bucket, listings: Listings, channels: Channels, now: float) -> list[Past]:
    """Return what *asker* may see, that of the conversation which was read last first."""
    prefix = layout.histories_prefix(asker.team)
    names = listings.newest(prefix, now - SECONDS, MOST_RUNS)
    runs: list[JsonObject[Run] | None] = listings.deadline.map(bucket.read, [prefix + name for name in names])
    channels_of = [name.removesuffix(".json") for name in names]
    visible = [
        _past(channel, run.value)
        for channel, run in zip(channels_of, runs, strict=True)
        if run and run.value["problems"] and visibility.may_see(channel, run.value["channel_type"], asker, channels)
    ]
    rest = [_without_archived(past, asker.team, bucket, listings) for past in visible[:MOST_PASTS]]
    return [past for past in rest if past.problems or past.more]


def _past(channel: str, run: Run) -> Past:
    problems = run["problems"][:MOST_FILES]
    missing_count = run["counts"]["skipped"] + run["counts"]["failed"]
    return Past(channel, run["channel_type"], problems, max(0, missing_count - len(problems)))


def _without_archived(past: Past, team: str, bucket: Bucket, listings: Listings) -> Past:
    """Return *past* without the files that were archived since."""
    keys = [layout.metadata_key(team, problem["file"] or "") for problem in past.problems]
    records = listings.deadline.map(bucket.read, keys)
    problems = [problem for problem, record in zip(past.problems, records, strict=True) if not record]
    return past._replace(problems=problems)
