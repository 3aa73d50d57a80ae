"""Search: how long an answer takes, and the requests it makes: by what is asked, or clicked, and by whom."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from moto.s3.models import s3_backends

from bench import clicks
from bench.counting import Counting
from chalicelib import index
from local.chalice_local import ChaliceLocal
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, User

ARCHIVES = (1_000, 10_000)
ROUNDS = 40
COLD_ROUNDS = 5
COLD = ", the first of a process"
CONVERSATIONS = 25
WORDS = ("report", "board", "finance", "plan", "budget", "notes", "numbers", "draft")
QUESTIONS = {
    "one word, 5 conversations": (5, "board"),
    "one tag, 5 conversations": (5, "#docs"),
    "two words, 5 conversations": (5, "board finance"),
    "what is new, 5 conversations": (5, ""),
    "one word, 25 conversations": (24, "board"),
    "five words, 25 conversations": (24, "report board finance week pdf"),
    "a slip of the pen, 5 conversations": (5, "bord"),
}


FIRST = ("one word, 5 conversations", "a click on Show more", "Home is opened", "a search in Home")
"""What is measured cold, too."""
Act = Callable[[], float]


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by the number of documents and by the question, milliseconds and requests of an answer."""
    return {f"{size:,}": _archive(size, 8 if quick else ROUNDS) for size in ARCHIVES[: 1 if quick else 2]}


def _archive(size: int, rounds: int) -> dict[str, Any]:
    """Time through no proxy, then count through one."""
    with Pipeline() as pipeline:
        acts = _acts(pipeline, _fill(pipeline, size))
        times = {name: _times(act, rounds) for name, act in acts.items()}
        times |= {f"{name}{COLD}": _cold(pipeline, acts[name]) for name in FIRST}
    with Counting() as counting, Pipeline(environ={"AWS_ENDPOINT_URL": counting.url}) as pipeline:
        counting.target = pipeline.aws.url
        acts = _acts(pipeline, _fill(pipeline, size))
        counts = {name: _count(pipeline, counting, act) for name, act in acts.items()}
        counts |= {f"{name}{COLD}": _count_cold(pipeline, counting, acts[name]) for name in FIRST}
    return {name: times[name] | counts[name] for name in times}


def _acts(pipeline: Pipeline, people: dict[int, User]) -> dict[str, Act]:
    """Return what is measured, by name: the questions of the command, then the clicks."""
    member = people[5]
    acts: dict[str, Act] = {
        name: partial(clicks.ask, pipeline, people[many], text) for name, (many, text) in QUESTIONS.items()
    }
    acts["a click on Show more"] = clicks.show_more(pipeline, member)
    acts["Home is opened"] = partial(clicks.open_home, pipeline, member)
    acts["a search in Home"] = partial(clicks.search_home, pipeline, member)
    return acts


def _times(act: Act, rounds: int) -> dict[str, float]:
    for _ in range(2):  # the first ones are not warm
        act()
    return percentiles([act() for _ in range(rounds)])


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return p50 and p95 of *seconds*, in milliseconds."""
    in_order = sorted(seconds)
    return {"p50": in_order[len(in_order) // 2] * 1000, "p95": in_order[int(len(in_order) * 0.95)] * 1000}


def _cold(pipeline: Pipeline, act: Act) -> dict[str, float]:
    """Time *act* as the first thing in each of some processes: the app is imported, but not what answers."""
    times = []
    for _ in range(COLD_ROUNDS):
        _restart(pipeline)
        times.append(act())
    times.sort()
    return {"p50": times[COLD_ROUNDS // 2] * 1000, "p95": times[-1] * 1000}


def _restart(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.routes, ChaliceLocal)
    pipeline.routes.restart()


def _count(pipeline: Pipeline, counting: Counting, act: Act) -> dict[str, int]:
    act()  # so that Slack has said which channels are public
    return _count_once(pipeline, counting, act)


def _count_cold(pipeline: Pipeline, counting: Counting, act: Act) -> dict[str, int]:
    _restart(pipeline)
    return _count_once(pipeline, counting, act)


def _count_once(pipeline: Pipeline, counting: Counting, act: Act) -> dict[str, int]:
    """Return the requests of *act*; a click's answer, which goes to Slack, is one of its calls."""
    counting.requests.clear()
    before = len(pipeline.slack.requests)
    act()
    requests: Counter[str] = counting.requests.copy()
    listings = sum(count for operation, count in requests.items() if " LIST " in operation)
    return {
        "listings": listings,
        "records": requests.total() - listings,
        "slack": len(pipeline.slack.requests) - before,
    }


def _fill(pipeline: Pipeline, size: int) -> dict[int, User]:
    """Put *size* documents into the archive, half of them public; return people by their private conversations."""
    slack, backend = pipeline.slack, s3_backends[pipeline.aws.account]["aws"]
    rooms, people = settle_people(slack, {many for many, _ in QUESTIONS.values()})
    for number in range(size):
        channel = slack.channels[0] if number % 2 else rooms[number // 2 % CONVERSATIONS]
        record = _record(slack.team_id, channel, number)
        key = f"metadata/{slack.team_id}/{record['file']['id']}.json"
        backend.put_object(pipeline.deployment.bucket, key, json.dumps(record).encode())
        for entry in index.entries(record):
            backend.put_object(pipeline.deployment.bucket, entry, b"")
    return people


def settle_people(slack: Slack, counts: set[int]) -> tuple[list[Channel], dict[int, User]]:
    """Make the private conversations, and for each of *counts* somebody who is in so many of them."""
    rooms = [slack.add_channel(f"room{number}", "group") for number in range(CONVERSATIONS)]
    people = {many: slack.add_user(f"in{many}") for many in counts}
    for many, user in people.items():
        for room in rooms[:many]:
            room.members.add(user.id)
    return rooms, people


def _record(team: str, channel: Channel, number: int) -> Any:
    file_id, creation = f"FX{number:08}", 1_600_000_000 + number
    name, ts = f"{WORDS[number % 8]}-{number}.pdf", f"{creation}.000001"
    comment = f"{WORDS[number // 8 % 8]} for the {WORDS[number // 64 % 8]} of week {number % 52} #docs"
    share: dict[str, Any] = {"team": team, "channel": channel.id, "channel_type": channel.kind, "ts": ts}
    share |= {"thread_ts": None, "user": "U1", "comment": comment, "comment_cut": False, "tags": ["docs"]}
    share |= {"version": ts, "event_id": "Ev1", "deleted": False}
    file: dict[str, Any] = {"id": file_id, "name": name, "title": name, "mimetype": "application/pdf", "size": 1}
    file |= {"sha256": "0" * 64, "created": creation, "uploader": "U1", "permalink": "https://example.slack.com/"}
    whole: dict[str, Any] = {"version": 1, "document": f"documents/{team}/{file_id}/{name}", "file": file}
    return whole | {"tags": ["docs"], "shares": [share], "archived_at": "2026-11-23T10:00:00Z"}
