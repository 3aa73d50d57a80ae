"""The notifier: each notice is posted once, whatever fails in between."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from chalicelib import clients, errors, layout, notifier
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from local.slack import Slack
from local.slack.model import Channel
from tests.app.spoiled_s3 import SpoiledS3, after, refused
from tests.conftest import words

Notify = Callable[..., None]
NOW = 1_800_000_000.0
CLAIM = 30.0


def outcome(channel: Channel, ts: str, **fields: Any) -> str:
    file = {"id": "F1", "name": "q3.pdf", "status": "archived", "size": 5, "reason": None}
    base = {"type": "outcome", "kind": "upload", "execution": f"T1-{channel.id}-{ts.replace('.', '_')}", "tags": []}
    where = {"team": "T1", "channel": channel.id, "ts": ts, "thread_ts": None, "user": "U1"}
    return json.dumps({**base, **where, "files": [file], **fields})


@pytest.fixture
def notify(chosen: Settings, archive: Archive) -> Notify:
    """Deliver the topic's messages, at a time, with other settings where wanted."""

    def deliver(*texts: str, now: float = NOW, **other: Any) -> None:
        api = Api(clients.http(), chosen._replace(**other))
        notifier.deliver(texts, archive, api, now, CLAIM)

    return deliver


def test_a_notice_is_posted_into_the_thread_without_previews(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts))
    (reply,) = slack.replies(channel, ts)
    assert words(reply) == "✅ 1 file in the archive.\n• q3.pdf (5 bytes)"
    body = json.loads(slack.requests_to("chat.postMessage")[-1].body)
    assert (body["unfurl_links"], body["unfurl_media"], body["thread_ts"]) == (False, False, ts)


def test_the_same_notice_again_is_not_posted_again(slack: Slack, channel: Channel, notify: Notify) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts))
    notify(outcome(channel, ts))
    notify(outcome(channel, ts), now=NOW + 86_400)
    assert len(slack.replies(channel, ts)) == 1


def test_copies_that_run_at_once_post_once(slack: Slack, channel: Channel, notify: Notify) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts

    def run() -> None:
        with suppress(errors.NoticePending):
            notify(outcome(channel, ts))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slack.replies(channel, ts)) == 1


@pytest.mark.parametrize(
    ("misbehaviour", "options", "error"),
    [
        ("api_rate_limited", {}, errors.SlackRateLimited),
        ("api_server_error", {}, errors.SlackUnavailable),
        ("api_garbage", {}, errors.SlackUnavailable),
        ("api_error", {"error": "internal_error"}, errors.SlackUnavailable),
        ("api_error", {"error": "token_revoked"}, errors.TokenRejected),
        ("api_error", {"error": "missing_scope", "needed": "chat:write"}, errors.AccessRefused),
    ],
    ids=str,
)
def test_what_passes_or_can_be_mended_raises_and_is_posted_later(
    slack: Slack, channel: Channel, notify: Notify, misbehaviour: str, options: Any, error: type[Exception]
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    slack.misbehave(misbehaviour, times=1, only="chat.postMessage", **options)
    with pytest.raises(error):
        notify(outcome(channel, ts))
    notify(outcome(channel, ts))
    assert len(slack.replies(channel, ts)) == 1


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "is_archived", "something_new"])
def test_a_channel_that_takes_no_notice_is_done_with(
    slack: Slack, channel: Channel, notify: Notify, error: str
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    slack.misbehave("api_error", times=1, only="chat.postMessage", error=error)
    notify(outcome(channel, ts))
    notify(outcome(channel, ts))
    assert slack.replies(channel, ts) == []


def test_a_notice_that_slack_finds_too_long_is_posted_shorter(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    slack.misbehave("api_error", times=1, only="chat.postMessage", error="msg_blocks_too_long")
    notify(outcome(channel, ts))
    (reply,) = slack.replies(channel, ts)
    assert (reply.text, reply.blocks) == ("✅ 1 file in the archive. • q3.pdf (5 bytes)", [])


def test_a_claim_of_the_living_is_respected_and_one_of_the_dead_taken_over(
    slack: Slack, channel: Channel, notify: Notify, archive: Archive
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    key = layout.notice_key(json.loads(outcome(channel, ts))["execution"])
    archive.write(key, {"state": "claimed", "at": NOW}, over=None)
    with pytest.raises(errors.NoticePending):
        notify(outcome(channel, ts), now=NOW + CLAIM - 1)
    assert slack.replies(channel, ts) == []
    notify(outcome(channel, ts), now=NOW + CLAIM)
    assert len(slack.replies(channel, ts)) == 1


def test_a_claim_of_the_dead_whose_reply_is_there_is_over(
    slack: Slack, channel: Channel, notify: Notify, archive: Archive
) -> None:
    text = outcome(channel, ts := slack.say(channel, slack.users[0], "x", deliver=False).ts)
    notify(text)
    key = layout.notice_key(json.loads(text)["execution"])
    posted = archive.read(key)
    assert posted
    archive.write(key, {**posted.value, "state": "claimed"}, over=posted)
    notify(text, now=NOW + CLAIM)
    assert (state_of(archive, text), len(slack.replies(channel, ts))) == ("posted", 1)


def test_one_notice_that_fails_keeps_no_other_from_being_posted(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    first, second = (slack.say(channel, slack.users[0], text, deliver=False).ts for text in "ab")
    slack.misbehave("api_server_error", times=1, only="chat.postMessage")
    with pytest.raises(errors.SlackUnavailable):
        notify(outcome(channel, first), outcome(channel, second))
    assert (len(slack.replies(channel, first)), len(slack.replies(channel, second))) == (0, 1)
    notify(outcome(channel, first), outcome(channel, second))
    assert (len(slack.replies(channel, first)), len(slack.replies(channel, second))) == (1, 1)


def test_an_execution_that_died_after_its_notice_is_not_reported_again(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts))
    execution = json.loads(outcome(channel, ts))["execution"]
    notify(json.dumps({"type": "ended", "execution": execution, "status": "TIMED_OUT"}))
    assert len(slack.replies(channel, ts)) == 1


def test_what_is_about_no_conversation_is_nobodys_business(slack: Slack, notify: Notify) -> None:
    count = len(slack.requests)
    notify('{"type":"error","error":"The event has no inner event."}')
    assert len(slack.requests) == count


@pytest.mark.parametrize("text", ["no json", "[]", '{"type":"news"}'])
def test_what_is_not_the_apps_goes_to_the_dead_letters(notify: Notify, text: str) -> None:
    with pytest.raises(errors.NotUnderstood):
        notify(text)


def test_a_webhook_says_where_the_upload_was(slack: Slack, channel: Channel, notify: Notify) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts, channel_type="channel"), slack_url=slack.webhook_url, access_token="")
    body = json.loads(slack.requests_to("services")[-1].body)
    assert body["blocks"][0]["elements"][0]["text"] == f"About an upload in <#{channel.id}>:"
    assert slack.requests_to("services")[-1].header("Authorization") is None


@pytest.mark.parametrize("kind", ["group", "im", "mpim", None], ids=str)
def test_a_webhook_says_nothing_of_a_private_conversation(
    slack: Slack, channel: Channel, notify: Notify, kind: str | None
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    before = len(slack.requests_to("services"))
    for text in (outcome(channel, ts, channel_type=kind), outcome(channel, ts, execution="T1-C1-1_1")):
        notify(text, slack_url=slack.webhook_url, access_token="")
    event = {"type": "ended", "execution": f"T1-{channel.id}-2_2", "status": "TIMED_OUT"}
    notify(json.dumps(event), slack_url=slack.webhook_url, access_token="")
    assert len(slack.requests_to("services")) == before


def test_a_webhook_that_is_gone_is_done_with(
    slack: Slack, channel: Channel, notify: Notify, archive: Archive
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    text = outcome(channel, ts, channel_type="channel")
    before = len(slack.requests_to("gone"))
    for _ in range(2):  # the topic may deliver twice
        notify(text, slack_url=f"{slack.url}/services/T0/B0/gone")
    assert len(slack.requests_to("gone")) == before + 1
    assert state_of(archive, text) == "refused"


def test_the_token_is_sent_to_no_other_host(slack: Slack, channel: Channel, notify: Notify) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    with pytest.raises(errors.HostRefused, match="SLACK_URL is not Slack's"):
        notify(outcome(channel, ts), slack_url="https://evil.example/api/chat.postMessage")


def mark(slack: Slack, channel: Channel, ts: str) -> list[str]:
    message = slack.workspace.message(channel.id, ts)
    assert message is not None
    return list(message.reactions)


def test_with_replies_to_problems_alone_a_success_is_a_sign_and_the_first_one_is_explained(
    slack: Slack, channel: Channel, notify: Notify, request: pytest.FixtureRequest
) -> None:
    user = slack.add_user("newcomer").id
    first, second = (slack.say(channel, slack.users[0], "x", deliver=False).ts for _ in range(2))
    for _ in range(2):  # the topic may deliver twice
        notify(outcome(channel, first, user=user), replies="problems")
        notify(outcome(channel, second, user=user), replies="problems")
    (reply,) = slack.replies(channel, first)
    assert words(reply).startswith("✅ 1 file in the archive.")
    assert words(reply).endswith("From now on, a :white_check_mark: under your files says the same.")
    assert (slack.replies(channel, second), mark(slack, channel, second)) == ([], ["white_check_mark"])


def test_with_replies_to_problems_alone_an_edit_that_brings_a_file_is_a_sign(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts, kind="edit"), replies="problems")
    assert (slack.replies(channel, ts), mark(slack, channel, ts)) == ([], ["label"])
    failed_file = {"id": "F2", "name": "a", "status": "failed", "size": None, "reason": "Too large."}
    notify(outcome(channel, ts, kind="edit", files=[failed_file]), replies="problems")
    assert len(slack.replies(channel, ts)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"files": [{"id": "F1", "name": "a", "status": "failed", "size": None, "reason": "Too large."}]},
        {"files": [{"id": "F1", "name": "a", "status": "skipped", "size": None, "reason": "External."}]},
        {"tags_left_out": {"count": 1, "first": ["long"]}},
    ],
)
def test_with_replies_to_problems_alone_what_is_wrong_is_said_in_words(
    slack: Slack, channel: Channel, notify: Notify, fields: Any
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    notify(outcome(channel, ts, user="U0KNOWN", **fields), replies="problems")
    assert len(slack.replies(channel, ts)) == 1
    assert mark(slack, channel, ts) == []


def test_what_is_not_archived_is_kept_for_its_uploader_until_it_is(
    slack: Slack, channel: Channel, notify: Notify, archive: Archive
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    key = layout.problem_key("T1", "U7", channel.id, ts)
    failed_file = {"id": "F1", "name": "a.pdf", "status": "failed", "size": None, "reason": "Too large."}
    good = {"id": "F2", "name": "b.pdf", "status": "archived", "size": 1, "reason": None}
    notify(outcome(channel, ts, user="U7", files=[failed_file, good]))
    problem = archive.read(key)
    del failed_file["size"]
    assert problem
    assert problem.value == {"channel": channel.id, "ts": ts, "files": [failed_file]}
    name = f"T1-{channel.id}-{ts.replace('.', '_')}-r1"
    notify(outcome(channel, ts, user="U7", execution=name, files=[good]))
    assert archive.read(key) is None


def state_of(archive: Archive, text: str) -> str:
    mark = archive.read(layout.notice_key(json.loads(text)["execution"]))
    assert mark is not None
    return str(mark.value["state"])


@pytest.mark.parametrize(
    ("misbehaviour", "error", "state"),
    [(None, "", "posted"), ("api_error", "is_archived", "refused"), ("api_error", "internal_error", "released")],
)
def test_the_mark_says_what_became_of_the_notice(
    slack: Slack,
    channel: Channel,
    notify: Notify,
    archive: Archive,
    misbehaviour: str | None,
    error: str,
    state: str,
) -> None:
    text = outcome(channel, slack.say(channel, slack.users[0], "x", deliver=False).ts)
    if misbehaviour:
        slack.misbehave(misbehaviour, times=1, only="chat.postMessage", error=error)
    with suppress(errors.SlackUnavailable):
        notify(text)
    assert state_of(archive, text) == state


def test_an_answer_that_slack_does_not_take_is_given_when_it_is_delivered_again_at_once(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    ts = slack.say(channel, slack.users[0], "x", deliver=False).ts
    where = {"team": slack.team_id, "channel": channel.id, "ts": ts, "thread_ts": None}
    asked = json.dumps({"type": "asked", **where, "channel_type": "channel"})
    slack.misbehave("api_error", times=1, only="chat.postMessage", error="internal_error")
    with pytest.raises(errors.SlackUnavailable):
        notify(asked)
    notify(asked)
    notify(asked)
    assert len(slack.replies(channel, ts)) == 1


def test_a_claim_that_another_invocation_took_over_is_said_in_the_log_and_no_other_is(
    slack: Slack, channel: Channel, api: Api, archive: Archive, spoiled: SpoiledS3, caplog: pytest.LogCaptureFixture
) -> None:
    text = outcome(channel, slack.say(channel, slack.users[0], "x", deliver=False).ts)
    notifier.deliver([text], archive, api, NOW, CLAIM)
    assert "claim was taken over" not in caplog.text
    text = outcome(channel, slack.say(channel, slack.users[0], "x", deliver=False).ts)
    key = layout.notice_key(json.loads(text)["execution"])

    def take_over() -> None:
        claim = archive.read(key)
        archive.write(key, {"state": "claimed", "at": NOW + CLAIM}, over=claim)

    spoiled.spoil("PUT", "notices/", after(lambda: None), after(take_over))
    notifier.deliver([text], spoiled.archive(archive.bucket), api, NOW, CLAIM)
    assert "claim was taken over" in caplog.text


def test_a_mark_that_s3_refuses_once_is_written_again_so_that_nothing_is_posted_twice(
    slack: Slack, channel: Channel, api: Api, archive: Archive, spoiled: SpoiledS3
) -> None:
    text = outcome(channel, ts := slack.say(channel, slack.users[0], "x", deliver=False).ts)
    spoiled.spoil("PUT", "notices/", after(lambda: None), refused)  # the claim passes, the first mark does not
    notifier.deliver([text], spoiled.archive(archive.bucket), api, NOW, CLAIM)
    assert state_of(archive, text) == "posted"
    notifier.deliver([text], archive, api, NOW + CLAIM, CLAIM)
    assert len(slack.replies(channel, ts)) == 1


def test_a_notice_that_slack_did_not_take_is_tried_again_at_once(
    slack: Slack, channel: Channel, notify: Notify
) -> None:
    text = outcome(channel, ts := slack.say(channel, slack.users[0], "x", deliver=False).ts)
    slack.misbehave("api_server_error", times=1, only="chat.postMessage")
    with pytest.raises(errors.SlackUnavailable):
        notify(text)
    notify(text, now=NOW + 1)
    assert len(slack.replies(channel, ts)) == 1
