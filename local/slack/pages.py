"""Reading conversations back, page by page. https://docs.slack.dev/reference/methods/conversations.history"""

import base64
import binascii
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from local.slack.call import MethodCall, RefusedError
from local.slack.files import Json
from local.slack.model import Message


def current_body(message: Message, conversation: Sequence[Message]) -> Json:
    """*message* as it reads now: with its files whole, its reactions, and for a root its replies."""
    body = dict(message.body)
    if "files" in body:
        whole = {file.id: file.info() for file in message.files}
        body["files"] = [_file(entry, whole) for entry in body["files"]]
    if message.reactions:
        body["reactions"] = [_reaction(name, users) for name, users in message.reactions.items()]
    replies = [m for m in conversation if m.thread_ts == message.ts and m is not message]
    return body | (_replies(message, replies) if replies else {})


def _file(entry: Json, whole: dict[str, Json]) -> Json:
    """A file as it is now; what was taken off the message stays as a tombstone."""
    return entry if entry.get("mode") == "tombstone" else whole.get(entry["id"], entry)


def _reaction(name: str, users: list[str]) -> Json:
    return {"name": name, "users": list(users), "count": len(users)}


def _replies(root: Message, replies: list[Message]) -> Json:
    users = list(dict.fromkeys(m.user for m in replies if m.user))
    counts = {"reply_count": len(replies), "reply_users_count": len(users), "reply_users": users}
    return {"thread_ts": root.ts, **counts, "latest_reply": replies[-1].ts}


def page(call: MethodCall, messages: Sequence[Message], conversation: Sequence[Message], default: int) -> Json:
    """The page of *messages* that the call's limit and cursor ask for."""
    limit = call.count("limit", default, most=999)
    start = _position(call.text("cursor"), messages)
    rest = messages[start + limit :]
    cursor = _cursor(rest[0].ts) if rest else ""
    return {
        "messages": [current_body(m, conversation) for m in messages[start : start + limit]],
        "has_more": bool(rest),
        "response_metadata": {"next_cursor": cursor},
    }


def within(call: MethodCall, messages: Sequence[Message]) -> list[Message]:
    """Those of *messages* between the call's oldest and latest."""
    oldest, latest = _moment(call, "oldest", "0"), _moment(call, "latest", "Infinity")
    inclusive = call.flag("inclusive")

    def inside(ts: Decimal) -> bool:
        return oldest <= ts <= latest if inclusive else oldest < ts < latest

    return [m for m in messages if inside(Decimal(m.ts))]


def _moment(call: MethodCall, name: str, default: str) -> Decimal:
    try:
        return Decimal(call.text(name) or default)
    except InvalidOperation:
        raise RefusedError(f"invalid_ts_{name}") from None


def _cursor(ts: str) -> str:
    return base64.b64encode(f"next_ts:{ts}".encode()).decode()


def _position(cursor: str, messages: Sequence[Message]) -> int:
    """Where the page starts that *cursor* names."""
    if not cursor:
        return 0
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedError("invalid_cursor") from None
    for index, message in enumerate(messages):
        if message.ts == ts:
            return index
    raise RefusedError("invalid_cursor")
