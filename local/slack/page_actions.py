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
    for candidate in slack.messages:
        if (candidate.channel.id, candidate.ts) == (channel_id, ts) and (even_deleted or not candidate.deleted):
            return candidate
    raise CannotError("there is no such message")


def _arguments(request: Request) -> Json:
    try:
        arguments = json.loads(request.body)
    except ValueError:
        raise CannotError("the body is no JSON") from None
    if not isinstance(arguments, dict):
        raise CannotError("the body is no JSON object")
    return arguments


def _channel(slack: "Slack", reference: Any) -> Channel:
    """By id or by name."""
    for channel in slack.channels:
        if reference in (channel.id, channel.name):
            return channel
    raise CannotError(f"there is no channel {reference}")


def _user(slack: "Slack", reference: Any) -> User:
    """By id or by name."""
    for user in slack.users:
        if reference in (user.id, user.name):
            return user
    raise CannotError(f"there is no user {reference}")


def _file(slack: "Slack", file_id: Any) -> File:
    file = slack.workspace.file(str(file_id))
    if file is None:
        raise CannotError(f"there is no file {file_id}")
    return file


def _add_file(slack: "Slack", request: Request, user: User, arguments: Json) -> File:
    name = arguments.get("name") or "upload.bin"
    kind = arguments.get("type") or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return slack.add_file(name, request.body, kind, user=user)


def take_file(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A file that a message will show: `files?name=…&type=…&user=…` with the file as the body."""
    arguments = dict(parse_qsl(request.query))
    user = _user(slack, arguments.get("user") or slack.users[0].id)  # none: the page does not know yet who looks
    return {"file": _add_file(slack, request, user, arguments).id}


def upload(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message with one file: `upload?name=…&text=…&channel=general&user=mira` with the file as the body."""
    arguments = dict(parse_qsl(request.query))
    channel, user = (
        _channel(slack, arguments.get("channel", "general")),
        _user(slack, arguments.get("user", "mira")),
    )
    file = _add_file(slack, request, user, arguments)
    upload_message = slack.upload(channel, user, [file], slack.as_markup(arguments.get("text", "")))
    return {"channel": channel.name, "ts": upload_message.ts, "file": file.id}


def post(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message: channel, user, text as typed; perhaps files (ids) and thread_ts."""
    arguments = _arguments(request)
    channel, user = _channel(slack, arguments.get("channel")), _user(slack, arguments.get("user"))
    files = [_file(slack, file_id) for file_id in arguments.get("files") or []]
    text, thread_ts = slack.as_markup(str(arguments.get("text") or "")), arguments.get("thread_ts")
    if not text.strip() and not files:
        raise CannotError("an empty message is not sent")
    if thread_ts:
        message(slack, channel.id, thread_ts)
    if files:
        return {"ts": slack.upload(channel, user, files, text, thread_ts).ts}
    return {"ts": slack.say(channel, user, text, thread_ts).ts}


def edit(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """New words for a message (channel, ts, text), perhaps without some of its files (ids)."""
    arguments = _arguments(request)
    original = message(slack, str(arguments.get("channel")), str(arguments.get("ts")))
    without = [file for file in original.files if file.id in (arguments.get("without") or [])]
    slack.edit(original, slack.as_markup(str(arguments.get("text") or "")), without)
    return {}


def delete(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A message goes: channel, ts."""
    arguments = _arguments(request)
    slack.delete(message(slack, str(arguments.get("channel")), str(arguments.get("ts"))))
    return {}


def expire(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Retention takes a message and its files: channel, ts."""
    arguments = _arguments(request)
    slack.expire(message(slack, str(arguments.get("channel")), str(arguments.get("ts"))))
    return {}


def command(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A slash command: channel, user, text with the slash. The answer is what that person alone sees."""
    arguments = _arguments(request)
    channel, user = _channel(slack, arguments.get("channel")), _user(slack, arguments.get("user"))
    name, _, rest = str(arguments.get("text") or "").strip().partition(" ")
    if name not in {entry["command"] for entry in manifest()["features"]["slash_commands"]}:
        problem = f"{name} is not a valid command. With a space before the /, it is sent as a message."
        return {"answer": {"text": problem}, "problem": problem, "known": False}
    result = slack.command(channel, user, name, rest.strip())
    problem = result.attempt.problem
    text = f"{result.text}\n```{problem}```" if problem else result.text
    return {"answer": result.body or {"text": text}, "problem": problem, "known": True}


def click(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A button or a menu of a message: channel, ts, user, action, block."""
    arguments = _arguments(request)
    user, channel, ts = _user(slack, arguments.get("user")), str(arguments.get("channel")), str(arguments.get("ts"))
    answers = [e for e in slack.workspace.ephemerals if (e.channel.id, e.ts, e.user) == (channel, ts, user)]
    target = answers[0] if answers else message(slack, channel, ts)
    return _use(
        lambda: slack.interactions.click(user, target, str(arguments.get("action")), arguments.get("block"))
    )


def dismiss(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """What one person alone sees goes: channel, ts, user. The app is not told."""
    arguments = _arguments(request)
    for answer in slack.workspace.ephemerals:
        if (answer.channel.id, answer.ts, answer.user.id) == (
            arguments.get("channel"),
            arguments.get("ts"),
            arguments.get("user"),
        ):
            answer.deleted = True
    slack.workspace.touch()
    return {}


def open_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """The app's Home is opened, or its messages: user, tab."""
    arguments = _arguments(request)
    slack.open_home(_user(slack, arguments.get("user")), str(arguments.get("tab") or "home"))
    return {}


def click_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A button of the Home tab: user, action, block; what was typed there goes along: typed, by action."""
    arguments = _arguments(request)
    user = _user(slack, arguments.get("user"))
    for action, text in (arguments.get("typed") or {}).items():
        _use(partial(slack.interactions.type_home, user, action, str(text), enter=False))
    return _use(lambda: slack.interactions.click_home(user, str(arguments.get("action")), arguments.get("block")))


def type_home(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Text and Enter in an input of the Home tab: user, action, text."""
    arguments = _arguments(request)
    user = _user(slack, arguments.get("user"))
    return _use(
        lambda: slack.interactions.type_home(user, str(arguments.get("action")), str(arguments.get("text") or ""))
    )


def shortcut(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """A shortcut in a message's menu: channel, ts, user, callback_id."""
    arguments = _arguments(request)
    target = message(slack, str(arguments.get("channel")), str(arguments.get("ts")))
    user, callback_id = _user(slack, arguments.get("user")), str(arguments.get("shortcut"))
    return _use(lambda: slack.interactions.shortcut(user, target, callback_id))


def _use(use: Callable[[], Interaction | None]) -> Json:
    try:
        interaction = use()
    except NotOfferedError as reason:
        raise CannotError(str(reason)) from reason
    return {"warning": interaction.warning if interaction else ""}


def misbehave(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Switch a misbehaviour of faults.py on (name, times, options) or, with times 0, off."""
    arguments = _arguments(request)
    name, times = str(arguments.get("name")), arguments.get("times")
    for fault in slack.faults.active:
        if fault.name == name:
            fault.stop()
    slack.workspace.touch()
    if times != 0:
        try:
            slack.misbehave(name, times, **(arguments.get("options") or {}))
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
    arguments = _arguments(request)
    _outage(slack, cloud, str(arguments.get("service")), on=bool(arguments.get("on")))
    return {}


def _outage(slack: "Slack", cloud: "Cloud | None", service: str, on: bool) -> None:
    if cloud is None or service not in cloud.services:
        raise CannotError(f"there is no service {service} here")
    cloud.outage(service, on)
    slack.workspace.touch()


def invite(slack: "Slack", cloud: "Cloud | None", request: Request) -> Json:
    """Invite the app to a channel, or remove it: channel, member."""
    arguments = _arguments(request)
    channel = _channel(slack, arguments.get("channel"))
    if arguments.get("member"):
        slack.invite(channel, _user(slack, arguments.get("user") or slack.users[1].id))
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
