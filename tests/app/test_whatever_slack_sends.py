"""Whatever Slack puts into a message or a file object is archived, skipped or reported for a stated reason."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import events, fetch, installation, shares, workflow
from chalicelib.errors import NotUnderstood
from chalicelib.files import ODD
from chalicelib.settings import Settings
from tests.payloads import FOLDER, payload

ENVELOPES = [name for name in sorted(path.stem for path in FOLDER.glob("*.json")) if "event" in payload(name)]
LIMITS = Settings(max_file_bytes=100_000_000, allowed_types=("*/*",))
NAME = re.compile(r"[0-9A-Za-z_-]{1,80}", re.ASCII)
ODDITIES: list[Any] = [None, True, 7, -1, 2**70, 1.5, "", "../a", "1.1", "\ud83d", [], [7], {}, {"id": 7}]
Place = tuple[Any, Any]
"""A dict or list, and the key or index in it."""


def places(value: Any) -> Iterator[Place]:
    """Every place in *value*, from the outside in."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(inside):
        yield value, key
        yield from places(inner)


def follow(envelope: Any) -> None:
    """Do with *envelope* what the route does, and look at what comes of it."""
    assert set(map(type, events.place(envelope).values())) <= {str, type(None)}
    assert events.joined_channel(envelope) is None or installation.bot_user(envelope)
    try:
        if events.kind(envelope) == "file_shared":
            shares.share(envelope)
        change = events.change(envelope)
        text = workflow.execution_input(change) if change else ""
    except NotUnderstood:
        return  # reported, with its sentence
    if change is None:
        return
    assert NAME.fullmatch(workflow.execution_name(change))
    assert json.loads(text.encode())["file_ids"] == [file["id"] for file in change.files]
    for file in change.files:
        assert file["mode"] != ODD or fetch.skipped_because(file, LIMITS)


@pytest.mark.long
@pytest.mark.parametrize("name", ENVELOPES)
def test_a_field_that_is_missing_or_of_a_wrong_type_costs_no_more_than_a_report(name: str) -> None:
    envelope = payload(name)
    for holder, key in places(envelope):
        before = holder[key]
        for odd in ODDITIES:
            holder[key] = odd
            follow(envelope)
        holder[key] = before
        if isinstance(holder, dict):
            del holder[key]
            follow(envelope)
            holder[key] = before


@pytest.mark.long
@settings(max_examples=100)
@given(st.sampled_from(ENVELOPES), st.data())
def test_several_wrong_fields_cost_no_more_than_a_report_either(name: str, data: st.DataObject) -> None:
    envelope = payload(name)
    for _ in range(3):
        holder, key = data.draw(st.sampled_from(list(places(envelope))))
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(ODDITIES)))  # the next may be put into it
    follow(envelope)


@pytest.mark.parametrize("odd", [*ODDITIES, ...])
def test_what_is_wrong_in_one_file_costs_the_other_files_nothing(odd: Any) -> None:
    for field in (*payload("file_share_modern")["event"]["files"][0], "itself"):
        envelope = payload("file_share_modern")
        entries: list[Any] = envelope["event"]["files"]
        if field == "itself":
            entries[0] = odd
        elif odd is ...:
            del entries[0][field]
        else:
            entries[0][field] = odd
        change = events.change(envelope)
        assert change is not None
        assert len(change.files) == len(entries)
        assert [file["id"] for file in change.files[1:]] == [entry["id"] for entry in entries[1:]]
