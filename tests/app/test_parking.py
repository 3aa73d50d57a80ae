"""The parking queue's function: what it tells the person, and when."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import events, parking, workflow
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message


@pytest.fixture
def upload(slack: Slack, channel: Channel) -> Message:
    """An upload whose event the app has not seen."""
    return slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)


@pytest.fixture
def no_workflow(pipeline: Pipeline) -> Iterator[None]:
    pipeline.aws.outages.down.add("states")
    yield
    pipeline.aws.outages.down.discard("states")


def redeliver(pipeline: Pipeline, upload: Message, times: int) -> Any:
    """Hand the parked *upload* to the function, as the queue does for the given time."""
    change = events.change(upload.envelope)
    assert change is not None
    body = parking.message_body(workflow.execution_name(change), workflow.execution_input(change))
    record = {"body": body, "attributes": {"ApproximateReceiveCount": str(times)}}
    name = "slack-integrator-local-start_parked"
    return pipeline.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": [record]}))


@pytest.mark.long
@pytest.mark.usefixtures("no_workflow")
def test_the_person_is_told_at_the_last_try_and_not_before(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Message
) -> None:
    assert redeliver(pipeline, upload, parking.MOST_TRIES - 1)["FunctionError"]
    while pipeline.aws.async_invocations.pending:
        pipeline.aws.async_invocations.join(1)
    assert slack.replies(channel, upload.ts) == []
    assert redeliver(pipeline, upload, parking.MOST_TRIES)["FunctionError"]
    (reply,) = slack.wait_for_replies(channel, upload.ts)
    assert "could not begin with this" in reply.text


def test_the_upload_is_archived_as_soon_as_the_workflow_starts(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Message
) -> None:
    assert "FunctionError" not in redeliver(pipeline, upload, parking.MOST_TRIES)
    (reply,) = slack.wait_for_replies(channel, upload.ts)
    assert "1 file in the archive" in reply.text
