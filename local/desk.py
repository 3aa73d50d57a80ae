"""A door for curl: what is sent here is uploaded in the Slack double as a person would upload it."""

from urllib.parse import parse_qs

from local.slack import Slack
from local.slack.listener import Answer, Listener, Request, as_json

HOST = "127.0.0.1"


class Desk:
    """Takes `POST /upload?name=…&text=…&channel=general&user=mira` with the file as its body."""

    def __init__(self, slack: Slack, port: int = 0) -> None:
        self._slack = slack
        self._listener = Listener(HOST, port, self._respond, lambda request: None)
        self.url = self._listener.url

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _respond(self, request: Request) -> Answer:
        if (request.method, request.path) != ("POST", "/upload"):
            return as_json({"error": "there is only POST /upload?name=…&text=…&channel=general&user=mira"}, 404)
        given = {name: values[-1] for name, values in parse_qs(request.query).items()}
        wanted_channel, wanted_user = given.get("channel", "general"), given.get("user", "mira")
        channel = next((one for one in self._slack.channels if one.name == wanted_channel), None)
        user = next((one for one in self._slack.users if one.name == wanted_user), None)
        if channel is None or user is None:
            return as_json({"error": f"there is no channel {wanted_channel} or no user {wanted_user}"}, 404)
        file = (given.get("name", "upload.bin"), request.body, given.get("type", "application/octet-stream"))
        message = self._slack.upload(channel, user, [file], self._slack.typed(given.get("text", "")))
        return as_json({"ok": True, "channel": channel.name, "ts": message.ts, "file": message.files[0].id})
