"""What can be looked at and set up from outside: addresses, secrets, state, and what the app has done."""

from typing import Any

from local.http_server import Request
from local.slack.content import Content
from local.slack.files import File
from local.slack.hosts import Hosts
from local.slack.identity import Address, App
from local.slack.model import Channel, Message, User
from local.slack.richtext import as_markup
from local.slack.sender import Delivery, Sender
from local.slack.workspace import Workspace


class Inspection:
    """The view on the double; a base of Slack, which has the rest. Lists are copies."""

    app: App
    address: Address
    workspace: Workspace
    sender: Sender
    hosts: Hosts

    @property
    def url(self) -> str:
        """Where Slack is."""
        return self.address.url

    @property
    def origin_url(self) -> str:
        """Where files-origin is, which redirects may lead to and which needs the token again."""
        return self.address.origin

    @property
    def foreign_url(self) -> str:
        """Where a host is that is not Slack's."""
        return self.address.foreign

    @property
    def api_url(self) -> str:
        """The URL of chat.postMessage."""
        return f"{self.url}/api/chat.postMessage"

    @property
    def webhook_url(self) -> str:
        """The URL of the incoming webhook, bound to #general unless `webhook_channel` is set."""
        return self.url + self.app.webhook_path

    @property
    def webhook_channel(self) -> Channel:
        """Where the webhook posts."""
        return self.hosts.webhook.channel

    @webhook_channel.setter
    def webhook_channel(self, channel: Channel) -> None:
        self.hosts.webhook.channel = channel

    @property
    def sign_in_redirects(self) -> bool:
        """Whether downloads without permission are redirected to the sign-in page instead of getting it."""
        return self.hosts.file_host.sign_in_redirects

    @sign_in_redirects.setter
    def sign_in_redirects(self, redirects: bool) -> None:
        self.hosts.file_host.sign_in_redirects = redirects

    @property
    def scopes(self) -> set[str]:
        """What the installation was granted: the set itself, to be changed at will."""
        return self.workspace.scopes

    @property
    def channels(self) -> list[Channel]:
        """All conversations, oldest first."""
        return self.workspace.channels

    @property
    def users(self) -> list[User]:
        """All people, oldest first; the bot is not one."""
        return [user for user in self.workspace.users if not user.is_bot]

    @property
    def bot(self) -> User:
        """The app's bot user."""
        return self.workspace.users[0]

    @property
    def files(self) -> list[File]:
        """All files, oldest first."""
        return self.workspace.files

    @property
    def messages(self) -> list[Message]:
        """All messages, oldest first; what was deleted is marked so."""
        return self.workspace.messages

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery to the app, oldest first, copies included."""
        return self.sender.deliveries

    @property
    def requests(self) -> list[Request]:
        """What the app asked of Slack, oldest first."""
        return self.hosts.requests

    @property
    def foreign_requests(self) -> list[Request]:
        """What arrived at the host that is not Slack's; none may have an Authorization header."""
        return self.hosts.foreign_requests

    def requests_to(self, name: str) -> list[Request]:
        """Those of the requests that have *name* as a part of their path: an API method, files-pri, T…-F…."""
        return [request for request in self.requests if name in request.path.split("/")]

    def add_channel(self, name: str, kind: str = "channel", bot_is_member: bool = True, **state: Any) -> Channel:
        """A new conversation: *kind* is channel, group, im or mpim; *state* may set is_archived, is_ext_shared."""
        return self.workspace.add_channel(name, kind, bot_is_member=bot_is_member, **state)

    def allow_export(self) -> str:
        """The token of a new export, which opens every file to whoever has it."""
        return self.workspace.allow_export()

    def add_user(self, name: str, **state: Any) -> User:
        """A new person; *state* sets the user's other fields, such as is_restricted for a guest."""
        return self.workspace.add_user(name, **state)

    def add_file(
        self,
        name: str | None,
        content: Content,
        mimetype: str = "application/octet-stream",
        user: User | None = None,
        title: str | None = None,
        mode: str = "hosted",
        **overrides: Any,
    ) -> File:
        """A new file, shown nowhere yet.

        *overrides* replace fields of its object; ``...`` removes one, None is JSON's null.
        *mode* is Slack's word, `file_access` for Slack Connect's stub, or `file_not_found` for that stub.
        """
        about = {"mimetype": mimetype, "user": (user or self.users[0]).id, "title": title or name, "mode": mode}
        return self.workspace.add_file(name, content, **about, overrides=overrides)

    def as_markup(self, words: str) -> str:
        """What Slack makes of *words* typed by a person: the text for `say` and `upload`."""
        public, private = (
            {channel.name: channel.id for channel in self.channels if channel.kind == kind}
            for kind in ("channel", "group")
        )
        people = {user.name: user.id for user in self.users} | {self.app.name: self.app.bot_user_id}
        return as_markup(words, public, people, private)

    def replies(self, channel: Channel | str, thread_ts: str) -> list[Message]:
        """What the app posted into that thread, oldest first."""
        channel_id = channel if isinstance(channel, str) else channel.id
        authors = (self.app.bot_id, self.app.webhook_bot_id)
        thread = [m for m in self.workspace.messages_in(channel_id) if m.thread_ts == thread_ts]
        return [m for m in thread if m.body.get("bot_id") in authors]

    def wait_for_replies(
        self, channel: Channel | str, thread_ts: str, count: int = 1, timeout: float = 20
    ) -> list[Message]:
        """`replies` once there are *count*; after *timeout* real seconds a TimeoutError that says what happened."""
        if self.workspace.wait_until(lambda: len(self.replies(channel, thread_ts)) >= count, timeout):
            return self.replies(channel, thread_ts)
        texts = [reply.text for reply in self.replies(channel, thread_ts)]
        raise TimeoutError(f"{len(texts)} of {count} replies after {timeout} s: {texts}. {self.story()}")

    def story(self, last: int = 10) -> str:
        """The *last* deliveries and requests, for a message about what went wrong."""
        deliveries = [_as_text(delivery) for delivery in self.deliveries[-last:]]
        requests = [f"{r.method} {r.path} -> {r.status}" for r in self.requests[-last:]]
        return f"Delivered: {'; '.join(deliveries) or 'nothing'}. Asked: {'; '.join(requests) or 'nothing'}."


def _as_text(delivery: Delivery) -> str:
    event = delivery.envelope.get("event") or delivery.envelope
    outcomes = ", ".join(str(attempt.status or attempt.reason) for attempt in delivery.attempts)
    return f"{event.get('subtype') or event['type']} {event.get('ts', '')} -> {outcomes or 'under way'}"
