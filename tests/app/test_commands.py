"""What is typed behind `/docs`, and who may ask."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import commands, hashtags
from chalicelib.commands import Query
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from local.slack.posting import Attempt, post


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query("help", [])),
        ("  ", Query("help", [])),
        ("HELP", Query("help", [])),
        ("#help", Query("search", ["help"])),
        ("#finance #2026", Query("search", ["finance", "2026"])),
        ("Finance, 2026", Query("search", ["finance", "2026"])),
        ("#finance#2026", Query("search", ["finance"])),
        ("finance finance #FINANCE", Query("search", ["finance"])),
        ("“finance”", Query("search", ["finance"])),
        ("finance\u00a0 2026", Query("search", ["finance", "2026"])),
        ("#STRASSE straße", Query("search", ["strasse"])),
        ("<#C1|finance> 2026", Query("search", ["finance", "2026"])),
        ("<#C1|>", Query("help", [])),
        ("<@U1|mira> #x", Query("search", ["x"])),
        ("r&amp;d", Query("search", ["r&d"])),
        ("R&amp;D, C++ .net", Query("search", ["r&d", "c++", "net"])),
        ("«budget» [budget] (q3) « plan »", Query("search", ["budget", "q3", "plan"])),
        ("¿qué? 【予算】", Query("search", ["qué", "予算"])),
        (":tada: #:shipit:", Query("search", ["🎉", ":shipit:"])),
        ("日本語 🎉party", Query("search", ["日本語", "🎉party"])),
        ("...", Query("help", [])),
        ("tags", Query("tags", [])),
        ("Tags #Fin", Query("tags", [], begin="fin")),
        ("#tags", Query("search", ["tags"])),
        ("tags for me", Query("search", ["tags", "for", "me"])),
        ("#a more 8235938102-F0123", Query("search", ["a"], after="8235938102-F0123")),
        ("#a more 8235938102-", Query("search", ["a"], after="8235938102-")),
        ("#a more", Query("search", ["a", "more"])),
        ("#a more ../../x", Query("search", ["a", "more"])),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_what_is_typed_is_understood(text: str, expected: Query) -> None:
    assert commands.parse(text) == expected


@given(st.text())
def test_whatever_is_typed_the_tags_are_ones_that_a_message_could_have(text: str) -> None:
    for tag in commands.parse(text).tags:
        assert "/" not in tag
        assert hashtags.fold(tag) == tag


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", "ü=1".encode(), b"&".join([b"a=1"] * 200)], ids=ascii)
def test_what_is_no_form_is_none(body: bytes) -> None:
    assert commands.form(body) is None


def posted(slack: Slack, form: dict[str, str], **headers: str) -> Attempt:
    """POST *form* as the double would, with *headers* laid over its own."""
    body = urlencode(form).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return post(slack.request_url.replace("events", "commands"), body, slack.sign(body) | kind | headers)


def test_the_tls_check_of_slack_is_answered_with_nothing(slack: Slack) -> None:
    attempt = posted(slack, {"ssl_check": "1", "token": slack.verification_token}, **{"X-Slack-Signature": "v0=0"})
    assert (attempt.status, attempt.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Slack-Signature": "v0=" + "0" * 64}, 401),
        ({"X-Slack-Request-Timestamp": "1"}, 401),
        ({"Content-Type": "application/json"}, 415),
    ],
    ids=["forged", "old", "no form"],
)
def test_who_is_not_slack_is_told_nothing(slack: Slack, headers: dict[str, str], status: int) -> None:
    attempt = posted(slack, {"text": "help"}, **headers)
    assert attempt.status == status
    assert b"docs" not in attempt.body


def test_help_needs_nobody_to_be_looked_up(slack: Slack, channel: Channel) -> None:
    asked = len(slack.requests_to("users.info"))
    answer = slack.command(channel, slack.users[0], "/docs", "help")
    assert "/docs #finance #2026" in answer.text
    assert answer.is_ephemeral
    assert len(slack.requests_to("users.info")) == asked


@pytest.mark.parametrize("name", ["team_id", "channel_id", "user_id"])
@pytest.mark.parametrize("value", ["", "T1/public", "public", ...], ids=str)
def test_ids_that_are_none_find_nothing(slack: Slack, channel: Channel, name: str, value: str) -> None:
    answer = slack.command(channel, slack.users[0], "/docs", "#x", **{name: value})
    assert f"no valid {name}" in answer.text


def test_too_many_tags_are_refused_in_words(slack: Slack, channel: Channel) -> None:
    answer = slack.command(channel, slack.users[0], "/docs", "a b c d e f")
    assert answer.text == "These are 6 tags; please ask for 5 at most."


@pytest.mark.parametrize(
    ("scope", "says"), [("users:read", "lacks the scope users:read"), ("channels:read", "no document with #x")]
)
def test_a_scope_that_is_missing_opens_nothing(slack: Slack, channel: Channel, scope: str, says: str) -> None:
    slack.scopes.discard(scope)
    assert says in slack.command(channel, slack.users[0], "/docs", "#x").text


@pytest.mark.parametrize("misbehaviour", ["api_server_error", "api_garbage", "api_rate_limited"])
def test_when_slack_does_not_say_who_asks_nothing_is_shown(
    pipeline: Pipeline, slack: Slack, channel: Channel, misbehaviour: str
) -> None:
    options = {"retry_after": 1} if misbehaviour == "api_rate_limited" else {}
    slack.misbehave(misbehaviour, only="users.info", **options)
    answer = slack.command(channel, slack.users[0], "/docs", "tags")
    assert answer.text.startswith("❌ The archive could not be searched just now.")
