"""Who may see what: visibility belongs to the share, never to the document.

A member of the workspace sees shares in channels that Slack says are public now, if they were public at the time or
were made public since, in the conversation that they ask in, and in those private ones that Slack says they and the
app are both in now. A guest sees those in their own conversations alone, and whoever is of another workspace sees
nothing. What Slack does not say counts as private.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from chalicelib import index, log
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError, SlackRefused
from chalicelib.layout import DocumentRecord, Share
from chalicelib.listings import Listings, Page
from chalicelib.slack import Slack

MOST_LOOKUPS = 10
"""Channels that one answer asks Slack about."""
MOST_CONVERSATIONS = 25
"""Conversations that are searched, the one asked in included, beside the public channels."""
MOST_OPENED = 10
"""Conversations that were made public, of those that are searched for it; Slack is asked about each."""
MOST_SCOPES = MOST_CONVERSATIONS + MOST_OPENED + 1
_PAGE = 999
"""Conversations of a person that Slack names at once."""
_PRIVATE = "private_channel,mpim,im"
BELIEVED = 60.0
"""Seconds for which Slack's word on a channel is believed; Slack allows some 50 look-ups a minute."""
MOST_LISTED = 1_000
"""Conversations that hold documents, of those listed in one request."""
_ID = re.compile(r"[A-Z][A-Z0-9]{1,17}", re.ASCII)
_TIMEOUT = (0.4, 0.9)

_believed: dict[tuple[str, str], tuple[bool, float]] = {}
"""By team and channel: whether Slack said that it is public, and until when that is believed. Of this process."""


class Asker(NamedTuple):
    """Somebody who asks in *channel*, of which they are a member as Slack let them ask there; "" in Home."""

    team: str
    user: str
    channel: str
    is_guest: bool
    opened_channels: tuple[str, ...] = ()
    """Conversations that were made public, and that Slack says are public now."""
    others: tuple[str, ...] = ()
    """Conversations beside *channel* of which Slack said now that they and the app are in it."""
    not_searched: int = 0
    """More of these, which are too many for one search."""
    unknown: str = ""
    """Why Slack did not say all of them; a sentence."""

    @property
    def own(self) -> list[str]:
        """The conversations that they are in."""
        return list(dict.fromkeys(filter(None, [self.channel, *self.others])))

    @property
    def scopes(self) -> list[str]:
        """The scopes of the index that may be listed for them at all."""
        return self.own if self.is_guest else [index.PUBLIC, *dict.fromkeys([*self.own, *self.opened_channels])]


class Person(NamedTuple):
    """Somebody of the workspace."""

    user: str
    is_guest: bool


class Conversations(NamedTuple):
    """The ids of conversations, as far as Slack named them; or else *unknown*, a sentence that says why."""

    ids: list[str]
    unknown: str = ""


def asker(slack: Slack, listings: Listings, team: str, user: str, channel: str) -> Asker | None:
    """Return who asks in *channel*, or None for somebody of another workspace; raises what `Slack.call` does.

    Slack and the archive are asked at the same time.
    """
    look_ups: list[Callable[[], Any]] = [
        lambda: person(slack, team, user),
        lambda: conversations(slack, user, _PRIVATE),
        lambda: listings.folders(index.prefix_of_all(index.RECENT, team), "", MOST_LISTED),
        lambda: find_opened_channels(slack, listings, team),
    ]
    who, theirs, holding, public = listings.deadline.map(lambda ask: ask(), look_ups)
    if who is None:
        return None
    if who.is_guest:
        public_channels = conversations(slack, user, "public_channel")
        theirs, public = (
            Conversations([*theirs.ids, *public_channels.ids], theirs.unknown or public_channels.unknown),
            (),
        )
    others = [other for other in theirs.ids if other != channel and _may_hold_documents(other, holding)]
    to_search = others[: MOST_CONVERSATIONS - 1]
    rest_count = len(others) - len(to_search)
    return Asker(team, user, channel, who.is_guest, public, tuple(to_search), rest_count, unknown=theirs.unknown)


def find_opened_channels(slack: Slack, listings: Listings, team: str) -> tuple[str, ...]:
    """Return the conversations that were made public once, and that Slack says are public now."""
    names = listings.keys(index.opened_prefix(team), "", MOST_OPENED).names
    channels = Channels(slack, team, listings.deadline)
    channels.learn(names)
    return tuple(name for name in names if channels.is_public(name))


def _may_hold_documents(conversation: str, holding: Page) -> bool:
    """Return True if *conversation* is in the listing, or may come after its end."""
    return conversation in holding.names or (not holding.is_last and conversation > holding.names[-1])


def person(slack: Slack, team: str, user: str) -> Person | None:
    """Return the *user* if they are of the workspace; raises what `Slack.call` does.

    https://docs.slack.dev/reference/objects/user-object
    """
    try:
        details = slack.call("users.info", {"user": user}, form=True, timeout=_TIMEOUT).get("user")
    except SlackRefused:  # user_not_found, user_not_visible: nobody of this workspace
        return None
    if not isinstance(details, dict) or details.get("id") != user or not _belongs_to(details, team):
        return None
    is_member = details.get("is_restricted") is False and details.get("is_ultra_restricted") is False
    return Person(user, is_guest=not is_member)


def conversations(slack: Slack, user: str, types: str) -> Conversations:
    """Return the conversations of *types* that *user* is in, and of the private ones those that the app is in too.

    Where Slack does not say, there are none: https://docs.slack.dev/reference/methods/users.conversations
    """
    arguments = {"user": user, "types": types, "limit": str(_PAGE)}
    try:
        answer = slack.call("users.conversations", arguments, form=True, timeout=_TIMEOUT)
    except IntegratorError as error:
        log.warning("conversations unknown", reason=str(error))
        return Conversations([], str(error))
    entries = answer.get("channels")
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    sound = [conversation for conversation in ids if isinstance(conversation, str) and _ID.fullmatch(conversation)]
    if (answer.get("response_metadata") or {}).get("next_cursor"):
        return Conversations(sound, f"Slack names only the first {_PAGE} of them.")
    return Conversations(sound)


def _belongs_to(user: dict[str, Any], team: str) -> bool:
    """Return True for a person of the workspace; in an Enterprise organisation a person may be of several."""
    if any(user.get(name) for name in ("is_stranger", "deleted", "is_bot")):
        return False
    organisation = user.get("enterprise_user")
    teams = organisation.get("teams") if isinstance(organisation, dict) else None
    return user.get("team_id") == team or (isinstance(teams, list) and team in teams)


class Channels:
    """What Slack says of the *team*'s channels; it is asked about `MOST_LOOKUPS` at most, until the *deadline*."""

    def __init__(self, slack: Slack, team: str, deadline: Deadline) -> None:
        self._slack, self._team, self._deadline = slack, team, deadline
        self._lookups_left = MOST_LOOKUPS
        self._public: dict[str, bool] = {}

    def learn(self, channels: Iterable[str]) -> None:
        """Ask about those of *channels* that are not known yet, as far as may be asked, all at once."""
        channel_ids = list(dict.fromkeys(channels))
        now = time.monotonic()
        self._public.update({channel: public for channel in channel_ids for public in self._believed(channel, now)})
        unknown = [channel for channel in channel_ids if channel not in self._public][: self._lookups_left]
        self._lookups_left -= len(unknown)
        self._public.update(zip(unknown, self._deadline.map(self._is_public, unknown), strict=True))

    def knows(self, channels: Iterable[str]) -> bool:
        """Return True if Slack was asked about every one of *channels*."""
        return self._public.keys() >= set(channels)

    def is_public(self, channel: str) -> bool:
        """Return True if Slack said so; a channel that it was not asked about counts as private."""
        return self._public.get(channel, False)

    def _believed(self, channel: str, now: float) -> list[bool]:
        is_public, until = _believed.get((self._team, channel), (False, 0.0))
        return [is_public] if until > now else []

    def _is_public(self, channel: str) -> bool:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        arguments = {"channel": channel}
        try:
            answer = self._slack.call("conversations.info", arguments, form=True, timeout=_TIMEOUT)
        except IntegratorError as error:
            log.warning("channel counts as private", channel=channel, reason=str(error))
            return False
        is_public = _describes_public(answer.get("channel"), channel)
        _believed[self._team, channel] = is_public, time.monotonic() + BELIEVED
        return is_public


def _describes_public(description: Any, channel: str) -> bool:
    return (
        isinstance(description, dict)
        and description.get("id") == channel
        and description.get("is_channel") is True
        and description.get("is_private") is False
        and not any(description.get(name) for name in ("is_im", "is_mpim", "is_group"))
    )


def may_be_visible(record: DocumentRecord, asker: Asker) -> list[Share]:
    """Return the shares, newest first, that *asker* may see if their channels are (still) public."""
    return [
        share
        for share in _shares(record, asker.team)
        if share["channel"] in (*asker.own, *asker.opened_channels)
        or (not asker.is_guest and index.PUBLIC in index.scopes(share))
    ]


def _shares(record: DocumentRecord, team: str) -> list[Share]:
    """Return the shares of the team's that are not withdrawn, the newest first."""
    shares = [share for share in record["shares"] if not share["deleted"] and share["team"] == team]
    return sorted(shares, key=lambda share: [int(part) for part in share["ts"].split(".")], reverse=True)


def share_in(record: DocumentRecord, team: str, channel: str) -> Share | None:
    """Return the newest share of the document in *channel*, None if there is none that is not withdrawn."""
    return next((share for share in _shares(record, team) if share["channel"] == channel), None)


def is_in(slack: Slack, user: str, channel: str) -> bool:
    """Return True if Slack says that *user* is in *channel* now, of whatever kind it is."""
    return channel in conversations(slack, user, f"public_channel,{_PRIVATE}").ids


def may_see(channel: str, channel_type: str | None, asker: Asker, channels: Channels) -> bool:
    """Return True if *asker* may see what was shared in *channel* while it was of *channel_type*."""
    if channel in asker.own:
        return True
    if asker.is_guest or (channel_type != "channel" and channel not in asker.opened_channels):
        return False
    channels.learn([channel])
    return channels.is_public(channel)


def elsewhere(shares: Iterable[Share], asker: Asker) -> list[str]:
    """Return the channels of *shares* about which Slack has to be asked."""
    return list(dict.fromkeys(share["channel"] for share in shares if share["channel"] not in asker.own))


def visible(shares: Iterable[Share], asker: Asker, channels: Channels) -> list[Share]:
    """Return those of *shares* that *asker* may see."""
    return [share for share in shares if share["channel"] in asker.own or channels.is_public(share["channel"])]
