"""The past of a conversation: complete, each file once, told in one message, whatever happens on the way."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from chalicelib import clients, conversation, history, history_run, history_telling, layout, notices, workflow
from chalicelib.archive import Archive
from chalicelib.errors import ArchiveUnavailable, SlackUnavailable
from chalicelib.executions import Executions
from chalicelib.history import Stage
from chalicelib.history_run import Order
from chalicelib.settings import Settings
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack as SlackClient
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests.app.spoiled_s3 import SpoiledS3, after
from tests.conftest import words
from tests.waiting import eventually

TEXT = ("n.txt", b"note", "text/plain")


@pytest.fixture
def stage(pipeline: Pipeline, chosen: Settings, archive: Archive) -> Iterator[Stage]:
    machine = pipeline.deployment.state_machine_arn
    with closing(Client(STEP_FUNCTIONS, 5, 5, pipeline.aws.environ())) as client:
        executions, histories = Executions(client, machine), Executions(client, f"{machine}-history")
        yield Stage(SlackClient(clients.http(), chosen), archive, executions, histories)


class Turns:
    """Takes the turns of a run as the workflow does, in this process."""

    def __init__(self, stage: Stage, slack: Slack, channel: Channel, record_of: Callable[[str], Any]) -> None:
        self.stage, self.slack, self.channel, self.record_of = stage, slack, channel, record_of
        self.count, self.waits = 0, list[int]()

    def order(self, latest: str | None = None, since: str = "0", *, tell: bool = True) -> Order:
        latest = latest or self.slack.workspace.new_ts()
        return history_run.order(self.slack.team_id, self.channel.id, latest, since, tell=tell)

    def record(self) -> Any:
        """How far the run is."""
        return self.record_of(f"history/{self.slack.team_id}/{self.channel.id}.json")

    def all(self, order: Order | None = None, most: int = 400, later: float = 0) -> Any:
        """Take turns until it is over, *later* than now by seconds, and return the record."""
        order = order or self.order()
        for _ in range(most):
            order = history.turn(order, self.stage, time.time() + later, 30)
            self.count += 1
            self.waits.append(order["wait"])
            if order["state"] != "running":
                return self.record()
            time.sleep(0.05)
        raise AssertionError(f"not over after {most} turns: {order}")

    def executions(self) -> int:
        """How many executions have been started for messages, by anybody."""
        client, name = self.stage.workflow.client, self.stage.workflow.state_machine
        return len(client.call("ListExecutions", stateMachineArn=name, maxResults=1000)["executions"])

    def own(self) -> list[Message]:
        """What the app has said in the channel of its past."""
        return [
            message
            for message in self.slack.messages
            if message.channel is self.channel
            and message.user == self.slack.bot_user_id
            and message.body.get("subtype") != "channel_join"
            and message.text != notices.GREETING
        ]


@pytest.fixture
def turns(stage: Stage, slack: Slack, channel: Channel, record_of: Callable[[str], Any]) -> Turns:
    return Turns(stage, slack, channel, record_of)


def execute(stage: Stage, order: Order) -> None:
    """Start the workflow itself."""
    histories, text = stage.histories, workflow.canonical_json(dict(order))
    workflow.start(histories.client, histories.state_machine, order["run"], text, time.monotonic() + 5)


def share(slack: Slack, channel: Channel, text: str = "", root: Message | None = None, file: Any = TEXT) -> Message:
    thread = root.ts if root else None
    return slack.upload(channel, slack.users[1], [file], text, thread_ts=thread, deliver=False)


@pytest.mark.long
def test_what_was_shared_before_is_archived_without_a_reply_to_each(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    old = share(slack, channel, "#old")
    root = slack.say(channel, slack.users[1], "The minutes?", deliver=False)
    reply = share(slack, channel, "#reply", root)
    slack.say(channel, slack.users[1], "for #2026", thread_ts=old.ts, deliver=False)
    record = turns.all()
    assert (record["state"], record["counts"]["archived"], record["counts"]["failed"]) == ("done", 2, 0)
    tags = [record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["tags"] for message in (old, reply)]
    assert tags == [["2026", "old"], ["reply"]]
    assert not any(message.reactions for message in slack.messages if message.channel is channel)
    [notice] = turns.own()
    assert notice.text.startswith("✅ What was shared here since")
    assert notice.thread_ts is None
    assert "2 files archived" in words(notice)


@pytest.mark.long
def test_each_page_and_thread_is_read_from_where_the_last_turn_stopped(
    slack: Slack, channel: Channel, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PAGE", 5)
    monkeypatch.setattr(conversation, "FILES_PAGE", 7)
    uploads, root = [], None
    for number in range(24):
        message = slack.say(channel, slack.users[0], f"{number}", deliver=False)
        uploads.append(share(slack, channel, f"#n{number}", root if number % 3 == 0 else None))
        root = message if number % 5 == 0 else uploads[-1]
    record = turns.all()
    assert (record["counts"]["archived"], record["counts"]["unchanged"]) == (24, 0)
    assert len(turns.own()) == 1
    assert turns.count > 5
    assert turns.waits[0] > 3 * history.SECONDS_A_CALL  # a turn of four calls, at the pace that Slack allows
    assert turns.waits[-1] == 2  # as soon as something has ended, the next one is looked for soon


@pytest.mark.long
def test_no_more_files_are_on_their_way_than_lambda_is_to_take(
    slack: Slack, channel: Channel, turns: Turns
) -> None:
    for _ in range(8):
        share(slack, channel)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    executions = turns.record()["started"]
    assert sum(execution["files"] for execution in executions) == history.MOST_FILES_AT_ONCE
    assert turns.all(order)["counts"]["archived"] == 8


@pytest.mark.long
def test_a_message_of_more_files_than_that_goes_alone(slack: Slack, channel: Channel, turns: Turns) -> None:
    slack.upload(channel, slack.users[1], [TEXT] * 7, deliver=False)
    share(slack, channel)
    assert turns.all()["counts"]["archived"] == 8


@pytest.mark.long
def test_what_events_have_archived_before_is_found_so(slack: Slack, channel: Channel, turns: Turns) -> None:
    before = slack.upload(channel, slack.users[1], [TEXT], "#before")
    slack.wait_for_replies(channel, before.ts)
    share(slack, channel)
    time.sleep(1.1)
    counts = turns.all()["counts"]
    assert (counts["archived"], counts["unchanged"]) == (1, 1)
    assert len(slack.replies(channel, before.ts)) == 1


@pytest.mark.long
def test_a_second_run_starts_nothing(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(3):
        share(slack, channel)
    turns.all()
    record = turns.all(turns.order(tell=False), later=60)
    assert (record["counts"]["archived"], record["counts"]["unchanged"]) == (0, 3)
    assert len(turns.own()) == 1


@pytest.mark.long
@pytest.mark.parametrize("root_file", [None, TEXT], ids=["a question", "a file"])
def test_a_file_in_a_thread_is_counted_once(slack: Slack, channel: Channel, turns: Turns, root_file: Any) -> None:
    root = (
        share(slack, channel, file=root_file) if root_file else slack.say(channel, slack.users[0], "The minutes?")
    )
    share(slack, channel, "#reply", root)
    files = 2 if root_file else 1
    assert turns.all()["counts"]["archived"] == files
    counts = turns.all(turns.order(tell=False), later=60)["counts"]
    assert (counts["archived"], counts["unchanged"]) == (0, files)


@pytest.mark.long
def test_a_file_in_the_thread_of_an_older_file_is_counted(slack: Slack, channel: Channel, turns: Turns) -> None:
    root = share(slack, channel)
    since = slack.say(channel, slack.users[0], "from here on", deliver=False)
    share(slack, channel, "#reply", root)
    turns.all()
    order = turns.order(since=since.ts, tell=False)
    assert turns.all(order, later=60)["counts"]["unchanged"] == 1


@pytest.mark.long
def test_a_file_in_a_reply_to_the_channel_is_counted_once(
    slack: Slack, channel: Channel, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "CALLS_A_TURN", 3)  # so that it is archived before its thread is read
    root = slack.say(channel, slack.users[0], "The minutes?", deliver=False)
    share(slack, channel, "#reply", root).body["subtype"] = "thread_broadcast"
    assert turns.all()["counts"]["archived"] == 1
    assert turns.all(turns.order(tell=False), later=60)["counts"]["unchanged"] == 1


@pytest.mark.long
def test_what_failed_for_good_before_is_tried_again(slack: Slack, channel: Channel, turns: Turns) -> None:
    slack.workspace.scopes.discard("files:read")
    message = slack.upload(channel, slack.users[1], [TEXT])
    slack.wait_for_replies(channel, message.ts)
    slack.workspace.scopes.add("files:read")
    record = turns.all(later=60)
    assert (record["counts"]["unchanged"], record["counts"]["failed"]) == (1, 0)


def test_what_is_not_archived_is_told_with_the_reason(slack: Slack, channel: Channel, turns: Turns) -> None:
    message, link = (
        share(slack, channel, file=("gone.txt", b"x", "text/plain")),
        slack.add_file("plan", b"", mode="external"),
    )
    share(slack, channel, file=link)
    slack.delete_file(message.files[0])
    record = turns.all()
    assert (record["counts"]["skipped"], record["counts"]["failed"], len(record["problems"])) == (2, 0, 2)
    end = turns.own()[-1]
    assert "2 left out" in words(end)
    assert "plan: Slack only links to it" in words(end)


def test_as_many_problems_are_noted_as_the_record_has_room_for(
    slack: Slack, channel: Channel, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_PROBLEMS", 2)
    for _ in range(3):
        share(slack, channel, file=slack.add_file("plan", b"", mode="external"))
    record = turns.all()
    assert (record["counts"]["skipped"], len(record["problems"])) == (3, 2)


def test_since_leaves_out_what_is_older(slack: Slack, channel: Channel, turns: Turns) -> None:
    old = share(slack, channel)
    since = slack.say(channel, slack.users[0], "from here on", deliver=False)
    new = share(slack, channel)
    old.files[0].created, new.files[0].created = (int(float(message.ts)) for message in (old, new))
    old.files[0].created -= 1
    new.files[0].created += 1
    record = turns.all(turns.order(since=since.ts))
    assert (record["counts"]["archived"], record["total"]) == (1, 1)


def test_the_past_begins_when_the_conversation_was_made(slack: Slack, channel: Channel, turns: Turns) -> None:
    channel.created = 1_451_606_400  # 2016
    share(slack, channel)
    turns.all()
    assert turns.own()[-1].text.startswith("✅ What was shared here since January 2016 is in the archive: 1 file")


def test_a_file_that_fails_is_counted_once(slack: Slack, channel: Channel, turns: Turns) -> None:
    slack.misbehave("gone", only=share(slack, channel).files[0].id)
    record = turns.all()
    assert (record["counts"]["failed"], len(record["problems"])) == (1, 1)


def test_the_files_of_an_execution_that_is_stopped_by_hand_count_as_failed(
    slack: Slack, channel: Channel, turns: Turns
) -> None:
    slack.misbehave("server_error")
    slack.upload(channel, slack.users[1], [TEXT, TEXT], deliver=False)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    client, machine = turns.stage.workflow.client, turns.stage.workflow.state_machine
    execution = machine.replace(":stateMachine:", ":execution:") + ":" + turns.record()["started"][0]["name"]
    client.call("StopExecution", executionArn=execution)
    record = turns.all(order)
    assert record["counts"]["failed"] == 2
    assert [problem["reason"] for problem in record["problems"]] == ["Archiving it ended (ABORTED)."]


def test_a_conversation_without_files_is_left_in_peace(slack: Slack, channel: Channel, turns: Turns) -> None:
    slack.say(channel, slack.users[0], "Hello", deliver=False)
    assert turns.all()["state"] == "done"
    assert turns.own() == []


@pytest.mark.long
def test_an_edit_that_no_event_told_is_followed(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    message = slack.upload(channel, slack.users[1], [TEXT, ("b.txt", b"b", "text/plain")], "#before")
    slack.wait_for_replies(channel, message.ts)
    slack.edit(message, "#after", without=message.files[:1], deliver=False)
    turns.all(turns.order(tell=False))
    kept_record, withdrawn_record = (
        record_of(f"metadata/{slack.team_id}/{file.id}.json") for file in message.files[::-1]
    )
    assert kept_record["tags"] == ["after"]
    assert withdrawn_record["shares"][0]["deleted"]
    assert turns.all(turns.order(tell=False), later=60)["counts"]["archived"] == 0


@pytest.mark.long
def test_deletions_that_no_event_told_are_followed(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    alone, root = (slack.upload(channel, slack.users[1], [TEXT]) for _ in range(2))
    reply = slack.upload(channel, slack.users[1], [TEXT], thread_ts=root.ts)
    kept_reply = slack.upload(channel, slack.users[1], [TEXT], thread_ts=root.ts)
    for message in (alone, root, reply, kept_reply):
        slack.wait_for_replies(
            channel, message.thread_ts or message.ts, 3 if message in (reply, kept_reply, root) else 1
        )
    for message in (alone, reply, root):
        slack.delete(message, deliver=False)
    turns.all(turns.order(tell=False))
    shares = [
        record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"][0]
        for message in (alone, root, reply, kept_reply)
    ]
    assert [share["deleted"] for share in shares] == [True, True, True, False]
    executions = turns.executions()
    turns.all(turns.order(tell=False), later=60)
    assert turns.executions() == executions


@pytest.mark.long
def test_what_is_forgotten_while_the_past_is_read_keeps_nothing_from_being_read(
    slack: Slack, channel: Channel, turns: Turns, spoiled: SpoiledS3
) -> None:
    message = share(slack, channel)
    turns.all()  # without a reply to it, for which Slack would keep a tombstone
    slack.delete(message, deliver=False)
    share(slack, channel)
    archive, key = turns.stage.archive, layout.message_key(slack.team_id, channel.id, message.ts)
    spoiled.spoil("GET", key, after(lambda: archive.delete(key)))
    turns.stage = turns.stage._replace(archive=spoiled.archive(archive.bucket))
    record = turns.all(turns.order(tell=False))
    assert (record["state"], record["counts"]["archived"]) == ("done", 1)


@pytest.mark.long
def test_replies_whose_tags_no_event_told_are_followed(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    root = slack.upload(channel, slack.users[1], [TEXT], "#root")
    slack.wait_for_replies(channel, root.ts)
    edited_reply, deleted_reply, _late = (
        slack.say(channel, slack.users[1], text, root.ts, deliver=False) for text in ("#a", "#b", "#c")
    )
    turns.all(turns.order(tell=False))
    at = f"metadata/{slack.team_id}/{root.files[0].id}.json"
    assert record_of(at)["tags"] == ["a", "b", "c", "root"]
    slack.edit(edited_reply, "#x", deliver=False)
    slack.delete(deleted_reply, deliver=False)
    turns.all(turns.order(tell=False))
    assert record_of(at)["tags"] == ["c", "root", "x"]


def test_a_message_that_retention_may_have_removed_is_not_withdrawn(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    message = slack.upload(channel, slack.users[1], [TEXT])
    slack.wait_for_replies(channel, message.ts)
    slack.delete(message, deliver=False)
    order, later = turns.order(tell=False), time.time() + (turns.stage.slack.settings.keep_after_days + 1) * 86_400
    while order["state"] == "running":
        order = history.turn(order, turns.stage, later, 30)
    [share] = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"]
    assert not share["deleted"]


@pytest.mark.long
def test_messages_of_2014_are_archived_and_their_old_shapes_are_no_obstacle(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any]
) -> None:
    old = slack.legacy_upload(
        channel, slack.users[1], ("old.txt", b"old", "text/plain"), "Numbers #old", deliver=False
    )
    file = old.files[0]
    old.body["ts"] = "1400000000.000002"
    comment = {"id": "Fc1", "timestamp": 1400000060, "user": "U1", "comment": "#nice"}
    shapes: list[dict[str, Any]] = [
        {"subtype": "file_comment", "file": file.object(), "comment": comment, "user": ...},
        {"subtype": "file_mention", "file": file.object()},
        {
            "subtype": "bot_message",
            "bot_id": "B1",
            "username": "robot",
            "user": ...,
            "attachments": [{"text": "x"}],
        },
        {"subtype": "channel_topic", "topic": "Numbers"},
        {"subtype": "me_message"},
        {"subtype": "pinned_item", "item_type": "F", "item": {"id": file.id}},
        {
            "replies": [{"user": "U1", "ts": "1400000430.000003"}],
            "reply_count": 1,
            "thread_ts": "1400000420.000002",
        },
        {"subtype": "reply_broadcast", "root": {"ts": "1400000420.000002"}, "channel_id": channel.id},
        {"text": ...},
        {"text": None, "files": []},
    ]
    for number, fields in enumerate(shapes, 1):
        ts = f"{1400000000 + 60 * number}.000002"
        slack.say(channel, slack.users[1], "as it was", deliver=False).body.update({"ts": ts})
        body = slack.messages[-1].body
        body.update({name: value for name, value in fields.items() if value is not ...})
        for name in [name for name, value in fields.items() if value is ...]:
            del body[name]
    record = turns.all()
    assert (record["state"], record["counts"]["failed"], record["counts"]["messages"]) == ("done", 0, 11)
    assert record_of(f"metadata/{slack.team_id}/{file.id}.json")["tags"] == ["old"]
    assert record["counts"]["archived"] == 1


@pytest.mark.long
def test_slacks_limit_is_waited_out_and_nothing_is_lost(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(6):
        share(slack, channel)
    slack.misbehave("api_rate_limited", times=3, only="conversations.history", retry_after=600)
    slack.misbehave("api_server_error", times=2, only="chat.postMessage")
    assert turns.all()["counts"]["archived"] == 6
    assert turns.waits.count(600) == 3
    assert len(turns.own()) == 1


def test_a_lost_answer_to_a_post_makes_no_second_message(slack: Slack, channel: Channel, turns: Turns) -> None:
    share(slack, channel)
    slack.misbehave("api_lost_answer", times=1, only="chat.postMessage")
    assert turns.all()["state"] == "done"
    [notice] = turns.own()
    assert notice.text.startswith("✅")


@pytest.mark.long
def test_a_turn_that_is_taken_twice_at_once_is_taken_once(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(6):
        share(slack, channel)
    order = turns.order()
    for _ in range(60):
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(history.turn, order, turns.stage, time.time(), 30) for _ in range(2)]
        orders = [future.result() for future in both if not isinstance(future.exception(), ArchiveUnavailable)]
        assert orders, "one of them wins"
        order = orders[0]
        if order["state"] != "running":
            break
    counts = turns.record()["counts"]
    assert counts["archived"] + counts["unchanged"] == 6, counts
    assert len(turns.own()) == 1


@pytest.mark.long
def test_who_removes_the_app_ends_it(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(12):
        share(slack, channel)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    slack.remove_app(channel)
    record = turns.all(order)
    assert record["state"] == "left"
    assert record["counts"]["archived"] < 12


@pytest.mark.long
def test_the_invitation_after_that_goes_on_and_speaks_once(slack: Slack, channel: Channel, turns: Turns) -> None:
    uploads = [share(slack, channel) for _ in range(7)]
    first = history.turn(turns.order(), turns.stage, time.time(), 30)
    second = turns.order(latest=f"{time.time() + 30:.6f}")
    record = turns.all(second)
    assert history.turn(first, turns.stage, time.time(), 30)["state"] == "ended"
    assert (record["run"], record["state"]) == (second["run"], "done")
    assert all(turns.record_of(f"metadata/{slack.team_id}/{upload.files[0].id}.json") for upload in uploads)
    assert len(turns.own()) == 1


@pytest.mark.long
@pytest.mark.parametrize(("days", "tell", "count"), [(0, True, 1), (2, True, 2), (2, False, 1)])
def test_an_invitation_days_later_has_a_message_of_its_own(
    slack: Slack, channel: Channel, turns: Turns, days: int, tell: bool, count: int
) -> None:
    for _ in range(12):
        share(slack, channel)
    first = turns.order()
    history.turn(first, turns.stage, time.time(), 30)
    history.stop(first, "States.Timeout", turns.stage, time.time())
    later = days * 86_400.0 + 60
    assert turns.all(turns.order(latest=f"{time.time() + later:.6f}", tell=tell), later=later)["state"] == "done"
    assert len(turns.own()) == count


@pytest.mark.long
def test_a_scope_that_is_lost_on_the_way_is_told(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(12):
        share(slack, channel)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    slack.workspace.scopes.discard("channels:history")
    record = turns.all(order)
    assert record["state"] == "stopped"
    assert "missing_scope" in record["reason"]
    [notice] = turns.own()
    assert notice.text.startswith("⚠️")
    assert "missing_scope" in words(notice)
    assert "make catchup" in words(notice)


@pytest.mark.long
@pytest.mark.parametrize("turns_before", [0, 1])
def test_a_conversation_that_is_archived_meanwhile_is_read_to_its_end(
    slack: Slack, channel: Channel, turns: Turns, turns_before: int
) -> None:
    for _ in range(7):
        share(slack, channel)
    order = turns.order()
    for _ in range(turns_before):
        order = history.turn(order, turns.stage, time.time(), 30)
    channel.is_archived = True
    record = turns.all(order)
    assert (record["state"], record["counts"]["archived"], record["notice"]) == ("done", 7, "")
    assert len(turns.own()) == turns_before


@pytest.mark.long
def test_a_lost_right_to_write_loses_nothing_but_the_message(slack: Slack, channel: Channel, turns: Turns) -> None:
    for _ in range(7):
        share(slack, channel)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    slack.workspace.scopes.discard("chat:write")
    record = turns.all(order)
    assert (record["state"], record["counts"]["archived"]) == ("done", 7)
    [notice] = turns.own()
    assert "I'm archiving" in notice.text


def test_a_token_that_is_revoked_on_the_way_ends_the_execution_as_failed(
    slack: Slack, channel: Channel, turns: Turns, stage: Stage
) -> None:
    share(slack, channel)
    slack.misbehave("api_error", times=1_000, only="conversations.history", error="token_revoked")
    order = turns.order()
    execute(stage, order)
    assert eventually(lambda: (turns.record() or {}).get("state") == "stopped", 60), turns.record()
    assert eventually(lambda: not stage.histories.is_running(order["run"]), 60)
    outcome = stage.histories.outcome(order["run"])
    assert outcome is not None
    assert outcome.status == "FAILED"
    assert "token_revoked" in turns.record()["reason"]


@pytest.mark.long
def test_removed_and_invited_again_at_once_the_past_is_complete_and_told_once(
    slack: Slack, channel: Channel, turns: Turns
) -> None:
    slack.remove_app(channel)
    uploads = [share(slack, channel) for _ in range(9)]
    slack.misbehave("api_rate_limited", times=20, only="conversations.history", retry_after=60)
    for _ in range(3):
        slack.invite(channel, slack.users[1])
        assert eventually(lambda: turns.record() is not None, 60)
        slack.remove_app(channel)
    slack.invite(channel, slack.users[1])
    keys = [f"metadata/{slack.team_id}/{upload.files[0].id}.json" for upload in uploads]
    assert eventually(lambda: turns.record()["state"] == "done" and all(map(turns.record_of, keys)), 60)
    assert all(len(turns.record_of(key)["shares"]) == 1 for key in keys)
    assert len(turns.own()) == 1
    greetings = [
        message for message in slack.messages if message.channel is channel and message.text == notices.GREETING
    ]
    assert len(greetings) == 1


@pytest.mark.long
def test_slack_that_does_not_answer_for_days_ends_it(
    slack: Slack, channel: Channel, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_DELAYS", 11)
    share(slack, channel)
    slack.misbehave("api_server_error", times=1_000, only="conversations.history")
    with pytest.raises(SlackUnavailable):
        turns.all()
    assert turns.record()["state"] == "running"
    assert turns.waits == [4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 2_048]


def test_a_turn_in_which_step_functions_cannot_be_reached_is_taken_again_soon(
    pipeline: Pipeline, slack: Slack, channel: Channel, turns: Turns
) -> None:
    share(slack, channel)
    pipeline.aws.outages.down.add("states")
    try:
        order = history.turn(turns.order(), turns.stage, time.time(), 30)
    finally:
        pipeline.aws.outages.down.clear()
    assert (order["state"], order["wait"]) == ("running", 4)
    assert turns.all(order)["counts"]["archived"] == 1


@pytest.mark.long
@pytest.mark.parametrize("method", ["conversations.info", "conversations.history"])
def test_slack_that_answers_429_for_an_hour_is_not_asked_before(
    slack: Slack, channel: Channel, turns: Turns, stage: Stage, method: str
) -> None:
    share(slack, channel)
    slack.misbehave("api_rate_limited", times=2, only=method, retry_after=1_800)
    order, began = turns.order(), time.monotonic()
    execute(stage, order)
    assert eventually(lambda: (turns.record() or {}).get("state") == "done", 60), turns.record()
    assert time.monotonic() - began > 3_600 / 1_000
    assert turns.record()["counts"]["archived"] == 1


def test_a_fault_of_the_workflow_is_told_and_noted(slack: Slack, channel: Channel, turns: Turns) -> None:
    share(slack, channel)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    assert history.stop(order, "States.Timeout", turns.stage, time.time())["state"] == "stopped"
    assert turns.record()["state"] == "stopped"
    assert "States.Timeout" in words(turns.own()[-1])


def test_after_its_turns_an_execution_hands_on(
    slack: Slack, channel: Channel, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(slack, channel)
    monkeypatch.setattr(history, "MOST_TURNS", 1)
    order = history.turn(turns.order(), turns.stage, time.time(), 30)
    assert order["state"] == "continued"
    name = f"{order['run']}-2"
    assert eventually(lambda: turns.record()["state"] == "done"), turns.record()
    assert eventually(lambda: turns.stage.histories.outcome(name) is not None)


@pytest.mark.long
def test_the_invitation_alone_archives_the_past_and_both_tellings_of_it_are_one(
    slack: Slack, channel: Channel, turns: Turns
) -> None:
    slack.remove_app(channel)
    uploads = [share(slack, channel, f"#n{number}") for number in range(12)]
    root = slack.say(channel, slack.users[0], "The minutes?", deliver=False)
    uploads.append(share(slack, channel, "#reply", root))
    slack.invite(channel, slack.users[1])
    assert eventually(lambda: (turns.record() or {}).get("state") == "done", 60), turns.record()
    assert turns.record()["counts"]["archived"] == len(uploads)
    assert len(turns.own()) == 1
    runs = turns.stage.histories.client.call("ListExecutions", stateMachineArn=turns.stage.histories.state_machine)
    names = [run["name"] for run in runs["executions"] if f"-{channel.id}-" in run["name"]]
    assert 1 <= len(names) <= 2


def test_somebody_else_who_joins_starts_nothing(slack: Slack, channel: Channel, turns: Turns) -> None:
    share(slack, channel)
    slack.say(channel, slack.users[0], "<@U1> has joined the channel", subtype="channel_join")
    message = slack.upload(channel, slack.users[1], [TEXT])
    slack.wait_for_replies(channel, message.ts)
    assert turns.record() is None


@pytest.mark.long
def test_an_aborted_execution_is_told_and_the_next_one_goes_on_in_the_same_message(
    slack: Slack, channel: Channel, turns: Turns, stage: Stage
) -> None:
    for _ in range(6):
        share(slack, channel)
    order = turns.order()
    history.turn(order, stage, time.time(), 30)
    slack.misbehave("api_rate_limited", times=1_000, only="conversations.history", retry_after=600)
    execute(stage, order)
    assert eventually(lambda: len(turns.own()) == 1)
    arn = stage.histories.state_machine.replace(":stateMachine:", ":execution:") + ":" + order["run"]
    stage.histories.client.call("StopExecution", executionArn=arn)
    assert eventually(lambda: turns.record()["state"] == "stopped", 60), turns.record()
    [notice] = turns.own()
    assert "ABORTED" in words(notice)
    assert "make catchup" in words(notice)
    slack.behave()
    assert turns.all(turns.order(tell=False))["state"] == "done"
    [notice] = turns.own()
    assert notice.text.startswith("✅")


def test_an_execution_that_is_over_or_another_ones_changes_nothing_when_it_dies(
    slack: Slack, channel: Channel, turns: Turns, stage: Stage
) -> None:
    share(slack, channel)
    order = turns.order()
    turns.all(order)
    for run in (order["run"], turns.order()["run"]):
        history_telling.stop(run, "ABORTED", stage.archive, stage.slack, time.time())
    assert turns.record()["state"] == "done"
    [notice] = turns.own()
    assert notice.text.startswith("✅")


@pytest.mark.long
def test_a_death_of_what_a_past_has_started_is_told_under_no_old_message(
    slack: Slack, channel: Channel, stage: Stage
) -> None:
    quiet, loud = (slack.say(channel, slack.users[0], "a message", deliver=False) for _ in range(2))
    inputs = {quiet: '{"kind":"upload","quiet":true}', loud: '{"kind":"upload"}'}
    names = [f"{slack.team_id}-{channel.id}-{message.ts.replace('.', '_')}" for message in inputs]
    for name, text in zip(names, inputs.values(), strict=True):
        workflow.start(stage.workflow.client, stage.workflow.state_machine, name, text, time.monotonic() + 5)
    assert eventually(lambda: not any(map(stage.workflow.is_running, names)))
    slack.wait_for_replies(channel, loud.ts, timeout=60)
    assert slack.replies(channel, quiet.ts) == []


@pytest.mark.long
@pytest.mark.parametrize("edit_ts", ["abc", "", "1.", "²", "-1.0", "9" * 30, 7, None])
def test_an_edit_without_a_sensible_time_keeps_no_other_message_from_being_read(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any], edit_ts: Any
) -> None:
    odd = slack.upload(channel, slack.users[1], [TEXT], "#odd")
    slack.wait_for_replies(channel, odd.ts)
    odd.body["edited"] = {"user": "U1", "ts": edit_ts}
    odd.body["text"] = "#even"
    sound = share(slack, channel, "#sound")
    assert turns.all()["state"] == "done"
    assert record_of(f"metadata/{slack.team_id}/{sound.files[0].id}.json")["tags"] == ["sound"]
    assert record_of(f"metadata/{slack.team_id}/{odd.files[0].id}.json")["tags"] == ["even"]


NONSENSE: list[Any] = [None, 7, "x", "", [], {}, [None], ["x"], [{}], {"ts": []}, True]


@pytest.mark.long
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize(
    "field",
    [
        "file",
        "user",
        "thread_ts",
        "reply_count",
        "latest_reply",
        "subtype",
        "text",
        "blocks",
        "edited",
        "replies",
    ],
)
def test_nonsense_in_a_message_keeps_no_other_message_from_being_read(
    slack: Slack, channel: Channel, turns: Turns, record_of: Callable[[str], Any], field: str, is_known: bool
) -> None:
    for nonsense in NONSENSE:
        odd = slack.upload(channel, slack.users[1], [TEXT], "#odd", deliver=is_known)
        if is_known:
            slack.wait_for_replies(channel, odd.ts)
        odd.body[field] = nonsense
    sound = share(slack, channel, "#sound")
    assert turns.all()["state"] == "done"
    assert record_of(f"metadata/{slack.team_id}/{sound.files[0].id}.json")["tags"] == ["sound"]
