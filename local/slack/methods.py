"""The Web API methods that read: who am I, files, conversations, people.

https://docs.slack.dev/reference/methods
"""

import base64
import math
import re
from collections.abc import Callable

from local.slack.call import MethodCall, RefusedError
from local.slack.files import PROCESSED, TYPE_UNKNOWN, File, Json
from local.slack.model import Channel, Message
from local.slack.pages import page, within
from local.slack.workspace import READ_SCOPES


def auth_test(call: MethodCall) -> Json:
    """auth.test"""
    app = call.workspace.app
    team = {"url": f"{call.workspace.address.url}/", "team": app.team_name, "team_id": app.team_id}
    bot = {"user": app.name, "user_id": app.bot_user_id, "bot_id": app.bot_id}
    return {**team, **bot, "is_enterprise_install": False}


def files_info(call: MethodCall) -> Json:
    """files.info: invisible files are "not found", never forbidden."""
    call.require("files:read")
    file = call.workspace.file(call.text("file"))
    if file is None or file.mode == "file_not_found" or not call.workspace.app_can_see(file):
        raise RefusedError("file_not_found")
    if file.deleted or file.mode == "tombstone":
        raise RefusedError("file_deleted")
    if call.faults.one_of(["too_young"], file.id):
        raise RefusedError("file_not_found")
    info = _describe(call, file)
    if call.faults.one_of(["shares_late"], file.id):
        info = {name: value for name, value in info.items() if name not in ("shares", *PLACES)}
    if call.workspace.type_is_unknown(file):
        info |= TYPE_UNKNOWN
    if call.workspace.still_processing(file):
        info = {name: value for name, value in info.items() if name not in PROCESSED}
    snippet = {"content": file.content.decode(errors="replace")} if isinstance(file.content, bytes) else {}
    return {"file": info, "comments": [], **(snippet if file.mode == "snippet" else {})}


def files_list(call: MethodCall) -> Json:
    """files.list: numbered pages, newest first."""
    call.require("files:read")
    files = [f for f in reversed(call.workspace.files) if not f.deleted and _is_listed(call, f)]
    count, number = call.count("count", 100, most=1000), call.count("page", 1, most=100)
    on_page = files[(number - 1) * count : number * count]
    paging = {"count": count, "total": len(files), "page": number, "pages": -(-len(files) // count)}
    return {"files": [_describe(call, f) for f in on_page], "paging": paging}


def _is_listed(call: MethodCall, file: File) -> bool:
    channel, user = call.text("channel"), call.text("user")
    here = not channel or channel in file.shares
    began = _seconds(call, "ts_from", 0) <= file.created <= _seconds(call, "ts_to", math.inf)
    return here and began and (not user or file.user == user) and call.workspace.app_can_see(file)


def _seconds(call: MethodCall, name: str, default: float) -> float:
    text = call.text(name)
    if text and not re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", text):
        raise RefusedError("invalid_arguments")
    return float(text or default)


def _describe(call: MethodCall, file: File) -> Json:
    """The whole object with the places that show the file."""
    info = file.info()
    if info["mode"] == "hidden_by_limit":
        return info
    channels = [channel for channel in call.workspace.channels if channel.id in file.shares]
    shares: dict[str, Json] = {}
    for channel in channels:
        side = shares.setdefault("public" if channel.kind == "channel" else "private", {})
        side[channel.id] = [_share(call, channel, ts) for ts in file.shares[channel.id]]
    return info | {"shares": shares} | {name: _ids(channels, kinds) for name, kinds in PLACES.items()}


def _share(call: MethodCall, channel: Channel, ts: str) -> Json:
    """One message that shows the file. A reply names the root of its thread."""
    message = call.workspace.message(channel.id, ts)
    thread = {"thread_ts": message.thread_ts} if message and message.thread_ts else {}
    return {"ts": ts, "channel_name": channel.name, "team_id": call.workspace.app.team_id, **thread}


PLACES = {"channels": ("channel",), "groups": ("group", "mpim"), "ims": ("im",)}


def _ids(channels: list[Channel], kinds: tuple[str, ...]) -> list[str]:
    return [channel.id for channel in channels if channel.kind in kinds]


def conversations_info(call: MethodCall) -> Json:
    """conversations.info"""
    return {"channel": _channel(call.channel(READ_SCOPES))}


def conversations_members(call: MethodCall) -> Json:
    """conversations.members: people and bots, on one page."""
    channel = call.channel(READ_SCOPES)
    if not channel.bot_is_member:
        raise RefusedError("not_in_channel")
    return {"members": [*sorted(channel.members), call.workspace.app.bot_user_id]}


def conversations_list(call: MethodCall) -> Json:
    """conversations.list, on one page: what the app can see."""
    call.require(*READ_SCOPES.values())
    visible = [c for c in call.workspace.channels if c.kind == "channel" or c.bot_is_member]
    kinds = {READ_SCOPES[c.kind]: c.kind for c in visible if READ_SCOPES[c.kind] in call.workspace.scopes}
    in_scope = [_channel(c) for c in visible if c.kind in kinds.values()]
    return {"channels": in_scope, "response_metadata": {"next_cursor": ""}}


def users_conversations(call: MethodCall) -> Json:
    """users.conversations: those of a person; of the private ones only those that the app is in as well.

    Each kind that is asked for needs its scope.
    """
    kinds = [KINDS[name] for name in (call.text("types") or "public_channel").split(",") if name in KINDS]
    for kind in kinds:
        call.require(READ_SCOPES[kind])
    user = call.text("user") or call.workspace.app.bot_user_id
    if call.workspace.user(user) is None:
        raise RefusedError("user_not_found")
    channels = [c for c in call.workspace.channels if c.kind in kinds and _shares(call, c, user)]
    if call.flag("exclude_archived"):
        channels = [channel for channel in channels if not channel.is_archived]
    start, limit = _start(call.text("cursor")), call.count("limit", 100, most=999)
    cursor = base64.b64encode(f"offset:{start + limit}".encode()).decode() if len(channels) > start + limit else ""
    page = [_channel(channel) for channel in channels[start : start + limit]]
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


KINDS = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}


def _shares(call: MethodCall, channel: Channel, user: str) -> bool:
    if user == call.workspace.app.bot_user_id:
        return channel.bot_is_member
    return user in channel.members and (channel.kind == "channel" or channel.bot_is_member)


def _start(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("offset:") or 0)
    except ValueError:
        raise RefusedError("invalid_cursor") from None


def _channel(channel: Channel) -> Json:
    kinds = {f"is_{kind}": channel.kind == kind for kind in ("channel", "group", "im", "mpim")}
    state = {"is_archived": channel.is_archived, "is_member": channel.bot_is_member}
    sharing = {"is_private": channel.kind != "channel", "is_ext_shared": channel.is_ext_shared}
    name = {"user": channel.user} if channel.kind == "im" else {"name": channel.name}
    return {"id": channel.id, **name, "created": channel.created, **kinds, **state, **sharing}


def conversations_history(call: MethodCall) -> Json:
    """conversations.history: newest first, without the replies inside threads.

    With `oldest` and without `latest` pages have gone the other way: those closest to `oldest` first, each of them
    newest first. https://github.com/slackhq/slack-api-docs (channels.history) and its issue 4.
    """
    conversation = _readable(call)
    roots = [m for m in conversation if m.thread_ts in (None, m.ts) or m.body.get("subtype") == "thread_broadcast"]
    if call.text("oldest") and not call.text("latest") and call.faults.one_of(["history_from_oldest"]):
        forward = page(call, within(call, roots), conversation, default=100)
        return forward | {"messages": forward["messages"][::-1]}
    return page(call, within(call, roots)[::-1], conversation, default=100)


def conversations_replies(call: MethodCall) -> Json:
    """conversations.replies: the root, then its replies, oldest first."""
    conversation = _readable(call)
    ts = call.text("ts")
    thread = [m for m in conversation if ts in (m.ts, m.thread_ts)]
    if not thread:
        raise RefusedError("thread_not_found")
    return page(call, within(call, thread), conversation, default=999)


def _readable(call: MethodCall) -> list[Message]:
    channel = call.channel()
    if not channel.bot_is_member:
        raise RefusedError("not_in_channel")
    return call.workspace.messages_in(channel.id)


def users_info(call: MethodCall) -> Json:
    """users.info"""
    call.require("users:read")
    user = call.workspace.user(call.text("user"))
    if user is None:
        raise RefusedError("user_not_found")
    profile = {"display_name": user.name, "real_name": user.name.title()}
    team = user.team_id or call.workspace.app.team_id
    who = {"id": user.id, "team_id": team, "name": user.name, "real_name": user.name.title(), "profile": profile}
    flags = {"is_bot": user.is_bot, "is_restricted": user.is_restricted, "deleted": user.deleted}
    stranger = {"is_stranger": True} if user.is_stranger else {}
    return {"user": {**who, **flags, "is_ultra_restricted": user.is_ultra_restricted, **stranger}}


READING: dict[str, Callable[[MethodCall], Json]] = {
    "auth.test": auth_test,
    "files.info": files_info,
    "files.list": files_list,
    "conversations.info": conversations_info,
    "conversations.list": conversations_list,
    "conversations.members": conversations_members,
    "conversations.history": conversations_history,
    "conversations.replies": conversations_replies,
    "users.conversations": users_conversations,
    "users.info": users_info,
}
FORM_ONLY = READING.keys() - {"auth.test"} | {"files.getUploadURLExternal"}
"""Methods that do not see arguments in JSON: only those that write take it (kortix-ai/suna pull request 6616,
Octember/earshot 10).
https://docs.slack.dev/apis/web-api#methods_supporting_json"""
