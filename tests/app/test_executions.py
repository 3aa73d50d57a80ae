"""What Step Functions says of an execution."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chalicelib import events, workflow
from chalicelib.executions import Executions
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from local.http_server import whole
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from tests.app import aws_stub
from tests.waiting import eventually


@pytest.fixture
def executions(pipeline: Pipeline) -> Iterator[Executions]:
    with closing(Client(STEP_FUNCTIONS, 5, 5, pipeline.aws.environ())) as client:
        yield Executions(client, pipeline.deployment.state_machine_arn)


@pytest.mark.long
def test_an_execution_runs_until_it_has_ended(slack: Slack, channel: Channel, executions: Executions) -> None:
    file = slack.add_file("slow.txt", b"slow", "text/plain")
    slack.misbehave("slow", only=file.id, seconds=1.0, chunk=1)
    message = slack.upload(channel, slack.users[0], [file])
    change = events.change(message.envelope)
    assert change
    name = workflow.execution_name(change)
    assert eventually(lambda: executions.is_running(name), 10)
    slack.wait_for_replies(channel, message.ts, timeout=60)
    assert eventually(lambda: executions.status(name) == "SUCCEEDED", 10)
    assert not executions.is_running(name)


def test_an_execution_that_there_is_not_does_not_run(executions: Executions) -> None:
    assert not executions.is_running("T1-C1-1_1")
    assert executions.status("T1-C1-1_1") is None
    assert executions.outcome("T1-C1-1_1") is None


def test_where_step_functions_cannot_say_how_many_run_one_does(executions: Executions) -> None:
    assert Executions(executions.client, f"{executions.state_machine}-of-nobody").count() == 1
    with aws_stub.service(STEP_FUNCTIONS, whole(b"{}")) as stub:
        assert Executions(stub.client, executions.state_machine).count() == 1
