"""The page's part of the Slack double, without a browser: what it takes from whom, and what it tells."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.slack import MISBEHAVIOURS, Slack, page_routes, view
from local.slack.files import Json
from tests.receiver import Receiver, reply


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        slack.request_url = "http://127.0.0.1:9/nobody"
        yield slack


def post(slack: Slack, action: str, **fields: Any) -> Json:
    answer = requests.post(f"{slack.url}/page/{action}", json=fields, timeout=5)
    assert answer.ok, answer.text
    body: Json = answer.json()
    return body


def state(slack: Slack) -> Any:
    return requests.get(f"{slack.url}/page/state", {"channel": slack.channels[0].id}, timeout=5).json()


def test_one_line_of_curl_uploads(slack: Slack) -> None:
    query = {"name": "notes.md", "text": "Read this #docs & more"}
    answer = requests.post(f"{slack.url}/upload", params=query, data=b"# Notes", timeout=5).json()
    (message,) = slack.messages
    assert (answer["ts"], message.text) == (message.ts, "Read this #docs &amp; more")
    assert (message.files[0].name, message.files[0].mimetype) == ("notes.md", "text/markdown")
    assert message.files[0].content == b"# Notes"


def test_while_no_app_is_connected_nothing_is_taken_and_the_reason_is_said(slack: Slack) -> None:
    slack.request_url = ""
    answer = requests.post(f"{slack.url}/upload", params={"name": "notes.md"}, data=b"# Notes", timeout=5)
    assert answer.status_code == 400
    assert "it is still starting" in answer.json()["error"]
    assert slack.messages == []


def test_files_are_sent_before_the_message_that_shows_them(slack: Slack) -> None:
    about = {"name": "ä.txt", "type": "text/plain", "user": "mira"}
    files = [requests.post(f"{slack.url}/page/files", params=about, data=b"x", timeout=5).json()["file"]] * 2
    post(slack, "messages", channel="general", user="mira", text="", files=files[:1])
    assert [(file.name, file.mimetype) for file in slack.messages[0].files] == [("ä.txt", "text/plain")]


@pytest.mark.parametrize(
    ("action", "given", "reason"),
    [
        ("messages", {"channel": "nowhere", "user": "mira", "text": "x"}, "there is no channel nowhere"),
        ("messages", {"channel": "general", "user": "nobody", "text": "x"}, "there is no user nobody"),
        ("messages", {"channel": "general", "user": "mira", "text": " "}, "an empty message is not sent"),
        ("messages", {"channel": "general", "user": "mira", "files": ["F9"]}, "there is no file F9"),
        ("delete", {"channel": "C0LOCAL001", "ts": "1.2"}, "there is no such message"),
        ("misbehave", {"name": "nonsense", "times": 1}, "no misbehaviour is called nonsense"),
        ("misbehave", {"name": "slow", "times": 1, "options": {"x": 1}}, "slow has no option x"),
        ("outage", {"service": "s3", "on": True}, "there is no service s3 here"),
    ],
)
def test_what_cannot_be_done_is_said(slack: Slack, action: str, given: Json, reason: str) -> None:
    answer = requests.post(f"{slack.url}/page/{action}", json=given, timeout=5)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.com"}, {"Origin": "null"}, {"Host": "example.com"}],
    ids=["another site", "a sandboxed page", "another name for this machine"],
)
def test_other_sites_are_turned_away(slack: Slack, headers: dict[str, str]) -> None:
    answer = requests.post(f"{slack.url}/page/behave", data="{}", headers=headers, timeout=5)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path", ["/page/../page_routes.py", "/page/..%2fpage_routes.py", "/page//etc/passwd", "/page/nothing.js"]
)
def test_only_the_pages_own_files_are_handed_out(slack: Slack, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(slack.url).netloc, timeout=5)
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()


def test_the_page_loads_nothing_from_elsewhere(slack: Slack) -> None:
    policy = requests.get(slack.url, timeout=5).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    texts = [path.read_text(encoding="utf-8") for path in Path(page_routes.__file__).with_name("page").iterdir()]
    assert [text for text in texts if 'src="http' in text or 'import "http' in text or "url(http" in text] == []


@pytest.mark.parametrize(
    ("kind", "shown", "how"),
    [
        ("image/png", "image/png", "inline"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
    ],
)
def test_an_uploaded_page_never_runs_as_this_one(slack: Slack, kind: str, shown: str, how: str) -> None:
    file = slack.add_file("näme", b"<script>", kind)
    answer = requests.get(f"{slack.url}/page/files/{file.id}", timeout=5)
    assert answer.headers["Content-Type"] == shown
    assert answer.headers["Content-Disposition"] == f"{how}; filename*=UTF-8''n%C3%A4me"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_a_file_that_was_deleted_is_handed_out_no_more(slack: Slack) -> None:
    file = slack.add_file("gone.txt", b"x")
    slack.delete_file(file, deliver=False)
    assert requests.get(f"{slack.url}/page/files/{file.id}", timeout=5).status_code == 404


def test_every_misbehaviour_has_words_and_a_switch(slack: Slack) -> None:
    assert view.WORDS.keys() == MISBEHAVIOURS.keys()
    assert {switch["name"] for switch in state(slack)["switches"]} == MISBEHAVIOURS.keys()


def test_a_switch_counts_and_goes_off_by_itself(slack: Slack) -> None:
    def rate_limited() -> tuple[bool, int]:
        (switch,) = [switch for switch in state(slack)["switches"] if switch["name"] == "api_rate_limited"]
        return switch["on"], switch["happened"]

    post(slack, "misbehave", name="api_rate_limited", times=2, options={"retry_after": 7})
    answer = requests.post(slack.api_url, timeout=5)
    assert (answer.headers["Retry-After"], rate_limited()) == ("7", (True, 1))
    requests.post(slack.api_url, timeout=5)
    assert rate_limited() == (False, 0)


def test_switching_off_ends_it(slack: Slack) -> None:
    post(slack, "misbehave", name="api_rate_limited", times=None)
    post(slack, "misbehave", name="api_rate_limited", times=0)
    assert requests.post(slack.api_url, timeout=5).status_code == 200


def test_the_feed_tells_of_every_change(slack: Slack) -> None:
    with requests.get(f"{slack.url}/page/feed", stream=True, timeout=5) as feed:
        lines = (line for line in feed.iter_lines(chunk_size=1) if line.startswith(b"data:"))
        first = next(lines)
        slack.say(slack.channels[0], slack.users[0], "x", deliver=False)
        assert next(lines) != first


def test_a_deleted_root_with_replies_stays_as_a_tombstone(slack: Slack) -> None:
    channel, user = slack.channels[0], slack.users[0]
    root = slack.upload(channel, user, [("a.txt", b"x", "text/plain")], "root", deliver=False)
    slack.say(channel, user, "reply", thread_ts=root.ts, deliver=False)
    slack.delete(root, deliver=False)
    tombstone, _ = state(slack)["messages"]
    assert (tombstone["gone"], tombstone["text"], tombstone["files"]) == (True, "This message was deleted.", [])


def test_deliveries_are_shown_with_what_was_sent_and_answered(slack: Slack) -> None:
    message = slack.say(slack.channels[0], slack.users[0], "x")
    slack.deliveries[0].wait(0.5)
    query = {"channel": slack.channels[0].id, "ts": message.ts}
    (delivery,) = requests.get(f"{slack.url}/page/inspect", query, timeout=5).json()["deliveries"]
    first = delivery["attempts"][0]
    assert (first["status"], first["reason"]) == (None, "connection_failed")
    assert first["sent"]["X-Slack-Signature"].startswith("v0=")
    assert delivery["body"] == json.loads(json.dumps(message.envelope))


def test_a_command_is_answered_with_the_apps_blocks_or_with_slacks_own_words(slack: Slack) -> None:
    blocks = [{"type": "divider"}]
    blocks_reply = reply(200, json.dumps({"blocks": blocks}).encode(), {"Content-Type": "application/json"})
    with Receiver(blocks_reply, reply(500)) as app:
        slack.request_url = app.url
        answers = [
            post(slack, "command", channel="general", user="mira", text=" /docs  #a b ")["answer"] for _ in range(2)
        ]
    assert answers[0] == {"blocks": blocks}
    assert answers[1] == {"text": '/docs failed with the error "http_service_error 500"'}
    assert b"command=%2Fdocs&text=%23a+b" in app.received[0].body


def test_what_people_look_at_is_no_request_of_the_apps(slack: Slack) -> None:
    state(slack)
    assert slack.requests == []


def test_every_trouble_that_the_double_can_make_has_words_on_the_page() -> None:
    assert set(view.WORDS) == {name for names in view.GROUPS.values() for name in names}
