"""Many uploads at the pace at which Slack delivers at most, each of them more than once in one way or another.

Slack's ceiling is 30,000 events an hour and workspace (https://docs.slack.dev/apis/events-api): some 8 a second.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

from local.clock import Clock
from local.pipeline import Pipeline
from local.slack.model import Message
from local.slack.posting import post
from local.slack.sender import encode

PER_SECOND = 8
AT_ONCE = 12
PATIENCE = 300
"""Seconds for the last uploads to be archived, after the last was made."""


def run(count: int) -> bool:
    """Make *count* uploads, print what came of them, and tell whether each was archived and answered once."""
    with Pipeline(Clock(1)) as pipeline:
        with ThreadPoolExecutor(64) as senders:
            first = _warmed_up(pipeline)
            start = time.monotonic()
            messages = [_upload(pipeline, number, start, senders.submit) for number in range(count)]
            _wait(lambda: _has_all(pipeline, len(first) + count), PATIENCE)
        took = time.monotonic() - start
        for message in messages[::50]:  # once more, when all is long done
            pipeline.slack.deliver(message.envelope | {"event_id": "EvMuchLater"})
        _wait(lambda: not pipeline.aws.async_invocations.pending, 10)
        return _report(pipeline, first, messages, took)


def _warmed_up(pipeline: Pipeline) -> list[Message]:
    """Two small crowds of uploads, to start as many processes as will be needed.

    At this pace a workspace finds the functions warm; here those that all start at once have not a processor each.
    """
    slack, messages = pipeline.slack, list[Message]()
    for _ in range(2):
        for _ in range(AT_ONCE):
            file = ("warm.txt", b"warm", "text/plain")
            messages.append(slack.upload(slack.channels[0], slack.users[0], [file], "#run"))
        _wait(lambda: len(_answers(pipeline)) == len(messages), PATIENCE)
    return messages


def _upload(pipeline: Pipeline, number: int, start: float, submit: Callable[..., Any]) -> Message:
    """The upload with that number, at its time; every fifth event comes once more in one of four ways."""
    slack = pipeline.slack
    time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
    file = (f"file-{number}.txt", f"content of {number}".encode() * 20, "text/plain")
    message = slack.upload(slack.channels[0], slack.users[0], [file], f"#run #n{number}", deliver=False)
    submit(slack.deliver, message.envelope)
    again: dict[int, Callable[[], object]] = {
        0: lambda: slack.deliver(message.envelope),
        5: lambda: slack.deliver(message.envelope | {"event_id": f"EvOther{number}"}),
        10: lambda: _with_retry_header(pipeline, message),
        15: lambda: slack.deliver(message.envelope | {"event_time": 1}),
    }
    if number % 20 in again:
        submit(again[number % 20])
    return message


def _with_retry_header(pipeline: Pipeline, message: Message) -> None:
    body = encode(message.envelope)
    again = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout", "Content-Type": "application/json"}
    post(pipeline.slack.request_url, body, pipeline.slack.sign(body) | again)


def _has_all(pipeline: Pipeline, count: int) -> bool:
    """Tell whether every upload was answered, and how far it is whoever looks on."""
    answer_count, deliveries = len(_answers(pipeline)), pipeline.slack.deliveries
    refusals = sum(bool(delivery.attempts) and not delivery.acknowledged for delivery in deliveries)
    waiting = pipeline.aws.async_invocations.pending
    words = f"{answer_count} of {count} answered, {refusals} deliveries to be tried again, {waiting} notices"
    print(f"\r{words} under way    ", end="", flush=True, file=sys.stderr)
    return answer_count == count


def _answers(pipeline: Pipeline) -> dict[str, list[Message]]:
    """What the app posted, by the upload's ts; in one pass, since there are thousands."""
    answers = defaultdict(list)
    for message in pipeline.slack.messages:
        if message.body.get("bot_id") == pipeline.slack.bot_id:
            answers[str(message.thread_ts)].append(message)
    return answers


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(1)


def _report(pipeline: Pipeline, first: list[Message], messages: list[Message], took: float) -> bool:
    slack, aws = pipeline.slack, pipeline.aws
    keys = {kind: _keys(pipeline, kind) for kind in ("documents", "metadata")}
    file_ids = {message.files[0].id for message in [*first, *messages]}
    answers = _answers(pipeline)
    replies = [answers.get(message.ts, []) for message in [*first, *messages]]
    counts = {
        "deliveries": len(slack.deliveries),
        "not acknowledged": sum(not item.acknowledged for item in slack.deliveries),
        "documents missing or too many": len(file_ids ^ set(keys["documents"]))
        + len(keys["documents"])
        - len(file_ids),
        "records missing or too many": len(file_ids ^ set(keys["metadata"]))
        + len(keys["metadata"])
        - len(file_ids),
        "uploads without a notice": sum(not item for item in replies),
        "uploads with more than one notice": sum(len(item) > 1 for item in replies),
        "uploads said to have failed": sum(any("❌" in reply.text for reply in item) for item in replies),
        "dead letters": len(aws.dead),
    }
    print(f"\n{len(messages)} uploads at {PER_SECOND} a second after {len(first)} others, done after {took:.0f} s:")
    for name, number in counts.items():
        print(f"  {number:>6}  {name}")
    attempts = [attempt.seconds for item in slack.deliveries for attempt in item.attempts]
    print("  " + _spread("from event to acknowledgement, ms", [1000 * seconds for seconds in attempts]))
    each = [(message, answers[message.ts][0]) for message in messages if message.ts in answers]
    waits = [float(reply.ts) - float(message.ts) for message, reply in each]
    print("  " + _spread("from upload to notice, s", waits))
    return not any(number for name, number in counts.items() if name != "deliveries")


def _spread(name: str, values: list[float]) -> str:
    parts = quantiles(values, n=100)
    return f"{name}: median {parts[49]:.1f}, 99th of a hundred {parts[98]:.1f}, longest {max(values):.1f}"


def _keys(pipeline: Pipeline, kind: str) -> list[str]:
    pages = pipeline.aws.client("s3").get_paginator("list_objects_v2")
    keys = pages.paginate(Bucket=pipeline.deployment.bucket, Prefix=f"{kind}/").search("Contents[].Key")
    return [key.split("/")[2].removesuffix(".json") for key in keys if key]
