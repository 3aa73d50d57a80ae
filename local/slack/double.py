"""The Slack double as a whole: a workspace, a Web API, a file host and a sender of events, over real HTTP."""

import secrets
import time
from typing import Any, Self

from local.clock import Clock
from local.slack import commands, events
from local.slack.blockkit import with_ids
from local.slack.botposts import BotPosts
from local.slack.commands import CommandResult
from local.slack.faults import Faults, Misbehaviour
from local.slack.files import Json, with_overrides
from local.slack.hosts import Hosts
from local.slack.identity import Address, App
from local.slack.inspection import Inspection
from local.slack.interactions import Interactions
from local.slack.model import Channel, Ephemeral, User
from local.slack.page_routes import PageRoutes
from local.slack.people import People
from local.slack.posting import Attempt
from local.slack.sender import Delivery, Sender
from local.slack.signing import signed_headers
from local.slack.uploads import Uploads
from local.slack.workspace import HISTORY_SCOPES, READ_SCOPES, Workspace, manifest

JOINED = "member_joined_channel"

SUBSCRIPTIONS = {
    "channel": "message.channels",
    "group": "message.groups",
    "mpim": "message.mpim",
    "im": "message.im",
}


class Slack(People, Inspection):
    """Slack on this machine. Constructing does not listen; `start` does, and so does entering it as a context.

    *clock* passes between the sender's retries; the time limits of HTTP are real seconds.
    """

    def __init__(self, clock: Clock | None = None, port: int = 0, app: App | None = None) -> None:
        self.app = app = app or App()
        self.team_id, self.app_id = app.team_id, app.app_id
        self.bot_id, self.bot_user_id = app.bot_id, app.bot_user_id
        self.signing_secret, self.verification_token = app.signing_secret, app.verification_token
        self.bot_token = app.bot_token
        self.port = port
        self.address = Address()
        self.workspace = Workspace(self.app, self.address)
        self.workspace.files_are_older_by = 3_600 if clock and clock.factor > 1 else 0
        self.faults = Faults(self.workspace.touch)
        self.subscriptions = set(manifest()["settings"]["event_subscriptions"]["bot_events"])
        self.sender = Sender(
            self.app, clock or Clock(), self.faults, lambda: self.workspace.new_id("Ev"), self.workspace.touch
        )
        self.commands_url = ""  # the request URL of the slash commands, unless it is beside that of the events
        self.actions_url = ""  # the same for what is clicked
        self.page = PageRoutes(self)
        posts = BotPosts(self.workspace, self._publish_own)
        uploads = Uploads(self.workspace, self._publish_own, self.delete_file)
        self.hosts = Hosts(self.workspace, self.faults, posts, uploads, self.page.respond)
        for tier in self.hosts.web_api.tiers.values():
            tier.seconds = (clock or Clock()).scaled(tier.seconds)
        self.views = self.hosts.views
        self.views.is_enabled = manifest()["features"]["app_home"]["home_tab_enabled"]
        self.interactions = Interactions(app, self.hosts.response_urls, self.views, self._actions_address)
        self.interactions.is_enabled = manifest()["settings"]["interactivity"]["is_enabled"]
        for shortcut in manifest()["features"].get("shortcuts", []):
            self.interactions.shortcuts[shortcut["callback_id"]] = shortcut["name"]
        for name in ("mira", "tomas"):
            self.workspace.add_user(name)

    def start(self) -> Self:
        """Listen."""
        self.hosts.open(self.port)
        return self

    def close(self) -> None:
        """Stop listening, sending and waiting."""
        self.sender.closing.set()
        self.page.close()
        self.hosts.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def request_url(self) -> str:
        """Where events are delivered to; may be set at any time, "" while there is no app."""
        return self.sender.request_url

    @request_url.setter
    def request_url(self, url: str) -> None:
        self.sender.request_url = url

    def envelope(self, event: Json, **fields: Any) -> Json:
        """*event* as the body of a delivery, with a fresh event id; *fields* replace, or with ``...`` remove."""
        whole = events.envelope(self.app, event, self.workspace.new_id("Ev"), int(time.time()))
        return with_overrides(whole, fields)

    def deliver(self, envelope: Json, retries: bool = True) -> Delivery:
        """Send *envelope*, with Slack's retries, and return when it was acknowledged or given up."""
        return self.sender.deliver(envelope, retries)

    def deliver_later(self, envelope: Json, retries: bool = True) -> Delivery:
        """The same in the background."""
        return self.sender.deliver_later(envelope, retries)

    def command(self, channel: Channel, user: User, command: str, text: str = "", **fields: Any) -> CommandResult:
        """*user* types *command* in *channel*; *fields* replace, or with ``...`` remove, what Slack would send.

        What the app answers for that person alone stays among the workspace's `ephemerals`.
        """
        channel.members.add(user.id)  # Slack lets nobody ask where they are not
        response_url = self.hosts.response_urls.new("commands", channel, user)
        form = with_overrides(commands.fields(self.app, channel, user, command, text, response_url), fields)
        result = commands.send(self.app, self.workspace, self._beside("commands", self.commands_url), form)
        if result.is_ephemeral and (result.body or result.text):
            body: Json = {"text": result.text, **result.body}
            body["blocks"] = with_ids(body.get("blocks") or [])
            question = f"{command} {text}".strip()
            self.workspace.add_ephemeral(Ephemeral(channel, user, self.workspace.new_ts(), body, question))
        return result

    def open_home(self, user: User, tab: str = "home", deliver: bool = True) -> Json:
        """*user* opens the app's Home, or its messages: sent each time; returns the envelope."""
        channel = self.workspace.direct_message(user.id)
        view = self.views.home(user.id)
        event = events.app_home_opened(user.id, channel.id, tab, view, self.workspace.new_ts())
        envelope = self.envelope(event)
        if deliver and "app_home_opened" in self.subscriptions and self.views.is_enabled:
            self.deliver_later(envelope)
        return envelope

    def _actions_address(self) -> str:
        return self._beside("actions", self.actions_url)

    def _beside(self, name: str, url: str) -> str:
        """*url*, or the route *name* beside that of the events."""
        return url or self.request_url.replace("/slack/events", f"/slack/{name}")

    def sign(self, body: bytes, timestamp: int | str | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers that Slack would send with *body*, by default signed now with the app's secret."""
        moment = str(int(time.time()) if timestamp is None else timestamp)
        return signed_headers(body, moment, self.app.signing_secret if secret is None else secret)

    def send_url_verification(self, challenge: str | None = None) -> Attempt:
        """What Slack sends when the request URL is entered; ask the answer whether it `echoes` the challenge."""
        challenge = challenge or secrets.token_urlsafe(32)
        about = {"token": self.app.verification_token, "challenge": challenge}
        return self.deliver({"type": "url_verification", **about}, retries=False).attempts[0]

    def send_rate_limited(self) -> Delivery:
        """What Slack sends instead of events above 30,000 an hour: a body without an event."""
        app = {"token": self.app.verification_token, "team_id": self.app.team_id, "api_app_id": self.app.app_id}
        minute = {"minute_rate_limited": int(time.time()) // 60 * 60}
        return self.deliver({"type": "app_rate_limited", **app, **minute})

    def misbehave(
        self, name: str, times: int | None = None, only: str | None = None, **options: Any
    ) -> Misbehaviour:
        """Switch on a misbehaviour of faults.py.

        *times* is how often it happens, None for until stopped. *only* limits it: to a file id or an API method
        ("webhook" for the webhook); for files shown in events also to a channel id; for deliveries to an event id,
        an event's type, a channel id or a message's ts.
        """
        return self.faults.misbehave(name, times, only, options)

    def behave(self) -> None:
        """Switch all misbehaviours off."""
        self.faults.behave()

    def _publish(self, channel: Channel, event: Json, deliver: bool, **fields: Any) -> Json:
        """The envelope of *event*, sent if told to and if the app is subscribed and sees the channel."""
        sharing = {"is_ext_shared_channel": channel.is_ext_shared, "team_id": self._tied_to(channel, event)}
        envelope = self.envelope(event, **sharing | fields)
        scope, subscription = HISTORY_SCOPES[channel.kind], SUBSCRIPTIONS[channel.kind]
        if event["type"] == "file_shared":
            scope, subscription = "files:read", "file_shared"
        if event["type"] == "app_mention":
            scope, subscription = "app_mentions:read", "app_mention"
        if event["type"] == JOINED:
            scope, subscription = READ_SCOPES[channel.kind], JOINED
        sees = channel.bot_is_member and scope in self.workspace.scopes
        if deliver and sees and subscription in self.subscriptions:
            self.deliver_later(envelope)
        return envelope

    def _publish_of_file(self, event: Json, deliver: bool) -> Json:
        envelope = self.envelope(event)
        if deliver and event["type"] in self.subscriptions and "files:read" in self.workspace.scopes:
            self.deliver_later(envelope)
        return envelope

    def _tied_to(self, channel: Channel, event: Json) -> str:
        """The workspace in the envelope: in a Slack Connect channel the sender's, and only there not the app's.

        https://github.com/slackapi/java-slack-sdk/issues/629: the app's own is in `authorizations`.
        """
        about = event.get("message") or event.get("previous_message") or event
        author = self.workspace.user(str(about.get("user") if isinstance(about, dict) else None))
        return (author.team_id if channel.is_ext_shared and author else None) or self.team_id

    def _publish_own(self, channel: Channel, event: Json) -> Json:
        """The same for what the app did itself, silently while there is nowhere to send it."""
        return self._publish(channel, event, deliver=bool(self.request_url))
