"""What the app uploads: an address, the bytes, and the message that shows them; and files.delete.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

import mimetypes
from collections.abc import Callable

from local.http_server import Request, Response, plain
from local.slack import events
from local.slack.call import MethodCall, RefusedError
from local.slack.files import File, Json
from local.slack.model import Channel, Message
from local.slack.workspace import Workspace

PATH = "/upload/v1/"
SCOPE = "files:write"

Publish = Callable[[Channel, Json], Json]


class Uploads:
    """The methods of uploading; *publish* tells the app of a message, *delete* deletes a file and tells of it."""

    def __init__(self, workspace: Workspace, publish: Publish, delete: Callable[[File], object]) -> None:
        self.workspace, self.publish, self._delete = workspace, publish, delete
        self._waiting: dict[str, tuple[str, int]] = {}
        self._received: dict[str, bytes] = {}
        self.methods: dict[str, Callable[[MethodCall], Json]] = {
            "files.getUploadURLExternal": self.url,
            "files.completeUploadExternal": self.complete,
            "files.delete": self.delete,
        }

    def url(self, call: MethodCall) -> Json:
        """files.getUploadURLExternal. https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
        call.require(SCOPE)
        name, length = call.text("filename"), call.text("length")
        if not name or not length.isdecimal() or int(length) < 1:
            raise RefusedError("invalid_arguments")
        file_id = self.workspace.new_id("F")
        self._waiting[file_id] = (name, int(length))
        return {"upload_url": f"{self.workspace.address.url}{PATH}{file_id}", "file_id": file_id}

    def respond(self, request: Request) -> Response:
        """The answer to the bytes, which need no token."""
        file_id = request.path.removeprefix(PATH)
        if request.method != "POST" or file_id not in self._waiting:
            return plain("not found", 404)
        if len(request.body) != self._waiting[file_id][1]:
            return plain("the length is not the one that was announced", 400)
        self._received[file_id] = request.body
        return plain(f"OK - {len(request.body)}")

    def complete(self, call: MethodCall) -> Json:
        """files.completeUploadExternal. https://docs.slack.dev/reference/methods/files.completeUploadExternal"""
        call.require(SCOPE)
        ids = [str(each["id"]) for each in call.structure("files") or []]
        if not ids or any(each not in self._received for each in ids):
            raise RefusedError("file_not_found")
        channel = self.workspace.channel(call.text("channel_id"))
        if channel is None:
            raise RefusedError("channel_not_found")
        if not channel.bot_is_member:
            raise RefusedError("not_in_channel")
        files = tuple(self._add_file(each, channel) for each in ids)
        self._show(files, channel, call.text("initial_comment"))
        return {"files": [file.object() for file in files]}

    def _add_file(self, file_id: str, channel: Channel) -> File:
        name, _ = self._waiting.pop(file_id)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        about = {"mimetype": kind, "user": self.workspace.app.bot_user_id, "title": name, "mode": "hosted"}
        content = self._received.pop(file_id)
        return self.workspace.add_file(name, content, file_id, **about, is_public=channel.kind == "channel")

    def _show(self, files: tuple[File, ...], channel: Channel, text: str) -> None:
        app, ts = self.workspace.app, self.workspace.new_ts()
        body = events.upload_body(app.bot_user_id, text, ts, [file.object() for file in files])
        message = Message(channel, {**body, "bot_id": app.bot_id}, files)
        self.workspace.add_message(message)
        message.envelope = self.publish(channel, events.posted_event(message))

    def delete(self, call: MethodCall) -> Json:
        """files.delete: a bot's token deletes what the bot has uploaded.

        https://docs.slack.dev/reference/methods/files.delete
        """
        call.require(SCOPE)
        file = self.workspace.file(call.text("file"))
        if file is None or file.deleted:
            raise RefusedError("file_not_found")
        if file.user != self.workspace.app.bot_user_id:
            raise RefusedError("cant_delete_file")
        self._delete(file)
        return {}
