"""End to end: the time from the post in Slack to the reply in its thread, on the local stack, step by step."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from local.pipeline import Pipeline
from local.slack import Generated
from local.slack.model import Message

MB = 1024**2
FILES = (1, 10)
REPLY_SECONDS = 60
STEPS = ("FetchFile", "SaveMetadata", "NotifyOutcome")
ACKNOWLEDGE, START, NOTIFY = "acknowledge", "the workflow starts", "notify posts the reply"


@dataclass(frozen=True)
class Story:
    """One upload: the *seconds* from post to reply, and each step's beginning and end after the post."""

    seconds: float
    steps: dict[str, tuple[float, float]]


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the median upload, by the number of files and by whether the functions were warm."""
    stories: dict[str, list[Story]] = {}
    for _ in range(1 if quick else 3):
        with Pipeline() as pipeline:
            for count in FILES:
                name = f"{count} file{'s' * (count > 1)} of 1 MB"
                if count == 1:
                    stories.setdefault(f"{name}, first upload", []).append(_upload(pipeline, count))
                if not quick:
                    _upload(pipeline, count)  # not measured: it starts the processes for several files at once
                warm = [_upload(pipeline, count) for _ in range(1 if quick else 3)]
                stories.setdefault(f"{name}, functions warm", []).extend(warm)
    return {name: _typical(those) for name, those in stories.items()}


def _typical(stories: list[Story]) -> dict[str, Any]:
    middle = sorted(stories, key=lambda story: story.seconds)[len(stories) // 2]
    seconds = [story.seconds for story in stories]
    return {
        "seconds": median(seconds),
        "range": [min(seconds), max(seconds)],
        "steps": middle.steps,
        "shown": middle.seconds,
    }


def _upload(pipeline: Pipeline, count: int) -> Story:
    slack = pipeline.slack
    files = [slack.add_file(f"{number}.bin", Generated(MB, seed=number)) for number in range(count)]
    start = time.time()
    message = slack.upload(slack.channels[0], slack.users[0], files, text="Read this #docs")
    replies = slack.wait_for_replies(message.channel, message.ts, timeout=REPLY_SECONDS)
    if not replies:
        raise RuntimeError(f"no reply within {REPLY_SECONDS} s; see {pipeline.folder}")
    replied = time.time()
    steps = _steps(pipeline, message, start)
    steps[NOTIFY] = (steps["NotifyOutcome"][0], replied - start)
    return Story(replied - start, steps)


def _steps(pipeline: Pipeline, message: Message, start: float) -> dict[str, tuple[float, float]]:
    """Return when each step of the execution began and ended."""
    delivery = next(each for each in pipeline.slack.deliveries if each.envelope == message.envelope)
    delivery.wait(REPLY_SECONDS)
    seconds = delivery.attempts[0].seconds
    steps: dict[str, tuple[float, float]] = {ACKNOWLEDGE: (0.0, seconds)}
    for event in _history(pipeline, message):
        at = event["timestamp"].timestamp() - start
        if event["type"] == "ExecutionStarted":
            steps[START] = (at, at)
        details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
        name = details.get("name")
        if name in STEPS:
            first, last = steps.get(name, (at, at))
            steps[name] = (min(first, at), max(last, at))
    return steps


def _history(pipeline: Pipeline, message: Message) -> list[Any]:
    """Return the execution's history once it has ended."""
    states = pipeline.aws.client("stepfunctions")
    name = f"{message.envelope['team_id']}-{message.channel.id}-{message.ts.replace('.', '_')}"
    arn = f"{pipeline.deployment.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.02)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]
