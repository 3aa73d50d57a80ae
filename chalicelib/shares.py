"""The `file_shared` event: a file was shared in a conversation, in a message that the event does not name.

Slack sends it beside the message's own event, and alone for large uploads in group messages
(https://github.com/openclaw/openclaw/issues/15879). What it starts is looked up later, in share_lookup.py.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from chalicelib.errors import NotUnderstood
from chalicelib.fields import identifier, timestamp, word
from chalicelib.installation import bot_user, team

SAME_SHARING = 60
"""Seconds. The message that shows the file is not older than the event by more; older ones are none of it."""


class Share(TypedDict):
    """A file shared in a channel: what waits in the parking queue. *version* is the event's own ts."""

    team: str
    channel: str
    file: str
    version: str
    bot_user: str
    event_id: str | None


class Place(NamedTuple):
    """A message that shows the file; *thread* is the ts of the root of the thread that it is in."""

    ts: str
    thread: str | None


def share(envelope: Mapping[str, Any]) -> Share:
    """Return the share that the `file_shared` event in *envelope* reports; raises NotUnderstood."""
    event = envelope["event"]
    ids = {
        "team": team(envelope),
        "channel_id": identifier(event.get("channel_id")),
        "file_id": identifier(event.get("file_id")),
        "event_ts": timestamp(event.get("event_ts")),
    }
    ours, channel, file, version = ids.values()
    if not (ours and channel and file and version):
        missing_names = ", ".join(name for name, value in ids.items() if not value)
        raise NotUnderstood(f"The event of a shared file has no valid {missing_names}.")
    return {
        "team": ours,
        "channel": channel,
        "file": file,
        "version": version,
        "bot_user": bot_user(envelope) or "",
        "event_id": word(envelope.get("event_id")),
    }


def places(share: Share, file: Mapping[str, Any]) -> list[Place] | None:
    """Return where Slack's file object shows *file* in the share's channel, without what is older than the share.

    None while Slack has not filled that in.
    """
    sides = file.get("shares")
    if not isinstance(sides, dict):
        return None
    lists = [side.get(share["channel"]) for side in sides.values() if isinstance(side, dict)]
    entries = [entry for each in lists if isinstance(each, list) for entry in each if isinstance(entry, dict)]
    stamps = [(timestamp(entry.get("ts")), timestamp(entry.get("thread_ts"))) for entry in entries]
    return [
        Place(ts, thread if thread != ts else None) for ts, thread in stamps if ts and is_of_this_sharing(share, ts)
    ]


def is_of_this_sharing(share: Share, ts: str) -> bool:
    """Return True if the event may be about the message at *ts*; an older message can show the same file."""
    return float(ts) >= float(share["version"]) - SAME_SHARING
