"""Whoever speaks to the app gets one short answer; programs, uploads and tags get none."""

from typing import Any

import pytest

from chalicelib import introduction, notices
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from tests.conftest import words

FILE = ("plans.pdf", b"plans", "application/pdf")


def answers(slack: Slack, channel: Channel) -> list[str]:
    """What the app has answered in *channel*."""
    own = (message for message in slack.workspace.messages_in(channel.id) if message.body.get("bot_id"))
    return [words(message) for message in own if words(message).startswith("👋")]


def settle(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    """Let an upload go the whole way: what was published before it has been answered by then."""
    message = slack.upload(channel, slack.users[0], [FILE])
    slack.wait_for_replies(channel, message.ts)


def test_a_direct_message_is_answered_once_whatever_it_says(pipeline: Pipeline, slack: Slack) -> None:
    direct = slack.workspace.direct_message(slack.add_user("asks").id)
    message = slack.say(direct, slack.users[0], "help")
    slack.workspace.wait_until(lambda: bool(answers(slack, direct)), 60)
    slack.deliver(message.envelope)  # Slack may deliver it again
    settle(pipeline, slack, direct)
    assert answers(slack, direct) == [f"👋 {notices.ABOUT_DIRECT} {notices.HOW}"]
    slack.say(direct, slack.users[0], "And now?")
    slack.workspace.wait_until(lambda: len(answers(slack, direct)) == 2, 60)


def test_whoever_names_the_app_is_answered_once_in_the_thread(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message = slack.say(channel, slack.users[0], f"<@{slack.bot_user_id}> who are you?")
    (reply,) = slack.wait_for_replies(channel, message.ts)
    settle(pipeline, slack, channel)
    assert words(reply) == f"👋 {notices.ABOUT} {notices.HOW}"
    assert len(answers(slack, channel)) == 1


@pytest.mark.long
def test_files_and_tags_that_name_the_app_are_followed_and_not_answered(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    mention = f"<@{slack.bot_user_id}>"
    upload = slack.upload(channel, slack.users[0], [FILE], text=f"{mention} please")
    slack.wait_for_replies(channel, upload.ts)
    reply = slack.say(channel, slack.users[0], f"{mention} #finance", thread_ts=upload.ts)
    slack.workspace.wait_until(lambda: "label" in reply.reactions, 60)
    settle(pipeline, slack, channel)
    assert answers(slack, channel) == []


BOT = {"team_id": "T1", "user_id": "UAPP", "is_bot": True}
DIRECT = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "ts": "1.2", "text": "hello"}
NAMED = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "1.2", "text": "<@UAPP> hello"}


def question(event: dict[str, Any]) -> Any:
    return introduction.question({"team_id": "T1", "api_app_id": "A1", "authorizations": [BOT], "event": event})


@pytest.mark.parametrize("event", [DIRECT, NAMED, {**DIRECT, "text": "Help ", "thread_ts": "1.1"}], ids=str)
def test_what_a_person_says_to_the_app_is_a_question(event: dict[str, Any]) -> None:
    result = question(event)
    assert (result["type"], result["team"], result["channel"], result["ts"]) == (
        "asked",
        "T1",
        event["channel"],
        "1.2",
    )


@pytest.mark.parametrize("event", [DIRECT, NAMED], ids=["direct", "named"])
@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"bot_profile": {"app_id": "A2"}},
        {"user": "UAPP"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"ts": "now"},
        {"files": [{"id": "F1", "name": "a.pdf"}]},
        {"thread_ts": "1.1", "text": "<@UAPP> #finance"},
    ],
    ids=str,
)
def test_programs_files_and_tags_are_no_questions(event: dict[str, Any], fields: dict[str, Any]) -> None:
    assert question({**event, **fields}) is None


def test_what_people_say_in_a_thread_of_a_direct_message_is_no_question() -> None:
    assert question({**DIRECT, "thread_ts": "1.1", "text": "thanks"}) is None
