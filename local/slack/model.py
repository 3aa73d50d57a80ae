"""The nouns of a workspace: channels, people, messages."""

import time
from dataclasses import dataclass, field
from typing import Any

from local.slack.files import File, Json


@dataclass(eq=False)
class Channel:
    """A conversation. *kind* is Slack's `channel_type`; *is_ext_shared* makes it a Slack Connect channel."""

    id: str
    name: str
    kind: str
    bot_is_member: bool = True
    is_archived: bool = False
    is_ext_shared: bool = False
    user: str | None = None
    """The other person, in a direct message with the app."""
    members: set[str] = field(default_factory=set)
    """The ids of the people in it, without the bot. Whoever writes in it is."""
    created: int = field(default_factory=lambda: int(time.time()))


@dataclass(frozen=True)
class User:
    """A person, or the app's bot."""

    id: str
    name: str
    is_bot: bool = False
    is_restricted: bool = False
    """A guest of several channels; *is_ultra_restricted* is one of a single channel."""
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    """Somebody of another workspace, met in a Slack Connect channel."""
    team_id: str | None = None
    """Another workspace than the app's."""
    deleted: bool = False
    """Deactivated."""


@dataclass(eq=False)
class Message:
    """A message as it stands now; *envelope* is the event that told the app of it."""

    channel: Channel
    body: Json
    files: tuple[File, ...] = ()
    envelope: Json = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    deleted: bool = False

    @property
    def ts(self) -> str:
        """When it was posted; its name within the channel."""
        return str(self.body["ts"])

    @property
    def thread_ts(self) -> str | None:
        """The root of the thread that it stands in."""
        return self.body.get("thread_ts")

    @property
    def text(self) -> str:
        """Its words, in Slack's escaped form."""
        return str(self.body.get("text") or "")

    @property
    def blocks(self) -> list[Any]:
        """Its Block Kit blocks."""
        return list(self.body.get("blocks") or [])

    @property
    def user(self) -> str | None:
        """Who posted it; None for a webhook."""
        return self.body.get("user")


@dataclass(eq=False)
class Ephemeral:
    """A message of the app's that *user* alone sees, perhaps the answer to the command *asked*.

    No method reads it back; only a response URL changes it.
    """

    channel: Channel
    user: User
    ts: str
    body: Json
    asked: str = ""
    deleted: bool = False
