"""Who may see what of a record, before Slack is asked about channels."""

import time
from typing import Any

import pytest

from chalicelib import visibility
from chalicelib.deadline import Deadline
from chalicelib.slack import Slack as Api
from chalicelib.visibility import Asker
from local.slack import Slack
from local.slack.model import Channel

MEMBER = Asker("T1", "U1", "C1", is_guest=False)
GUEST = MEMBER._replace(is_guest=True)


def share(**fields: Any) -> Any:
    base = {"team": "T1", "channel": "C2", "channel_type": "channel", "ts": "1.1", "tags": ["x"], "deleted": False}
    return {**base, **fields}


@pytest.mark.parametrize(
    ("fields", "member", "guest"),
    [
        ({}, True, False),
        ({"channel": "C1"}, True, True),
        ({"channel": "C1", "channel_type": "group"}, True, True),
        ({"channel_type": "group"}, False, False),
        ({"channel_type": "im"}, False, False),
        ({"channel_type": None}, False, False),
        ({"channel_type": "Channel"}, False, False),
        ({"deleted": True}, False, False),
        ({"deleted": True, "channel": "C1"}, False, False),
        ({"team": "T2"}, False, False),
        ({"team": "T2", "channel": "C1"}, False, False),
    ],
    ids=str,
)
def test_a_share_is_visible_or_not(fields: dict[str, Any], member: bool, guest: bool) -> None:
    record: Any = {"shares": [share(**fields)]}
    assert bool(visibility.may_be_visible(record, MEMBER)) is member
    assert bool(visibility.may_be_visible(record, GUEST)) is guest


def test_the_newest_share_comes_first_by_its_moment() -> None:
    record: Any = {"shares": [share(ts=ts) for ts in ("9.5", "10.1", "9.6")]}
    assert [entry["ts"] for entry in visibility.may_be_visible(record, MEMBER)] == ["10.1", "9.6", "9.5"]


def test_slack_is_asked_once_about_each_channel_and_never_about_the_one_that_is_asked_in() -> None:
    shares = [share(), share(channel="C1"), share(channel="C3"), share()]
    assert visibility.elsewhere(shares, MEMBER) == ["C2", "C3"]


def test_what_is_shared_in_a_conversation_of_ones_own_is_visible_wherever_one_asks() -> None:
    record: Any = {"shares": [share(channel_type="group"), share(channel="C3", channel_type="group")]}
    for asker in (MEMBER._replace(others=("C2",)), GUEST._replace(others=("C2",))):
        assert [entry["channel"] for entry in visibility.may_be_visible(record, asker)] == ["C2"]
        assert visibility.elsewhere(record["shares"], asker) == ["C3"]


def test_a_guest_has_no_listing_but_the_conversations_own() -> None:
    assert (MEMBER.scopes, GUEST.scopes) == (["public", "C1"], ["C1"])
    assert MEMBER._replace(others=("C2", "C1")).scopes == ["public", "C1", "C2"]
    assert GUEST._replace(others=("C2", "C1")).scopes == ["C1", "C2"]


@pytest.mark.parametrize(
    ("channel_type", "is_seen"),
    [("channel", True), ("group", False), ("app_home", False), ("Channel", False), ("", False), (None, False)],
)
def test_only_what_was_shared_in_public_is_seen_by_others_and_by_no_guest(
    slack: Slack, channel: Channel, api: Api, channel_type: str | None, is_seen: bool
) -> None:
    with Deadline(time.monotonic() + 5) as deadline:
        channels = visibility.Channels(api, slack.team_id, deadline)
        assert visibility.may_see(channel.id, channel_type, MEMBER, channels) is is_seen
        assert not visibility.may_see(channel.id, channel_type, GUEST, channels)
