"""`make catchup STAGE=… CHANNEL=… SINCE=…`: archive what Slack never told about, from the channel's history.

Slack gives an event up after some six minutes, and tells nothing of what was posted before the app was invited.
Here the history is read, newest first, with the threads of its messages, and for each message with files the same
execution is started that its event would have started: what was archived before is left as it is. Replies in
threads that began before SINCE are not found, since Slack lists them nowhere.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib import clients, events, workflow
from chalicelib.errors import IntegratorError, NotUnderstood, SlackRateLimited
from chalicelib.settings import Settings
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack
from operations import stages
from operations.console import Stop
from operations.stages import PROJECT, Stage
from operations.times import moment

USAGE = "make catchup STAGE=dev CHANNEL=C0123456789 SINCE=2026-11-01"
PAGE = 200
"""Messages in an answer; Slack advises no more (https://docs.slack.dev/apis/web-api/pagination)."""
SECONDS_BETWEEN_CALLS = 1.2
"""conversations.history and .replies are of tier 3: 50 a minute (https://docs.slack.dev/apis/web-api/rate-limits)."""
SECONDS_PER_START = 5, 10
"""To connect, and for the answer: there is no hurry here."""
NEEDED = ("ACCESS_TOKEN", "SLACK_URL", "SLACK_INTEGRATOR_SF")
BOOKMARKS = PROJECT / ".local"
_KINDS = {"is_im": "im", "is_mpim": "mpim", "is_private": "group", "is_group": "group"}

Json = dict[str, Any]


@dataclass
class Count:
    """How far it is: *at* is the ts of the oldest message that is done."""

    at: float
    messages: int = 0
    uploads: int = 0
    not_understood: int = 0


class History:
    """One channel as the app sees it, read within Slack's limits; *pause* sleeps for seconds."""

    def __init__(self, settings: Settings, channel: str, pause: Callable[[float], object] = time.sleep) -> None:
        self._slack, self._channel, self._pause = Slack(clients.http(), settings), channel, pause
        me = self._call("auth.test", {})
        about = self._call("conversations.info", {"channel": channel})["channel"]
        kind = next((kind for name, kind in _KINDS.items() if about.get(name)), "channel")
        self._place = {"channel": channel, "channel_type": kind}
        installation = {"team_id": me["team_id"], "user_id": me["user_id"], "is_bot": True}
        self._envelope = {"type": "event_callback", "team_id": me["team_id"], "authorizations": [installation]}

    def pages(self, since: float, before: str) -> Iterator[list[Json]]:
        """Give the messages between *since* and *before* (exclusive, "" for now) a page at a time, newest first."""
        while True:
            messages = self._call(
                "conversations.history",
                {"channel": self._channel, "oldest": f"{since:.6f}", "limit": PAGE}
                | ({"latest": before} if before else {}),
            )["messages"]
            if not messages:
                return
            yield messages
            before = messages[-1]["ts"]

    def thread(self, root: Json) -> Iterator[Json]:
        """Give the replies to *root*."""
        cursor = ""
        while root.get("reply_count"):
            arguments = {"channel": self._channel, "ts": root["ts"], "limit": PAGE, "cursor": cursor}
            answer = self._call("conversations.replies", arguments)
            yield from (message for message in answer["messages"] if message["ts"] != root["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def change(self, message: Json) -> events.Change | None:
        """Return what *message* uploaded, or tagged in a thread, as its event would have said."""
        return events.change({**self._envelope, "event": {**message, **self._place}})

    def _call(self, method: str, arguments: Json) -> Json:
        while True:
            self._pause(SECONDS_BETWEEN_CALLS)
            try:
                return self._slack.call(method, arguments, form=True)
            except SlackRateLimited as limited:
                self._pause(limited.retry_after)


def catch_up(
    history: History, since: float, before: str, start: Callable[[events.Change], None]
) -> Iterator[Count]:
    """Start what was posted after *since* (epoch seconds), before the ts *before*; tell after each page how far."""
    count = Count(at=time.time())
    for page in history.pages(since, before):
        for root in page:
            for message in (root, *history.thread(root)):
                _take(history, message, start, count)
        count.at = float(page[-1]["ts"])
        yield count


def _take(history: History, message: Json, start: Callable[[events.Change], None], count: Count) -> None:
    count.messages += 1
    try:
        change = history.change(message)
        if change:
            start(change)
            count.uploads += change.kind == "upload"
    except NotUnderstood:
        count.not_understood += 1


def _bar(since: float, begun: float, count: Count) -> str:
    part = min(1.0, (begun - count.at) / max(1.0, begun - since))
    day = datetime.fromtimestamp(count.at, UTC).strftime("%Y-%m-%d")
    progress = f"{count.messages} messages, {count.uploads} with files"
    return f"[{'#' * round(30 * part):30}] back to {day}: {progress}"


def main(arguments: Mapping[str, str]) -> None:
    """Catch up with CHANNEL of STAGE since SINCE."""
    since = moment(arguments.get("SINCE", ""), USAGE).timestamp()
    channel = arguments.get("CHANNEL", "").strip()
    if not channel.isalnum() or not channel.isupper():
        raise Stop(f"Say which channel, by its id, which its link ends in: {USAGE}.")
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    bookmark = BOOKMARKS / f"catchup-{stage.name}-{channel}-{since:.0f}.json"
    try:
        count = _run(stage, channel, since, bookmark)
    except IntegratorError as error:
        raise Stop(f"{error} The same command goes on where this one stopped.") from error
    bookmark.unlink(missing_ok=True)
    skipped = f" {count.not_understood} could not be understood." if count.not_understood else ""
    print(f"\nDone: {count.messages} messages, {count.uploads} with files handed to the workflow.{skipped}")


def _run(stage: Stage, channel: str, since: float, bookmark: Path) -> Count:
    settings = stage.settings(*NEEDED)
    client = Client(STEP_FUNCTIONS, *SECONDS_PER_START, stage.environ)

    def start(change: events.Change) -> None:
        name, text = workflow.execution_name(change), workflow.execution_input(change)
        workflow.start(client, settings.state_machine, name, text, time.monotonic() + 1)

    before = json.loads(bookmark.read_text())["before"] if bookmark.exists() else ""
    begun, count = time.time(), Count(at=time.time())
    for count in catch_up(History(settings, channel), since, before, start):
        bookmark.parent.mkdir(exist_ok=True)
        bookmark.write_text(json.dumps({"before": f"{count.at:.6f}"}))
        print("\r" + _bar(since, begun, count), end="", flush=True)
    return count
