"""The state of one Slack workspace: channels, people, files, messages. Safe to use from many threads."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from local.slack.content import Content
from local.slack.files import File, Json
from local.slack.identity import Address, App
from local.slack.model import Channel, Ephemeral, Message, User

T = TypeVar("T")

# A prefix tells the kind, never the privacy: private channels made lately start with C as well.
CHANNEL_PREFIXES = {"channel": "C", "group": "C", "mpim": "G", "im": "D"}
HISTORY_SCOPES = {
    "channel": "channels:history",
    "group": "groups:history",
    "mpim": "mpim:history",
    "im": "im:history",
}
READ_SCOPES = {"channel": "channels:read", "group": "groups:read", "mpim": "mpim:read", "im": "im:read"}
MANIFEST = Path(__file__).parents[2] / "slack-manifest.yaml"


@cache
def manifest() -> Any:
    """The manifest that the app is made from: it gets the scopes and events that this asks for, and no others."""
    return yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))


class Workspace:
    """Everything that Slack remembers. Lists that it hands out are copies."""

    def __init__(self, app: App, address: Address) -> None:
        self.app = app
        self.address = address
        self.scopes: set[str] = set(manifest()["oauth_config"]["scopes"]["bot"])
        self.lock = threading.Condition(threading.RLock())
        self.files_are_older_by = 0
        """Seconds by which a new file looks older: where waits pass faster, minutes of youth would be hours."""
        self.revision = 0
        """Grows whenever there is something new to see."""
        self.export_tokens: set[str] = set()
        """The tokens of exports that are not revoked."""
        self._numbers: Counter[str] = Counter()
        self._last_micros = 0
        self._channels: dict[str, Channel] = {}
        self._users: dict[str, User] = {app.bot_user_id: User(app.bot_user_id, app.name, is_bot=True)}
        self._files: dict[str, File] = {}
        self._messages: list[Message] = []
        self._ephemerals: list[Ephemeral] = []
        self._by_ts: dict[tuple[str, str], Message] = {}
        self._lookups_left: Counter[str] = Counter()
        self._typeless_left: Counter[str] = Counter()

    def allow_export(self) -> str:
        """The token of a new export, which opens every file to whoever has it."""
        token = f"xoxe-local-{secrets.token_hex(16)}"
        self.export_tokens.add(token)
        return token

    def new_id(self, prefix: str) -> str:
        """An id never given before, such as F0LOCAL001."""
        with self.lock:
            self._numbers[prefix] += 1
            return f"{prefix}0LOCAL{self._numbers[prefix]:03}"

    def new_ts(self) -> str:
        """Now, as Slack writes it; later than every one before."""
        with self.lock:
            self._last_micros = max(self._last_micros + 1, time.time_ns() // 1000)
            return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06}"

    def add_channel(self, name: str, kind: str = "channel", **state: Any) -> Channel:
        """A new conversation of that kind; *state* sets the channel's other fields."""
        channel = Channel(self.new_id(CHANNEL_PREFIXES[kind]), name, kind, **state)
        if channel.user:
            channel.members.add(channel.user)
        return self._keep(self._channels, channel.id, channel)

    def add_user(self, name: str, **state: Any) -> User:
        """A new person; *state* sets the user's other fields."""
        user = User(self.new_id("U"), name, **state)
        return self._keep(self._users, user.id, user)

    def deactivate(self, user: User) -> User:
        """*user* as of now: an account that is switched off."""
        return self._keep(self._users, user.id, replace(user, deleted=True))

    def add_file(self, name: str | None, content: Content, file_id: str | None = None, **about: Any) -> File:
        """A new file, not yet shown in any message."""
        place: Json = {
            "created": int(time.time()) - self.files_are_older_by,
            "team_id": self.app.team_id,
            "address": self.address,
        }
        file = File(id=file_id or self.new_id("F"), name=name, content=content, **place, **about)
        return self._keep(self._files, file.id, file)

    def add_message(self, message: Message) -> Message:
        """Keep *message*, note where its files are shown, and wake who waits for messages."""
        with self.lock:
            self._messages.append(message)
            self._by_ts[message.channel.id, message.ts] = message
            for file in message.files:
                file.shares.setdefault(message.channel.id, []).append(message.ts)
            self.touch()
        return message

    def add_ephemeral(self, ephemeral: Ephemeral) -> Ephemeral:
        """Show *ephemeral* to its user."""
        with self.lock:
            self._ephemerals.append(ephemeral)
            self.touch()
        return ephemeral

    def touch(self) -> None:
        """Tell everybody who waits that something changed."""
        with self.lock:
            self.revision += 1
            self.lock.notify_all()

    def wait_for_revision(self, after: int, timeout: float) -> int:
        """The revision, as soon as it is not *after*, or after *timeout* seconds."""
        with self.lock:
            self.lock.wait_for(lambda: self.revision != after, timeout)
            return self.revision

    def _keep(self, shelf: dict[str, T], key: str, thing: T) -> T:
        with self.lock:
            shelf[key] = thing
            self.touch()
        return thing

    @property
    def channels(self) -> list[Channel]:
        """All conversations, oldest first."""
        with self.lock:
            return list(self._channels.values())

    @property
    def users(self) -> list[User]:
        """All people and the bot, which comes first."""
        with self.lock:
            return list(self._users.values())

    @property
    def files(self) -> list[File]:
        """All files, oldest first, deleted ones included."""
        with self.lock:
            return list(self._files.values())

    @property
    def messages(self) -> list[Message]:
        """All messages, oldest first, deleted ones included."""
        with self.lock:
            return list(self._messages)

    @property
    def ephemerals(self) -> list[Ephemeral]:
        """What people see that nobody else does, oldest first; what was dismissed or deleted is marked so."""
        with self.lock:
            return list(self._ephemerals)

    def channel(self, channel_id: str) -> Channel | None:
        """The conversation of that id."""
        return self._channels.get(channel_id)

    def user(self, user_id: str) -> User | None:
        """The person or bot of that id."""
        return self._users.get(user_id)

    def file(self, file_id: str) -> File | None:
        """The file of that id."""
        return self._files.get(file_id)

    def message(self, channel_id: str, ts: str) -> Message | None:
        """The message of that channel and time, unless it was deleted."""
        message = self._by_ts.get((channel_id, ts))
        return None if message is None or message.deleted else message

    def messages_in(self, channel_id: str) -> list[Message]:
        """What can be read in a conversation, threads included, oldest first."""
        return [m for m in self.messages if m.channel.id == channel_id and not m.deleted]

    def direct_message(self, user_id: str) -> Channel:
        """The direct message between the app and that person, opened when there is none."""
        with self.lock:
            open_already = next((c for c in self.channels if c.kind == "im" and c.user == user_id), None)
            return open_already or self.add_channel(f"dm-{user_id}", "im", user=user_id)

    def app_can_see(self, file: File) -> bool:
        """Whether the bot is in a channel that shows *file*. A file not shown anywhere yet counts as seen."""
        with self.lock:
            channels = [self._channels[channel_id] for channel_id in file.shares]
        return not channels or any(channel.bot_is_member for channel in channels)

    def hold_back(self, file: File, lookups: int) -> None:
        """Let the next *lookups* of files.info find *file* still being processed."""
        with self.lock:
            self._lookups_left[file.id] = lookups

    def still_processing(self, file: File) -> bool:
        """Count one look-up of *file*; whether Slack is still processing it."""
        with self.lock:
            self._lookups_left[file.id] -= 1
            return self._lookups_left[file.id] >= 0

    def hold_back_type(self, file: File, lookups: int) -> None:
        """Let the next *lookups* of files.info find *file* without a type."""
        with self.lock:
            self._typeless_left[file.id] = lookups

    def type_is_unknown(self, file: File) -> bool:
        """Count one look-up of *file*; whether Slack does not know its type yet."""
        with self.lock:
            self._typeless_left[file.id] -= 1
            return self._typeless_left[file.id] >= 0

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether *condition* came to hold within *timeout* seconds; looked at whenever something changed."""
        with self.lock:
            return self.lock.wait_for(condition, timeout)
