"""Edits, deletions and replies through the whole pipeline: what Slack says now is what the archive says."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from local.pipeline import Pipeline
from local.slack import Message, Slack
from local.slack.model import Channel
from tests.conftest import words

Records = Callable[[str], Any]
Settled = Callable[[Message], list[str]]
Tagged = Callable[[Channel], dict[str, list[str]]]


@pytest.fixture
def settled(pipeline: Pipeline) -> Settled:
    """Wait until nothing about a message is running or on its way; give the executions' names, oldest first."""
    machine, states = pipeline.deployment.state_machine_arn, pipeline.aws.client("stepfunctions")
    queue, sqs = pipeline.deployment.environ["SLACK_INTEGRATOR_PARKING"], pipeline.aws.client("sqs")
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def names(message: Message) -> list[str]:
        for _ in range(1_000):
            # In the order of the path: what is delivered or parked after its look shows up in the next one.
            under_way = [delivery for delivery in pipeline.slack.deliveries if not delivery.done.is_set()]
            queue_attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
            executions = states.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
            ours = [execution for execution in executions if message.channel.id in execution["name"]]
            waiting = under_way or any(int(number) for number in queue_attributes.values())
            if ours and not waiting and all(execution["status"] != "RUNNING" for execution in ours):
                return [execution["name"] for execution in reversed(ours)]
            time.sleep(0.02)
        raise TimeoutError(f"still running: {ours}")

    return names


@pytest.fixture
def tagged(slack: Slack, s3: Any, bucket: str) -> Tagged:
    """List what is found in a channel's own scope: file ids by tag."""

    def found(channel: Channel) -> dict[str, list[str]]:
        start = f"tags/{slack.team_id}/{channel.id}/"
        tags: dict[str, list[str]] = {}
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=start).get("Contents", []):
            tag, _, last = entry["Key"].removeprefix(start).partition("/")
            tags.setdefault(tag, []).append(last.partition("-")[2])
        return tags

    return found


def uploaded(slack: Slack, channel: Channel, text: str, count: int = 1, deliver: bool = True) -> Message:
    files = [(f"{n}.txt", str(n).encode(), "text/plain") for n in range(count)]
    return slack.upload(channel, slack.users[1], files, text, deliver=deliver)


@pytest.mark.long
def test_an_edit_tags_its_documents_again_and_says_so_quietly(
    slack: Slack, channel: Channel, settled: Settled, tagged: Tagged, record_of: Records
) -> None:
    message = uploaded(slack, channel, "Q3 #finance", count=2)
    slack.wait_for_replies(channel, message.ts)
    envelope = slack.edit(message, "Q3 #forecast")
    first, second = settled(message)
    assert second == f"{first}-e{envelope['event']['event_ts'].replace('.', '_')}"
    assert tagged(channel) == {"forecast": sorted(file.id for file in message.files)}
    assert (
        record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"][0]["comment"] == "Q3 #forecast"
    )
    slack.workspace.wait_until(lambda: bool(message.reactions), 10)
    assert message.reactions == {"label": [slack.bot_user_id]}
    assert len(slack.replies(channel, message.ts)) == 1


@pytest.mark.long
def test_a_file_taken_off_its_message_is_withdrawn_and_stays_archived(
    slack: Slack, channel: Channel, settled: Settled, tagged: Tagged, record_of: Records, s3: Any, bucket: str
) -> None:
    message = uploaded(slack, channel, "#draft", count=2)
    slack.wait_for_replies(channel, message.ts)
    kept_file, withdrawn_file = message.files
    slack.edit(message, "#draft", without=[withdrawn_file])
    settled(message)
    assert tagged(channel) == {"draft": [kept_file.id]}
    record = record_of(f"metadata/{slack.team_id}/{withdrawn_file.id}.json")
    assert (record["shares"][0]["deleted"], record["tags"]) == (True, [])
    assert s3.get_object(Bucket=bucket, Key=record["document"])["Body"].read() == b"1"


@pytest.mark.long
def test_a_deleted_message_is_not_found_any_more_and_the_documents_stay(
    slack: Slack, settled: Settled, tagged: Tagged, record_of: Records, channel: Channel
) -> None:
    for with_reply in (False, True):  # a root that has replies stays as a tombstone
        message = uploaded(slack, channel, "#gone")
        (reply,) = slack.wait_for_replies(channel, message.ts)
        if not with_reply:
            reply.deleted = True
        slack.delete(message)
        settled(message)
        assert tagged(channel) == {}
        record = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")
        assert [share["deleted"] for share in record["shares"]] == [True]


@pytest.mark.long
def test_tags_in_the_thread_count_until_they_are_taken_away(
    slack: Slack, channel: Channel, settled: Settled, tagged: Tagged
) -> None:
    message = uploaded(slack, channel, "#own")
    slack.wait_for_replies(channel, message.ts)
    reply = slack.say(channel, slack.users[0], "This is #urgent and #late", thread_ts=message.ts)
    settled(message)
    ids = [message.files[0].id]
    assert tagged(channel) == {"late": ids, "own": ids, "urgent": ids}
    slack.workspace.wait_until(lambda: bool(reply.reactions), 10)
    assert reply.reactions == {"label": [slack.bot_user_id]}
    slack.edit(reply, "This is #late")
    settled(message)
    assert tagged(channel) == {"late": ids, "own": ids}
    slack.delete(reply)
    settled(message)
    assert tagged(channel) == {"own": ids}
    assert "#own" in words(slack.replies(channel, message.ts)[0])  # and the app's own words never tag


@pytest.mark.long
@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (3, 0, 1, 2)], ids=str)
def test_whatever_order_slack_delivers_in_the_newest_version_counts(
    slack: Slack, channel: Channel, settled: Settled, tagged: Tagged, order: tuple[int, ...]
) -> None:
    message = uploaded(slack, channel, "#zero", count=2, deliver=False)
    envelopes = [message.envelope]
    envelopes.append(slack.edit(message, "#one", deliver=False))
    envelopes.append(slack.edit(message, "#two", without=message.files[1:], deliver=False))
    envelopes.append(slack.delete(message, deliver=False))
    for number in order:
        slack.deliver(envelopes[number])
        settled(message)
    assert tagged(channel) == ({} if 3 in order else {"two": [message.files[0].id]})


@pytest.mark.long
def test_a_reaction_that_cannot_be_added_costs_nothing(
    slack: Slack, channel: Channel, settled: Settled, tagged: Tagged
) -> None:
    slack.scopes.discard("reactions:write")
    message = uploaded(slack, channel, "#before")
    slack.wait_for_replies(channel, message.ts)
    slack.edit(message, "#after")
    settled(message)
    assert tagged(channel) == {"after": [message.files[0].id]}


@pytest.mark.long
def test_upload_search_edit_search_delete_search(slack: Slack, channel: Channel, settled: Settled) -> None:
    """Each answer is right, in the order in which a person does it."""
    mira = slack.users[0]

    def found(text: str) -> bool:
        return "minutes.txt" in slack.command(channel, mira, "/docs", text).text

    file = ("minutes.txt", b"We met.", "text/plain")
    message = slack.upload(channel, mira, [file], "#minutesofmarch #2026")
    slack.wait_for_replies(channel, message.ts)
    settled(message)
    assert (found("minutesofmarch 2026"), found("minutesofapril")) == (True, False)
    slack.edit(message, "#minutesofapril #2026")
    settled(message)
    assert (found("minutesofmarch"), found("minutesofapril 2026")) == (False, True)
    slack.delete(message)
    settled(message)
    assert (found("minutesofmarch"), found("minutesofapril"), found("2026")) == (False, False, False)
