"""The double's buttons, Home and shortcuts: what Slack sends, and what it refuses."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from local.http_server import HttpServer, Request, Response, plain
from local.slack import Slack
from local.slack.interactions import NotOfferedError
from local.slack.model import Ephemeral
from local.slack.signing import signature
from local.slack.tiers import Tier

BUTTON = {"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}, "value": "v"}
BLOCKS: list[Any] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}},
    {"type": "actions", "elements": [BUTTON]},
]
SEARCH = {
    "type": "input",
    "block_id": "find",
    "dispatch_action": True,
    "label": {"type": "plain_text", "text": "Find"},
    "element": {"type": "plain_text_input", "action_id": "search"},
}


class App:
    """An app that keeps what it is sent, and answers *answer*."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = plain("")
        self.listener = HttpServer(lambda request: self.answer, self.requests.append)

    @property
    def payload(self) -> Any:
        (text,) = parse_qs(self.requests[-1].body.decode())["payload"]
        return json.loads(text)


@pytest.fixture
def app() -> Iterator[App]:
    """Somewhere to send to."""
    receiver = App()
    yield receiver
    receiver.listener.stop()
    receiver.listener.close()


@pytest.fixture
def double(app: App) -> Iterator[Slack]:
    """A workspace of the test's own."""
    with Slack() as slack:
        slack.request_url = f"{app.listener.url}/slack/events"
        slack.views.is_enabled = slack.interactions.is_enabled = True
        slack.subscriptions.add("app_home_opened")
        yield slack


@pytest.fixture
def shown(double: Slack) -> Ephemeral:
    """What mira alone sees in #general, with a button."""
    channel, mira = double.channels[0], double.users[0]
    body = {"text": "Hello", "blocks": [{"block_id": f"b{n}", **block} for n, block in enumerate(BLOCKS)]}
    return double.workspace.add_ephemeral(Ephemeral(channel, mira, double.workspace.new_ts(), body))


def respond(url: str, **body: Any) -> tuple[int, str]:
    response = requests.post(url, json=body, timeout=5)
    return response.status_code, response.text


def publish(slack: Slack, user: str, blocks: Any, **more: Any) -> Any:
    view = {"type": "home", "blocks": blocks, **more.pop("view", {})}
    url, auth = f"{slack.url}/api/views.publish", {"Authorization": f"Bearer {slack.bot_token}"}
    answer = requests.post(url, json={"user_id": user, "view": view, **more}, headers=auth, timeout=5)
    return answer.json() | {"status": answer.status_code}


def test_a_click_is_one_signed_form_with_one_field(double: Slack, app: App, shown: Ephemeral) -> None:
    click = double.interactions.click(double.users[0], shown, "more")
    (request,) = app.requests
    assert (request.method, request.path) == ("POST", "/slack/actions")
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    timestamp = request.header("X-Slack-Request-Timestamp") or ""
    digest = signature(double.signing_secret, timestamp, request.body)
    assert request.header("X-Slack-Signature") == digest
    assert list(parse_qs(request.body.decode())) == ["payload"]
    assert app.payload["actions"][0] | {"action_ts": ""} == BUTTON | {"block_id": "b1", "action_ts": ""}
    assert app.payload["container"]["is_ephemeral"] is True
    assert "message" not in app.payload  # Slack keeps no ephemeral message
    assert click.warning == ""


def test_a_button_that_is_a_link_is_a_click_all_the_same(double: Slack, app: App, shown: Ephemeral) -> None:
    shown.body["blocks"][1]["elements"] = [BUTTON | {"url": "https://example.com/x"}]
    app.answer = plain("no", 500)
    assert double.interactions.click(double.users[0], shown, "more").warning
    assert app.payload["actions"][0]["url"] == "https://example.com/x"


def test_a_click_that_is_not_acknowledged_within_three_seconds_shows_a_warning(
    double: Slack, app: App, shown: Ephemeral
) -> None:
    app.answer = Response(silence=3.5, is_dropped=True)
    start = time.monotonic()
    assert "did not answer" in double.interactions.click(double.users[0], shown, "more").warning
    assert 2.9 < time.monotonic() - start < 3.4
    app.answer = plain("no", 500)
    assert double.interactions.click(double.users[0], shown, "more").warning
    assert len(app.requests) == 2  # Slack does not try again


def test_without_interactivity_in_the_manifest_nothing_is_sent(double: Slack, app: App, shown: Ephemeral) -> None:
    double.interactions.is_enabled = False
    assert "not configured" in double.interactions.click(double.users[0], shown, "more").warning
    assert app.requests == []


def test_a_response_url_replaces_and_deletes_what_was_clicked(double: Slack, app: App, shown: Ephemeral) -> None:
    double.interactions.click(double.users[0], shown, "more")
    url = app.payload["response_url"]
    assert respond(url, text="Second page", replace_original=True) == (200, "ok")
    assert (shown.body["text"], shown.body["blocks"]) == ("Second page", [])
    assert respond(url, text="Besides") == (200, "ok")
    assert [ephemeral.body["text"] for ephemeral in double.workspace.ephemerals] == ["Second page", "Besides"]
    assert respond(url, delete_original=True) == (200, "ok")
    assert shown.deleted


def test_a_response_url_serves_five_times_within_half_an_hour(double: Slack, app: App, shown: Ephemeral) -> None:
    double.interactions.click(double.users[0], shown, "more")
    url = app.payload["response_url"]
    assert {respond(url, text="again")[0] for _ in range(5)} == {200}
    status, text = respond(url, text="once more")
    assert (status, json.loads(text)["error"]) == (404, "used_url")
    double.interactions.click(double.users[0], shown, "more")
    double.hosts.response_urls.now = lambda: time.time() + 1801
    status, text = respond(app.payload["response_url"], text="late")
    assert (status, json.loads(text)["error"]) == (404, "expired_url")
    assert respond(f"{double.url}/actions/T1/1/guessed", text="x")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "x", "blocks": [{"type": "actions", "elements": [BUTTON] * 2}]},
        {"text": "x", "blocks": [{"type": "button"}]},
        {"text": "x", "unknown": 1},
    ],
)
def test_a_response_url_refuses_what_chat_post_message_would(
    double: Slack, app: App, shown: Ephemeral, body: Any
) -> None:
    double.interactions.click(double.users[0], shown, "more")
    assert respond(app.payload["response_url"], **body)[0] == 400
    assert shown.body["text"] == "Hello"


def test_the_answer_to_a_command_can_be_clicked_by_its_asker(double: Slack, app: App) -> None:
    body = json.dumps({"text": "Hello", "blocks": BLOCKS}).encode()
    app.answer = Response(200, {"Content-Type": "application/json"}, (body,), len(body))
    double.command(double.channels[0], double.users[0], "/docs", "#x")
    (ephemeral,) = double.workspace.ephemerals
    assert (ephemeral.user, ephemeral.asked) == (double.users[0], "/docs #x")
    double.interactions.click(double.users[0], ephemeral, "more")
    assert app.payload["actions"][0]["value"] == "v"


def test_a_home_is_published_for_one_person_and_its_actions_carry_what_was_typed(double: Slack, app: App) -> None:
    mira, tomas = double.users
    first = publish(double, mira.id, [SEARCH, *BLOCKS])
    assert first["ok"]
    assert double.views.home(tomas.id) is None
    double.interactions.type_home(mira, "search", "finance", enter=False)
    assert app.requests == []
    double.interactions.click_home(mira, "more")
    assert app.payload["view"]["state"]["values"] == {
        "find": {"search": {"type": "plain_text_input", "value": "finance"}}
    }
    assert app.payload["view"]["hash"] == first["view"]["hash"]
    assert "response_url" not in app.payload
    double.interactions.type_home(mira, "search", "invoice")
    assert app.payload["actions"][0]["value"] == "invoice"
    with pytest.raises(NotOfferedError):
        double.interactions.click_home(tomas, "more")


def test_opening_home_tells_the_app_what_stands_there(double: Slack, app: App) -> None:
    mira = double.users[0]
    double.open_home(mira)
    assert double.workspace.wait_until(lambda: len(app.requests) == 1, 5)
    assert json.loads(app.requests[0].body)["event"] | {"event_ts": "", "channel": ""} == {
        "type": "app_home_opened",
        "user": mira.id,
        "channel": "",
        "tab": "home",
        "event_ts": "",
    }
    view = publish(double, mira.id, BLOCKS)["view"]
    assert double.open_home(mira, deliver=False)["event"]["view"] == view
    assert "view" not in double.open_home(mira, "messages", deliver=False)["event"]


def test_an_older_hash_is_a_conflict(double: Slack) -> None:
    mira = double.users[0]
    old = publish(double, mira.id, BLOCKS)["view"]["hash"]
    new = publish(double, mira.id, BLOCKS, hash=old)["view"]["hash"]
    assert publish(double, mira.id, BLOCKS, hash=old)["error"] == "hash_conflict"
    assert publish(double, mira.id, BLOCKS, hash=new)["ok"]


@pytest.mark.parametrize(
    "blocks",
    [
        None,
        [{"type": "divider"}] * 101,
        [{"type": "header", "text": {"type": "mrkdwn", "text": "no"}}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "section"}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "context", "elements": [{"type": "plain_text", "text": "x"}] * 11}],
        [{"type": "context", "elements": []}],
        [{"type": "actions", "elements": [BUTTON | {"action_id": f"a{n}"} for n in range(26)]}],
        [{"type": "actions", "elements": [BUTTON | {"value": "v" * 2001}]}],
        [{"type": "actions", "elements": [BUTTON | {"text": {"type": "plain_text", "text": "x" * 76}}]}],
        [{"type": "actions", "elements": [BUTTON | {"url": "https://" + "x" * 3000}]}],
        [{"type": "actions", "elements": [BUTTON | {"colour": "red"}]}],
        [{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}],
        [SEARCH | {"label": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "no_such_block"}],
    ],
)
def test_a_home_that_breaks_block_kits_rules_is_refused(double: Slack, blocks: Any) -> None:
    assert publish(double, double.users[0].id, blocks)["error"] == "invalid_arguments"
    assert double.views.home(double.users[0].id) is None


def test_views_publish_refuses_what_is_no_home(double: Slack) -> None:
    mira = double.users[0]
    assert publish(double, "U0NOBODY", BLOCKS)["error"] == "invalid_arguments"
    assert publish(double, mira.id, BLOCKS, view={"type": "modal"})["error"] == "invalid_arguments"
    assert publish(double, mira.id, BLOCKS, view={"private_metadata": "x" * 3001})["error"] == "invalid_arguments"
    double.views.is_enabled = False
    assert publish(double, mira.id, BLOCKS)["error"] == "not_enabled"


def test_the_home_of_a_hundred_and_one_people_a_minute_is_one_too_many(double: Slack) -> None:
    now = 0.0
    double.hosts.web_api.tiers["views.publish"] = Tier(100, now=lambda: now)
    assert all(publish(double, double.users[0].id, BLOCKS)["ok"] for _ in range(100))
    assert publish(double, double.users[0].id, BLOCKS)["status"] == 429
    now = 60.0
    assert publish(double, double.users[0].id, BLOCKS)["ok"]


def test_a_message_shortcut_brings_the_message_with_its_files(double: Slack, app: App) -> None:
    mira, tomas = double.users
    private = double.add_channel("plans", "group", bot_is_member=False)
    message = double.upload(private, mira, [("a.txt", b"a", "text/plain")], "Look", deliver=False)
    double.interactions.shortcuts["archive_files"] = "Archive files"
    double.interactions.shortcut(mira, message, "archive_files")
    assert (app.payload["type"], app.payload["callback_id"]) == ("message_action", "archive_files")
    assert app.payload["channel"] == {"id": private.id, "name": "privategroup"}
    assert app.payload["message"]["files"][0]["name"] == "a.txt"
    with pytest.raises(NotOfferedError, match="does not see"):
        double.interactions.shortcut(tomas, message, "archive_files")
    with pytest.raises(NotOfferedError, match="no message shortcut"):
        double.interactions.shortcut(mira, message, "another")
