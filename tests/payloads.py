"""Slack's full payloads, kept as files in tests/events/."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("events")


def payload(name: str) -> Any:
    """Return the payload *name*, fresh to be changed."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def with_event(name: str, **fields: Any) -> Any:
    """Return the payload *name* with *fields* of its inner event replaced; a field that is `...` is removed."""
    envelope = payload(name)
    for field, value in fields.items():
        envelope["event"].pop(field, None)
        if value is not ...:
            envelope["event"][field] = value
    return envelope
