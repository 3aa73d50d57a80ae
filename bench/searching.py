"""Search: how long `/docs` takes to answer, and the requests it makes, by what is asked and by whom."""

import json
import time
from collections import Counter
from typing import Any

from moto.s3.models import s3_backends

from bench.counting import Counting
from chalicelib import index
from local.chalice_local import ChaliceLocal
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, User

ARCHIVES = (1_000, 10_000)
ROUNDS = 40
COLD_ROUNDS = 5
COLD = "one word, the first of a process"
CONVERSATIONS = 25
FAILED = "The search did not work"
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


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by the number of documents and by the question, milliseconds and requests of an answer."""
    return {f"{size:,}": _archive(size, 8 if quick else ROUNDS) for size in ARCHIVES[: 1 if quick else 2]}


def _archive(size: int, rounds: int) -> dict[str, Any]:
    """Time through no proxy, then count through one."""
    with Pipeline() as pipeline:
        people = _fill(pipeline, size)
        times = {name: _times(pipeline, people[many], text, rounds) for name, (many, text) in QUESTIONS.items()}
        times[COLD] = _cold(pipeline, people[5])
    with Counting() as counting, Pipeline(environ={"AWS_ENDPOINT_URL": counting.url}) as pipeline:
        counting.target = pipeline.aws.url
        people = _fill(pipeline, size)
        counts = {name: _count(pipeline, counting, people[many], text) for name, (many, text) in QUESTIONS.items()}
    counts[COLD] = counts["one word, 5 conversations"] | {"slack": 3}  # which channels are public is not known yet
    return {name: times[name] | counts[name] for name in [*QUESTIONS, COLD]}


def _times(pipeline: Pipeline, user: User, text: str, rounds: int) -> dict[str, float]:
    for _ in range(2):  # the first ones are not warm
        ask(pipeline, user, text)
    return percentiles([ask(pipeline, user, text) for _ in range(rounds)])


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return p50 and p95 of *seconds*, in milliseconds."""
    in_order = sorted(seconds)
    return {"p50": in_order[len(in_order) // 2] * 1000, "p95": in_order[int(len(in_order) * 0.95)] * 1000}


def _cold(pipeline: Pipeline, user: User) -> dict[str, float]:
    """Time the first question to each of some processes: the app is imported, but not what answers."""
    assert isinstance(pipeline.routes, ChaliceLocal)
    times = []
    for _ in range(COLD_ROUNDS):
        pipeline.routes.restart()
        times.append(ask(pipeline, user, "board"))
    times.sort()
    return {"p50": times[COLD_ROUNDS // 2] * 1000, "p95": times[-1] * 1000}


def ask(pipeline: Pipeline, user: User, text: str) -> float:
    """Ask as the slash command does, and return the seconds until the answer."""
    start = time.perf_counter()
    result = pipeline.slack.command(pipeline.slack.channels[0], user, "/docs", text)
    if not result.attempt.succeeded or FAILED in result.text:
        raise RuntimeError(f"the search failed: {result.text}; see {pipeline.folder}")
    return time.perf_counter() - start


def _count(pipeline: Pipeline, counting: Counting, user: User, text: str) -> dict[str, int]:
    ask(pipeline, user, text)  # so that Slack has said which channels are public
    counting.requests.clear()
    before = len(pipeline.slack.requests)
    ask(pipeline, user, text)
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
    file_id, created = f"FX{number:08}", 1_600_000_000 + number
    name, ts = f"{WORDS[number % 8]}-{number}.pdf", f"{created}.000001"
    comment = f"{WORDS[number // 8 % 8]} for the {WORDS[number // 64 % 8]} of week {number % 52} #docs"
    share: dict[str, Any] = {"team": team, "channel": channel.id, "channel_type": channel.kind, "ts": ts}
    share |= {"thread_ts": None, "user": "U1", "comment": comment, "comment_cut": False, "tags": ["docs"]}
    share |= {"version": ts, "event_id": "Ev1", "deleted": False}
    file: dict[str, Any] = {"id": file_id, "name": name, "title": name, "mimetype": "application/pdf", "size": 1}
    file |= {"sha256": "0" * 64, "created": created, "uploader": "U1", "permalink": "https://example.slack.com/"}
    whole: dict[str, Any] = {"version": 1, "document": f"documents/{team}/{file_id}/{name}", "file": file}
    return whole | {"tags": ["docs"], "shares": [share], "archived_at": "2026-11-23T10:00:00Z"}
