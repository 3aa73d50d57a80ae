"""Who may see what: visibility belongs to the share, never to the document.

A member of the workspace sees shares in the asking conversation and in channels that Slack says are public now. A
guest sees those in the asking conversation alone, and whoever is of another workspace sees nothing. What cannot be
found out counts as private.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from chalicelib import index, log
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError, SlackRefused
from chalicelib.layout import DocumentRecord, Share
from chalicelib.slack import Slack

MOST_LOOKUPS = 10
"""Channels that one answer asks Slack about."""
BELIEVED = 60.0
"""Seconds for which Slack's word that a channel is public is believed; Slack allows some 50 look-ups a minute."""
_TIMEOUT = (0.4, 0.9)

_public_until: dict[tuple[str, str], float] = {}
"""By team and channel; of this process."""


class Asker(NamedTuple):
    """Somebody who asks in *channel*, of which they are a member as Slack let them ask there."""

    team: str
    user: str
    channel: str
    is_guest: bool

    @property
    def scopes(self) -> list[str]:
        """The scopes of the index that may be listed for them at all."""
        return [self.channel] if self.is_guest else [index.PUBLIC, self.channel]


def asker(slack: Slack, team: str, user: str, channel: str) -> Asker | None:
    """Return who asks, or None for somebody of another workspace; raises what `Slack.call` does.

    https://docs.slack.dev/reference/objects/user-object
    """
    try:
        person = slack.call("users.info", {"user": user}, form=True, timeout=_TIMEOUT).get("user")
    except SlackRefused:  # user_not_found, user_not_visible: nobody of this workspace
        return None
    if not isinstance(person, dict) or person.get("id") != user or not _belongs_to(person, team):
        return None
    is_member = person.get("is_restricted") is False and person.get("is_ultra_restricted") is False
    return Asker(team, user, channel, is_guest=not is_member)


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
        wanted = list(dict.fromkeys(channels))
        now = time.monotonic()
        self._public.update({channel: True for channel in wanted if self._until(channel) > now})
        unknown = [channel for channel in wanted if channel not in self._public][: self._lookups_left]
        self._lookups_left -= len(unknown)
        self._public.update(zip(unknown, self._deadline.map(self._is_public, unknown), strict=True))

    def knows(self, channels: Iterable[str]) -> bool:
        """Return True if Slack was asked about every one of *channels*."""
        return self._public.keys() >= set(channels)

    def is_public(self, channel: str) -> bool:
        """Return True if Slack said so; a channel that it was not asked about counts as private."""
        return self._public.get(channel, False)

    def _until(self, channel: str) -> float:
        return _public_until.get((self._team, channel), 0.0)

    def _is_public(self, channel: str) -> bool:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        arguments = {"channel": channel}
        try:
            answer = self._slack.call("conversations.info", arguments, form=True, timeout=_TIMEOUT)
        except IntegratorError as error:
            log.warning("channel counts as private", channel=channel, reason=str(error))
            return False
        is_public = _describes_public(answer.get("channel"), channel)
        if is_public:
            _public_until[self._team, channel] = time.monotonic() + BELIEVED
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
    shares = [
        share
        for share in record["shares"]
        if not share["deleted"]
        and share["team"] == asker.team
        and (share["channel"] == asker.channel or (not asker.is_guest and index.PUBLIC in index.scopes(share)))
    ]
    return sorted(shares, key=lambda share: [int(part) for part in share["ts"].split(".")], reverse=True)


def elsewhere(shares: Iterable[Share], asker: Asker) -> list[str]:
    """Return the channels of *shares* about which Slack has to be asked."""
    return list(dict.fromkeys(share["channel"] for share in shares if share["channel"] != asker.channel))


def visible(shares: Iterable[Share], asker: Asker, channels: Channels) -> list[Share]:
    """Return those of *shares* that *asker* may see."""
    return [share for share in shares if share["channel"] == asker.channel or channels.is_public(share["channel"])]
