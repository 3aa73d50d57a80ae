"""Catching up: what a channel's history holds is archived as if its events had come."""

from contextlib import closing
from typing import Any

import pytest

from chalicelib import settings, workflow
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from operations import catchup
from tests.conftest import words

TEXT = ("n.txt", b"note", "text/plain")


@pytest.fixture
def caught_up(pipeline: Pipeline, channel: Channel) -> Any:
    """Catch up with the test's channel; gives the last count."""

    def catch_up(before: str = "", pauses: list[float] | None = None) -> catchup.Count:
        found = pipeline.aws.environ() | dict(pipeline.deployed.environ)
        chosen = settings.load(*catchup.NEEDED, environ=found)

        def start(change: Any) -> None:
            name, text = workflow.execution_name(change), workflow.execution_input(change)
            with closing(Client(STEP_FUNCTIONS, 5, 5, {**pipeline.aws.environ(), **found})) as client:
                workflow.start(client, chosen.state_machine, name, text, 0.0)

        history = catchup.History(chosen, channel.id, (pauses if pauses is not None else []).append)
        return list(catchup.catch_up(history, 1.0, before, start))[-1]

    return catch_up


def test_what_slack_never_told_is_archived_threads_included(slack: Slack, channel: Channel, caught_up: Any) -> None:
    old = slack.upload(channel, slack.users[0], [TEXT], "#old", deliver=False)
    root = slack.say(channel, slack.users[1], "The minutes?", deliver=False)
    reply = slack.upload(channel, slack.users[0], [TEXT], "#reply", thread_ts=root.ts, deliver=False)
    count = caught_up()
    assert "#old" in words(slack.wait_for_replies(channel, old.ts)[0])
    assert "#reply" in words(slack.wait_for_replies(channel, reply.thread_ts or "")[0])
    assert (count.messages, count.uploads) == (3, 2)


def test_doing_it_again_and_after_the_event_changes_nothing(slack: Slack, channel: Channel, caught_up: Any) -> None:
    message = slack.upload(channel, slack.users[0], [TEXT])
    slack.wait_for_replies(channel, message.ts)
    caught_up()
    assert caught_up().uploads == 1
    assert len(slack.replies(channel, message.ts)) == 1


def test_a_long_history_is_read_page_by_page_and_from_where_it_stopped(
    slack: Slack, channel: Channel, caught_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "PAGE", 2)
    messages = [slack.say(channel, slack.users[0], f"{number}", deliver=False) for number in range(5)]
    assert caught_up().messages == 5
    assert caught_up(before=messages[2].ts).messages == 2


def test_a_rate_limit_is_waited_out(slack: Slack, channel: Channel, caught_up: Any) -> None:
    slack.say(channel, slack.users[0], "Hello", deliver=False)
    slack.misbehave("api_rate_limited", times=1, only="conversations.history", retry_after=30)
    pauses: list[float] = []
    assert caught_up(pauses=pauses).messages == 1
    assert 30.0 in pauses
