"""The Slack double's workspace: what people do in it, and the events that tell of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.clock import Clock
from local.slack import Generated, Message, Slack
from local.slack.content import chunks_of, sha256_of
from local.slack.richtext import rich_text
from tests.receiver import Receiver

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("*.json"))


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(Clock(1000)) as slack:
        yield slack


def upload(slack: Slack, **options: object) -> Message:
    channel, user = slack.channels[0], slack.users[0]
    files = [("Q3 report.pdf", b"%PDF", "application/pdf"), ("a.txt", b"a", "text/plain")]
    return slack.upload(channel, user, files, deliver=False, **options)  # type: ignore[arg-type]


def test_a_double_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="start"):
        _ = Slack().url


def test_a_general_channel_and_two_people_are_there_from_the_start(slack: Slack) -> None:
    assert [channel.name for channel in slack.channels] == ["general"]
    assert len(slack.users) == 2


def test_an_upload_is_one_message_with_all_its_files(slack: Slack) -> None:
    message = upload(slack, text="Q3 #finance")
    event = message.envelope["event"]
    assert event["subtype"] == "file_share"
    assert [file["name"] for file in event["files"]] == ["Q3 report.pdf", "a.txt"]
    assert (event["channel"], event["channel_type"], event["ts"]) == (slack.channels[0].id, "channel", message.ts)


def test_an_envelope_names_the_app_and_the_workspace(slack: Slack) -> None:
    envelope = upload(slack).envelope
    assert (envelope["team_id"], envelope["api_app_id"]) == (slack.team_id, slack.app_id)
    assert envelope["token"] == slack.verification_token
    assert envelope["authorizations"][0]["user_id"] == slack.bot_user_id


def test_an_upload_without_words_has_an_empty_text_and_no_blocks(slack: Slack) -> None:
    event = upload(slack).envelope["event"]
    assert event["text"] == ""
    assert "blocks" not in event


def test_timestamps_are_unique_and_increase(slack: Slack) -> None:
    stamps = [slack.workspace.new_ts() for _ in range(1000)]
    assert stamps == sorted(set(stamps))
    assert all(re.fullmatch(r"\d{10}\.\d{6}", ts) for ts in stamps)


def test_every_envelope_has_an_event_id_of_its_own(slack: Slack) -> None:
    assert slack.envelope({"type": "message"})["event_id"] != slack.envelope({"type": "message"})["event_id"]


def test_a_reply_carries_its_root_and_the_roots_author(slack: Slack) -> None:
    root = slack.say(slack.channels[0], slack.users[1], "who has it?", deliver=False)
    event = upload(slack, thread_ts=root.ts).envelope["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (root.ts, slack.users[1].id)


def test_fields_of_an_event_can_be_replaced_and_removed(slack: Slack) -> None:
    event = upload(slack, subtype=..., upload=False, bot_id=None).envelope["event"]
    assert "subtype" not in event
    assert (event["upload"], event["bot_id"]) == (False, None)


def test_an_apps_upload_may_come_with_or_without_a_user(slack: Slack) -> None:
    channel, files = slack.channels[0], [slack.add_file("scan", b"a")]
    with_user = slack.upload(channel, slack.bot, files, deliver=False, bot_id=slack.bot_id)
    without = slack.upload(channel, None, files, deliver=False, bot_id="B0LOCAL09")
    assert with_user.envelope["event"]["user"] == slack.bot_user_id
    assert "user" not in without.envelope["event"]


@pytest.mark.parametrize(("kind", "prefix"), [("channel", "C"), ("group", "C"), ("im", "D"), ("mpim", "G")])
def test_a_channel_tells_its_kind(slack: Slack, kind: str, prefix: str) -> None:
    channel = slack.add_channel("another", kind)
    event = slack.say(channel, slack.users[0], "hello", deliver=False).envelope["event"]
    assert (event["channel_type"], channel.id[0]) == (kind, prefix)


def test_a_legacy_upload_has_one_file_with_the_words_inside(slack: Slack) -> None:
    channel, user = slack.channels[0], slack.users[0]
    file = ("a.txt", b"a", "text/plain")
    envelope = slack.legacy_upload(channel, user, file, "words #tag", deliver=False).envelope
    assert envelope["event"]["file"]["initial_comment"]["comment"] == "words #tag"
    assert "files" not in envelope["event"]
    assert "channel_type" not in envelope["event"]
    assert "authed_users" in envelope
    assert "authorizations" not in envelope


def test_an_edit_tells_the_words_before_and_after(slack: Slack) -> None:
    message = upload(slack, text="Q3")
    event = slack.edit(message, "Q3 #finance", without=message.files[:1], deliver=False)["event"]
    assert event["subtype"] == "message_changed"
    assert (event["message"]["text"], event["previous_message"]["text"]) == ("Q3 #finance", "Q3")
    assert event["message"]["edited"]["user"] == slack.users[0].id
    assert [file["mode"] for file in event["message"]["files"]] == ["tombstone", "hosted"]
    assert event["ts"] != event["message"]["ts"] == message.ts


def test_an_unfurl_is_a_change_without_an_edit(slack: Slack) -> None:
    message = slack.say(slack.channels[0], slack.users[0], "<https://example.com>", deliver=False)
    event = slack.unfurl(message, "https://example.com", deliver=False)["event"]
    assert event["message"]["text"] == event["previous_message"]["text"]
    assert "attachments" in event["message"]
    assert "edited" not in event["message"]


def test_a_deleted_message_tells_what_it_was(slack: Slack) -> None:
    message = upload(slack, text="oops")
    event = slack.delete(message, deliver=False)["event"]
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", message.ts)
    assert event["previous_message"]["text"] == "oops"
    assert message.deleted


def test_a_deleted_root_with_replies_becomes_a_tombstone(slack: Slack) -> None:
    root = upload(slack)
    slack.say(slack.channels[0], slack.users[1], "thanks", thread_ts=root.ts, deliver=False)
    event = slack.delete(root, deliver=False)["event"]
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert "files" not in event["message"]


STUBS = {
    "file_access": {"id", "mode", "file_access", "created", "timestamp", "user"},
    "file_not_found": {"id", "file_access", "created", "timestamp", "user", "filetype"},
    "tombstone": {"id", "mode"},
    "hidden_by_limit": {"id", "mode", "channels", "groups", "ims"},
}


@pytest.mark.parametrize("mode", STUBS)
def test_a_stub_has_only_what_slack_leaves_in_it(slack: Slack, mode: str) -> None:
    assert slack.add_file("a.txt", b"a", mode=mode).object().keys() == STUBS[mode]


def test_an_external_file_has_no_download_at_slack(slack: Slack) -> None:
    shape = slack.add_file("Plan", b"", mode="external").object()
    assert shape["is_external"]
    assert shape["url_private"].startswith(slack.foreign_url)
    assert "url_private_download" not in shape


def test_overrides_replace_and_remove_fields_of_a_file(slack: Slack) -> None:
    shape = slack.add_file("a.txt", b"abc", size=1, url_private_download=..., title="A").object()
    assert (shape["size"], shape["title"]) == (1, "A")
    assert "url_private_download" not in shape


def test_a_file_without_a_name_has_a_null_name(slack: Slack) -> None:
    assert slack.add_file(None, b"abc").object()["name"] is None


def test_a_slack_connect_channel_shows_only_stubs(slack: Slack) -> None:
    channel = slack.add_channel("partners", is_ext_shared=True)
    file = slack.add_file("a.txt", b"a")
    envelope = slack.upload(channel, slack.users[0], [file], deliver=False).envelope
    assert envelope["is_ext_shared_channel"]
    assert envelope["event"]["files"][0]["file_access"] == "check_file_info"


def test_generated_content_is_the_same_each_time_and_as_long_as_asked() -> None:
    content = Generated(size=3 * (1 << 20) + 5, seed=7)
    whole = b"".join(content.chunks())
    assert len(whole) == content.size
    assert whole == b"".join(chunks_of(content))
    assert sha256_of(whole) == sha256_of(content) != sha256_of(Generated(content.size, seed=8))


def test_typed_words_become_slacks_text(slack: Slack) -> None:
    general, mira = slack.channels[0], slack.users[0]
    text = slack.as_markup("a < b & #general #2026 @mira https://x.example/#top")
    tokens = f"<#{general.id}|general> #2026 <@{mira.id}> <https://x.example/#top>"
    assert text == f"a &lt; b &amp; {tokens}"


def test_a_rich_text_block_says_the_same_as_the_text() -> None:
    text = "a &amp; <#C1|x> <#C2|> <#C3> <@U1> <!here> <https://x.example/#a|see> `#no` :tada:"
    elements = rich_text(text)["elements"][0]["elements"]
    special = [e for e in elements if e != {"type": "text", "text": " "}]
    assert special == [
        {"type": "text", "text": "a & "},
        *({"type": "channel", "channel_id": channel} for channel in ("C1", "C2", "C3")),
        {"type": "user", "user_id": "U1"},
        {"type": "broadcast", "range": "here"},
        {"type": "link", "url": "https://x.example/#a", "text": "see"},
        {"type": "text", "text": "#no", "style": {"code": True}},
        {"type": "emoji", "name": "tada"},
    ]


def test_the_app_hears_only_of_channels_that_it_is_in(slack: Slack) -> None:
    with Receiver() as app:
        slack.request_url = app.url
        slack.say(slack.add_channel("elsewhere", bot_is_member=False), slack.users[0], "psst")
        assert slack.deliveries == []


def test_the_app_hears_only_what_it_is_subscribed_to(slack: Slack) -> None:
    with Receiver() as app:
        slack.request_url = app.url
        slack.subscriptions.discard("message.channels")
        slack.say(slack.channels[0], slack.users[0], "psst")
        assert slack.deliveries == []


def test_one_upload_makes_two_events_for_who_is_subscribed_to_both(slack: Slack) -> None:
    with Receiver() as app:
        slack.request_url = app.url
        slack.subscriptions.add("file_shared")
        slack.upload(slack.channels[0], slack.users[0], [("a.txt", b"a", "text/plain")])
        assert [d.envelope["event"]["type"] for d in slack.deliveries] == ["message", "file_shared"]
        assert all(delivery.wait(5) for delivery in slack.deliveries)


def test_an_upload_says_so_when_there_is_nowhere_to_deliver_it(slack: Slack) -> None:
    with pytest.raises(RuntimeError, match="request_url"):
        slack.say(slack.channels[0], slack.users[0], "hello?")


def test_waiting_in_vain_for_replies_tells_what_was_seen(slack: Slack) -> None:
    message = upload(slack)
    with pytest.raises(TimeoutError, match=r"0 of 1 replies .* Asked: nothing"):
        slack.wait_for_replies(message.channel, message.ts, timeout=0.05)


def test_an_unknown_misbehaviour_or_option_is_refused(slack: Slack) -> None:
    with pytest.raises(ValueError, match="no misbehaviour is called lazy"):
        slack.misbehave("lazy")
    with pytest.raises(ValueError, match="slow has no option minutes"):
        slack.misbehave("slow", minutes=3)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_example_payload_is_a_complete_request_of_slack(path: Path) -> None:
    payload = json.loads(path.read_text())
    assert {"type", "token"} <= payload.keys()
    if payload["type"] == "event_callback":
        assert {"team_id", "api_app_id", "event_id", "event_time"} <= payload.keys()
        assert "event_ts" in payload["event"]


def test_there_are_example_payloads() -> None:
    assert EVENTS


def test_an_invitation_of_the_app_is_a_message_and_an_event_of_its_own(slack: Slack) -> None:
    channel = slack.add_channel("board", "group", bot_is_member=False)
    with Receiver() as app:
        slack.request_url = app.url
        slack.subscriptions.add("member_joined_channel")
        invitation = slack.invite(channel, slack.users[1])
        assert all(delivery.wait(5) for delivery in slack.deliveries)
        message, mention, event = (delivery.envelope["event"] for delivery in slack.deliveries)
    assert mention["type"] == "app_mention"  # the message names the app
    assert (message["subtype"], message["user"], message["ts"]) == (
        "channel_join",
        slack.bot_user_id,
        invitation.ts,
    )
    assert (event["type"], event["user"], event["channel"]) == (
        "member_joined_channel",
        slack.bot_user_id,
        channel.id,
    )
    slack.remove_app(channel)
    assert not channel.bot_is_member


def test_a_deleted_file_is_told_by_an_event_of_its_own(slack: Slack) -> None:
    with Receiver() as app:
        slack.request_url = app.url
        file = slack.add_file("a.txt", b"a")
        slack.delete_file(file)
        (delivery,) = slack.deliveries
        event = delivery.envelope["event"]
        assert delivery.wait(5)
        assert event == {"type": "file_deleted", "file_id": file.id, "event_ts": event["event_ts"]}
