"""What is typed behind `/docs`, and who may ask."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import forms, questions
from chalicelib.hashtags import fold
from chalicelib.questions import Query
from chalicelib.terms import Term
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from local.slack.posting import Attempt, post


def tag(name: str) -> Term:
    return Term(f"#{name}", name, ())


def word(text: str) -> Term:
    return Term(text, None, (text.lower(),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query("search", [])),
        ("  ", Query("search", [])),
        ("HELP", Query("help", [])),
        ("#help", Query("search", [tag("help")])),
        ("#finance Board", Query("search", [tag("finance"), word("Board")])),
        ("...", Query("help", [])),
        ("<#C1|>", Query("help", [])),
        ("tags", Query("tags", [])),
        ("Tags #Fin", Query("tags", [], begin="fin")),
        ("#tags", Query("search", [tag("tags")])),
        ("tags for me", Query("search", [word("tags"), word("for"), word("me")])),
        ("#a more 8235938102-F0123", Query("search", [tag("a")], after="8235938102-F0123")),
        ("#a more 8235938102-", Query("search", [tag("a")], after="8235938102-")),
        ("more 8235938102-", Query("search", [], after="8235938102-")),
        ("#a more", Query("search", [tag("a"), word("more")])),
        ("#a more ../../x", Query("search", [tag("a"), word("more"), Term("../../x", None, ("x",))])),
    ],
    ids=lambda value: ascii(value) if isinstance(value, str) else "",
)
def test_what_is_typed_is_understood(text: str, expected: Query) -> None:
    assert questions.parse(text) == expected


@given(st.text())
def test_whatever_is_typed_it_names_one_folder_of_the_index(text: str) -> None:
    for term in questions.parse(text).terms:
        for name in [term.tag] if term.tag is not None else term.words:
            assert "/" not in name
            assert fold(name) == name


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", "ü=1".encode(), b"&".join([b"a=1"] * 200)], ids=ascii)
def test_what_is_no_form_is_none(body: bytes) -> None:
    assert forms.form(body) is None


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
    request_count = len(slack.requests_to("users.info"))
    answer = slack.command(channel, slack.users[0], "/docs", "help")
    assert "/docs board #2026 pdf" in answer.text
    assert answer.is_ephemeral
    assert len(slack.requests_to("users.info")) == request_count


def test_an_organisation_that_installed_the_app_as_a_whole_is_the_team_where_no_workspace_is_named(
    slack: Slack, channel: Channel
) -> None:
    fields = {"team_id": "", "enterprise_id": "E0LOCAL01"}
    answer = slack.command(channel, slack.users[0], "/docs", "#x", **fields)
    assert answer.text.startswith("I found no document")


@pytest.mark.parametrize("name", ["team_id", "channel_id", "user_id"])
@pytest.mark.parametrize("value", ["", "T1/public", "public", ...], ids=str)
def test_ids_that_are_none_find_nothing(slack: Slack, channel: Channel, name: str, value: str) -> None:
    answer = slack.command(channel, slack.users[0], "/docs", "#x", **{name: value})
    assert f"no valid {name}" in answer.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a b c d e #f", "These are 6 words and tags; please ask for 5 at most."),
        (" ".join(f"t{number}" for number in range(50)), "These are 50 words and tags; please ask for 5 at most."),
        ("x" * 10_000, "That is too long for a search; please ask in 500 characters at most."),
        ("#" * 400, "Find archived documents"),
        ("\u202e\u200b\u2060", "Find archived documents"),
    ],
    ids=["six", "fifty", "long", "signs", "invisible"],
)
def test_what_nobody_can_ask_for_is_answered_in_words(slack: Slack, channel: Channel, text: str, says: str) -> None:
    assert says in slack.command(channel, slack.users[0], "/docs", text).text


@pytest.mark.parametrize(
    ("scope", "says"), [("users:read", "(missing_scope)"), ("channels:read", "no document with #x")]
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
    assert answer.text.startswith("❌ The search did not work.")


def test_five_hundred_characters_and_where_to_go_on_are_read_and_one_more_is_too_long() -> None:
    assert questions.without_search("x" * 540) is None
    answer = questions.without_search("x" * 541)
    assert answer
    assert answer["text"] == "That is too long for a search; please ask in 500 characters at most."
