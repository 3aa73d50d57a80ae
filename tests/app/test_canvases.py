"""Canvases: archived as the page that Slack hands out, as it was then."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import canvas, clients, errors, fetch, filehost, files, records
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from local.slack import Generated, Slack
from local.slack.files import File
from local.slack.model import Channel, User
from local.slack.signin import SIGN_IN
from tests.app.test_records import again, step
from tests.conftest import words

PAGE = (
    b"<h1 id='temp:C:HdY1'>Launch plan</h1><p class='line'>Sign in | Slack: who has <a href='?redir=x'>it</a>?</p>"
)
LATER = PAGE + b"<ul id='HdY2'><li>One more</li></ul>"
Take = Callable[..., fetch.FetchResult]
Records = Callable[[str], Any]


@pytest.fixture
def take(slack: Slack, chosen: Settings, archive: Archive) -> Take:
    """Fetch what an event says about a canvas, with other settings where wanted."""

    def run(file: File, **other: Any) -> fetch.FetchResult:
        settings = chosen._replace(**other)
        event_file = files.file(file.object())
        return fetch.fetch(slack.team_id, event_file, settings, archive, Api(clients.http(), settings), 900.0)

    return run


def add(slack: Slack, content: Any = PAGE, title: str | None = "Launch plan", **about: Any) -> File:
    return slack.add_file("Launch_plan", content, title=title, mode="quip", **about)


def body(archive: Archive, key: Any) -> bytes:
    content: bytes = archive.s3.get_object(Bucket=archive.bucket, Key=key)["Body"].read()
    return content


def test_a_canvas_is_archived_as_the_page_that_slack_hands_out(slack: Slack, take: Take, archive: Archive) -> None:
    file = add(slack)
    result = take(file)
    sha256 = hashlib.sha256(PAGE).hexdigest()
    assert (result["status"], result["sha256"]) == ("archived", sha256)
    assert result["document"] == f"documents/{slack.team_id}/{file.id}/{sha256[:16]}/Launch plan.html"
    assert (result["file"]["mimetype"], result["file"]["size"]) == ("text/html", len(PAGE))
    assert result["file"]["snapshot"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert body(archive, result["document"]) == PAGE
    assert file.object()["size"] != len(PAGE)


@pytest.mark.parametrize(
    ("title", "name"),
    [("Q3 v1.2", "Q3 v1.2.html"), ("page.HTML", "page.HTML"), (None, "Launch_plan.html"), ("a/b", "a_b.html")],
)
def test_the_page_is_called_as_the_canvas(slack: Slack, take: Take, title: str | None, name: str) -> None:
    assert (take(add(slack, title=title))["document"] or "").endswith("/" + name)


def test_a_canvas_that_only_its_other_address_hands_out_is_archived(slack: Slack, take: Take) -> None:
    file = add(slack)
    slack.misbehave("no_canvas_download", only=file.id)
    assert take(file)["status"] == "archived"


@pytest.mark.parametrize("misbehaviour", ["chunked", "no_length", "compressed", "cross_host_redirect"])
def test_a_page_is_taken_whole_however_it_is_sent(
    slack: Slack, take: Take, archive: Archive, misbehaviour: str
) -> None:
    file = add(slack)
    slack.misbehave(misbehaviour, only=file.id)
    assert body(archive, take(file)["document"]) == PAGE


@pytest.mark.parametrize("mode", ["canvas", "docs", "hosted"])
def test_a_canvas_is_known_by_its_mode_or_its_type(slack: Slack, take: Take, mode: str) -> None:
    file = slack.add_file("Notes", PAGE, "application/vnd.slack-docs", mode=mode, title="Notes")
    assert (take(file)["document"] or "").endswith("/Notes.html")


@pytest.mark.parametrize(
    ("misbehaviour", "says"),
    [
        ("login_page", "sign-in page"),
        ("login_redirect", "sign-in page"),
        ("forbidden", "403"),
        ("not_found", "no longer there"),
    ],
)
def test_a_canvas_that_slack_refuses_is_skipped_with_the_reason(
    slack: Slack, take: Take, misbehaviour: str, says: str
) -> None:
    file = add(slack)
    slack.misbehave(misbehaviour, only=file.id)
    result = take(file)
    assert result["status"] == "skipped"
    assert (result["reason"] or "").startswith("It is a canvas that Slack did not hand out. ")
    assert says in (result["reason"] or "")


@pytest.mark.parametrize(
    ("misbehaviour", "error"), [("server_error", errors.SlackUnavailable), ("truncated", errors.TransferBroken)]
)
def test_trouble_that_passes_is_tried_again(
    slack: Slack, take: Take, misbehaviour: str, error: type[Exception]
) -> None:
    file = add(slack)
    slack.misbehave(misbehaviour, only=file.id, times=1)
    with pytest.raises(error):
        take(file)
    assert take(file)["status"] == "archived"


def test_of_a_young_canvas_a_refusal_is_not_believed_yet(slack: Slack, take: Take) -> None:
    file = add(slack, created=int(time.time()))
    slack.misbehave("login_page", only=file.id)
    with pytest.raises(errors.FileNotReady):
        take(file)


def test_an_empty_page_is_no_canvas(slack: Slack, take: Take) -> None:
    assert take(add(slack, b""))["status"] == "skipped"


def test_a_canvas_over_the_limit_is_skipped(slack: Slack, take: Take) -> None:
    result = take(add(slack, Generated(3 * filehost.PIECE)), max_file_bytes=1_000)
    assert result["reason"] == "It is a canvas of more than 1000 bytes."


@pytest.mark.parametrize(("more", "status"), [(0, "archived"), (1, "skipped")])
def test_a_canvas_of_sixteen_megabytes_is_archived_and_a_longer_one_is_not(
    slack: Slack, take: Take, more: int, status: str
) -> None:
    result = take(add(slack, b"<p>" + bytes(16 * 1024**2 - 3 + more)))
    assert result["status"] == status
    assert result["reason"] == ("It is a canvas of more than 16 MB." if more else None)


def test_a_canvas_is_not_archived_where_pages_are_not_taken(slack: Slack, take: Take) -> None:
    assert take(add(slack), allowed_types=("application/*",))["status"] == "skipped"
    assert take(add(slack), allowed_types=("text/html",))["status"] == "archived"


@pytest.mark.parametrize(
    ("page", "is_sign_in"),
    [
        (SIGN_IN.encode(), True),
        (b"\xef\xbb\xbf\n<!-- x --><HTML><title>Acme | Slack</title>", True),
        (b"<html><head><title>Acme</title><link href='/style/signin.css'></head>", True),
        (b"<!doctype html><form action='https://acme.slack.com/?redir=%2Ffiles'>", True),
        (PAGE, False),
        (SIGN_IN.encode()[20:], False),
        (b"<html><head><title>Leaving Slack</title></head>", False),
        (b"<html><head><title>Plans</title></head><p>Please sign in at the desk.</p>", False),
    ],
)
def test_slacks_own_pages_are_known_by_what_is_in_them(page: bytes, is_sign_in: bool) -> None:
    assert canvas.is_sign_in_page(page, "Leaving Slack") is is_sign_in


def save(result: fetch.FetchResult, archive: Archive, team: str, ts: str) -> Any:
    upload = again(step("upload", ts, "", files=result["file"]["id"], ts=ts), "unchanged")
    upload["message"]["team"] = team
    records.save({**upload, "fetched": result}, "2026-11-25T10:00:00Z", archive)
    record = archive.read(f"metadata/{team}/{result['file']['id']}.json")
    assert record is not None
    return record.value


def test_a_canvas_shared_again_is_a_new_version_only_when_it_changed(
    slack: Slack, take: Take, archive: Archive
) -> None:
    file = add(slack)
    first = take(file)
    save(first, archive, slack.team_id, "100.1")
    same = take(file)
    assert same["status"] == "unchanged"
    record = save(same, archive, slack.team_id, "200.1")
    assert (len(record["shares"]), record.get("earlier")) == (2, None)
    file.content = LATER
    second = take(file)
    record = save(second, archive, slack.team_id, "300.1")
    assert (len(record["shares"]), record["document"]) == (3, second["document"])
    assert body(archive, record["document"]) == LATER
    [earlier] = record["earlier"]
    assert body(archive, earlier["document"]) == PAGE
    assert earlier["taken"] == first["file"]["snapshot"]


def test_a_canvas_of_which_slack_sends_a_stub_alone_is_looked_at_again(
    slack: Slack, take: Take, archive: Archive, chosen: Settings
) -> None:
    """In a channel that is shared with another company: the stub does not say that it is a canvas."""
    file = add(slack)
    save(take(file), archive, slack.team_id, "100.1")
    file.content = LATER
    stub = {"id": file.id, "mode": "file_access", "file_access": "check_file_info", "created": 0, "user": ""}
    client = Api(clients.http(), chosen)
    later = fetch.fetch(slack.team_id, files.file(stub), chosen, archive, client, 900.0)
    assert (later["status"], body(archive, later["document"])) == ("archived", LATER)


def test_a_snapshot_that_is_saved_late_does_not_replace_a_newer_one(
    slack: Slack, take: Take, archive: Archive
) -> None:
    file = add(slack)
    late = take(file)
    late["file"]["snapshot"] = "2026-01-01T00:00:00Z"
    file.content = LATER
    newest = take(file)
    save(newest, archive, slack.team_id, "200.1")
    record = save(late, archive, slack.team_id, "100.1")
    assert record["document"] == newest["document"]
    assert [earlier["document"] for earlier in record["earlier"]] == [late["document"]]


def test_a_record_names_the_newest_snapshots_as_far_as_there_is_room(
    slack: Slack, take: Take, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_SNAPSHOTS", 2)
    file, snapshots = add(slack), []
    for number in range(5):
        file.content = PAGE + b"<p>%d</p>" % number
        snapshots.append(take(file))
        snapshots[-1]["file"]["snapshot"] = f"2026-01-0{number + 1}T00:00:00Z"
        record = save(snapshots[-1], archive, slack.team_id, f"{number + 1}00.1")
    assert record["document"] == snapshots[4]["document"]
    assert [earlier["document"] for earlier in record["earlier"]] == [each["document"] for each in snapshots[2:4]]


def test_what_was_archived_of_a_canvas_stays_when_slack_refuses_it_later(
    slack: Slack, take: Take, archive: Archive
) -> None:
    file = add(slack)
    save(take(file), archive, slack.team_id, "100.1")
    slack.misbehave("login_page", only=file.id)
    result = take(file)
    assert result["status"] == "unchanged"
    record = save(result, archive, slack.team_id, "200.1")
    assert (body(archive, record["document"]), len(record["shares"])) == (PAGE, 2)


@pytest.mark.long
def test_a_shared_canvas_is_found_and_opens_like_other_documents(
    slack: Slack, channel: Channel, record_of: Records
) -> None:
    mira: User = slack.add_user("mira")
    file = add(slack, title="Dhaulagiri plan", user=mira)
    reply = slack.wait_for_replies(channel, slack.upload(channel, mira, [file], "#expedition").ts)[0]
    assert "✅ 1 file in the archive with #expedition." in words(reply)
    assert "Dhaulagiri plan.html" in words(reply)
    record = record_of(f"metadata/{slack.team_id}/{file.id}.json")
    assert record["file"]["snapshot"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    file.content = LATER
    slack.wait_for_replies(channel, slack.upload(channel, mira, [file], "again").ts)
    record = record_of(f"metadata/{slack.team_id}/{file.id}.json")
    assert (record["file"]["size"], len(record["shares"]), len(record["earlier"])) == (len(LATER), 2, 1)
    answer = slack.command(channel, mira, "/docs", "dhaulagiri")
    hits = [line for line in answer.lines if line.startswith("• ")]
    assert hits[0].startswith("• Dhaulagiri plan.html")
