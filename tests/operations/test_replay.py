"""Failed executions, started again."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import events, workflow
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from operations.replay import MOST_AT_ONCE, replay
from tests.waiting import eventually

BEGAN = datetime.now(UTC)


@pytest.fixture
def failed(slack: Slack, channel: Channel) -> Message:
    """A message whose file could not be fetched, in a workspace that is well again."""
    slack.misbehave("login_page")
    message = slack.upload(channel, slack.users[0], [("r.txt", b"r", "text/plain")])
    slack.wait_for_replies(channel, message.ts)
    slack.behave()
    return message


def attempts(pipeline: Pipeline, message: Message) -> dict[str, str]:
    """The message's executions that have ended, by what follows the message in their names."""
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    part = message.ts.replace(".", "_")
    for _ in range(300):
        items = client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
        ours = {
            execution["name"].partition(part)[2]: execution["status"]
            for execution in items
            if part in execution["name"]
        }
        if "RUNNING" not in ours.values():
            break
        time.sleep(0.02)
    return ours


def replayed(pipeline: Pipeline, message: Message, since: datetime = BEGAN) -> list[Any]:
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    part = message.ts.replace(".", "_")
    return [name.partition(part)[2] for name in replay(client, machine, since) if part in name]


@pytest.mark.long
def test_a_failed_execution_is_started_again_and_reported_in_the_thread(
    pipeline: Pipeline, slack: Slack, channel: Channel, failed: Message
) -> None:
    assert attempts(pipeline, failed) == {"": "FAILED"}
    assert replayed(pipeline, failed) == ["-r1"]
    (reply,) = _good_replies(slack, channel, failed)
    assert reply.text.startswith("✅ 1 file in the archive")


@pytest.mark.long
def test_what_succeeded_in_a_replay_is_not_started_again(
    pipeline: Pipeline, slack: Slack, channel: Channel, failed: Message
) -> None:
    replayed(pipeline, failed)
    _good_replies(slack, channel, failed)
    assert attempts(pipeline, failed) == {"": "FAILED", "-r1": "SUCCEEDED"}
    assert replayed(pipeline, failed) == []


@pytest.mark.long
def test_what_a_release_before_0_2_0_started_is_started_with_the_ids_of_its_files(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    upload = slack.upload(channel, slack.users[0], [("r.txt", b"r", "text/plain")], "Übergabe", deliver=False)
    change = events.change(upload.envelope)
    assert change
    name, text = workflow.execution_name(change), workflow.execution_input(change)
    old = {key: value for key, value in json.loads(text).items() if key != "file_ids"}
    client.start_execution(stateMachineArn=machine, name=name, input=workflow.canonical_json(old))
    assert attempts(pipeline, upload) == {"": "FAILED"}
    assert replayed(pipeline, upload) == ["-r1"]
    assert attempts(pipeline, upload)["-r1"] == "SUCCEEDED"
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}-r1"
    assert client.describe_execution(executionArn=arn)["input"] == text


@pytest.mark.long
def test_what_somebody_started_by_hand_keeps_nothing_else_from_being_started(
    pipeline: Pipeline, slack: Slack, channel: Channel, failed: Message
) -> None:
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    other = slack.say(channel, slack.users[0], "hello", deliver=False)
    name = f"{slack.team_id}-{channel.id}-{other.ts.replace('.', '_')}"
    client.start_execution(stateMachineArn=machine, name=name, input="{}")
    assert attempts(pipeline, other) == {"": "FAILED"}
    names = list(replay(client, machine, BEGAN))
    assert f"{name}-r1" in names
    assert any(failed.ts.replace(".", "_") in name for name in names)
    assert attempts(pipeline, other)["-r1"] == "FAILED"


def test_what_began_before_is_left_alone(pipeline: Pipeline, failed: Message) -> None:
    attempts(pipeline, failed)
    assert replayed(pipeline, failed, since=datetime.now(UTC) + timedelta(hours=1)) == []


@pytest.mark.long
def test_after_an_outage_five_run_at_once_and_in_the_end_all_ran(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    since = datetime.now(UTC)
    slack.misbehave("login_page")
    messages = [
        slack.upload(channel, slack.users[0], [(f"{number}.txt", b"r", "text/plain")]) for number in range(7)
    ]
    for message in messages:
        slack.wait_for_replies(channel, message.ts)
    slack.behave()
    slack.misbehave("server_error")  # their executions wait for the next try, and so run on
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    parts = [message.ts.replace(".", "_") for message in messages]
    names: list[str] = []

    def start() -> None:
        for name in replay(client, machine, since):
            names.extend(name for part in parts if part in name)

    with ThreadPoolExecutor() as pool:
        replaying = pool.submit(start)
        assert eventually(lambda: len(names) >= MOST_AT_ONCE)
        time.sleep(1)
        at_once = len(names)
        slack.behave()
        replaying.result(60)
    assert at_once == MOST_AT_ONCE
    for message in messages:
        assert eventually(lambda message=message: attempts(pipeline, message)["-r1"] == "SUCCEEDED")  # type: ignore[misc]


def _good_replies(slack: Slack, channel: Channel, message: Message) -> list[Message]:
    """Return the replies to *message* once the first one says that it went well."""
    assert eventually(lambda: slack.replies(channel, message.ts)[0].text.startswith("✅"))
    return slack.replies(channel, message.ts)
