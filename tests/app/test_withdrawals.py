"""What people took back in Slack: the app's own reply says nothing of it any more."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import clients, errors, layout, marks, notifier, records, withdrawals
from chalicelib.archive import Archive
from chalicelib.slack import Slack as Api
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests.app.test_records import step
from tests.conftest import words
from tests.waiting import eventually

Records = Callable[[str], Any]
NOW, CLAIM = 1_800_000_000.0, 30.0
BOTH = [("plans.pdf", b"plans", "application/pdf"), ("budget.pdf", b"budget", "application/pdf")]


def left(slack: Slack, message: Message) -> list[str]:
    """What people still read of the app in the message's thread."""
    return [words(reply) for reply in slack.replies(message.channel, message.ts) if not reply.deleted]


def becomes(look: Callable[[], Any], expected: Any) -> None:
    assert eventually(lambda: look() == expected, 20), look()


@pytest.mark.long
def test_the_reply_goes_with_the_message(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH, text="#layoffs")
    slack.wait_for_replies(channel, message.ts)
    slack.delete(message)
    becomes(lambda: left(slack, message), [])


@pytest.mark.long
def test_where_a_reply_cannot_be_deleted_its_names_go(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH, text="#layoffs")
    slack.wait_for_replies(channel, message.ts)
    slack.misbehave("api_error", only="chat.delete", error="compliance_exports_prevent_deletion")
    slack.delete(message)
    becomes(lambda: left(slack, message), [withdrawals.TAKEN_BACK])


@pytest.mark.long
def test_the_names_go_with_a_file_that_is_taken_off(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH)
    slack.wait_for_replies(channel, message.ts)
    slack.edit(message, "", without=[message.files[0]])
    becomes(lambda: left(slack, message), ["✅ 1 file in the archive.\n• budget.pdf (6 bytes)"])


@pytest.mark.long
def test_where_the_names_cannot_be_taken_out_another_reply_replaces_it(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message = slack.upload(channel, slack.users[0], BOTH)
    slack.wait_for_replies(channel, message.ts)
    slack.misbehave("api_error", only="chat.update", error="edit_window_closed")
    slack.edit(message, "", without=[message.files[0]])
    becomes(lambda: left(slack, message), ["✅ 1 file in the archive.\n• budget.pdf (6 bytes)"])


@pytest.mark.long
def test_where_slack_takes_no_other_reply_either_it_goes(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message = slack.upload(channel, slack.users[0], BOTH)
    slack.wait_for_replies(channel, message.ts)
    slack.misbehave("api_error", only="chat.update", error="edit_window_closed")
    slack.misbehave("api_error", only="chat.postMessage", error="restricted_action")
    slack.edit(message, "", without=[message.files[0]])
    becomes(lambda: left(slack, message), [])


@pytest.fixture
def notify(archive: Archive, api: Api) -> Callable[..., None]:
    return lambda text, now=NOW: notifier.deliver([text], archive, api, now, CLAIM)


def record(archive: Archive, channel: Channel, ts: str, files: list[str], deleted: bool = False) -> None:
    """Write what the archive knows of a message that showed F1 and F2."""
    message = {"deleted": deleted, "files": files, "known": ["F1", "F2"], "tags": [], "replies": {}, "ts": ts}
    archive.change(layout.message_key("T1", channel.id, ts), lambda current: message)


def outcome(channel: Channel, ts: str, kind: str = "upload", suffix: str = "") -> str:
    names = {"F1": "plans.pdf", "F2": "budget.pdf"}
    files = [
        {"id": id, "name": name, "status": "archived", "size": 5, "reason": None} for id, name in names.items()
    ]
    execution = f"T1-{channel.id}-{ts.replace('.', '_')}{suffix}"
    about: Any = {
        "type": "outcome",
        "kind": kind,
        "execution": execution,
        "tags": [],
        "thread_ts": None,
        "user": "U1",
    }
    files = files if kind == "upload" else []
    return json.dumps({**about, "team": "T1", "channel": channel.id, "ts": ts, "files": files})


def test_nothing_is_posted_about_a_message_that_is_deleted_by_then(
    slack: Slack, channel: Channel, archive: Archive, notify: Callable[..., None]
) -> None:
    message = slack.say(channel, slack.users[0], "x", deliver=False)
    slack.delete(message, deliver=False)
    record(archive, channel, message.ts, [], deleted=True)
    notify(outcome(channel, message.ts))
    # Slack would post a reply to it at the top level of the channel.
    assert [post.text for post in slack.messages if post.channel is channel and post is not message] == []


def test_a_file_that_is_taken_off_by_then_is_not_named(
    slack: Slack, channel: Channel, archive: Archive, notify: Callable[..., None]
) -> None:
    message = slack.say(channel, slack.users[0], "x", deliver=False)
    record(archive, channel, message.ts, ["F2"])
    notify(outcome(channel, message.ts))
    assert left(slack, message) == ["✅ 1 file in the archive.\n• budget.pdf (5 bytes)"]


def test_a_deletion_waits_for_a_reply_that_is_on_its_way(
    slack: Slack, channel: Channel, archive: Archive, notify: Callable[..., None]
) -> None:
    message = slack.say(channel, slack.users[0], "x", deliver=False)
    key = layout.notice_key(json.loads(outcome(channel, message.ts))["execution"])
    record(archive, channel, message.ts, [], deleted=True)
    archive.write(key, {"state": "claimed", "at": NOW}, over=None)
    with pytest.raises(errors.NoticePending):
        notify(outcome(channel, message.ts, "deletion", "-d1800000000_000100"), NOW + CLAIM - 1)


def test_a_message_that_is_deleted_while_its_reply_is_posted_keeps_none(
    slack: Slack, channel: Channel, chosen: Any, archive: Archive
) -> None:
    message = slack.say(channel, slack.users[0], "x", deliver=False)

    class Late(Api):
        """Slack, with somebody who deletes the message just before the reply is there."""

        def call(self, method: str, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
            if method == "chat.postMessage":
                record(archive, channel, message.ts, [], deleted=True)
            return super().call(method, arguments, **options)

    before = len(slack.requests_to("chat.delete"))
    notifier.deliver([outcome(channel, message.ts)], archive, Late(clients.http(), chosen), NOW, CLAIM)
    assert len(slack.requests_to("chat.delete")) == before + 1
    assert left(slack, message) == []


def test_a_reply_that_was_taken_back_is_not_posted_again(
    slack: Slack, channel: Channel, archive: Archive, notify: Callable[..., None]
) -> None:
    message = slack.say(channel, slack.users[0], "x", deliver=False)
    record(archive, channel, message.ts, ["F1", "F2"])
    notify(outcome(channel, message.ts))
    record(archive, channel, message.ts, [], deleted=True)
    notify(outcome(channel, message.ts, "deletion", "-d1800000000_000100"))
    record(archive, channel, message.ts, ["F1", "F2"])
    notify(outcome(channel, message.ts))
    assert left(slack, message) == []


# A file that a person deletes: no message tells of it.


@pytest.mark.long
def test_a_file_that_a_person_deletes_is_not_found_and_not_named_any_more(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Records
) -> None:
    elsewhere = slack.add_channel("elsewhere too")
    message = slack.upload(channel, slack.users[0], [BOTH[0]], text="#layoffs plans")
    other = slack.upload(elsewhere, slack.users[0], [message.files[0]], text="#layoffs")
    for where in (message, other):
        slack.wait_for_replies(where.channel, where.ts)
    slack.delete_file(message.files[0])
    becomes(lambda: (left(slack, message), left(slack, other)), ([], []))
    record = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")
    assert [(share["deleted"], share["tags"], share["comment"]) for share in record["shares"]] == [
        (True, [], "")
    ] * 2
    assert "plans.pdf" not in slack.command(channel, slack.users[0], "/docs", "#layoffs plans").text


def test_the_execution_of_a_files_deletion_is_named_after_the_file(pipeline: Pipeline, slack: Slack) -> None:
    file = slack.add_file("never-shared.txt", b"words")
    envelope = slack.delete_file(file)
    name = f"{slack.team_id}-{file.id}-d{envelope['event']['event_ts'].replace('.', '_')}"
    arn = pipeline.deployment.state_machine_arn.replace(":stateMachine:", ":execution:") + ":" + name

    def status() -> Any:
        from botocore.exceptions import ClientError

        try:
            return pipeline.aws.client("stepfunctions").describe_execution(executionArn=arn)["status"]
        except ClientError:
            return None

    becomes(status, "SUCCEEDED")


def test_a_reply_of_an_earlier_version_about_an_edit_goes_with_the_message(
    slack: Slack, channel: Channel, archive: Archive, api: Api
) -> None:
    """It posted one of its own about an edit that brought a file."""
    message = slack.say(channel, slack.users[0], "files", deliver=False)
    about = {"channel": channel.id}
    posted = [api.call("chat.postMessage", {**about, "text": text})["ts"] for text in ("gone", "kept")]
    place = marks.Place(slack.team_id, channel.id, message.ts)
    values: dict[str, Any] = {
        f"{place.name}-1": {"state": "posted", "at": NOW, "reply": posted[0], "files": ["F1"]},
        f"{place.name}-2": {"state": "posted", "at": NOW, "files": ["F1"]},
        f"{place.name}-3": {"state": "posted", "at": NOW, "reply": posted[1], "files": ["F2"]},
    }
    for name, value in values.items():
        archive.write(layout.notice_key(name), value, over=None)
    told = step("upload", message.ts, "", "F1 F2", ts=message.ts, channel=channel.id)
    record = records.message_record(None, told)
    withdrawals.follow(place, None, marks.Marks(archive, NOW, CLAIM), api)
    withdrawals.follow(place, {**record, "deleted_files": ["F1"]}, marks.Marks(archive, NOW, CLAIM), api)
    texts = [each.text for each in slack.messages if each.ts in posted and not each.deleted]
    assert texts == ["kept"]
    read = [archive.read(layout.notice_key(name)) for name in values]
    assert [mark.value["state"] for mark in read if mark] == ["withdrawn", "posted", "posted"]
