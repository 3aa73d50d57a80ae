"""The payloads of the Events API. Pure: values in, payload out.

https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message
"""

import base64
import json
from collections.abc import Sequence

from local.slack.files import Json
from local.slack.identity import Address, App
from local.slack.model import Channel, Message
from local.slack.richtext import rich_text


def envelope(app: App, event: Json, event_id: str, event_time: int, is_ext_shared_channel: bool = False) -> Json:
    """The request body that carries *event*."""
    installation = {
        "enterprise_id": None,
        "team_id": app.team_id,
        "user_id": app.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": app.verification_token,
        "team_id": app.team_id,
        "context_team_id": app.team_id,
        "context_enterprise_id": None,
        "api_app_id": app.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "authorizations": [installation],
        "is_ext_shared_channel": is_ext_shared_channel,
        "event_context": _context(app, event),
    }


def _context(app: App, event: Json) -> str:
    """Opaque to apps; here as in captures, the version 4 and base64 of a few ids."""
    ids = {"et": event.get("type"), "tid": app.team_id, "aid": app.app_id, "cid": event.get("channel")}
    return "4-" + base64.b64encode(json.dumps(ids).encode()).decode().rstrip("=")


def posted_event(message: Message) -> Json:
    """The event of a message that was just posted."""
    where = {"channel": message.channel.id, "event_ts": message.ts, "channel_type": message.channel.kind}
    return {**message.body, **where}


def file_deleted(file_id: str, event_ts: str) -> Json:
    """The event of a file that a person deleted. https://docs.slack.dev/reference/events/file_deleted"""
    return {"type": "file_deleted", "file_id": file_id, "event_ts": event_ts}


def message_body(user: str | None, text: str, ts: str) -> Json:
    """A message; one without *user* can only be an app's."""
    body: Json = {"type": "message", "text": text, "ts": ts} | ({"user": user} if user else {})
    return body | ({"blocks": [rich_text(text)]} if text else {})


def forwarded(app: App, address: Address, original: Message) -> Json:
    """The attachment that carries *original* along, as in java-slack-sdk's samples (rtm/MessageEvent.json)."""
    permalink = f"{address.url}/archives/{original.channel.id}/p{original.ts.replace('.', '')}"
    return {
        "id": 1,
        "is_share": True,
        "is_msg_unfurl": True,
        "from_url": permalink,
        "fallback": original.text,
        "text": original.text,
        "ts": original.ts,
        "author_id": original.user,
        "channel_id": original.channel.id,
        "channel_team": app.team_id,
        "mrkdwn_in": ["text"],
        "files": [file.object() for file in original.files],
    }


def upload_body(user: str | None, text: str, ts: str, files: Sequence[Json]) -> Json:
    """A message with files. Without a comment `text` is "" and there are no blocks."""
    upload = {"files": list(files), "upload": True, "display_as_bot": False, "subtype": "file_share"}
    return message_body(user, text, ts) | upload


def in_thread(root: Message | None, thread_ts: str | None) -> Json:
    """The fields that make a message a reply; none when *thread_ts* is None."""
    if thread_ts is None:
        return {}
    parent = root.user if root else None
    return {"thread_ts": thread_ts} | ({"parent_user_id": parent} if parent else {})


def shared_in_2017(user: str, user_name: str, file: Json, comment: str, ts: str) -> Json:
    """An upload as it was sent until July 2018: one `file`, and the person's words inside it.

    `text` is a sentence of Slack's own, as in https://github.com/antklim/slack-event-handler.
    """
    seconds = int(ts.partition(".")[0])
    words = {"id": f"Fc{file['id'][1:]}", "created": seconds, "timestamp": seconds, "user": user}
    initial_comment = {**words, "is_intro": True, "comment": comment}
    sentence = f"<@{user}|{user_name}> uploaded a file: <{file['permalink']}|{file['title']}>"
    return {
        "type": "message",
        "subtype": "file_share",
        "text": f"{sentence} and commented: {comment}" if comment else sentence,
        "file": file | ({"initial_comment": initial_comment} if comment else {}),
        "user": user,
        "upload": True,
        "display_as_bot": False,
        "username": user_name,
        "bot_id": None,
        "ts": ts,
    }


def mention(event: Json) -> Json:
    """The second event of a message that names the app. https://docs.slack.dev/reference/events/app_mention"""
    names = ("channel_type", "subtype", "upload", "display_as_bot")
    return {name: value for name, value in event.items() if name not in names} | {"type": "app_mention"}


def changed_message(channel: Channel, now: Json, before: Json | list[Json], event_ts: str) -> Json:
    """A message was edited, unfurled, updated by an app, or became a tombstone."""
    return _change("message_changed", channel, event_ts) | {"message": now, "previous_message": before}


def deleted_message(channel: Channel, before: Json, event_ts: str) -> Json:
    """A message was deleted."""
    deletion = {"deleted_ts": before["ts"], "previous_message": before}
    return _change("message_deleted", channel, event_ts) | deletion


def _change(subtype: str, channel: Channel, event_ts: str) -> Json:
    where = {"channel": channel.id, "ts": event_ts, "event_ts": event_ts, "channel_type": channel.kind}
    return {"type": "message", "subtype": subtype, "hidden": True, **where}


def tombstone(body: Json) -> Json:
    """What stays of a deleted root whose thread has replies."""
    ids: Json = {name: body[name] for name in ("ts", "thread_ts") if name in body}
    said_by = {"user": "USLACKBOT", "text": "This message was deleted.", "hidden": True}
    return {"type": "message", "subtype": "tombstone", "thread_ts": body["ts"], **ids, **said_by}


def join_body(user: str, inviter: str, ts: str) -> Json:
    """The message that a conversation shows when somebody, or an app, is invited."""
    text = f"<@{user}> has joined the channel"
    return {"type": "message", "subtype": "channel_join", "user": user, "text": text, "inviter": inviter, "ts": ts}


def made_public(user: str, ts: str) -> Json:
    """The message that a private channel shows when it is made public."""
    text = "made this channel *public*. Any member in this workspace can see and join it."
    return {"type": "message", "subtype": "channel_convert_to_public", "user": user, "text": text, "ts": ts}


def member_joined(app: App, channel: Channel, inviter: str, event_ts: str) -> Json:
    """The `member_joined_channel` event for the app itself; the letter tells nothing about privacy."""
    where = {"channel": channel.id, "channel_type": channel.id[0], "team": app.team_id}
    return {
        "type": "member_joined_channel",
        "user": app.bot_user_id,
        **where,
        "inviter": inviter,
        "event_ts": event_ts,
    }


def file_was_shared(file_id: str, user: str, channel_id: str, event_ts: str) -> Json:
    """The `file_shared` event, which says little more than the id."""
    who = {"file_id": file_id, "user_id": user, "file": {"id": file_id}}
    return {"type": "file_shared", **who, "channel_id": channel_id, "event_ts": event_ts}


def app_home_opened(user: str, channel_id: str, tab: str, view: Json | None, event_ts: str) -> Json:
    """Somebody opened the app's Home or its messages; *view* is what was published for them before."""
    event: Json = {"type": "app_home_opened", "user": user, "channel": channel_id, "tab": tab, "event_ts": event_ts}
    return event | ({"view": view} if view is not None and tab == "home" else {})
