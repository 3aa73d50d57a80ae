"""What vanishes from Slack by age stays in the archive; what a person deletes does not."""

import hashlib
import itertools
import re
from collections.abc import Iterable
from typing import Any

import pytest
import requests

from chalicelib import index, records
from chalicelib.archive import Archive
from chalicelib.records import Step
from local.slack import Slack
from local.slack.model import Channel
from tests.app.test_records import NOW, fetched, file_deletion, of_team
from tests.waiting import eventually

DAY = 86_400
POSTED = 1_600_000_000
TS = f"{POSTED}.000001"


def step(kind: str, day: float, text: str = "", files: str = "", removed: str = "") -> Step:
    """What Slack tells so many days after the message was posted."""
    version = TS if kind == "upload" else f"{POSTED + int(day * DAY)}.000002"
    message: Any = {"team": "T1", "channel": "C1", "channel_type": "channel", "user": "U1", "ts": TS}
    message |= {"thread_ts": None, "comment": text, "comment_cut": False, "version": version, "event_id": "Ev1"}
    whole: Any = {"kind": kind, "message": message, "tags": text.split(), "file_ids": files.split()}
    whole |= {"removed": removed.split(), "fetched": None}
    result: Step = whole
    return result


STEPS = {
    "upload": step("upload", 0, "plan", "F1 F2"),
    "edit": step("edit", 1, "plan final", "F1 F2"),
    "F2 off": step("edit", 2, "plan final", "F1", removed="F2"),
    "tombstones": step("edit", 90, "plan final", "", removed="F1 F2"),
    "retention": step("deletion", 91, removed="F1"),
    "deletion": step("deletion", 3, removed="F1 F2"),
}


def shares(names: Iterable[str], keep_after: int = 80, created: int = POSTED) -> dict[str, Any]:
    """What the shares of F1 and F2 say in the end."""
    record = None
    for name in names:
        record = records.message_record(record, STEPS[name], keep_after)
    assert record
    return {file_id: records.share_of(record, file_id, created, keep_after) for file_id in ("F1", "F2")}


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_share_says_that_its_comment_is_cut_unless_it_was_withdrawn(is_cut: bool) -> None:
    upload = step("upload", 0, "plan", "F1 F2")
    upload["message"]["comment_cut"] = is_cut
    record = records.message_record(None, upload)
    assert records.share_of(record, "F1")["comment_cut"] is is_cut
    record = records.message_record(record, STEPS["F2 off"])
    assert not records.share_of({**record, "comment_cut": is_cut}, "F2")["comment_cut"]


def every_order(*names: str) -> list[Any]:
    return [pytest.param(order, id=", ".join(order)) for order in itertools.permutations(names)]


@pytest.mark.parametrize("order", every_order("upload", "edit", "F2 off", "tombstones", "retention"))
def test_what_retention_takes_is_kept_with_what_was_said_whatever_came_first(order: tuple[str, ...]) -> None:
    final_shares = shares(order)
    assert (final_shares["F1"]["deleted"], bool(final_shares["F1"]["gone"]), final_shares["F1"]["comment"]) == (
        False,
        True,
        "plan final",
    )
    assert final_shares["F1"] == shares(["upload", "edit", "F2 off", "tombstones", "retention"])["F1"]


@pytest.mark.parametrize("order", every_order("upload", "edit", "F2 off", "tombstones"))
def test_what_was_taken_off_when_it_was_young_does_not_come_back(order: tuple[str, ...]) -> None:
    final_shares = shares(order)
    assert (final_shares["F1"]["deleted"], final_shares["F2"]["deleted"]) == (False, True)
    assert final_shares["F2"]["comment"] == ""


@pytest.mark.parametrize("order", every_order("upload", "edit", "deletion", "retention"))
def test_what_a_person_deleted_when_it_was_young_stays_withdrawn(order: tuple[str, ...]) -> None:
    assert [share["deleted"] for share in shares(order).values()] == [True, True]


@pytest.mark.long
@pytest.mark.parametrize("order", every_order("upload", "tombstones", "retention", "file deletion"))
def test_what_a_person_deletes_is_withdrawn_whether_or_not_retention_took_it_first(
    s3: Any, bucket: str, request: pytest.FixtureRequest, order: tuple[str, ...]
) -> None:
    team = "TR" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12].upper()
    steps = {
        **{name: of_team(STEPS[name], team) for name in ("tombstones", "retention")},
        "upload": of_team(fetched(STEPS["upload"], "F1"), team),
        "file deletion": file_deletion(team, "F1", f"{POSTED + 95 * DAY}.000003"),
    }
    archive = Archive(s3, bucket)
    for name in order:
        records.save(steps[name], NOW, archive)
    (share,) = archive.read(f"metadata/{team}/F1.json").value["shares"]  # type: ignore[union-attr]
    assert (share["deleted"], share["gone"], share["comment"]) == (True, None, "")
    assert [key for kind in index.KINDS for key in archive.names(index.prefix_of_all(kind, team))] == []


@pytest.mark.parametrize(("day", "is_kept"), [(79.9, False), (80, True), (400, True)])
def test_the_age_counts_from_the_message_and_the_file(day: float, is_kept: bool) -> None:
    record = records.message_record(None, STEPS["upload"])
    deleted_record = records.message_record(record, step("deletion", day, removed="F1 F2"))
    assert records.share_of(deleted_record, "F1", POSTED)["deleted"] is not is_kept
    edited_record = records.message_record(record, step("edit", day, "plan", "", removed="F1"))
    assert records.share_of(edited_record, "F1", POSTED)["deleted"] is not is_kept
    assert records.share_of(edited_record, "F1", POSTED - 90 * DAY)["deleted"] is False  # an old file, shared again


def test_a_record_of_before_that_withdrew_a_file_without_a_date_does_not_show_it_again() -> None:
    record: Any = None
    for name in ("upload", "F2 off"):
        record = records.message_record(record, STEPS[name])
    del record["absent"]
    record = records.message_record(record, STEPS["tombstones"])
    assert [records.share_of(record, file_id)["deleted"] for file_id in ("F1", "F2")] == [False, True]


def test_with_zero_days_every_deletion_is_followed() -> None:
    assert shares(["upload", "retention"], keep_after=0)["F1"]["deleted"] is True
    assert shares(["upload", "tombstones"], keep_after=0)["F1"]["deleted"] is True


def test_the_tags_of_a_reply_that_vanished_by_age_stay() -> None:
    def reply(day: float, tags: str) -> Step:
        reply_step = step("reply", day, tags)
        reply_step["message"] |= {"thread_ts": TS, "ts": f"{POSTED + DAY}.000003"}
        return reply_step

    record = records.message_record(records.message_record(None, STEPS["upload"]), reply(1, "late"))
    assert records.share_of(records.message_record(record, reply(90, "")), "F1")["tags"] == ["late", "plan"]
    assert records.share_of(records.message_record(record, reply(2, "")), "F1")["tags"] == ["plan"]


@pytest.mark.long
def test_a_document_that_slack_lost_is_found_marked_and_opened(slack: Slack, channel: Channel) -> None:
    mira = slack.add_user("mira")
    message = slack.upload(channel, mira, [("lost.txt", b"still here", "text/plain")], "piz bernina")
    slack.wait_for_replies(channel, message.ts, timeout=30)
    slack.expire(message)
    assert eventually(
        lambda: "lost.txt, no longer in Slack (10 bytes)" in slack.command(channel, mira, "/docs", "bernina").text,
        20,
    )
    answer = str(slack.command(channel, mira, "/docs", "bernina").body)
    assert "Open in Slack" not in answer
    link = re.search(r"<([^|>]+)\|Archived copy>", answer)
    assert link
    assert requests.get(link[1], timeout=10).content == b"still here"
