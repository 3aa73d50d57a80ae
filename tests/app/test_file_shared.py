"""A file of which Slack says only that it was shared: the message that shows it is looked up."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import parking, shares
from chalicelib.errors import NotUnderstood
from chalicelib.files import YOUNG_SECONDS
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests.conftest import words
from tests.payloads import payload, with_event

Records = Callable[[str], Any]
SHARE: shares.Share = shares.share(payload("file_shared_group_dm"))
FILE = ("minutes.txt", b"minutes", "text/plain")


@pytest.fixture
def group(slack: Slack, request: pytest.FixtureRequest) -> Channel:
    """A group message."""
    return slack.add_channel(request.node.name[:60], "mpim")


def executions(pipeline: Pipeline, message: Message) -> list[str]:
    """The names of the message's executions."""
    machine, client = pipeline.deployment.state_machine_arn, pipeline.aws.client("stepfunctions")
    items = client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
    return [execution["name"] for execution in items if message.ts.replace(".", "_") in execution["name"]]


def share_of(slack: Slack, message: Message) -> shares.Share:
    return {
        "team": slack.team_id,
        "channel": message.channel.id,
        "file": message.files[0].id,
        "version": slack.workspace.new_ts(),
        "bot_user": slack.bot_user_id,
        "event_id": "Ev1",
    }


def look_up(pipeline: Pipeline, share: shares.Share, times: int = 1) -> str | None:
    """Hand *share* to start_parked, as the queue does for the given time; return the error that it ends with."""
    body = {"body": json.dumps({"share": share}), "attributes": {"ApproximateReceiveCount": str(times)}}
    name = "slack-integrator-local-start_parked"
    answer = pipeline.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": [body]}))
    error: str | None = json.loads(answer["Payload"].read())["errorType"] if "FunctionError" in answer else None
    return error


def reports(pipeline: Pipeline, channel: Channel) -> list[Any]:
    """What the topic was told of *channel*, as start_parked has logged it."""
    logs = [log.read_text("utf-8") for log in pipeline.folder.glob("*start_parked*.log")]
    lines = [json.loads(line) for log in logs for line in log.splitlines() if '"not archived"' in line]
    return [line["message"] for line in lines if line["message"]["channel"] == channel.id]


def asked(slack: Slack) -> int:
    """How often Slack was asked for what a look-up needs."""
    methods = ("files.info", "conversations.info", "conversations.history", "conversations.replies")
    return sum(len(slack.requests_to(method)) for method in methods)


@pytest.mark.long
def test_what_only_file_shared_reports_is_archived_as_its_message_says(
    pipeline: Pipeline, slack: Slack, group: Channel, record_of: Records
) -> None:
    slack.misbehave("file_shared_only", only=group.id)
    message = slack.upload(group, slack.users[0], [FILE, ("plan.txt", b"plan", "text/plain")], "For you #board")
    (reply,) = slack.wait_for_replies(group, message.ts, timeout=60)
    assert words(reply).startswith("✅ 2 files in the archive with #board.")
    (share,) = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"]
    assert (share["channel_type"], share["user"], share["comment"]) == ("mpim", message.user, "For you #board")
    assert executions(pipeline, message) == [f"{slack.team_id}-{group.id}-{message.ts.replace('.', '_')}"]


def test_what_is_shared_in_a_thread_is_found_there(slack: Slack, group: Channel, record_of: Records) -> None:
    root = slack.say(group, slack.users[1], "The minutes, please")
    slack.misbehave("file_shared_only", only=group.id)
    message = slack.upload(group, slack.users[0], [FILE], "#done", thread_ts=root.ts)
    slack.wait_for_replies(group, root.ts, timeout=60)
    (share,) = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"]
    assert (share["ts"], share["thread_ts"], share["tags"]) == (message.ts, root.ts, ["done"])


def test_what_the_messages_event_has_archived_costs_no_call_of_slack(
    pipeline: Pipeline, slack: Slack, group: Channel
) -> None:
    message = slack.upload(group, slack.users[0], [FILE])
    slack.wait_for_replies(group, message.ts)
    before = asked(slack)
    assert look_up(pipeline, share_of(slack, message)) is None
    assert (asked(slack) - before, len(executions(pipeline, message))) == (0, 1)


def test_what_the_messages_event_could_not_archive_is_not_started_a_second_time(
    pipeline: Pipeline, slack: Slack, group: Channel
) -> None:
    file = slack.add_file("gone.txt", b"gone", "text/plain")
    slack.misbehave("not_found", only=file.id)
    message = slack.upload(group, slack.users[0], [file])
    slack.wait_for_replies(group, message.ts)
    before = len(slack.requests_to("conversations.history"))
    assert look_up(pipeline, share_of(slack, message)) is None
    assert len(executions(pipeline, message)) == 1
    assert len(slack.requests_to("conversations.history")) == before
    assert len(slack.replies(group, message.ts)) == 1


def test_an_older_message_with_the_same_file_is_not_taken_for_the_one_of_the_event(
    pipeline: Pipeline, slack: Slack, group: Channel
) -> None:
    message = slack.upload(group, slack.users[0], [FILE], deliver=False)
    later: shares.Share = {**share_of(slack, message), "version": f"{float(message.ts) + 3600:.6f}"}
    assert look_up(pipeline, later) == "FileNotReady"
    assert executions(pipeline, message) == []


@pytest.mark.parametrize("misbehaviour", ["too_young", "shares_late"])
def test_while_slack_does_not_know_the_file_it_is_looked_up_again(
    pipeline: Pipeline, slack: Slack, group: Channel, misbehaviour: str
) -> None:
    message = slack.upload(group, slack.users[0], [FILE], deliver=False)
    share = share_of(slack, message)
    slack.misbehave(misbehaviour, only=message.files[0].id, times=1)
    assert look_up(pipeline, share) in ("FileGone", "FileNotReady")
    assert look_up(pipeline, share) is None
    assert len(executions(pipeline, message)) == 1


def test_what_was_taken_back_meanwhile_is_left_alone(pipeline: Pipeline, slack: Slack, group: Channel) -> None:
    message, other = (slack.upload(group, slack.users[0], [FILE], deliver=False) for _ in range(2))
    slack.delete(message, deliver=False)
    assert look_up(pipeline, share_of(slack, message)) is None
    slack.delete_file(other.files[0], deliver=False)
    old: shares.Share = {**share_of(slack, other), "version": "1700000000.000100"}
    assert look_up(pipeline, old) is None
    assert executions(pipeline, message) + executions(pipeline, other) == []


def test_where_the_app_is_not_nothing_is_started(pipeline: Pipeline, slack: Slack, group: Channel) -> None:
    elsewhere = slack.add_channel("elsewhere", "group")
    message = slack.upload(group, slack.users[0], [FILE], deliver=False)
    slack.upload(elsewhere, slack.users[0], list(message.files), deliver=False)
    slack.remove_app(elsewhere)
    share: shares.Share = {**share_of(slack, message), "channel": elsewhere.id}
    assert look_up(pipeline, share) == "SlackRefused"  # it is young, so that may change
    assert look_up(pipeline, {**share, "version": f"{float(share['version']) - YOUNG_SECONDS:.6f}"}) is None
    assert executions(pipeline, message) == []


def test_the_topic_hears_at_the_last_try_of_what_could_not_be_looked_up(
    pipeline: Pipeline, slack: Slack, group: Channel
) -> None:
    message = slack.upload(group, slack.users[0], [FILE], deliver=False)
    slack.misbehave("api_server_error", only="files.info")
    assert look_up(pipeline, share_of(slack, message), parking.MOST_TRIES - 1) == "SlackUnavailable"
    assert reports(pipeline, group) == []
    assert look_up(pipeline, share_of(slack, message), parking.MOST_TRIES) == "SlackUnavailable"
    (report,) = reports(pipeline, group)
    assert report["error"] == "Slack has a problem of its own (503)."


@pytest.mark.parametrize("field", ["channel_id", "file_id", "event_ts"])
@pytest.mark.parametrize("value", [None, 7, "a/b", []], ids=str)
def test_an_event_without_what_it_takes_is_not_understood(field: str, value: Any) -> None:
    with pytest.raises(NotUnderstood, match=field):
        shares.share(with_event("file_shared_group_dm", **{field: value}))


def test_the_event_says_where_when_and_to_whom() -> None:
    assert shares.share(payload("file_shared_group_dm")) == {
        "team": "T0LOCAL01",
        "channel": "G0LOCAL001",
        "file": "F0LOCAL061",
        "version": "1764065061.000400",
        "bot_user": "U0LOCALBOT",
        "event_id": "Ev0LOCAL061",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ENTRY = st.fixed_dictionaries(
    {"ts": st.sampled_from(["1764065061.000300", "1.1"]) | JSON}, optional={"thread_ts": JSON}
)
SIDE = st.dictionaries(st.sampled_from([SHARE["channel"], "C0OTHER"]), st.lists(ENTRY | JSON) | JSON)


@pytest.mark.long
@given(st.dictionaries(st.sampled_from(["public", "private"]), SIDE | JSON) | JSON)
def test_whatever_shares_are_they_name_messages_of_this_sharing_or_none(side: Any) -> None:
    places = shares.places(SHARE, {"shares": side})
    assert places is None or all(place.ts == "1764065061.000300" or float(place.ts) > 2 for place in places)
