"""The requests of an answer, counted between the search and S3: they do not grow with the archive."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import index, search, visibility
from chalicelib.listings import Listings
from chalicelib.slack import Slack as Api
from chalicelib.terms import parse
from chalicelib.visibility import Channels
from local.slack import Slack
from local.slack.model import Channel, User
from tests.app.test_search import Counter, counter, listings, mira, put, tag

__all__ = ["counter", "listings", "mira", "put", "tag"]  # fixtures

Put = Callable[..., str]
Count = Callable[..., tuple[int, int]]


@pytest.fixture
def count(slack: Slack, api: Api, mira: User, channel: Channel, listings: Listings, counter: Counter) -> Count:
    """Search as the command does; return the listings and the records that it takes."""

    def counted(text: str) -> tuple[int, int]:
        counter.requests.clear()
        asker = visibility.asker(api, listings, slack.team_id, mira.id, channel.id)
        assert asker
        search.find(parse(text), "", asker, listings, Channels(api, slack.team_id, listings.deadline))
        return counter.listings, counter.records

    return counted


def rooms(slack: Slack, mira: User, number: int) -> list[Channel]:
    """Private channels that she is in."""
    channels = [slack.add_channel(f"room{n}", "group") for n in range(number)]
    for room in channels:
        room.members.add(mira.id)
    return channels


@pytest.mark.long
def test_a_word_asked_by_a_member_of_five_conversations_takes_twelve_listings_and_records_at_most(
    slack: Slack, channel: Channel, mira: User, put: Put, tag: str, count: Count
) -> None:
    places = [channel, *rooms(slack, mira, 5)]
    counts = []
    for _ in range(3):  # the archive grows
        for place in places:
            for _ in range(3):
                put((place, tag))
        counts.append(count(tag))
    assert counts[0] == counts[1] == counts[2]
    assert max(counts[0]) <= 12


@pytest.mark.long
@pytest.mark.parametrize(("terms", "conversations"), [(1, 0), (2, 5), (1, 30), (5, 24), (5, 30)])
def test_more_terms_in_more_conversations_stay_within_the_bound(
    slack: Slack,
    channel: Channel,
    mira: User,
    put: Put,
    tag: str,
    count: Count,
    terms: int,
    conversations: int,
) -> None:
    words = " ".join(f"#{tag}{number}" for number in range(terms))
    for place in (channel, *rooms(slack, mira, conversations)):
        put((place, words.replace("#", "")))
    listing_count, record_count = count(words)
    scopes = min(conversations, 24) + 2
    assert listing_count <= 2 + min(terms * scopes, 64)
    assert record_count <= search.MOST_RECORDS


def test_of_a_listing_that_ends_early_only_what_comes_after_its_end_may_hold_documents(
    slack: Slack,
    api: Api,
    channel: Channel,
    mira: User,
    put: Put,
    tag: str,
    listings: Listings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, empty, last, later = sorted(rooms(slack, mira, 4), key=lambda room: room.id)
    for room in (first, last, later):
        put((room, tag))
    folders = listings.folders(index.prefix_of_all(index.RECENT, slack.team_id), "", 1_000).names
    monkeypatch.setattr(visibility, "MOST_LISTED", folders.index(last.id) + 1)
    asker = visibility.asker(api, listings, slack.team_id, mira.id, channel.id)
    assert asker
    assert {first.id, last.id, later.id} <= set(asker.others)
    assert empty.id not in asker.others


@pytest.mark.long
def test_what_is_new_takes_one_listing_for_each_place(
    slack: Slack, channel: Channel, mira: User, put: Put, tag: str, count: Count
) -> None:
    for place in rooms(slack, mira, 3) * (search.CHUNK // 3):
        put((place, tag))
    assert count("") == (2 + 5, search.CHUNK)


def test_a_search_asks_slack_twice_and_about_each_public_channel_once(
    slack: Slack, channel: Channel, mira: User, put: Put, tag: str, count: Count
) -> None:
    put((slack.add_channel("there"), tag))
    before = len(slack.requests)
    count(tag)
    methods: list[Any] = [request.path.rpartition("/")[2] for request in slack.requests[before:]]
    assert sorted(methods) == ["conversations.info", "users.conversations", "users.info"]
    count(tag)
    assert len(slack.requests) - before == 5  # that a channel is public is believed for a minute
