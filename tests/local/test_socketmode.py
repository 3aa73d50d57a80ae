"""Socket Mode: what comes over a WebSocket reaches the app as a signed request, once, and is acknowledged."""

import json
import queue
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from slack_sdk.signature import SignatureVerifier

from local.pipeline import PROJECT
from local.realworkspace import CannotConnectError, from_environ, tunnelled
from local.slack.files import Json
from local.socketmode import SocketMode
from tests.local.socket_slack import SocketSlack
from tests.payloads import payload
from tests.receiver import Receiver, reply

APP_TOKEN = "xapp-1-A0LOCAL02-1-not-real"
SECRET = "not-a-real-secret"


@pytest.fixture(scope="module")
def served() -> Iterator[SocketSlack]:
    slack = SocketSlack()
    yield slack
    slack.close()


@pytest.fixture(scope="module")
def lines() -> queue.Queue[str]:
    """What was printed."""
    return queue.Queue()


@pytest.fixture(scope="module")
def routes() -> Iterator[Receiver]:
    with Receiver() as app:
        yield app


@pytest.fixture(scope="module")
def connected(served: SocketSlack, routes: Receiver, lines: queue.Queue[str]) -> Iterator[list[str | None]]:
    """One client for all, since slack_sdk's takes seconds to end; gives the tokens with which it connected."""
    url, api = routes.url.removesuffix("/slack/events"), served.method_url.rpartition("/")[0] + "/"
    client = SocketMode(APP_TOKEN, url, SECRET, api, lines.put, ping_seconds=0.5)
    before = len(served.tokens)
    client.connect()
    yield served.tokens[before:]
    client.close()


@pytest.fixture
def slack(served: SocketSlack) -> Iterator[SocketSlack]:
    yield served
    served.user, served.refusal = "local-archive", None


@pytest.fixture
def app(routes: Receiver, connected: list[str | None], lines: queue.Queue[str]) -> Receiver:
    routes.replies, routes.received = [reply()], []
    while not lines.empty():
        lines.get()
    return routes


@pytest.fixture
def upload(request: pytest.FixtureRequest) -> Json:
    """An event of the test's own."""
    return {**payload("file_share_modern"), "event_id": f"Ev-{request.node.name}"}


def test_an_event_arrives_as_the_signed_request_that_slack_would_have_sent(
    slack: SocketSlack, app: Receiver, upload: Json, connected: list[str | None]
) -> None:
    slack.send(slack.envelope(upload))
    assert slack.answer() == {"envelope_id": f"env-{upload['event_id']}"}
    (request,) = app.received
    assert (request.path, json.loads(request.body)) == ("/slack/events", upload)
    assert SignatureVerifier(SECRET).is_valid_request(request.body, request.headers)
    assert connected == [f"Bearer {APP_TOKEN}"]


def test_what_the_app_did_not_take_is_not_acknowledged_and_comes_again_as_the_same_event(
    slack: SocketSlack, app: Receiver, upload: Json, lines: queue.Queue[str]
) -> None:
    app.replies = [reply(503), reply(200)]
    slack.send(slack.envelope(upload))
    again = slack.envelope(upload, envelope_id="again", retry_attempt=1, retry_reason="timeout")
    assert "► 503 in" in lines.get(timeout=20)
    slack.send(again)
    assert slack.answer() == {"envelope_id": "again"}
    first, second = app.received
    assert first.body == second.body
    assert (second.headers["X-Slack-Retry-Num"], second.headers["X-Slack-Retry-Reason"]) == ("1", "timeout")


def test_what_the_app_took_is_not_handed_on_again(slack: SocketSlack, app: Receiver, upload: Json) -> None:
    for number in range(3):
        slack.send(slack.envelope(upload, envelope_id=f"copy-{number}"))
        assert slack.answer() == {"envelope_id": f"copy-{number}"}
    assert len(app.received) == 1


def test_a_connection_that_slack_wants_renewed_is_renewed(slack: SocketSlack, app: Receiver, upload: Json) -> None:
    slack.send({"type": "disconnect", "reason": "refresh_requested"})
    slack.reconnected()
    slack.send(slack.envelope(upload))
    assert slack.answer()["envelope_id"] == f"env-{upload['event_id']}"


def test_a_connection_that_broke_is_opened_again(slack: SocketSlack, app: Receiver, upload: Json) -> None:
    slack.newest.close()
    slack.reconnected()
    slack.send(slack.envelope(upload))
    assert slack.answer()["envelope_id"] == f"env-{upload['event_id']}"


def test_a_slash_command_is_handed_on_as_a_form_and_its_answer_back(slack: SocketSlack, app: Receiver) -> None:
    app.replies = [reply(200, json.dumps({"text": "Two documents"}).encode())]
    command = {"command": "/archive", "text": "#finance & more", "channel_id": "C1"}
    slack.send(slack.envelope(command, "slash_commands", envelope_id="c", accepts_response_payload=True))
    assert slack.answer() == {"envelope_id": "c", "payload": {"text": "Two documents"}}
    (request,) = app.received
    assert {name: value for name, (value,) in parse_qs(request.body.decode()).items()} == command
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_click_is_handed_on_as_a_form_with_its_payload(slack: SocketSlack, app: Receiver) -> None:
    click = {"type": "block_actions", "actions": [{"action_id": "ask-0", "value": "#finance & more"}]}
    slack.send(slack.envelope(click, "interactive", envelope_id="c"))
    assert slack.answer() == {"envelope_id": "c"}
    (request,) = app.received
    (payload,) = parse_qs(request.body.decode())["payload"]
    assert json.loads(payload) == click
    assert request.path == "/slack/actions"


def test_nothing_of_an_event_but_its_id_is_printed(
    slack: SocketSlack, app: Receiver, upload: Json, lines: queue.Queue[str]
) -> None:
    slack.send(slack.envelope(upload))
    slack.answer()
    assert re.fullmatch(rf"{upload['event_id']} ► 200 in \d+ ms", lines.get(timeout=20))


def environ(slack: SocketSlack, **more: str) -> dict[str, str]:
    return {"SLACK_APP_TOKEN": APP_TOKEN, "ACCESS_TOKEN": "xoxb-x", "SLACK_URL": slack.method_url, **more}


def test_the_local_manifest_is_the_other_but_for_the_way_events_come() -> None:
    """A second app that could do less, or hear less, would be a riddle on the laptop."""
    manifest, local = (
        yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))
        for name in ("slack-manifest.yaml", "slack-manifest-local.yaml")
    )
    assert local["oauth_config"] == manifest["oauth_config"]
    assert local["features"].keys() == manifest["features"].keys()
    del manifest["settings"]["event_subscriptions"]["request_url"]
    del manifest["settings"]["interactivity"]["request_url"]
    assert local["settings"] == manifest["settings"] | {"socket_mode_enabled": True}
    assert "local" in local["features"]["bot_user"]["display_name"]


def test_without_an_app_token_there_is_no_real_workspace() -> None:
    assert from_environ({"ACCESS_TOKEN": "xoxb-x"}, "") is None


def test_the_local_app_is_connected(slack: SocketSlack) -> None:
    real: Any = from_environ(environ(slack), "")
    assert real.name == "Acme, as local-archive"
    assert (real.environ["ACCESS_TOKEN"], real.environ["SLACK_LOOPBACK"]) == ("xoxb-x", "")


def test_a_tunnel_needs_no_app_token_but_the_apps_secret(slack: SocketSlack) -> None:
    variables = environ(slack, SLACK_APP_TOKEN="")
    with pytest.raises(CannotConnectError, match="SIGNING_SECRET is missing"):
        tunnelled(variables)
    real = tunnelled({**variables, "SIGNING_SECRET": SECRET})
    assert (real.name, real.is_tunnelled) == ("Acme, as local-archive", True)
    assert (real.environ["ACCESS_TOKEN"], real.environ["SIGNING_SECRET"]) == ("xoxb-x", SECRET)


def test_routes_with_a_secret_of_their_own_are_sent_what_they_accept(slack: SocketSlack) -> None:
    real: Any = from_environ(environ(slack, SIGNING_SECRET=SECRET), "")
    assert real.environ["SIGNING_SECRET"] == SECRET


def test_an_app_that_may_be_deployed_is_refused_unless_named_once_more(slack: SocketSlack) -> None:
    slack.user = "slack-integrator"
    with pytest.raises(CannotConnectError, match="a deployed stage of it would hear nothing") as error:
        from_environ(environ(slack), "")
    assert "--take-over=A0LOCAL02" in str(error.value)
    with pytest.raises(CannotConnectError):
        from_environ(environ(slack), "A0SOMEOTHER")
    assert from_environ(environ(slack), "A0LOCAL02")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SLACK_APP_TOKEN": "xoxb-x"}, "SLACK_APP_TOKEN is no app-level token"),
        ({"ACCESS_TOKEN": ""}, "ACCESS_TOKEN is missing"),
        ({"SLACK_URL": "http://127.0.0.1:9/api/x"}, "Slack could not be reached"),
    ],
)
def test_what_is_missing_is_said(slack: SocketSlack, given: dict[str, str], said: str) -> None:
    with pytest.raises(CannotConnectError, match=said):
        from_environ(environ(slack, **given), "")


def test_a_refused_token_is_said(slack: SocketSlack) -> None:
    slack.refusal = "invalid_auth"
    with pytest.raises(CannotConnectError, match=r"Slack does not accept ACCESS_TOKEN \(invalid_auth\)"):
        from_environ(environ(slack), "")
