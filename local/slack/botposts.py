"""What the app says: the Web API methods that write, and the incoming webhook's posts."""

from collections.abc import Callable

from local.slack.blockkit import with_ids
from local.slack.call import MethodCall, RefusedError
from local.slack.events import changed_message, deleted_message, in_thread, posted_event
from local.slack.files import Json
from local.slack.limits import refusal
from local.slack.model import Channel, Message
from local.slack.workspace import Workspace


class BotPosts:
    """The writing methods; *publish* sends an event of what they did to the app, as Slack does."""

    def __init__(self, workspace: Workspace, publish: Callable[[Channel, Json], Json]) -> None:
        self.workspace = workspace
        self.publish = publish
        self.methods: dict[str, Callable[[MethodCall], Json]] = {
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "reactions.add": self.add_reaction,
            "reactions.remove": self.remove_reaction,
        }

    def post_message(self, call: MethodCall) -> Json:
        """chat.postMessage. https://docs.slack.dev/reference/methods/chat.postMessage"""
        call.require("chat:write")
        channel = self._writable(call)
        content = _content(call)
        body = content | self._author() | {"type": "message", "ts": self.workspace.new_ts()}
        thread_ts = call.text("thread_ts")
        if root := self.workspace.message(channel.id, thread_ts):
            body |= in_thread(root, thread_ts)  # a reply to what is gone lands at the channel's top level, no error
        message = self.add(channel, body)
        return {"channel": channel.id, "ts": message.ts, "message": message.body}

    def add(self, channel: Channel, body: Json) -> Message:
        """Keep a post of the app's, and tell the app of it: subscribed apps get their own posts."""
        message = Message(channel, body)
        message.envelope = self.publish(channel, posted_event(message))
        return self.workspace.add_message(message)

    def _author(self) -> Json:
        app = self.workspace.app
        profile = {"id": app.bot_id, "app_id": app.app_id, "name": app.name, "team_id": app.team_id}
        bot_profile = {**profile, "icons": {}, "updated": 1700000000, "deleted": False}
        who = {"user": app.bot_user_id, "bot_id": app.bot_id, "app_id": app.app_id, "team": app.team_id}
        return {**who, "bot_profile": bot_profile}

    def _writable(self, call: MethodCall) -> Channel:
        target = call.text("channel")
        user = self.workspace.user(target)
        channel = self.workspace.direct_message(target) if user else self.workspace.channel(target)
        if channel is None or (not channel.bot_is_member and channel.kind != "channel"):
            raise RefusedError("channel_not_found")
        if not channel.bot_is_member and "chat:write.public" not in self.workspace.scopes:
            raise RefusedError("not_in_channel")
        if channel.is_archived:
            raise RefusedError("is_archived")
        return channel

    def update(self, call: MethodCall) -> Json:
        """chat.update: the app's own messages only; sends message_changed even when nothing changed."""
        call.require("chat:write")
        message = self._message(call, call.text("ts"))
        if message.body.get("bot_id") != self.workspace.app.bot_id:
            raise RefusedError("cant_update_message")
        before = message.body
        edit = {"user": self.workspace.app.bot_user_id, "ts": self.workspace.new_ts()}
        message.body = before | _content(call) | {"edited": edit}
        if call.structure("blocks") == []:  # without the argument they stay
            message.body.pop("blocks", None)
        self.workspace.touch()
        self.publish(message.channel, changed_message(message.channel, message.body, before, edit["ts"]))
        return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": message.body}

    def delete(self, call: MethodCall) -> Json:
        """chat.delete: a bot's token deletes its own messages only. https://docs.slack.dev/reference/methods/chat.delete"""
        call.require("chat:write")
        message = self._message(call, call.text("ts"))
        if message.body.get("bot_id") != self.workspace.app.bot_id:
            raise RefusedError("cant_delete_message")
        message.deleted = True
        self.workspace.touch()
        self.publish(message.channel, deleted_message(message.channel, message.body, self.workspace.new_ts()))
        return {"channel": message.channel.id, "ts": message.ts}

    def add_reaction(self, call: MethodCall) -> Json:
        """reactions.add. https://docs.slack.dev/reference/methods/reactions.add"""
        call.require("reactions:write")
        name = call.text("name").strip(":")
        if not name:
            raise RefusedError("invalid_name")
        message = self._message(call, call.text("timestamp"))
        with self.workspace.lock:
            users = message.reactions.setdefault(name, [])
            if self.workspace.app.bot_user_id in users:
                raise RefusedError("already_reacted")
            users.append(self.workspace.app.bot_user_id)
            self.workspace.touch()
        return {}

    def remove_reaction(self, call: MethodCall) -> Json:
        """reactions.remove: the app's own. https://docs.slack.dev/reference/methods/reactions.remove"""
        call.require("reactions:write")
        name = call.text("name").strip(":")
        message = self._message(call, call.text("timestamp"))
        with self.workspace.lock:
            users = message.reactions.get(name, [])
            if self.workspace.app.bot_user_id not in users:
                raise RefusedError("no_reaction")
            users.remove(self.workspace.app.bot_user_id)
            if not users:
                del message.reactions[name]
            self.workspace.touch()
        return {}

    def _message(self, call: MethodCall, ts: str) -> Message:
        message = self.workspace.message(self._writable(call).id, ts)
        if message is None:
            raise RefusedError("message_not_found")
        return message


def _content(call: MethodCall) -> Json:
    """What is said, with an id for each block, or the refusal of it."""
    text, blocks, attachments = call.text("text"), call.structure("blocks"), call.structure("attachments")
    if wrong := refusal(text, blocks, attachments):
        raise RefusedError(wrong)
    content: Json = {"text": text}
    if blocks:
        content["blocks"] = with_ids(blocks)
    return content | ({"attachments": attachments} if attachments else {})
