"""What EventBridge tells of an execution that ended without an outcome."""

import json

import pytest

from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from tests.conftest import words

ENVELOPE = ("version", "id", "detail-type", "source", "account", "time", "region", "resources")
"""What Chalice reads of EventBridge's event besides the detail."""


@pytest.mark.parametrize("text", [None, "", '{"kind":"upload","qui', '"quiet"', '{"kind":"upload"}'])
def test_whoever_uploaded_is_told_whatever_the_input_was(
    pipeline: Pipeline, slack: Slack, channel: Channel, text: str | None
) -> None:
    message = slack.say(channel, slack.users[0], "a message", deliver=False)
    name = f"{slack.team_id}-{channel.id}-{message.ts.replace('.', '_')}"
    event = dict.fromkeys(ENVELOPE, "") | {"detail": {"name": name, "status": "TIMED_OUT", "input": text}}
    ended = pipeline.deployment.functions["ended"]
    answer = pipeline.aws.client("lambda").invoke(FunctionName=ended, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    (reply,) = slack.wait_for_replies(channel, message.ts)
    assert "ended before it was done (timed out)" in words(reply)
