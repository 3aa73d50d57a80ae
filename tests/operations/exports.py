"""Exports as Slack's documentation lays them out, written for the tests."""

import json
import zipfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]

USERS = [{"id": "U1", "team_id": "T1", "name": "mira"}, {"id": "W2", "team_id": "T2", "name": "guest"}]


def message(ts: str, **fields: Any) -> Json:
    """A plain message at *ts*."""
    return {"type": "message", "user": "U1", "text": "Hello", "ts": ts, **fields}


def entries(**folders: Any) -> dict[str, Any]:
    """The files of an export with the channel `general` and what *folders* adds or replaces, by their paths."""
    listing = {"users.json": USERS, "channels.json": [{"id": "C1", "name": "general", "created": 1385565652}]}
    return {**listing, **folders}


def write(path: Path, files: dict[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write *files* as the zip at *path*: bytes as they are, everything else as JSON."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path
