"""Failed executions, started again: `make replay STAGE=dev SINCE=2026-11-23T10:00`.

Safe to repeat: what is archived already stays as it is, and a replay that runs or went well is not repeated.
Executions that failed in one outage are not started in one moment: Lambda and Slack would throttle them again.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from operations import stages
from operations.console import say
from operations.times import moment

USAGE = "make replay STAGE=dev SINCE=2026-11-23T10:00"
_NUMBERED = re.compile(r"(?P<name>.+?)(?:-r(?P<number>[0-9]+))?", re.ASCII)
MOST_AT_ONCE = 5
"""A new account's Lambda may run ten functions at once, and what is uploaded meanwhile needs some."""
_PATIENCE = 30.0
"""Seconds. An execution that runs longer waits for a retry, and the next one need not wait for it."""
_WITHOUT_SUCCESS = ("FAILED", "TIMED_OUT", "ABORTED")


class Attempt(NamedTuple):
    """One execution of a message, the *number*th replay of *name* (0: the first attempt)."""

    name: str
    number: int
    status: str
    began: datetime
    arn: str


def replay(client: Any, state_machine: str, since: datetime) -> Iterator[str]:
    """Start again what began after *since* and has not succeeded; yield the new executions' names, as they start.

    An execution and its replays (`T1-C1-1499081899_737651-r1`, `-r2`, …) are one: the last of them counts. Each
    has the first one's input, and brings the message's reply up to date. `MOST_AT_ONCE` run at once.
    """
    running: dict[str, float] = {}
    for attempt in _last(_attempts(client, state_machine)):
        if attempt.status in _WITHOUT_SUCCESS and attempt.began >= since:
            text = _completed(client.describe_execution(executionArn=attempt.arn)["input"])
            name = f"{attempt.name}-r{attempt.number + 1}"
            _wait_for_room(client, running)
            answer = client.start_execution(stateMachineArn=state_machine, name=name, input=text)
            running[answer["executionArn"]] = time.monotonic()
            yield name


def _wait_for_room(client: Any, running: dict[str, float]) -> None:
    """Return when fewer than `MOST_AT_ONCE` of *running* (ARN ► start) run; take the others out."""
    while len(running) >= MOST_AT_ONCE:
        for arn, start in list(running.items()):
            is_running = client.describe_execution(executionArn=arn)["status"] == "RUNNING"
            if not is_running or time.monotonic() - start > _PATIENCE:
                del running[arn]
        if len(running) >= MOST_AT_ONCE:
            time.sleep(0.5)


def _completed(text: str) -> str:
    """Return the input *text* with the files' ids, which releases before 0.2.0 left to the workflow."""
    body = json.loads(text)
    if "file_ids" in body or "files" not in body:
        return text
    file_ids = [file["id"] for file in body["files"]]
    return json.dumps({**body, "file_ids": file_ids}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _attempts(client: Any, state_machine: str) -> Iterator[Attempt]:
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=state_machine)
    for execution in (execution for page in pages for execution in page["executions"]):
        name = _NUMBERED.fullmatch(execution["name"])
        assert name is not None, "every name matches"
        number = int(name["number"] or 0)
        arn, began = execution["executionArn"], execution["startDate"]
        yield Attempt(name["name"], number, execution["status"], began, arn)


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


def main(arguments: Mapping[str, str]) -> None:
    """Replay for STAGE what failed since SINCE."""
    since = moment(arguments.get("SINCE", ""), USAGE)
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    client, count = stage.client("stepfunctions"), 0
    try:
        for name in replay(client, stage.variables["SLACK_INTEGRATOR_SF"], since):
            say(name)
            count += 1
    except client.exceptions.StateMachineDoesNotExist as error:
        raise stage.not_deployed() from error
    print(f"{count} started again." if count else "Nothing has failed since then, or it runs again already.")
