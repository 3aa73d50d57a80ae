"""What is started so that the archive agrees with Slack, as a function of what both say."""

from typing import Any

import pytest

from chalicelib import mending

PLACE = mending.Place("T1", "C1", "channel", "UAPP")
TS, NOW = "1764065061.000300", "1764069999.000000"
MESSAGE: dict[str, Any] = {
    "type": "message",
    "subtype": "file_share",
    "user": "U1",
    "ts": TS,
    "text": "#new",
    "files": [{"id": "F1", "name": "a.txt", "created": 1764065000}],
}


def record(version: str) -> dict[str, Any]:
    """The record of the message as it was before."""
    return {
        "version": version,
        "deleted": False,
        "ts": TS,
        "thread_ts": None,
        "user": "U1",
        "comment": "#old",
        "comment_cut": False,
        "files": ["F1"],
        "known": ["F1"],
        "replies": {},
    }


@pytest.mark.parametrize(
    ("edit", "version"),
    [
        ({"edited": {"ts": "1764065100.000000"}}, "1764065100.000000"),
        ({"edited": {"ts": "1764065080.000000"}}, NOW),
        ({}, NOW),
    ],
    ids=["an edit that no event told of", "an edit that is on record", "a change that is marked nowhere"],
)
def test_a_change_is_of_the_time_of_its_edit_unless_that_is_on_record(edit: dict[str, Any], version: str) -> None:
    change = mending.change(PLACE, {**MESSAGE, **edit}, record("1764065080.000000"), NOW)
    assert change
    assert (change.kind, change.message["version"]) == ("edit", version)


@pytest.mark.parametrize(
    ("is_cut", "text", "kind"),
    [
        (True, "#old and more", None),
        (True, "#other", "edit"),
        (False, "#old and more", "edit"),
        (False, "#old", None),
    ],
)
def test_of_a_comment_of_which_only_the_beginning_is_on_record_the_rest_is_no_change(
    is_cut: bool, text: str, kind: str | None
) -> None:
    before = {**record(TS), "comment_cut": is_cut}
    change = mending.change(PLACE, {**MESSAGE, "text": text}, before, NOW)
    assert (change and change.kind) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [("#old", None), ("#new", "reply"), ("", "reply"), ("#new <#C0OTHER|>", None)],
    ids=["the same tags", "other tags", "none any more", "a channel whose name it does not say"],
)
def test_a_reply_whose_tags_are_on_record_is_no_change(text: str, kind: str | None) -> None:
    reply_ts = "1764065070.000100"
    reply = {"type": "message", "user": "U1", "ts": reply_ts, "thread_ts": TS, "text": text}
    root = {**record(TS), "replies": {reply_ts: {"version": reply_ts, "tags": ["old"]}}}
    change = mending.reply_change(PLACE, reply, root, NOW)
    assert (change and change.kind) == kind
