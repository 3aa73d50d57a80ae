"""Catching up: what a channel's history holds is archived as if its events had come."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chalicelib import clients
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack as SlackClient
from local.pipeline import PROJECT, Pipeline
from local.slack import Slack
from local.slack.model import Channel
from operations import catchup
from operations.catchup import Catchup
from operations.console import Stop

TEXT = ("n.txt", b"note", "text/plain")


@pytest.fixture
def started(pipeline: Pipeline, chosen: Settings, archive: Archive, slack: Slack) -> Iterator[Catchup]:
    with closing(Client(STEP_FUNCTIONS, 5, 5, pipeline.aws.environ())) as client:
        machine = pipeline.deployment.state_machine_arn
        yield Catchup(SlackClient(clients.http(), chosen), archive, client, machine, slack.team_id)


def caught_up(started: Catchup, channel: Channel, since: str = "0") -> Any:
    run = started.start(channel.id, since, time.time())
    return catchup.follow(started, {channel.id: run}, pause=0.1)[channel.id]


@pytest.mark.long
def test_what_slack_never_told_is_archived_and_nobody_in_slack_is_told(
    slack: Slack, channel: Channel, started: Catchup, capsys: pytest.CaptureFixture[str]
) -> None:
    slack.upload(channel, slack.users[0], [TEXT], "#old", deliver=False)
    root = slack.say(channel, slack.users[1], "The minutes?", deliver=False)
    slack.upload(channel, slack.users[0], [TEXT], "#reply", thread_ts=root.ts, deliver=False)
    record = caught_up(started, channel)
    assert (record["state"], record["counts"]["archived"]) == ("done", 2)
    assert [
        message for message in slack.messages if message.channel is channel and message.user == slack.bot_user_id
    ] == []
    assert f"[{'#' * 30}] 1 of 1 conversations" in capsys.readouterr().out


@pytest.mark.long
def test_the_same_command_looks_on_while_the_workflow_goes_on(
    slack: Slack, channel: Channel, started: Catchup
) -> None:
    for _ in range(8):
        slack.upload(channel, slack.users[0], [TEXT], deliver=False)
    slack.misbehave("api_rate_limited", times=200, only="conversations.history", retry_after=1)
    first = started.start(channel.id, "0", time.time())
    end = time.monotonic() + 20
    while not started.record(channel.id):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert started.start(channel.id, "0", time.time()) == first
    slack.behave()
    assert catchup.follow(started, {channel.id: first}, pause=0.1)[channel.id]["counts"]["archived"] == 8


def test_all_conversations_are_those_that_the_app_is_in(slack: Slack, channel: Channel, started: Catchup) -> None:
    board, elsewhere = slack.add_channel("board", "group"), slack.add_channel("random", bot_is_member=False)
    ids = {each["id"] for each in started.conversations()}
    assert {channel.id, board.id} <= ids
    assert elsewhere.id not in ids


def test_a_channel_that_is_none_or_that_the_app_is_not_in_is_refused(
    slack: Slack, channel: Channel, started: Catchup
) -> None:
    with pytest.raises(Stop, match=r"no conversation C0NONE.* type “/invite @slack-integrator” in it"):
        caught_up(started, Channel("C0NONE", "none", "channel"))
    slack.remove_app(channel)
    with pytest.raises(Stop, match=f"not in #{channel.name}: type “/invite @slack-integrator” there"):
        caught_up(started, channel)


@pytest.mark.parametrize(
    "form", ["{0.name}", "#{0.name}", "{0.id}", "https://acme.slack.com/archives/{0.id}/p1?a=b"]
)
def test_a_channel_is_named_as_people_know_it(channel: Channel, started: Catchup, form: str) -> None:
    assert started.channel_id(form.format(channel)) == channel.id


def test_a_name_that_no_channel_of_the_app_has_is_answered_with_those_that_it_has(
    slack: Slack, channel: Channel, started: Catchup
) -> None:
    slack.add_channel("somewhere", bot_is_member=False)
    with pytest.raises(Stop, match=r"in no channel #somewhere\. .*/invite.* The app is in #\S+"):
        started.channel_id("#Somewhere")


def test_ten_channels_are_all_named_and_more_are_counted(started: Catchup) -> None:
    with Slack() as small:
        settings = Settings(access_token=small.bot_token, slack_url=small.api_url, slack_loopback=True)
        there = started._replace(slack=SlackClient(clients.http(), settings), team=small.team_id)
        for number in range(10 - len(list(there.conversations()))):
            small.add_channel(f"room{number}")
        with pytest.raises(Stop, match=r"The app is in #[^.]+") as ten:
            there.channel_id("nowhere")
        small.add_channel("zoo")
        with pytest.raises(Stop, match=r"and 1 more\.") as eleven:
            there.channel_id("nowhere")
    assert "more" not in str(ten.value)
    assert "#zoo" not in str(eleven.value)


def test_what_was_not_archived_is_summed_up_with_the_reason(
    slack: Slack, channel: Channel, started: Catchup
) -> None:
    slack.upload(channel, slack.users[0], [slack.add_file("plan", b"", mode="external")], deliver=False)
    text = catchup.summary({channel.id: caught_up(started, channel)})
    assert "1 skipped" in text
    assert "Slack only links to it" in text


@pytest.mark.parametrize("wrong", [{"SINCE": "yesterday"}, {"STAGE": ""}])
def test_what_makes_no_sense_ends_in_a_sentence(wrong: dict[str, str]) -> None:
    with pytest.raises(Stop, match="make catchup"):
        catchup.main({"STAGE": "dev", **wrong})


@pytest.mark.long
def test_ctrl_c_leaves_the_workflow_running_and_the_same_command_looks_on(
    pipeline: Pipeline, slack: Slack, channel: Channel, started: Catchup
) -> None:
    for _ in range(8):
        slack.upload(channel, slack.users[0], [TEXT], deliver=False)
    slack.misbehave("api_rate_limited", times=100_000, only="conversations.history", retry_after=600)
    command = [sys.executable, "-B", "-m", "operations", "catchup", "STAGE=local", f"CHANNEL={channel.id}"]
    about: Any = {"cwd": PROJECT, "env": {**pipeline.aws.environ(), "PATH": ""}, "text": True}
    piped: Any = {**about, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **piped) as first:
        wait_until_shown(first, "back to")
        first.send_signal(signal.SIGINT)
        errors = first.communicate(timeout=60)[1]
    assert (first.returncode, errors) == (130, "\nThe workflow goes on. The same command shows how far it is.\n")
    record = started.record(channel.id)
    assert (record["state"], started.is_alive(record)) == ("running", True)
    with subprocess.Popen(command, **piped) as second:
        wait_until_shown(second, "back to")
        slack.behave()
        output, errors = second.communicate(timeout=120)
    assert (second.returncode, errors) == (0, "")
    assert "Done: 8 files archived, 0 there before, 0 skipped, 0 failed, 0 messages not understood." in output
    assert started.record(channel.id)["run"] == record["run"]


@pytest.mark.long
def test_the_command_fails_where_a_file_did(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    slack.misbehave("login_page")
    slack.upload(channel, slack.users[0], [TEXT], deliver=False)
    command = [sys.executable, "-B", "-m", "operations", "catchup", "STAGE=local", f"CHANNEL={channel.id}"]
    about: Any = {"cwd": PROJECT, "env": {**pipeline.aws.environ(), "PATH": ""}, "text": True}
    process = subprocess.run(command, **about, capture_output=True, check=False)
    assert (process.returncode, process.stderr) == (1, "")
    assert "0 skipped, 1 failed" in process.stdout


def wait_until_shown(process: "subprocess.Popen[str]", text: str) -> None:
    """Read what *process* prints until *text* is there."""
    assert process.stdout
    output = ""
    while text not in output:
        output += process.stdout.read(1) or pytest.fail(f"it ended: {output}")


def test_the_bar_is_of_all_conversations() -> None:
    record: Any = {"state": "done", "counts": {"messages": 3, "archived": 2}}
    assert catchup.bar([record], 3).startswith(f"[{'#' * 10:30}]")
    assert catchup.bar([record, record], 3).startswith(f"[{'#' * 20:30}]")
    assert catchup.bar([], 0).startswith(f"[{'':30}]")


def test_the_bar_moves_from_the_first_page_on_and_never_back() -> None:
    def record(part: str, latest: str, until: int, state: str = "running") -> Any:
        position = {"part": part, "latest": latest, "until": until}
        counts = {"messages": 1, "archived": 0}
        run = {"state": state, "latest": "2000.0", "since_shown": 1000.0, "counts": counts}
        return {**run, "position": position}

    steps = [
        record("messages", "1999.0", 2000),
        record("messages", "1600.0", 2000),
        record("messages", "1000.0", 2000),
        record("files", "1000.0", 2000),
        record("files", "1000.0", 1500),
        record("end", "1000.0", 1500),
        record("end", "1000.0", 1500, "done"),
    ]
    lengths = [catchup.bar([step], 1).count("#") for step in steps]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[1] > 10, lengths[-2] < 30, lengths[-1]) == (1, True, True, 30)
