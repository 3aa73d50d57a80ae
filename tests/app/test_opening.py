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
    """The address that a ticket for the message's file would have."""

    def address(message: Message, user: User | None = None, age: float = 0, **other: str) -> str:
        ticket = Ticket(slack.team_id, (user or mira).id, message.files[0].id)._replace(**other)
        return f"{pipeline.routes.url}/documents/{tickets.issue(slack.signing_secret, ticket, time.time() - age)}"

    return address


def opened(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=10, **options)


def is_refused(response: requests.Response) -> bool:
    return (response.status_code, response.text) == (404, opening.NOT_OPEN)


def test_a_hit_has_a_link_that_downloads_the_archived_copy_under_its_name(
    slack: Slack, channel: Channel, upload: Upload, mira: User
) -> None:
    upload(channel, text="kangchenjunga")
    answer = slack.command(channel, mira, "/docs", "kangchenjunga")
    found = re.search(r"<([^|>]+)\|Archived copy>", str(answer.body["blocks"]))
    assert found
    response = opened(found[1].replace("&amp;", "&"))
    assert response.content == CONTENT
    disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''%C3%9Cbersicht%20%E2%80%9CQ3%E2%80%9D%3B%20final.html"
    assert "Übersicht" not in found[1]


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
        lambda url: url.replace("/v1.", "/v2."),
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
    asked = len(slack.requests_to("users.info"))
    assert is_refused(opened(spoil(link(upload(channel)))))
    assert len(slack.requests_to("users.info")) == asked


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
        "nobody": link(message, User("U0NOBODY", "nobody")),
        "not theirs": link(secret, slack.users[1]),
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


def test_a_channel_that_became_private_opens_for_its_members_alone(
    slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    message = upload(channel)
    channel.kind = "group"
    assert opened(link(message)).content == CONTENT
    assert is_refused(opened(link(message, slack.users[1]), allow_redirects=False))


def test_a_guest_opens_what_is_in_their_channels(
    slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    message, guest = upload(channel), slack.add_user("guest", is_restricted=True)
    channel.members.add(guest.id)
    assert opened(link(message, guest)).content == CONTENT


@pytest.mark.parametrize("method", ["users.info", "conversations.info"])
@pytest.mark.parametrize("misbehaviour", ["api_server_error", "api_garbage", "api_rate_limited", "api_silent"])
def test_when_slack_does_not_answer_nothing_opens_and_nothing_breaks(
    slack: Slack, channel: Channel, upload: Upload, link: Link, misbehaviour: str, method: str
) -> None:
    message = upload(channel)
    channel.members.clear()
    slack.misbehave(misbehaviour, only=method)
    assert is_refused(opened(link(message), allow_redirects=False))


def test_a_previewer_and_a_look_at_the_head_open_nothing(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    url, asked = link(upload(channel)), len(slack.requests_to("users.info"))
    agent = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}
    head, preview = requests.head(url, timeout=10), opened(url, headers=agent, allow_redirects=False)
    assert (head.status_code, preview.status_code, preview.text) == (200, 200, opening.WAITING)
    assert len(slack.requests_to("users.info")) == asked


def calls_of_s3(pipeline: Pipeline) -> int:
    return pipeline.routes.log.count('"service": "s3"')


def test_opening_takes_two_calls_of_slack_and_two_of_s3(
    pipeline: Pipeline, slack: Slack, channel: Channel, upload: Upload, link: Link
) -> None:
    public, private = upload(channel), upload(slack.add_channel("board", "group"))
    for message, second in ((public, "conversations.info"), (private, "users.conversations")):
        before = {name: len(slack.requests_to(name)) for name in ("users.info", second)}
        address, everything, of_s3 = link(message), len(slack.requests), calls_of_s3(pipeline)
        opened(address)
        assert calls_of_s3(pipeline) - of_s3 == 2
        assert {name: len(slack.requests_to(name)) - count for name, count in before.items()} == dict.fromkeys(
            before, 1
        )
        assert len(slack.requests) - everything == 2


def test_a_token_without_the_scopes_gets_no_link_that_would_not_open(
    slack: Slack, upload: Upload, mira: User
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, text="gasherbrum")
    slack.scopes.discard("groups:read")
    assert "Archived copy" not in slack.command(board, mira, "/docs", "gasherbrum").text


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
    spoiled = {what: opened(address.replace(*change, 1)).status_code for what, change in changes.items()}
    assert spoiled == dict.fromkeys(changes, 403)
    assert opened(address).content == CONTENT
