"""The table of docs/searching.md, "Who sees what": each person, each place, each way to learn of a document.

Everybody asks from another channel, in which they are; what is shared where they ask, test_search.py tests.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from chalicelib import tickets
from chalicelib.tickets import Ticket
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, User
from tests.waiting import eventually

PEOPLE: dict[str, dict[str, Any]] = {
    "member inside": {},
    "member outside": {},
    "member who left": {},
    "guest inside": {"is_restricted": True},
    "guest outside": {"is_restricted": True},
    "single-channel guest inside": {"is_restricted": True, "is_ultra_restricted": True},
    "foreigner inside": {"is_stranger": True, "team_id": "T0OTHER"},
    "deactivated, was inside": {"deleted": True},
}
INSIDE = {"member inside", "guest inside", "single-channel guest inside"}
EVERY_MEMBER = INSIDE | {"member outside", "member who left"}
Change = Callable[[Pipeline, Channel], object]


def as_it_was(pipeline: Pipeline, channel: Channel) -> None:
    """Nothing changes after the upload."""


def archived(pipeline: Pipeline, channel: Channel) -> None:
    channel.is_archived = True


def made_private(pipeline: Pipeline, channel: Channel) -> None:
    channel.kind = "group"


def made_public(pipeline: Pipeline, channel: Channel) -> None:
    """Make it public, and wait until the archive knows."""
    slack, s3 = pipeline.slack, pipeline.aws.client("s3")
    slack.make_public(channel, slack.users[0])
    prefix = f"opened/{slack.team_id}/{channel.id}"
    assert eventually(
        lambda: s3.list_objects_v2(Bucket=pipeline.deployment.bucket, Prefix=prefix)["KeyCount"] == 1, 60
    )


def made_public_for_a_while(pipeline: Pipeline, channel: Channel) -> None:
    made_public(pipeline, channel)
    made_private(pipeline, channel)


def left_by_the_app(pipeline: Pipeline, channel: Channel) -> None:
    channel.bot_is_member = False


PLACES: dict[str, tuple[dict[str, Any], Change, set[str]]] = {
    "public channel": ({"kind": "channel"}, as_it_was, EVERY_MEMBER),
    "private channel": ({"kind": "group"}, as_it_was, INSIDE),
    "direct message": ({"kind": "im"}, as_it_was, INSIDE),
    "group message": ({"kind": "mpim"}, as_it_was, INSIDE),
    "archived public channel": ({"kind": "channel"}, archived, EVERY_MEMBER),
    "archived private channel": ({"kind": "group"}, archived, INSIDE),
    "public channel, made private": ({"kind": "channel"}, made_private, INSIDE),
    "private channel, made public": ({"kind": "group"}, made_public, EVERY_MEMBER),
    "private channel, public for a while": ({"kind": "group"}, made_public_for_a_while, INSIDE),
    "private channel that the app left": ({"kind": "group"}, left_by_the_app, set()),
    "shared by Slack Connect": ({"kind": "channel", "is_ext_shared": True}, as_it_was, EVERY_MEMBER),
    "private, shared by Slack Connect": ({"kind": "group", "is_ext_shared": True}, as_it_was, INSIDE),
}


@pytest.fixture(autouse=True)
def closed_again(s3: Any, bucket: str) -> Iterator[None]:
    """Each search looks into what was made public: other tests count its requests."""
    yield
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="opened/").get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=entry["Key"])


@pytest.fixture
def people(slack: Slack) -> dict[str, User]:
    return {who: slack.add_user(who, **about) for who, about in PEOPLE.items()}


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_who_learns_of_a_document_and_by_what(
    pipeline: Pipeline, slack: Slack, people: dict[str, User], place: str
) -> None:
    about, change, expected = PLACES[place]
    there, here = slack.add_channel(place, **about), slack.add_channel("elsewhere")
    there.members |= {user.id for who, user in people.items() if "inside" in who or "left" in who}
    word = "w" + "".join(chr(ord("a") + int(digit)) for digit in str(sum(map(ord, place)) * 7919))
    message = slack.upload(there, slack.users[0], [(f"{word}.txt", b"content", "text/plain")], f"#{word}")
    slack.wait_for_replies(there, message.ts, timeout=30)
    there.members.discard(people["member who left"].id)
    change(pipeline, there)

    def said(user: User, text: str) -> str:
        return slack.command(here, user, "/docs", text).text

    def opens(user: User) -> bool:
        """By a ticket on either ground, as if somebody had got it while it held."""
        return any(
            requests.get(f"{pipeline.routes.url}/documents/{ticket}", timeout=10).content == b"content"
            for ticket in map(issued, [user] * 2, (tickets.PUBLIC, tickets.MEMBER))
        )

    def issued(user: User, ground: str) -> str:
        ticket = Ticket(slack.team_id, user.id, message.files[0].id, there.id, ground)
        return tickets.issue(slack.signing_secret, ticket, time.time())

    ways: dict[str, Callable[[User], bool]] = {
        "search by word": lambda user: f"{word}.txt" in said(user, word),
        "search by tag": lambda user: f"{word}.txt" in said(user, f"#{word}"),
        "what is new": lambda user: f"{word}.txt" in said(user, ""),
        "suggestion": lambda user: f"Did you mean {word}" in said(user, f"{word}x"),
        "suggested tag": lambda user: f"Did you mean #{word}" in said(user, f"#{word}x"),
        "tag list": lambda user: f"#{word}" in said(user, f"tags {word[:-1]}"),
        "open": opens,
    }
    learned = {way: {who for who, user in people.items() if look(user)} for way, look in ways.items()}
    assert learned == dict.fromkeys(ways, expected)


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_who_learns_in_home_what_is_not_archived_of_the_past(
    pipeline: Pipeline, slack: Slack, people: dict[str, User], record_of: Callable[[str], Any], place: str
) -> None:
    about, change, expected = PLACES[place]
    there = slack.add_channel(place, **about)
    there.members |= {user.id for who, user in people.items() if "inside" in who or "left" in who}
    read_with_a_problem(slack, there, record_of)
    there.members.discard(people["member who left"].id)
    change(pipeline, there)

    assert {who for who, user in people.items() if f"old plan of {there.id}" in home_of(slack, user)} == expected


@pytest.mark.long
def test_home_forgets_what_was_archived_since(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Callable[[str], Any]
) -> None:
    key = f"metadata/{slack.team_id}/{read_with_a_problem(slack, channel, record_of)}.json"
    assert f"old plan of {channel.id}" in home_of(slack, slack.users[0])
    pipeline.aws.client("s3").put_object(Bucket=pipeline.deployment.bucket, Key=key, Body=b"{}")
    assert f"old plan of {channel.id}" not in home_of(slack, slack.users[0])


def read_with_a_problem(slack: Slack, channel: Channel, record_of: Callable[[str], Any]) -> str:
    """Share two files, invite the app, wait until the past is read; return the id of the file it cannot have."""
    link = slack.add_file(f"old plan of {channel.id}", b"", mode="external")
    slack.upload(channel, slack.users[0], [("kept.txt", b"content", "text/plain")], deliver=False)
    slack.upload(channel, slack.users[0], [link], deliver=False)
    slack.invite(channel, slack.users[0])
    key, end = f"history/{slack.team_id}/{channel.id}.json", time.monotonic() + 60
    while (record_of(key) or {}).get("state") != "done":
        assert time.monotonic() < end
        time.sleep(0.05)
    return link.id


def home_of(slack: Slack, user: User) -> str:
    """Open Home, and return what it shows."""
    slack.deliver(slack.open_home(user, deliver=False))
    return str(slack.views.home(user.id))
