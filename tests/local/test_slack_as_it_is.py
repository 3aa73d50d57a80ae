"""The Slack double where Slack is less polite than its documentation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.clock import Clock
from local.pipeline import PROJECT
from local.slack import Slack
from local.slack.model import Channel
from local.slack.workspace import manifest
from tests.receiver import Receiver


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Receiver() as app, Slack(Clock(1000)) as slack:
        slack.request_url = app.url
        yield slack


@pytest.fixture
def channel(slack: Slack) -> Channel:
    return slack.add_channel("as-it-is")


def call(slack: Slack, method: str, **arguments: Any) -> Any:
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    return requests.post(f"{slack.url}/api/{method}", data=arguments, headers=headers, timeout=5).json()


def download(slack: Slack, url: str) -> requests.Response:
    return requests.get(url, headers={"Authorization": f"Bearer {slack.bot_token}"}, timeout=5)


def pages(slack: Slack, channel: Channel, **arguments: Any) -> Iterator[list[str]]:
    """Give the texts of the channel's history, a page of two at a time, as the cursors lead."""
    cursor = ""
    while True:
        answer = call(slack, "conversations.history", channel=channel.id, limit=2, cursor=cursor, **arguments)
        yield [message["text"] for message in answer["messages"]]
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            return


def test_history_pages_forward_from_oldest_unless_latest_is_asked_for(slack: Slack, channel: Channel) -> None:
    first, *_ = [slack.say(channel, slack.users[0], f"{number}", deliver=False) for number in range(5)]
    slack.misbehave("history_from_oldest")
    oldest = f"{float(first.ts) - 1:.6f}"
    assert list(pages(slack, channel, oldest=oldest)) == [["1", "0"], ["3", "2"], ["4"]]
    assert list(pages(slack, channel, oldest=oldest, latest="9999999999.0")) == [["4", "3"], ["2", "1"], ["0"]]
    slack.behave()
    assert list(pages(slack, channel, oldest=oldest)) == [["4", "3"], ["2", "1"], ["0"]]


def test_a_file_that_is_too_young_is_not_found_and_not_shown(slack: Slack, channel: Channel) -> None:
    file = slack.add_file("young.txt", b"young", "text/plain")
    slack.upload(channel, slack.users[0], [file], deliver=False)
    slack.misbehave("too_young", only=file.id, times=2)
    url = file.object()["url_private_download"]
    assert call(slack, "files.info", file=file.id)["error"] == "file_not_found"
    assert "text/html" in download(slack, url).headers["Content-Type"]
    assert call(slack, "files.info", file=file.id)["ok"]
    assert download(slack, url).content == b"young"


def test_where_a_file_is_shared_can_be_unknown_at_first(slack: Slack, channel: Channel) -> None:
    file = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False).files[0]
    slack.misbehave("shares_late", only=file.id, times=1)
    shares = [call(slack, "files.info", file=file.id)["file"].get("shares") for _ in range(2)]
    assert shares[0] is None
    assert list(shares[1]["public"]) == [channel.id]


def test_a_files_type_can_be_unknown_at_first(slack: Slack, channel: Channel) -> None:
    file = slack.add_file("scan.pdf", b"%PDF", "application/pdf")
    slack.misbehave("type_unknown", only=file.id, times=1)
    event_file = slack.upload(channel, slack.users[0], [file], deliver=False).body["files"][0]
    assert (event_file["mimetype"], event_file["size"]) == ("", 4)
    assert event_file["url_private_download"]
    mimetypes = [call(slack, "files.info", file=file.id)["file"]["mimetype"] for _ in range(2)]
    assert mimetypes == ["", "application/pdf"]


def test_in_a_shared_channel_the_envelope_names_the_senders_workspace(slack: Slack) -> None:
    channel, partner = slack.add_channel("shared", is_ext_shared=True), slack.add_user("ana", team_id="T0PARTNER")
    theirs = slack.say(channel, partner, "hello").envelope
    assert (theirs["team_id"], theirs["event"]["team"]) == ("T0PARTNER", "T0PARTNER")
    assert theirs["authorizations"][0]["team_id"] == slack.team_id
    assert slack.say(channel, slack.users[0], "hello").envelope["team_id"] == slack.team_id


def test_a_forwarded_message_carries_its_files_in_an_attachment(slack: Slack, channel: Channel) -> None:
    original = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], "#one", deliver=False)
    event = slack.forward(slack.add_channel("other"), slack.users[1], original, "#two").envelope["event"]
    attachment = event["attachments"][0]
    assert "files" not in event
    assert (attachment["is_share"], attachment["files"][0]["id"]) == (True, original.files[0].id)


def test_a_large_upload_may_be_told_by_file_shared_alone(slack: Slack) -> None:
    group = slack.add_channel("group", "mpim")
    slack.misbehave("file_shared_only", only=group.id)
    slack.upload(group, slack.users[0], [("a.txt", b"a", "text/plain")])
    assert [delivery.envelope["event"]["type"] for delivery in slack.deliveries] == ["file_shared"]


def test_a_reply_to_what_is_gone_lands_at_the_top_level(slack: Slack, channel: Channel) -> None:
    root = slack.say(channel, slack.users[0], "soon gone", deliver=False)
    slack.delete(root, deliver=False)
    answer = call(slack, "chat.postMessage", channel=channel.id, text="a reply", thread_ts=root.ts)
    assert answer["ok"]
    assert "thread_ts" not in answer["message"]


def test_a_reply_to_a_deleted_root_that_has_replies_stays_in_its_thread(slack: Slack, channel: Channel) -> None:
    root = slack.say(channel, slack.users[0], "soon gone", deliver=False)
    slack.say(channel, slack.users[1], "a reply", thread_ts=root.ts, deliver=False)
    slack.delete(root, deliver=False)
    answer = call(slack, "chat.postMessage", channel=channel.id, text="another", thread_ts=root.ts)
    assert answer["message"]["thread_ts"] == root.ts


def test_emoji_and_private_channels_that_somebody_types_lose_their_form(slack: Slack) -> None:
    private = slack.add_channel("board", "group")
    assert slack.as_markup("#q3🎉 👋🏼 ❤️ #board") == f"#q3:tada: :wave::skin-tone-3: :heart: <#{private.id}|>"


def test_a_loose_back_tick_is_no_code(slack: Slack, channel: Channel) -> None:
    message = slack.say(channel, slack.users[0], "dell`ufficio #a e l`anno, `#b`", deliver=False)
    leaves = message.blocks[0]["elements"][0]["elements"]
    assert [leaf["text"] for leaf in leaves if leaf.get("style")] == ["#b"]


SCOPES = {
    "auth.test": (),
    "chat.postMessage": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.update": ("chat:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "files.info": ("files:read",),
    "files.list": ("files:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "users.info": ("users:read",),
    "users.conversations": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.info": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.members": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.history": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "conversations.replies": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "views.open": (),
    "views.publish": (),
}
"""What each method asks of a bot token, each kind of conversation its own (https://docs.slack.dev/reference/methods)."""
OF_THE_PROOF = {"files:write"}
"""What only `make prove CHANNEL=…` needs, which says so when it is missing: the app itself uploads nothing."""
KINDS = ("channel", "group", "im", "mpim")
TYPES = {"channel": "public_channel", "group": "private_channel", "im": "im", "mpim": "mpim"}


def called() -> set[str]:
    """Return the Web API's methods that our code names."""
    files = [file for folder in ("chalicelib", "operations") for file in Path(PROJECT, folder).glob("*.py")]
    names = r'"((?:auth|chat|conversations|files|reactions|users|views)\.[A-Za-z]+)"'
    texts = (file.read_text(encoding="utf-8") for file in files)
    return {name for text in texts for name in re.findall(names, text) if not name.endswith(".json")}


def test_the_manifest_asks_for_what_the_code_calls_and_the_double_grants_no_more(slack: Slack) -> None:
    scopes = manifest()["oauth_config"]["scopes"]["bot"]
    needs = {scope for method in called() for scope in SCOPES[method]}
    assert needs - OF_THE_PROOF <= set(scopes)
    assert slack.scopes == set(scopes)
    assert slack.subscriptions == set(manifest()["settings"]["event_subscriptions"]["bot_events"])


@pytest.mark.parametrize("method", sorted(called()))
def test_the_double_refuses_a_call_without_its_scope(slack: Slack, method: str) -> None:
    for scope, kind in zip(SCOPES[method], KINDS, strict=False):
        channel = slack.add_channel(f"{method}-{kind}", kind)
        message = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
        about = {"channel": channel.id, "ts": message.ts, "file": message.files[0].id, "user": slack.users[0].id}
        about |= {"text": "hi", "name": "tada", "timestamp": message.ts}
        slack.scopes.add(scope)
        about |= {"types": TYPES[kind]} if method == "users.conversations" else {}
        assert call(slack, method, **about).get("error") != "missing_scope"
        slack.scopes.discard(scope)
        answer = call(slack, method, **about)
        assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
        slack.scopes.add(scope)
