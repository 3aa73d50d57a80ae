"""Failed executions, started again: `make replay STAGE=dev SINCE=2026-11-23T10:00`.

Safe to repeat: what is archived already is found to be so, and a replay that runs or went well is not repeated.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from operations import chalice_config
from operations.console import Stop, run, say

PROJECT = Path(__file__).parent.parent
_AGAIN = re.compile(r"(?P<name>.+?)(?:-r(?P<number>[0-9]+))?", re.ASCII)
_WITHOUT_SUCCESS = ("FAILED", "TIMED_OUT", "ABORTED")


class Attempt(NamedTuple):
    """One execution of a message, the *number*th replay of *name* (0: the first attempt)."""

    name: str
    number: int
    status: str
    began: datetime
    arn: str


def replay(client: Any, state_machine: str, since: datetime) -> list[str]:
    """Start again what began after *since* and has not succeeded; return the new executions' names.

    An execution and its replays (`T1-C1-1499081899_737651-r1`, `-r2`, …) are one: the last of them counts. Each
    has the first one's input, and a notice of its own.
    """
    started = []
    for attempt in _last(_attempts(client, state_machine)):
        if attempt.status in _WITHOUT_SUCCESS and attempt.began >= since:
            text = client.describe_execution(executionArn=attempt.arn)["input"]
            name = f"{attempt.name}-r{attempt.number + 1}"
            client.start_execution(stateMachineArn=state_machine, name=name, input=text)
            started.append(name)
    return started


def _attempts(client: Any, state_machine: str) -> Iterator[Attempt]:
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=state_machine)
    for one in (one for page in pages for one in page["executions"]):
        name = _AGAIN.fullmatch(one["name"])
        assert name is not None, "every name matches"
        number = int(name["number"] or 0)
        yield Attempt(name["name"], number, one["status"], one["startDate"], one["executionArn"])


def _last(attempts: Iterator[Attempt]) -> list[Attempt]:
    """Return the last attempt of each message, oldest message first; one that succeeded or runs comes first."""
    best: dict[str, Attempt] = {}
    for attempt in attempts:
        other = best.get(attempt.name)
        if other is None or _rank(attempt) > _rank(other):
            best[attempt.name] = attempt
    return sorted(best.values(), key=lambda attempt: attempt.began)


def _rank(attempt: Attempt) -> tuple[bool, int]:
    return attempt.status not in _WITHOUT_SUCCESS, attempt.number


def moment(text: str) -> datetime:
    """Return what *text* (2026-11-23, or 2026-11-23T10:00, UTC unless it says otherwise) means."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise Stop(
            f"{text or 'Nothing'} is no time: make replay STAGE=dev SINCE=2026-11-23T10:00 (UTC)."
        ) from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def main() -> None:
    """Replay for the stage and since the time that the command line names."""
    stage, since = (*sys.argv[1:], "", "")[:2]
    state_machine = chalice_config.variable(PROJECT, stage, "SLACK_INTEGRATOR_SF")
    if state_machine is None:
        raise Stop(
            f"Stage {stage or '(none)'} is not deployed from here: make replay STAGE=dev SINCE=2026-11-23T10:00"
        )
    client: Any = boto3.client("stepfunctions", region_name=state_machine.split(":")[3])
    started = replay(client, state_machine, moment(since))
    for name in started:
        say(name)
    print(
        f"{len(started)} started again." if started else "Nothing has failed since then, or it runs again already."
    )


if __name__ == "__main__":
    run(main)
