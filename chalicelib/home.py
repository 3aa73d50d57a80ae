"""The Home tab as a person sees it: a search field, and below it an answer or what is new.

https://docs.slack.dev/surfaces/app-home. Block Kit takes 100 blocks.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from chalicelib import answers, blocks, history_notices, history_run
from chalicelib.actions import OPEN_HOME, SEARCH, SEARCH_BLOCK
from chalicelib.answers import Answer, Links
from chalicelib.blocks import Block
from chalicelib.errors import GONE, UNKNOWN, coded
from chalicelib.history_home import Past
from chalicelib.layout import Problem, ProblemFile
from chalicelib.search import Hit, Results
from chalicelib.visibility import Asker

View = dict[str, Any]

MOST_BLOCKS = 100
MOST_PROBLEMS = 5
TAGS_OF_A_HIT = 3
WELCOME = """\
*Nothing is archived yet. To begin:*
1. Invite me to a channel: type `/invite` there, and my name.
2. Share a file in it and write a hashtag or two, such as #finance.
3. Come back here: you can find it by its name, by the words of its message and by its tags."""
NOT_ARCHIVED = "Your uploads that are not archived"
PAST_NOT_ARCHIVED = "Shared before I was invited, and not archived"
NOT_FOR_STRANGERS = "I show documents to people of this workspace only."


class Beginning(NamedTuple):
    """What a person sees who asks nothing: what is *new*, the *tags* in use, their own uploads with *problems*.

    *pasts* tell of conversations that they may see.
    """

    asker: Asker
    new: Results
    tags: Sequence[str]
    problems: Sequence[Problem]
    pasts: Sequence[Past] = ()


def beginning(content: Beginning, links: Links) -> View:
    """Return Home as it is when it is opened."""
    hits, tags = content.new.hits, answers.ask_buttons(f"#{tag}" for tag in content.tags)
    body = [*_problems(content.problems), *_pasts(content.pasts)]
    if hits:
        body += [_header("New in the archive"), *_by_day(hits, content.asker, links)]
        body += answers.rest([], content.new)
    if tags:
        body += [_header("Tags in use"), *tags]
    if not hits and not tags:
        body += [blocks.section(WELCOME)]
    return _view([*body, *blocks.sections(answers.limits(content.asker))])


def with_answer(answer: Answer) -> View:
    """Return Home with the answer to a question."""
    return _view([*answer["blocks"], *blocks.buttons(OPEN_HOME, [("Back to what is new", "")])])


def for_strangers() -> View:
    """Return Home for somebody of another workspace."""
    return {"type": "home", "blocks": [blocks.section(NOT_FOR_STRANGERS)]}


def _view(body: Sequence[Block]) -> View:
    return {"type": "home", "blocks": [*_search(), {"type": "divider"}, *body][:MOST_BLOCKS]}


def _search() -> list[Block]:
    """Return the field, which asks at Enter, and a button beside it, for those who look for one."""
    element = {
        "type": "plain_text_input",
        "action_id": SEARCH,
        "placeholder": {"type": "plain_text", "text": "Words or #tags, such as board #2026 pdf"},
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    label = {"type": "plain_text", "text": "Find a document"}
    field = {"type": "input", "block_id": SEARCH_BLOCK, "dispatch_action": True, "label": label, "element": element}
    return [field, *blocks.buttons(SEARCH, [("Search", "")], style="primary")]


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _by_day(hits: Sequence[Hit], asker: Asker, links: Links) -> list[Block]:
    body: list[Block] = []
    newest = sorted(hits, key=_second, reverse=True)
    for _, of_day in groupby(newest, key=lambda hit: _second(hit) // 86_400):
        hits_of_day = list(of_day)
        body.append(blocks.context(_day(_second(hits_of_day[0]))))
        for hit in hits_of_day:
            body += answers.hit_blocks(hit, asker, links, TAGS_OF_A_HIT)
    return body


def _second(hit: Hit) -> int:
    return int(hit.shares[0]["ts"].partition(".")[0])


def _day(second: int) -> str:
    """Return the day as Slack writes it for the reader: Today, Yesterday, November 23rd."""
    return f"<!date^{second}^{{date_long_pretty}}|{datetime.fromtimestamp(second, UTC):%Y-%m-%d}>"


def _problems(problems: Sequence[Problem]) -> list[Block]:
    """Return what of their uploads is not archived, and what to do about it."""
    lines = [
        _line(file["name"] or file["id"], file["reason"], problem)
        for problem in problems
        for file in problem["files"]
    ]
    if not lines:
        return []
    files = [file for problem in problems for file in problem["files"]]
    return [_header(NOT_ARCHIVED), *blocks.sections(lines[: 2 * MOST_PROBLEMS]), *_again(files)]


def _pasts(pasts: Sequence[Past]) -> list[Block]:
    """Return what is not archived of what was shared before the app was invited, by conversation."""
    lines = [line for past in pasts for line in _lines_of(past)]
    files = [problem for past in pasts for problem in past.problems]
    return [_header(PAST_NOT_ARCHIVED), *blocks.sections(lines), *_again(files)] if lines else []


def _again(files: Sequence[ProblemFile] | Sequence[history_run.Problem]) -> list[Block]:
    """Return how to try again, where that may help with one of *files*."""
    may_succeed = any(file["status"] == "failed" and file["reason"] != GONE for file in files)
    return [blocks.context(blocks.TRY_AGAIN)] if may_succeed else []


def _lines_of(past: Past) -> list[str]:
    where = answers.DIRECT.get(past.channel_type, f"in <#{past.channel}>")
    lines = [f"{where[0].upper()}{where[1:]}:", *map(history_notices.line, past.problems)]
    return [*lines, f"… and {past.more} more"] if past.more else lines


def _line(name: str, reason: str | None, problem: Problem) -> str:
    second = int(problem["ts"].partition(".")[0])
    why = blocks.escape(coded(reason or UNKNOWN))
    return f"• {blocks.escape(blocks.shown_name(name))}, {_day(second)}: {why}"
