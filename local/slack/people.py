"""What people do in Slack: upload, talk, edit, delete. Each is told to the app as Slack tells it."""

from collections.abc import Iterable, Sequence
from typing import Any

from local.slack import events
from local.slack.content import Content
from local.slack.faults import Faults
from local.slack.files import File, Json, connect_stub, with_overrides
from local.slack.model import Channel, Message, User
from local.slack.richtext import rich_text
from local.slack.workspace import Workspace

Upload = File | tuple[str | None, Content, str]


class People:
    """The page_actions of people; a base of Slack, which has the rest.

    Wherever fields can be given by name, they are laid over the event's own; the value ``...`` removes one.
    """

    workspace: Workspace
    faults: Faults

    def _publish(self, channel: Channel, event: Json, deliver: bool, **fields: Any) -> Json:
        """The envelope of *event*, sent to the app when told to and when the app may see it."""
        raise NotImplementedError

    def _publish_of_file(self, event: Json, deliver: bool) -> Json:
        """The envelope of an *event* about a file, which names no conversation."""
        raise NotImplementedError

    def upload(
        self,
        channel: Channel,
        user: User | None,
        files: Sequence[Upload],
        text: str = "",
        thread_ts: str | None = None,
        deliver: bool = True,
        **fields: Any,
    ) -> Message:
        """*user* shares *files*, new ones or ones that exist, in one message.

        For an app's upload *user* is its bot user, or None as some come without; give its `bot_id` as a field.
        """
        if user:
            channel.members.add(user.id)
        new_files = tuple(self._as_file(file, user) for file in files)
        objects = [self._as_object(file, channel) for file in new_files]
        body = events.upload_body(user.id if user else None, text, self.workspace.new_ts(), objects)
        only_shared = deliver and self.faults.one_of(["file_shared_only"], channel.id) is not None
        message = self._post(channel, body, thread_ts, deliver and not only_shared, fields, new_files)
        for file in new_files:
            event = events.file_was_shared(
                file.id, user.id if user else file.user, channel.id, self.workspace.new_ts()
            )
            self._publish(channel, event, deliver)
        return message

    def say(
        self,
        channel: Channel,
        user: User,
        text: str,
        thread_ts: str | None = None,
        deliver: bool = True,
        **fields: Any,
    ) -> Message:
        """*user* writes *text*, which is in Slack's escaped form (see `typed`)."""
        channel.members.add(user.id)
        body = events.message_body(user.id, text, self.workspace.new_ts())
        return self._post(channel, body, thread_ts, deliver, fields)

    def forward(
        self,
        channel: Channel,
        user: User,
        original: Message,
        text: str = "",
        deliver: bool = True,
        **fields: Any,
    ) -> Message:
        """*user* forwards *original* into *channel*: its files are in an attachment, and seen where they were."""
        body = events.message_body(user.id, text, self.workspace.new_ts())
        body["attachments"] = [events.forwarded(self.workspace.app, self.workspace.address, original)]
        return self._post(channel, body, None, deliver, fields)

    def legacy_upload(
        self, channel: Channel, user: User, file: Upload, comment: str = "", deliver: bool = True, **fields: Any
    ) -> Message:
        """*user* uploads *file* as Slack told it in 2017."""
        channel.members.add(user.id)
        new_file = self._as_file(file, user)
        body = events.shared_in_2017(user.id, user.name, new_file.full(), comment, self.workspace.new_ts())
        message = self.workspace.add_message(Message(channel, body, (new_file,)))
        event = {**body, "channel": channel.id, "event_ts": message.ts}
        of_2017 = {"authorizations": ..., "authed_users": [self.workspace.app.bot_user_id]}
        message.envelope = self._publish(channel, with_overrides(event, fields), deliver, **of_2017)
        return message

    def edit(
        self,
        message: Message,
        text: str,
        without: Iterable[File] = (),
        deliver: bool = True,
        adding: Sequence[File] = (),
    ) -> Json:
        """The author changes the words, takes files off and adds others; returns the envelope."""
        removed_ids = {file.id for file in without}
        edit_fields: Json = {"text": text, "edited": {"user": message.user, "ts": self.workspace.new_ts()}}
        if text:
            edit_fields["blocks"] = [rich_text(text)]
        if removed_ids:
            edit_fields["files"] = [
                _tombstone(file) if file["id"] in removed_ids else file for file in message.body["files"]
            ]
        if adding:
            old_files = edit_fields.get("files") or message.body.get("files", [])
            edit_fields["files"] = [*old_files, *(self._as_object(file, message.channel) for file in adding)]
            message.files = (*message.files, *adding)
            for file in adding:
                file.shares.setdefault(message.channel.id, []).append(message.ts)
        return self._change(message, message.body | edit_fields, deliver)

    def unfurl(self, message: Message, url: str, deliver: bool = True) -> Json:
        """Slack adds a preview of a link: a change that no person made; returns the envelope."""
        attachment = {"id": 1, "from_url": url, "original_url": url, "fallback": url, "title": "Example"}
        return self._change(message, message.body | {"attachments": [attachment]}, deliver)

    def delete(self, message: Message, deliver: bool = True) -> Json:
        """The author deletes the message; a root that has replies stays as a tombstone; returns the envelope."""
        thread = [m for m in self.workspace.messages_in(message.channel.id) if m.thread_ts == message.ts]
        if any(m is not message for m in thread):
            return self._change(message, events.tombstone(message.body), deliver)
        message.deleted = True
        self.workspace.touch()
        event = events.deleted_message(message.channel, message.body, self.workspace.new_ts())
        return self._publish(message.channel, event, deliver)

    def expire(self, message: Message, days: int = 91, deliver: bool = True) -> Json:
        """Retention takes the message and its files, as it does *days* later: of the files Slack tells nothing."""
        for file in message.files:
            file.deleted = True
        message.deleted = True
        self.workspace.touch()
        seconds, _, micros = message.ts.partition(".")
        event_ts = f"{int(seconds) + days * 86_400}.{micros}"
        return self._publish(
            message.channel, events.deleted_message(message.channel, message.body, event_ts), deliver
        )

    def delete_file(self, file: File, deliver: bool = True) -> Json:
        """A person deletes the file from Slack; no message event tells of it, but one of its own."""
        file.deleted = True
        self.workspace.touch()
        return self._publish_of_file(events.file_deleted(file.id, self.workspace.new_ts()), deliver)

    def invite(self, channel: Channel, user: User, deliver: bool = True) -> Message:
        """*user* invites the app, of which both the message and the event of its own tell, in either order."""
        channel.bot_is_member = True
        app = self.workspace.app
        body = events.join_body(app.bot_user_id, user.id, self.workspace.new_ts())
        message = self._post(channel, body, None, deliver, {})
        self._publish(channel, events.member_joined(app, channel, user.id, self.workspace.new_ts()), deliver)
        return message

    def make_public(self, channel: Channel, user: User, deliver: bool = True) -> Message:
        """*user* makes the private channel public.

        https://docs.slack.dev/reference/events/message/channel_convert_to_public
        """
        channel.kind = "channel"
        return self._post(channel, events.made_public(user.id, self.workspace.new_ts()), None, deliver, {})

    def remove_app(self, channel: Channel) -> None:
        """Somebody removes the app: from now on it sees nothing of the channel, and Slack does not say why."""
        channel.bot_is_member = False
        self.workspace.touch()

    def _change(self, message: Message, now: Json, deliver: bool) -> Json:
        before, message.body = message.body, now
        self.workspace.touch()
        event = events.changed_message(message.channel, now, before, self.workspace.new_ts())
        return self._publish(message.channel, event, deliver)

    def _with_team(self, channel: Channel, body: Json) -> Json:
        """*body* with the workspace of its author, where that is not the app's own."""
        author = self.workspace.user(str(body.get("user")))
        if not (channel.is_ext_shared and author and author.team_id):
            return body
        return body | dict.fromkeys(("team", "user_team", "source_team"), author.team_id)

    def _post(
        self,
        channel: Channel,
        body: Json,
        thread_ts: str | None,
        deliver: bool,
        fields: Json,
        files: tuple[File, ...] = (),
    ) -> Message:
        root = self.workspace.message(channel.id, thread_ts or "")
        body = self._with_team(channel, body) | events.in_thread(root, thread_ts)
        message = Message(channel, with_overrides(body, fields), files)
        self.workspace.add_message(message)
        event = with_overrides(events.posted_event(message), fields)
        message.envelope = self._publish(channel, event, deliver)
        if channel.kind != "im" and f"<@{self.workspace.app.bot_user_id}" in str(event.get("text")):
            self._publish(channel, events.mention(event), deliver)
        return message

    def _as_file(self, upload: Upload, user: User | None) -> File:
        if isinstance(upload, File):
            return upload
        name, content, mimetype = upload
        about = {"mimetype": mimetype, "user": user.id if user else "", "title": name, "mode": "hosted"}
        return self.workspace.add_file(name, content, **about)

    def _as_object(self, file: File, channel: Channel) -> Json:
        """*file* as an event in *channel* shows it, misbehaviours included."""
        faults = self.faults
        if not file.shares:
            file.is_public = channel.kind == "channel"
        if channel.is_ext_shared or faults.one_of(["check_file_info"], file.id, channel.id):
            return connect_stub(file)
        if fault := faults.one_of(["still_processing"], file.id, channel.id):
            self.workspace.hold_back(file, fault.options["lookups"])
            return file.unprocessed()
        if fault := faults.one_of(["type_unknown"], file.id, channel.id):
            self.workspace.hold_back_type(file, fault.options["lookups"])
            return file.typeless()
        return file.object()


def _tombstone(file: Json) -> Json:
    return {"id": file["id"], "mode": "tombstone"}
