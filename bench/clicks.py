"""What a person does to find a document: each takes as long as they wait for what it shows."""

import time
from collections.abc import Callable
from typing import Any

from local.pipeline import Pipeline
from local.slack.model import Ephemeral, User

FAILED = "The search did not work"
WORD = "board"
Act = Callable[[], object]


def ask(pipeline: Pipeline, user: User, text: str) -> float:
    """Ask as the slash command does, and return the seconds until the answer."""
    start = time.perf_counter()
    result = pipeline.slack.command(pipeline.slack.channels[0], user, "/docs", text)
    seconds = time.perf_counter() - start
    if not result.attempt.succeeded:
        raise RuntimeError(f"the command was not answered; see {pipeline.folder}")
    _check(pipeline, result.text)
    return seconds


def show_more(pipeline: Pipeline, user: User) -> Callable[[], float]:
    """Ask, and return what clicks *Show more* below the answer, each time the same one."""
    ask(pipeline, user, WORD)
    ephemeral: Ephemeral = pipeline.slack.workspace.ephemerals[-1]
    first = ephemeral.body
    action, block = _button(first, "Show more")

    def click() -> float:
        ephemeral.body = first
        seconds = _seconds(lambda: pipeline.slack.interactions.click(user, ephemeral, action, block))
        _check(pipeline, str(ephemeral.body))
        if ephemeral.body == first:
            raise RuntimeError(f"the click showed nothing; see {pipeline.folder}")
        return seconds

    return click


def open_home(pipeline: Pipeline, user: User) -> float:
    """Open Home, and return the seconds until it is shown."""
    slack = pipeline.slack
    envelope = slack.open_home(user, deliver=False)
    seconds = _seconds(lambda: slack.deliver(envelope))
    if slack.views.home(user.id) is None:
        raise RuntimeError(f"Home was not shown; see {pipeline.folder}")
    return seconds


def search_home(pipeline: Pipeline, user: User) -> float:
    """Type a word into Home's search field, and return the seconds until its answer is shown there."""
    seconds = _seconds(lambda: pipeline.slack.interactions.type_home(user, "search", WORD))
    home = str(pipeline.slack.views.home(user.id))
    _check(pipeline, home)
    if f"Documents with {WORD}" not in home:
        raise RuntimeError(f"Home does not show the answer; see {pipeline.folder}")
    return seconds


def _button(body: dict[str, Any], label: str) -> tuple[str, str]:
    for block in body["blocks"]:
        for element in block.get("elements", []):
            if isinstance(element.get("text"), dict) and element["text"]["text"] == label:
                return element["action_id"], block["block_id"]
    raise RuntimeError(f"there is no button {label}")


def _seconds(act: Act) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _check(pipeline: Pipeline, text: str) -> None:
    if FAILED in text:
        raise RuntimeError(f"the search failed; see {pipeline.folder}")
