"""What people do on the workspace page, each as one POST: JSON, or a query where the body is a file."""

import json
import mimetypes
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.http_server import Request
from local.slack.files import File, Json
from local.slack.interactions import Interaction, NotOfferedError
from local.slack.model import Channel, Message, User
from local.slack.workspace import manifest

if TYPE_CHECKING:
    from local.slack.double import Slack
    from local.slack.page_routes import Cloud


class CannotError(Exception):
    """Says, for the person, why not."""


def message(slack: "Slack", channel_id: str, ts: str, even_deleted: bool = False) -> Message:
    """The message of that channel and time."""
    for one in slack.messages:
        if (one.channel.id, one.ts) == (channel_id, ts) and (even_deleted or not one.deleted):
            return one
    raise CannotError("there is no such message")


def _arguments(request: Request) -> Json:
    try:
        arguments = json.loads(request.body)
    except ValueError:
        raise CannotError("the body is no JSON") from None
    if not isinstance(arguments, dict):
        raise CannotError("the body is no JSON object")
    return arguments


def _channel(slack: "Slack", wanted: Any) -> Channel:
    """By id or by name."""
    for channel in slack.channels:
        if wanted in (channel.id, channel.name):
            return channel
    raise CannotError(f"there is no channel {wanted}")


def _user(slack: "Slack", wanted: Any) -> User:
    """By id or by name."""
    for user in slack.users:
        if wanted in (user.id, user.name):
            return user
    raise CannotError(f"there is no user {wanted}")


def _file(slack: "Slack", file_id: Any) -> File:
    file = slack.workspace.file(str(file_id))
    if file is None:
        raise CannotError(f"there is no file {file_id}")
    return file


def _kept(slack: "Slack", request: Request, user: User, asked: Json) -> File:
    name = asked.get("name") or "upload.bin"
    kind = asked.get("type") or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return slack.add_file(name, request.body, kind, user=user)


def take_file(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A file that a message will show: `files?name=…&type=…&user=…` with the file as the body."""
    asked = dict(parse_qsl(request.query))
    user = _user(slack, asked.get("user") or slack.users[0].id)  # none: the page does not know yet who looks
    return {"file": _kept(slack, request, user, asked).id}


def upload(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message with one file: `upload?name=…&text=…&channel=general&user=mira` with the file as the body."""
    asked = dict(parse_qsl(request.query))
    channel, user = _channel(slack, asked.get("channel", "general")), _user(slack, asked.get("user", "mira"))
    file = _kept(slack, request, user, asked)
    posted = slack.upload(channel, user, [file], slack.typed(asked.get("text", "")))
    return {"channel": channel.name, "ts": posted.ts, "file": file.id}


def post(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message: channel, user, text as typed; perhaps files (ids) and thread_ts."""
    given = _arguments(request)
    channel, user = _channel(slack, given.get("channel")), _user(slack, given.get("user"))
    files = [_file(slack, one) for one in given.get("files") or []]
    text, thread_ts = slack.typed(str(given.get("text") or "")), given.get("thread_ts")
    if not text.strip() and not files:
        raise CannotError("an empty message is not sent")
    if thread_ts:
        message(slack, channel.id, thread_ts)
    if files:
        return {"ts": slack.upload(channel, user, files, text, thread_ts).ts}
    return {"ts": slack.say(channel, user, text, thread_ts).ts}


def edit(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """New words for a message (channel, ts, text), perhaps without some of its files (ids)."""
    given = _arguments(request)
    edited = message(slack, str(given.get("channel")), str(given.get("ts")))
    without = [file for file in edited.files if file.id in (given.get("without") or [])]
    slack.edit(edited, slack.typed(str(given.get("text") or "")), without)
    return {}


def delete(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message goes: channel, ts."""
    given = _arguments(request)
    slack.delete(message(slack, str(given.get("channel")), str(given.get("ts"))))
    return {}


def expire(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Retention takes a message and its files: channel, ts."""
    given = _arguments(request)
    slack.expire(message(slack, str(given.get("channel")), str(given.get("ts"))))
    return {}


def command(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A slash command: channel, user, text with the slash. The answer is what that person alone sees."""
    given = _arguments(request)
    channel, user = _channel(slack, given.get("channel")), _user(slack, given.get("user"))
    name, _, rest = str(given.get("text") or "").strip().partition(" ")
    if name not in {one["command"] for one in manifest()["features"]["slash_commands"]}:
        problem = f"{name} is not a valid command. With a space before the /, it is sent as a message."
        return {"answer": {"text": problem}, "problem": problem, "known": False}
    result = slack.command(channel, user, name, rest.strip())
    problem = result.attempt.problem
    text = f"{result.text}\n```{problem}```" if problem else result.text
    return {"answer": result.body or {"text": text}, "problem": problem, "known": True}


def click(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A button or a menu of a message: channel, ts, user, action, block."""
    given = _arguments(request)
    user, channel, ts = _user(slack, given.get("user")), str(given.get("channel")), str(given.get("ts"))
    answers = [e for e in slack.workspace.ephemerals if (e.channel.id, e.ts, e.user) == (channel, ts, user)]
    shown = answers[0] if answers else message(slack, channel, ts)
    return _used(lambda: slack.interactions.click(user, shown, str(given.get("action")), given.get("block")))


def dismiss(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """What one person alone sees goes: channel, ts, user. The app is not told."""
    given = _arguments(request)
    for shown in slack.workspace.ephemerals:
        if (shown.channel.id, shown.ts, shown.user.id) == (
            given.get("channel"),
            given.get("ts"),
            given.get("user"),
        ):
            shown.deleted = True
    slack.workspace.touch()
    return {}


def open_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """The app's Home is opened, or its messages: user, tab."""
    given = _arguments(request)
    slack.open_home(_user(slack, given.get("user")), str(given.get("tab") or "home"))
    return {}


def click_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A button of the Home tab: user, action, block; what was typed there goes along: typed, by action."""
    given = _arguments(request)
    user = _user(slack, given.get("user"))
    for action, text in (given.get("typed") or {}).items():
        _used(partial(slack.interactions.type_home, user, action, str(text), enter=False))
    return _used(lambda: slack.interactions.click_home(user, str(given.get("action")), given.get("block")))


def type_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Text and Enter in an input of the Home tab: user, action, text."""
    given = _arguments(request)
    user = _user(slack, given.get("user"))
    return _used(lambda: slack.interactions.type_home(user, str(given.get("action")), str(given.get("text") or "")))


def shortcut(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A shortcut in a message's menu: channel, ts, user, callback_id."""
    given = _arguments(request)
    chosen = message(slack, str(given.get("channel")), str(given.get("ts")))
    user, callback_id = _user(slack, given.get("user")), str(given.get("shortcut"))
    return _used(lambda: slack.interactions.shortcut(user, chosen, callback_id))


def _used(use: Callable[[], Interaction | None]) -> Json:
    try:
        done = use()
    except NotOfferedError as reason:
        raise CannotError(str(reason)) from reason
    return {"warning": done.warning if done else ""}


def misbehave(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Switch a misbehaviour of faults.py on (name, times, options) or, with times 0, off."""
    given = _arguments(request)
    name, times = str(given.get("name")), given.get("times")
    for fault in slack.faults.active:
        if fault.name == name:
            fault.stop()
    slack.workspace.touch()
    if times != 0:
        try:
            slack.misbehave(name, times, **(given.get("options") or {}))
        except (ValueError, TypeError) as error:
            raise CannotError(str(error)) from error
    return {}


def behave(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Switch all trouble off."""
    slack.behave()
    for service in cloud.down() if cloud else ():
        _outage(slack, cloud, service, on=False)
    return {}


def outage(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Begin or end the outage of a service of AWS: service, on."""
    given = _arguments(request)
    _outage(slack, cloud, str(given.get("service")), on=bool(given.get("on")))
    return {}


def _outage(slack: "Slack", cloud: "Cloud | None", service: str, on: bool) -> None:
    if cloud is None or service not in cloud.services:
        raise CannotError(f"there is no service {service} here")
    cloud.outage(service, on)
    slack.workspace.touch()


def invite(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Invite the app to a channel, or remove it: channel, member."""
    given = _arguments(request)
    channel = _channel(slack, given.get("channel"))
    if given.get("member"):
        slack.invite(channel, _user(slack, given.get("user") or slack.users[1].id))
    else:
        slack.remove_app(channel)
    return {}


Action = Callable[["Slack", "Cloud | None", Request], Json]
ACTIONS: dict[str, Action] = {
    "files": take_file,
    "messages": post,
    "edit": edit,
    "delete": delete,
    "expire": expire,
    "command": command,
    "click": click,
    "dismiss": dismiss,
    "home": open_home,
    "home/click": click_home,
    "home/type": type_home,
    "shortcut": shortcut,
    "misbehave": misbehave,
    "behave": behave,
    "outage": outage,
    "invite": invite,
    "upload": upload,
}
