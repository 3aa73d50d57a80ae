"""The workspace as the page shows it, in JSON. Pure: nothing is changed by looking."""

import json
from typing import TYPE_CHECKING, Any

from local.slack import faults
from local.slack.files import File, Json
from local.slack.model import Channel, Ephemeral, Message
from local.slack.posting import Attempt
from local.slack.sender import Delivery

if TYPE_CHECKING:
    from local.slack.double import Slack
    from local.slack.page_routes import Cloud

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
GROUPS = {
    "Slack's files": faults.FILE_HOST,
    "Slack's Web API": faults.WEB_API,
    "What events show": faults.FILE_OBJECTS,
    "What Slack reads too early, or backwards": faults.READING,
    "How events arrive": faults.DELIVERY,
    "Requests that are not Slack's": faults.SIGNING,
}
WORDS = {
    "login_page": "a sign-in page instead of the file",
    "login_redirect": "a redirect to the sign-in page",
    "cross_host_redirect": "a redirect to another host of Slack's",
    "foreign_redirect": "a redirect to a host that is not Slack's",
    "redirect_loop": "redirects without end",
    "not_found": "404, the file is not there",
    "forbidden": "403, the app may not see it",
    "gone": "410, the file was deleted",
    "rate_limited": "429, too many requests",
    "server_error": "500, a fault of Slack's own",
    "slow": "bytes drip slowly",
    "silent": "no answer for long",
    "truncated": "the connection ends too early",
    "short": "fewer bytes than the file has",
    "over_long": "more bytes than the file has",
    "no_length": "no Content-Length",
    "chunked": "chunked transfer",
    "compressed": "compressed, though nobody asked",
    "dropped": "the connection is reset",
    "no_canvas_download": "a canvas that Slack does not hand out",
    "api_error": "an error with status 200",
    "api_rate_limited": "429, too many requests",
    "api_server_error": "503, a fault of Slack's own",
    "api_silent": "no answer for long",
    "api_garbage": "a web page instead of JSON",
    "api_lost_answer": "done, but the answer is lost",
    "still_processing": "a file that is still being processed",
    "type_unknown": "a file whose type Slack does not know yet",
    "check_file_info": "only a stub of the file (Slack Connect)",
    "file_shared_only": "file_shared, and no message (large uploads in group DMs)",
    "too_young": "the file was uploaded a moment ago: not found, or the sign-in page",
    "shares_late": "Slack does not say yet in which messages the file is",
    "history_from_oldest": "the history from its oldest message on, where no latest is asked for",
    "duplicate": "the same event twice, at once",
    "new_event_id": "the same message under another event id",
    "late": "the event comes late",
    "wrong_secret": "signed with a wrong secret",
    "stale_timestamp": "signed ten minutes ago",
    "tampered_body": "the body was changed on the way",
    "missing_signature": "not signed at all",
    "uppercase_signature": "the signature in capitals",
    "garbled_timestamp": "a timestamp that is none",
}


def is_picture(file: File) -> bool:
    """Whether a browser may show *file* in place."""
    return file.mimetype in PICTURES


def state(slack: "Slack", cloud: "Cloud | None", channel_id: str, user_id: str = "") -> Json:
    """All that the page shows but the inspector; *user_id* is who looks, for what they alone see."""
    channels = {channel.id: channel for channel in slack.channels}
    messages = [message for message in slack.messages if message.channel.id == channel_id and not message.deleted]
    deliveries_of: dict[Any, list[Delivery]] = {}
    for delivery in slack.deliveries:
        deliveries_of.setdefault(_subject(delivery.envelope), []).append(delivery)
    fates = cloud.fates([message for message in messages if message.files]) if cloud else {}
    return {
        "run": slack.page.run,
        "team": slack.app.team_name,
        "app": slack.bot.name,
        "people": [{"id": user.id, "name": user.name} for user in slack.users],
        "names": {user.id: user.name for user in slack.workspace.users},
        "channels": [_channel(message) for message in channels.values()],
        "messages": [
            _message(message, deliveries_of.get((message.channel.id, message.ts), []))
            | {"fate": fates.get(f"{message.channel.id}-{message.ts.replace('.', '_')}")}
            for message in messages
        ],
        "answers": [
            _ephemeral(message)
            for message in slack.workspace.ephemerals
            if (message.channel.id, message.user.id) == (channel_id, user_id) and not message.deleted
        ],
        "home": _home(slack, user_id),
        "shortcuts": [{"id": each, "name": name} for each, name in slack.interactions.shortcuts.items()],
        "switches": _switches(slack),
        "services": _services(cloud),
    }


def _ephemeral(ephemeral: Ephemeral) -> Json:
    about = {"ts": ephemeral.ts, "asked": ephemeral.asked}
    return about | {
        "answer": {"text": ephemeral.body.get("text", ""), "blocks": ephemeral.body.get("blocks") or []}
    }


def _home(slack: "Slack", user_id: str) -> Json | None:
    """The person's Home as published, with what they have typed; None where the app has no such tab."""
    if not slack.views.is_enabled:
        return None
    home = slack.views.homes.get(user_id)
    if home is None:
        return {"hash": "", "blocks": [], "typed": {}}
    texts = {action: text for (_, action), text in home.typed.items()}
    return {"hash": home.view["hash"], "blocks": home.view["blocks"], "typed": texts}


def _channel(channel: Channel) -> Json:
    about = {"id": channel.id, "name": channel.name, "kind": channel.kind, "user": channel.user}
    return about | {"member": channel.bot_is_member}


def _message(message: Message, deliveries: list[Delivery]) -> Json:
    body = message.body
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "author": body.get("username"),
        "app": "bot_id" in body,
        "gone": body.get("subtype") == "tombstone",
        "text": message.text,
        "blocks": message.blocks,
        "edited": "edited" in body,
        "files": [] if body.get("subtype") == "tombstone" else _files(message),
        "reactions": [{"name": name, "count": len(users)} for name, users in message.reactions.items()],
        "delivery": _outcome(deliveries[-1]) if deliveries else None,
    }


def _files(message: Message) -> list[Json]:
    """Those that the message still shows."""
    modes = {entry["id"]: entry.get("mode") for entry in message.body.get("files") or []}
    return [_file(file) for file in message.files if modes.get(file.id, "hosted") != "tombstone"]


def _file(file: File) -> Json:
    about = {"id": file.id, "name": file.name, "mimetype": file.mimetype, "size": file.size}
    return about | {"picture": is_picture(file) and not file.deleted, "deleted": file.deleted}


def _outcome(delivery: Delivery) -> Json:
    last = delivery.attempts[-1] if delivery.attempts else None
    word = "acknowledged" if delivery.acknowledged else "given up" if delivery.done.is_set() else "under way"
    about = {"tries": len(delivery.attempts), "status": last and (last.status or last.reason)}
    return {"word": word, **about, "problem": last.problem if last else ""}


def _switches(slack: "Slack") -> list[Json]:
    on = {fault.name: fault for fault in slack.faults.active}
    return [
        {
            "name": name,
            "group": group,
            "words": WORDS[name],
            "options": options,
            "on": name in on,
            "times": on[name].times if name in on else None,
            "happened": on[name].happened if name in on else 0,
        }
        for group, of_group in GROUPS.items()
        for name, options in of_group.items()
    ]


def _services(cloud: "Cloud | None") -> list[Json]:
    if cloud is None:
        return []
    down = cloud.down()
    return [{"id": service, "name": name, "down": service in down} for service, name in cloud.services.items()]


def inspected(slack: "Slack", cloud: "Cloud | None", message: Message) -> Json:
    """What became of *message*: its deliveries, and what *cloud* knows."""
    subject = (message.channel.id, message.ts)
    deliveries = [delivery for delivery in slack.deliveries if _subject(delivery.envelope) == subject]
    return {"deliveries": list(map(_delivery, deliveries)), **(cloud.about(message) if cloud else {})}


def _subject(envelope: Json) -> tuple[Any, Any]:
    """The channel and ts of the message that the event is about."""
    event = envelope.get("event") or {}
    about = event.get("message") or event.get("previous_message") or event
    return event.get("channel"), about.get("ts")


def _delivery(delivery: Delivery) -> Json:
    event = delivery.envelope.get("event") or {}
    return {
        "event": event.get("subtype") or event.get("type"),
        "event_id": delivery.envelope.get("event_id"),
        "word": _outcome(delivery)["word"],
        "attempts": list(map(_attempt, delivery.attempts)),
        "body": delivery.envelope,
    }


def _attempt(attempt: Attempt) -> Json:
    return {
        "at": attempt.at - attempt.seconds,
        "status": attempt.status,
        "reason": attempt.reason,
        "seconds": attempt.seconds,
        "sent": dict(attempt.sent),
        "headers": dict(attempt.headers),
        "body": _readable(attempt.body),
    }


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")[-4000:]  # of a traceback the end counts
