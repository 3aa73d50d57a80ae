"""A run of history.asl.json: what the workflow carries from turn to turn, and the record of how far it is."""

import re
from typing import TypedDict

from chalicelib.conversation import Position
from chalicelib.errors import NotUnderstood

POSTING = "posting"
_EXECUTION = re.compile(r"(([A-Z0-9]+)-([A-Z0-9]+)-history-[0-9]+_[0-9]+)(?:-[0-9]+)?", re.ASCII)


class Order(TypedDict):
    """What the workflow carries from turn to turn, and begins with.

    *run* is the first execution's name, *latest* the ts from which the reading goes back to *since*. *tell*: the
    conversation is told. *state* is running, ended, stopped or continued; *wait* are seconds, until the next turn.
    """

    team: str
    channel: str
    run: str
    latest: str
    since: str
    tell: bool
    part: int
    turns: int
    wait: int
    state: str


class Started(TypedDict):
    """An execution that is waited for, with the ts of its message, and the number of its files."""

    name: str
    ts: str
    files: int
    at: float


class Problem(TypedDict):
    """A file that is not in the archive, and why."""

    ts: str
    file: str | None
    name: str | None
    status: str
    reason: str


class Run(TypedDict):
    """How far the archiving of a conversation's past is. *state* is running, done, stopped or left.

    *since_shown* is epoch seconds: the conversation cannot be older. *total* are the files that Slack lists.
    *part* is the part of the run that goes on, each an execution of its own. *notice* is the ts of the app's
    message; None before it is posted, "" if it is not to be, POSTING while it is unknown whether it was. *delays*
    counts the turns in a row that Slack did not answer, *idle* those in which nothing happened.
    """

    version: int
    run: str
    part: int
    state: str
    reason: str | None
    latest: str
    since: str
    since_shown: float
    began: float
    channel_type: str
    bot_user: str
    position: Position
    started: list[Started]
    counts: dict[str, int]
    problems: list[Problem]
    total: int
    notice: str | None
    notice_text: str
    notice_at: float
    delays: int
    idle: int
    at: float


def order(team: str, channel: str, latest: str, since: str, *, tell: bool) -> Order:
    """Return the input of the execution that archives the past of *channel*, from *latest* back to *since*."""
    name = f"{team}-{channel}-history-{latest.replace('.', '_')}"
    return {
        "team": team,
        "channel": channel,
        "run": name,
        "latest": latest,
        "since": since,
        "tell": tell,
        "part": 1,
        "turns": 0,
        "wait": 0,
        "state": "running",
    }


def machine(workflow: str) -> str:
    """Return the ARN of the state machine that reads histories, beside the *workflow* that archives."""
    return f"{workflow}-history"


def execution(run: str, part: int) -> str:
    """Return the name of the execution that is *part* of *run*."""
    return run if part == 1 else f"{run}-{part}"


def is_history(execution: object) -> bool:
    """Return True for the name of an execution that reads a history."""
    return isinstance(execution, str) and _EXECUTION.fullmatch(execution) is not None


def history_of(execution: str) -> tuple[str, str, str]:
    """Return the team, the conversation and the run of an execution by its name. Raise NotUnderstood."""
    name = _EXECUTION.fullmatch(execution)
    if name is None:
        raise NotUnderstood("The execution is not named after a conversation's past.")
    return name[2], name[3], name[1]
