"""Who may see what: visibility belongs to the share, never to the document.

A member of the workspace sees shares in the asking conversation and in channels that Slack says are public now. A
guest sees those in the asking conversation alone, and whoever is of another workspace sees nothing. What cannot be
found out counts as private.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib import index, log, slack
from chalicelib.archive import Record
from chalicelib.errors import IntegratorError, SlackRefused
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from requests import Session

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


def asker(http: "Session", settings: Settings, team: str, user: str, channel: str) -> Asker | None:
    """Return who asks, or None for somebody of another workspace; raises what `slack.call` does.

    https://docs.slack.dev/reference/objects/user-object
    """
    try:
        found = slack.call(http, settings, "users.info", {"user": user}, form=True, timeout=_TIMEOUT).get("user")
    except SlackRefused:  # user_not_found, user_not_visible: not one of this workspace
        return None
    if not isinstance(found, dict) or found.get("id") != user or not _is_of(found, team):
        return None
    is_member = found.get("is_restricted") is False and found.get("is_ultra_restricted") is False
    return Asker(team, user, channel, is_guest=not is_member)


def _is_of(user: dict[str, Any], team: str) -> bool:
    """Tell whether *user* is a person of the workspace; in an Enterprise organisation one may be of several."""
    if any(user.get(name) for name in ("is_stranger", "deleted", "is_bot")):
        return False
    organisation = user.get("enterprise_user")
    teams = organisation.get("teams") if isinstance(organisation, dict) else None
    return user.get("team_id") == team or (isinstance(teams, list) and team in teams)


class Channels:
    """What Slack says of channels; asked at most `MOST_LOOKUPS` times."""

    def __init__(self, http: "Session", settings: Settings, team: str) -> None:
        self._http, self._settings, self._team = http, settings, team
        self._left = MOST_LOOKUPS
        self._said: dict[str, bool] = {}

    def learn(self, channels: Iterable[str], each: Callable[..., list[bool]]) -> None:
        """Find out about *channels*, as far as may be asked, with *each* asking about all at once."""
        wanted = list(dict.fromkeys(channels))
        now = time.monotonic()
        self._said.update({one: True for one in wanted if _public_until.get((self._team, one), 0.0) > now})
        asked = [channel for channel in wanted if channel not in self._said][: self._left]
        self._left -= len(asked)
        self._said.update(zip(asked, each(self._is_public, asked), strict=True))

    def know(self, channels: Iterable[str]) -> bool:
        """Tell whether all of *channels* were learned about."""
        return self._said.keys() >= set(channels)

    def is_public(self, channel: str) -> bool:
        """Tell what was learned; what was not counts as private."""
        return self._said.get(channel, False)

    def _is_public(self, channel: str) -> bool:
        """https://docs.slack.dev/reference/methods/conversations.info"""
        arguments = {"channel": channel}
        try:
            answer = slack.call(
                self._http, self._settings, "conversations.info", arguments, form=True, timeout=_TIMEOUT
            )
        except IntegratorError as error:
            log.warning("channel counts as private", channel=channel, reason=str(error))
            return False
        found = answer.get("channel")
        public = (
            isinstance(found, dict)
            and found.get("id") == channel
            and found.get("is_channel") is True
            and found.get("is_private") is False
            and not any(found.get(name) for name in ("is_im", "is_mpim", "is_group"))
        )
        if public:
            _public_until[self._team, channel] = time.monotonic() + BELIEVED
        return public


def may_be_visible(record: Record, asker: Asker) -> list[Record]:
    """Return the shares, newest first, that *asker* may see if their channels are (still) public."""
    shares = [
        share
        for share in record["shares"]
        if not share["deleted"]
        and share["team"] == asker.team
        and (share["channel"] == asker.channel or (not asker.is_guest and index.PUBLIC in index.scopes(share)))
    ]
    return sorted(shares, key=lambda share: [int(part) for part in share["ts"].split(".")], reverse=True)


def elsewhere(shares: Iterable[Record], asker: Asker) -> list[str]:
    """Return the channels of *shares* that Slack has to be asked about."""
    return list(dict.fromkeys(share["channel"] for share in shares if share["channel"] != asker.channel))


def visible(shares: Iterable[Record], asker: Asker, channels: Channels) -> list[Record]:
    """Return those of *shares* that *asker* may see."""
    return [share for share in shares if share["channel"] == asker.channel or channels.is_public(share["channel"])]
