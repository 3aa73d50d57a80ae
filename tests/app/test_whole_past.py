"""A busy channel's whole past, through the workflow itself, with what can go wrong on the way."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import notices
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message

MESSAGES, FILES, THREADS = 2_000, 300, 40


def past(slack: Slack, channel: Channel) -> list[Message]:
    """Write the channel's past, of which no event tells; return the messages that still show a file."""
    chance, uploads, roots = random.Random(7), list[Message](), list[Message]()
    for number in range(MESSAGES - FILES):
        message = slack.say(channel, slack.users[number % 2], f"message {number}", deliver=False)
        roots += [message] if number % 42 == 0 and len(roots) < THREADS else []
    for number in range(FILES):
        root = chance.choice(roots).ts if number % 3 == 0 else None
        file = (f"{number}.txt", f"content {number}".encode(), "text/plain")
        uploads.append(
            slack.upload(channel, slack.users[1], [file], f"#n{number % 9}", thread_ts=root, deliver=False)
        )
    for upload in uploads[::10]:
        slack.edit(upload, "#edited", deliver=False)
    for upload in uploads[5::20]:
        slack.delete(upload, deliver=False)
    return [upload for upload in uploads if not upload.deleted]


@pytest.mark.deploy
def test_a_busy_channel_is_complete_after_the_invitation_although_functions_die_and_slack_throttles(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Callable[[str], Any]
) -> None:
    uploads = past(slack, channel)
    slack.misbehave("api_rate_limited", times=20, only="conversations.history", retry_after=30)
    slack.misbehave("api_rate_limited", times=5, only="files.list", retry_after=60)
    began, kills, chance = time.monotonic(), 0, random.Random(3)
    slack.invite(channel, slack.users[1])
    at = f"history/{slack.team_id}/{channel.id}.json"
    while (record_of(at) or {}).get("state") != "done":
        assert time.monotonic() < began + 240, record_of(at)
        kills += pipeline.aws.lambdas.kill("slack-integrator-local-read_history") if kills < 8 else 0
        time.sleep(chance.uniform(2, 6))
    run = record_of(at)
    records = [record_of(f"metadata/{slack.team_id}/{upload.files[0].id}.json") for upload in uploads]
    assert all(records)
    assert {record["shares"][0]["comment"] for record in records[::10] if record} >= {"#edited"}
    assert all(len(record["shares"]) == 1 for record in records)
    counts = run["counts"]
    assert (counts["archived"] + counts["unchanged"], counts["failed"]) == (len(uploads), 0)
    own = [
        message
        for message in slack.messages
        if message.channel is channel
        and message.user == slack.bot_user_id
        and message.body.get("subtype") != "channel_join"
    ]
    greeting, notice = sorted(own, key=lambda message: message.text != notices.GREETING)
    assert greeting.text == notices.GREETING
    assert notice.text.startswith("✅ What was shared here since")
    print(f"\n{time.monotonic() - began:.0f} s: {run['counts']}")
