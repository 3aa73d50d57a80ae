"""A link to a channel without its name, where somebody typed a hashtag: a tag if the channel is public."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import channel_links, clients, events, hashtags, parking, workflow
from chalicelib.errors import SlackUnavailable
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests.conftest import words
from tests.payloads import with_event
from tests.receiver import Receiver, reply
from tests.waiting import eventually

Records = Callable[[str], Any]
FILE = ("a.txt", b"a", "text/plain")
NO_TAG = "A link to a private channel does not become a tag. Please use another word."


@pytest.mark.long
def test_the_name_of_a_public_channel_is_a_tag_and_that_of_a_private_one_nowhere(
    pipeline: Pipeline, slack: Slack, channel: Channel, s3: Any, bucket: str, record_of: Records
) -> None:
    public, private = slack.add_channel("Budget-2026"), slack.add_channel("mergers", "group")
    text = f"Numbers <#{public.id}> <#{private.id}|> <#C0NOWHERE> #q3"
    message = slack.upload(channel, slack.users[0], [FILE], text)
    (reply,) = slack.wait_for_replies(channel, message.ts, timeout=60)
    assert words(reply) == f"✅ 1 file in the archive with #budget-2026 #q3.\n• a.txt (1 byte)\n{NO_TAG}"
    record = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")
    assert record["shares"][0]["tags"] == ["budget-2026", "q3"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert [key for key in keys if "mergers" in key] == []


@pytest.mark.long
def test_an_edit_and_a_reply_are_tagged_by_links_too(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Records
) -> None:
    public = slack.add_channel("forecast")
    message = slack.upload(channel, slack.users[0], [FILE], "first")
    slack.wait_for_replies(channel, message.ts)
    slack.say(channel, slack.users[1], f"<#{public.id}>", thread_ts=message.ts)
    key = f"metadata/{slack.team_id}/{message.files[0].id}.json"
    assert eventually(lambda: record_of(key)["tags"] == ["forecast"], 60)
    other = slack.add_channel("hindsight")
    slack.edit(message, f"second <#{other.id}>")
    assert eventually(lambda: record_of(key)["tags"] == ["forecast", "hindsight"], 60)


def upload_of(slack: Slack, channel: Channel, text: str) -> tuple[Message, events.Change]:
    message = slack.upload(channel, slack.users[0], [FILE], text, deliver=False)
    change = events.change(message.envelope)
    assert change is not None
    return message, change


def start_parked(pipeline: Pipeline, change: events.Change, times: int) -> bool:
    """Hand the upload to start_parked, as the queue does for the given time; tell whether it was started."""
    name, text = workflow.execution_name(change), workflow.execution_input(change)
    attributes = {"ApproximateReceiveCount": str(times)}
    record = {"body": parking.message_body(name, text, change.unnamed), "attributes": attributes}
    function, event = "slack-integrator-local-start_parked", json.dumps({"Records": [record]})
    return "FunctionError" not in pipeline.aws.client("lambda").invoke(FunctionName=function, Payload=event)


@pytest.mark.long
def test_while_slack_does_not_answer_it_is_asked_again_and_then_the_upload_goes_without(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message, change = upload_of(slack, channel, f"<#{slack.add_channel('someday').id}> #now")
    slack.misbehave("api_server_error", only="conversations.info")
    assert not start_parked(pipeline, change, parking.MOST_TRIES_FOR_LINKS)
    assert start_parked(pipeline, change, parking.MOST_TRIES_FOR_LINKS + 1)
    (reply,) = slack.wait_for_replies(channel, message.ts, timeout=60)
    assert words(reply) == f"✅ 1 file in the archive with #now.\n• a.txt (1 byte)\n{NO_TAG}"


def test_a_token_that_is_not_accepted_costs_the_tags_of_links_and_nothing_else(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    _, change = upload_of(slack, channel, f"<#{slack.add_channel('untold').id}>")
    slack.misbehave("api_error", only="conversations.info", error="invalid_auth")
    assert start_parked(pipeline, change, 1)


def test_slack_is_asked_once_for_each_channel(slack: Slack, api: Api) -> None:
    text = workflow.execution_input(upload_of(slack, slack.channels[0], "")[1])
    links = [slack.add_channel("asked-once").id, slack.add_channel("hidden", "group").id]
    before = len(slack.requests_to("conversations.info"))
    tag_lists = [json.loads(channel_links.add_tags(text, links, api))["tags"] for _ in range(2)]
    assert tag_lists == [["asked-once"], ["asked-once"]]
    assert len(slack.requests_to("conversations.info")) == before + 2


def test_trouble_that_passes_is_raised(slack: Slack, api: Api) -> None:
    slack.misbehave("api_garbage", only="conversations.info")
    with pytest.raises(SlackUnavailable):
        channel_links.add_tags("{}", [slack.add_channel("later").id], api)


def test_tags_beyond_the_most_are_left_out_and_named(slack: Slack, channel: Channel, api: Api) -> None:
    comment = " ".join(f"#t{number:02}" for number in range(hashtags.MOST_TAGS - 1))
    _, change = upload_of(slack, channel, comment)
    links = [slack.add_channel(name).id for name in ("t00", "fits", "too-many")]
    text = workflow.execution_input(change._replace(unnamed=tuple(links)))
    body = json.loads(channel_links.add_tags(text, links, api))
    assert len(body["tags"]) == hashtags.MOST_TAGS
    assert body["tags_left_out"] == {"count": 1, "first": ["too-many"], "links": 0}


def test_a_message_without_such_links_has_none_to_report() -> None:
    change = events.change(with_event("file_share_thread"))
    assert change is not None
    assert json.loads(workflow.execution_input(change))["tags_left_out"]["links"] == 0


@pytest.mark.parametrize("name", [7, "", None, ["a"]])
def test_a_name_that_is_none_becomes_no_tag(chosen: Settings, name: Any) -> None:
    details = {"id": "C1", "name": name, "is_channel": True, "is_private": False}
    with Receiver(reply(200, json.dumps({"ok": True, "channel": details}).encode())) as receiver:
        api = Api(clients.http(), chosen._replace(slack_url=receiver.url))
        text = workflow.canonical_json({"tags": [], "tags_left_out": {"count": 0, "first": [], "links": 1}})
        body = json.loads(channel_links.add_tags(text, [f"C0{name!r}"], api))
    assert (body["tags"], body["tags_left_out"]["links"]) == ([], 1)
