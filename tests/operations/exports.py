"""Exports as Slack's documentation lays them out, written for the tests."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.slack import Slack
from local.slack.model import Channel
from local.slack.pages import current_body

Json = dict[str, Any]

USERS = [{"id": "U1", "team_id": "T1", "name": "mira"}, {"id": "W2", "team_id": "T2", "name": "guest"}]


def message(ts: str, **fields: Any) -> Json:
    """A plain message at *ts*."""
    return {"type": "message", "user": "U1", "text": "Hello", "ts": ts, **fields}


def entries(**folders: Any) -> dict[str, Any]:
    """The files of an export with the channel `general` and what *folders* adds or replaces, by their paths."""
    listing = {"users.json": USERS, "channels.json": [{"id": "C1", "name": "general", "created": 1385565652}]}
    return {**listing, **folders}


LISTS = {"channel": "channels.json", "group": "groups.json", "mpim": "mpims.json", "im": "dms.json"}


def of_workspace(slack: Slack, *channels: Channel, token: str = "") -> dict[str, Any]:
    """The files of an export of *channels*, as they are now; the links to files carry the *token*."""
    files: dict[str, Any] = {"users.json": [_user(user.id, user.name, slack.team_id) for user in slack.users]}
    files |= {listing: [] for listing in LISTS.values()}
    for channel in channels:
        files[LISTS[channel.kind]].append({"id": channel.id, "name": channel.name, "created": channel.created})
        folder = channel.id if channel.kind == "im" else channel.name
        conversation = [m for m in slack.messages if m.channel is channel]
        for message in conversation:
            day = datetime.fromtimestamp(float(message.ts), UTC).date().isoformat()
            body = _with_token(current_body(message, conversation), token)
            files.setdefault(f"{folder}/{day}.json", []).append(body)
    return files


def _user(identity: str, name: str, team: str) -> Json:
    return {"id": identity, "team_id": team, "name": name, "deleted": False, "profile": {"real_name": name}}


def _with_token(body: Json, token: str) -> Json:
    """Return the message *body* as an export has it: where it is, its folder says, and links carry a token."""
    entry = {name: value for name, value in body.items() if name not in ("channel", "channel_type", "event_ts")}
    if token and "files" in entry:
        entry["files"] = [
            {key: f"{value}?t={token}" if key.startswith("url_private") else value for key, value in file.items()}
            for file in entry["files"]
        ]
    return entry


def write(path: Path, files: dict[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write *files* as the zip at *path*: bytes as they are, everything else as JSON."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path
