"""The archived copy: the links of the answers, and who gets what by them. Over real HTTP, against the pipeline."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib import opening, tickets
from chalicelib.tickets import Ticket
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.commands import CommandResult
from local.slack.model import Channel, Message, User

Upload = Callable[..., Message]
Link = Callable[..., str]
NAME = "Übersicht “Q3”; final.html"
CONTENT = b"<script>alert('not in a browser')</script>"


@pytest.fixture
def mira(slack: Slack) -> User:
    """A person of the test's own: who is in many conversations has only some of them searched."""
    return slack.add_user("mira")


@pytest.fixture
def upload(slack: Slack, mira: User) -> Upload:
    def uploaded(channel: Channel, name: str = NAME, text: str = "") -> Message:
        message = slack.upload(channel, mira, [slack.add_file(name, CONTENT, "text/html", user=mira)], text)
        slack.wait_for_replies(channel, message.ts, timeout=30)
        return message

    return uploaded


@pytest.fixture
def link(pipeline: Pipeline, slack: Slack, mira: User) -> Link:
    """The address that a ticket for the message's file would have, as a search in another conversation gives it."""

    def address(message: Message, user: User | None = None, age: float = 0, **other: str) -> str:
        channel, who = message.channel, (user or mira).id
        ground = tickets.PUBLIC if channel.kind == "channel" else tickets.MEMBER
        ticket = Ticket(slack.team_id, who, message.files[0].id, channel.id, ground)._replace(**other)
        return f"{pipeline.routes.url}/documents/{tickets.issue(slack.signing_secret, ticket, time.time() - age)}"

    return address


def opened(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=10, **options)


def copy_in(answer: CommandResult) -> str:
    """The first link to an archived copy that the answer shows."""
    match = re.search(r"<([^|>]+)\|Archived copy>", str(answer.body["blocks"]))
    assert match, answer.text
    return match[1].replace("&amp;", "&")


def is_refused(response: requests.Response) -> bool:
    return (response.status_code, response.text) == (404, opening.NOT_OPEN)


def test_a_hit_has_a_link_that_downloads_the_archived_copy_under_its_name(
    slack: Slack, channel: Channel, upload: Upload, mira: User
) -> None:
    upload(channel, text="kangchenjunga")
    answer = slack.command(channel, mira, "/docs", "kangchenjunga")
    address = copy_in(answer)
    response = opened(address)
    assert response.content == CONTENT
    disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''%C3%9Cbersicht%20%E2%80%9CQ3%E2%80%9D%3B%20final.html"
    assert "Übersicht" not in address


def test_the_redirect_is_kept_by_nobody_and_good_for_a_minute(channel: Channel, upload: Upload, link: Link) -> None:
    response = opened(link(upload(channel)), allow_redirects=False)
    assert response.status_code == 302
    assert "X-Amz-Expires=60&" in response.headers["Location"]
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    assert headers.items() <= response.headers.items()


def test_who_opened_what_is_one_line_of_the_log_without_a_name(
    pipeline: Pipeline, channel: Channel, upload: Upload, link: Link, mira: User
) -> None:
    message = upload(channel)
    opened(link(message))
    [line] = [
        line
        for line in pipeline.routes.log.splitlines()
        if '"document opened"' in line and message.files[0].id in line
    ]
    for part in (mira.id, message.files[0].id, channel.id):
        assert f'"{part}"' in line
    assert "final" not in line


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url[:-1],
        lambda url: url[:-20],
        lambda url: url + "A",
        lambda url: url.replace("/v2.", "/v1."),
        lambda url: url.rpartition(".")[0],
        lambda url: url.rpartition("/")[0] + "/%00",
        lambda url: url.rpartition("/")[0] + "/" + "A" * 5_000,
        lambda url: url.rpartition("/")[0] + "/%E2%98%83",
    ],
    ids=["cut by one", "cut", "grown", "version", "no signature", "nul", "long", "snowman"],
)
def test_a_mangled_ticket_gets_the_page(
    slack: Slack, channel: Channel, upload: Upload, link: Link, spoil: Callable[[str], str]
) -> None:
    request_count = len(slack.requests_to("users.info"))
    assert is_refused(opened(spoil(link(upload(channel)))))
    assert len(slack.requests_to("users.info")) == request_count


@pytest.mark.long
def test_whoever_is_refused_gets_one_plain_page_whatever_the_reason(
    slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    message, board = upload(channel), slack.add_channel("board", "group")
    secret = upload(board)
    reasons = {
        "forged": link(message) + "x",
        "expired": link(message, age=3_601),
        "no such document": link(message, file="F0NOTTHERE"),
        "of another team": link(message, team="T0OTHER"),
        "of another channel": link(message, channel=board.id),
        "nobody": link(message, User("U0NOBODY", "nobody")),
        "not theirs": link(secret, slack.users[1]),
        "not public": link(secret, ground=tickets.PUBLIC),
        "stranger": link(message, slack.add_user("s", is_stranger=True)),
        "guest": link(message, slack.add_user("g", is_restricted=True)),
        "deactivated": link(message, slack.workspace.deactivate(slack.add_user("d"))),
    }
    pages = {reason: opened(url, allow_redirects=False) for reason, url in reasons.items()}
    assert [reason for reason, page in pages.items() if not is_refused(page)] == []
    assert len({tuple((n, v) for n, v in page.headers.items() if n != "Date") for page in pages.values()}) == 1
    page = pages["forged"]
    assert "<script" not in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_a_withdrawn_document_does_not_open(slack: Slack, channel: Channel, upload: Upload, link: Link) -> None:
    message = upload(channel, text="saltoro")
    slack.delete(message)
    end = time.monotonic() + 20
    while not is_refused(opened(link(message), allow_redirects=False)):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_who_left_the_conversation_since_the_search_opens_nothing(
    slack: Slack, upload: Upload, link: Link, mira: User
) -> None:
    board = slack.add_channel("board", "group")
    message = upload(board)
    assert opened(link(message)).content == CONTENT
    board.members.discard(mira.id)
    assert is_refused(opened(link(message), allow_redirects=False))


def test_a_channel_that_became_private_opens_for_its_members_alone_when_they_ask_again(
    slack: Slack, channel: Channel, upload: Upload, link: Link, mira: User
) -> None:
    message = upload(channel, text="lhotse")
    before, elsewhere = link(message), slack.add_channel("elsewhere")
    channel.kind = "group"
    assert is_refused(opened(before, allow_redirects=False))
    assert opened(copy_in(slack.command(elsewhere, mira, "/docs", "lhotse"))).content == CONTENT
    for ground in (tickets.PUBLIC, tickets.MEMBER):
        assert is_refused(opened(link(message, slack.users[1], ground=ground), allow_redirects=False))


@pytest.mark.long
def test_a_guest_opens_what_is_in_their_channels(
    slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    guest, private = slack.add_user("guest", is_restricted=True), slack.add_channel("board", "group")
    upload(channel, text="jannu"), upload(private, text="jannu")
    for place in (channel, private):
        place.members.add(guest.id)
        assert opened(copy_in(slack.command(place, guest, "/docs", "jannu"))).content == CONTENT


def test_a_guest_opens_nothing_because_it_is_public(
    slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    message, guest = upload(channel), slack.add_user("guest", is_restricted=True)
    channel.members.add(guest.id)
    assert is_refused(opened(link(message, guest, ground=tickets.PUBLIC), allow_redirects=False))
    assert opened(link(message, guest, ground=tickets.MEMBER)).content == CONTENT


@pytest.mark.long
@pytest.mark.parametrize("method", ["users.info", "conversations.info", "users.conversations"])
@pytest.mark.parametrize("misbehaviour", ["api_server_error", "api_garbage", "api_rate_limited", "api_silent"])
def test_when_slack_does_not_answer_nothing_opens_and_nothing_breaks(
    slack: Slack, channel: Channel, upload: Upload, link: Link, misbehaviour: str, method: str
) -> None:
    ground = tickets.MEMBER if method == "users.conversations" else tickets.PUBLIC
    url = link(upload(channel), ground=ground)
    slack.misbehave(misbehaviour, only=method)
    assert is_refused(opened(url, allow_redirects=False))


def test_a_previewer_and_a_look_at_the_head_open_nothing(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    url, request_count = link(upload(channel)), len(slack.requests_to("users.info"))
    agent = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}
    head, preview = requests.head(url, timeout=10), opened(url, headers=agent, allow_redirects=False)
    assert (head.status_code, preview.status_code, preview.text) == (200, 200, opening.WAITING)
    assert len(slack.requests_to("users.info")) == request_count


def calls_of_s3(pipeline: Pipeline) -> int:
    return pipeline.routes.log.count('"service": "s3"')


@pytest.mark.long
def test_opening_takes_two_calls_of_slack_and_one_of_s3_before_the_content(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Upload, mira: User
) -> None:
    """Whoever opens it, and whatever became of the channel."""
    word, elsewhere = "dhaulagiri", slack.add_channel("elsewhere")
    guest, private = slack.add_user("guest", is_restricted=True), slack.add_channel("board", "group")
    closed_channel = slack.add_channel("closed")
    for number, place in enumerate((channel, private, closed_channel)):
        upload(place, text=f"{word}{number}")
        place.members |= {mira.id, guest.id}
    closed_channel.kind = "group"
    cases = {
        "public": (elsewhere, mira, 0),
        "public, from inside": (channel, mira, 0),
        "private": (elsewhere, mira, 1),
        "private again": (elsewhere, mira, 2),
        "private again, from inside": (closed_channel, mira, 2),
        "guest": (channel, guest, 0),
        "guest, private": (private, guest, 1),
        "guest, private again": (closed_channel, guest, 2),
    }
    copies = {
        what: copy_in(slack.command(place, user, "/docs", f"{word}{number}"))
        for what, (place, user, number) in cases.items()
    }
    calls = {}
    for what, address in copies.items():
        of_slack, of_s3 = len(slack.requests), calls_of_s3(pipeline)
        assert opened(address, allow_redirects=False).status_code == 302, what
        calls[what] = len(slack.requests) - of_slack, calls_of_s3(pipeline) - of_s3
    assert all(of_slack <= 2 and of_s3 == 1 for of_slack, of_s3 in calls.values()), calls


def test_a_document_that_is_not_there_is_asked_about_like_any_other(
    pipeline: Pipeline, slack: Slack, upload: Upload, link: Link
) -> None:
    """So that whoever is refused learns nothing from how long it takes."""
    message = upload(slack.add_channel("board", "group"))
    calls = []
    for url in (link(message), link(message, slack.users[1]), link(message, file="F0NOTTHERE")):
        of_slack, of_s3 = len(slack.requests), calls_of_s3(pipeline)
        opened(url, allow_redirects=False)
        calls.append((len(slack.requests) - of_slack, calls_of_s3(pipeline) - of_s3))
    assert calls == [(2, 1)] * 3


def test_a_token_without_the_scopes_gets_no_link_that_would_not_open(
    slack: Slack, upload: Upload, mira: User
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, text="gasherbrum")
    slack.scopes.discard("groups:read")
    assert "Archived copy" not in slack.command(board, mira, "/docs", "gasherbrum").text


def test_a_token_without_the_scopes_gets_links_to_what_is_public_unless_a_guest_asks(
    slack: Slack, channel: Channel, upload: Upload, mira: User
) -> None:
    guest = slack.add_user("guest", is_restricted=True)
    channel.members.add(guest.id)
    upload(channel, text="broadpeak")
    slack.scopes.discard("groups:read")
    assert "Archived copy" in slack.command(channel, mira, "/docs", "broadpeak").text
    assert "Archived copy" not in slack.command(channel, guest, "/docs", "broadpeak").text


@pytest.mark.parametrize(
    ("context", "headers", "expected"),
    [
        (
            {"domainName": "abc.execute-api.eu-central-1.amazonaws.com", "path": "/dev/slack/commands"},
            {"Host": "evil.example"},
            "https://abc.execute-api.eu-central-1.amazonaws.com/dev",
        ),
        ({"domainName": "docs.example.com", "path": "/slack/commands"}, {}, "https://docs.example.com"),
        ({"path": "/slack/commands"}, {"Host": "127.0.0.1:8000"}, "http://127.0.0.1:8000"),
        ({"path": "/slack/commands"}, {"Host": "x/y"}, None),
        ({"domainName": "docs.example.com", "path": "/other"}, {}, None),
        ({}, {}, None),
    ],
    ids=["API Gateway", "own domain", "chalice local", "no host", "another path", "nothing"],
)
def test_links_lead_to_the_api_that_was_asked(
    context: dict[str, str], headers: dict[str, str], expected: str | None
) -> None:
    assert opening.base({"resourcePath": "/slack/commands", **context}, headers) == expected


def test_the_address_of_the_content_is_no_good_later_nor_for_anything_else(
    channel: Channel, upload: Upload, link: Link
) -> None:
    """By the local S3, which checks what S3 checks."""
    address = opened(link(upload(channel)), allow_redirects=False).headers["Location"]
    changes = {
        "later": ("X-Amz-Expires=60", "X-Amz-Expires=604800"),
        "another": ("documents/", "metadata/"),
        "shown": ("=attachment", "=inline"),
        "unsigned": ("X-Amz-Signature=", "X-Amz-Signature=0"),
    }
    statuses = {what: opened(address.replace(*change, 1)).status_code for what, change in changes.items()}
    assert statuses == dict.fromkeys(changes, 403)
    assert opened(address).content == CONTENT
