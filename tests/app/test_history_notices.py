"""What the app says of a conversation's past, as a function of how far its run is."""

from typing import Any

import pytest

from chalicelib import blocks, history_notices

NO_COUNTS = {"messages": 0, "archived": 0, "unchanged": 0, "skipped": 0, "failed": 0, "not_understood": 0}


def run_of(state: str = "running", total: int = 0, **fields: Any) -> Any:
    counts = {**NO_COUNTS, **fields.pop("counts", {})}
    since = {"since_shown": 1_709_251_200.0}  # 2024-03-01
    return {"state": state, "total": total, "counts": counts, "problems": [], "reason": None, **since, **fields}


def text_of(run: Any) -> str:
    """All that people read."""
    return "\n".join(block["text"]["text"] for block in history_notices.message(run)[1])


@pytest.mark.parametrize(
    ("total", "duration"),
    [
        (0, "0 files, about a minute."),
        (1, "1 file, about a minute."),
        (81, "81 files, about a minute."),
        (82, "82 files, about 2 minutes."),
        (6_518, "6,518 files, about 119 minutes."),
        (6_519, "6,519 files, about 2 hours."),
        (9_000, "9,000 files, about 3 hours."),
    ],
)
def test_before_anything_is_done_it_says_how_long_it_will_take(total: int, duration: str) -> None:
    since = "🗂️ I'm archiving what has been shared here since March 2024: "
    assert text_of(run_of(total=total)) == since + duration


def test_then_it_says_how_much_is_done() -> None:
    counts = {"archived": 3, "unchanged": 2, "skipped": 4, "failed": 1}
    assert text_of(run_of(total=20, counts=counts)).endswith("20 files, 10 done so far.")


@pytest.mark.parametrize(
    ("state", "counts", "says"),
    [
        ("done", {"archived": 1}, "✅ What was shared here since March 2024 is in the archive: 1 file.\n1 file "),
        ("done", {"archived": 2, "unchanged": 3}, "5 files.\n2 files archived, 3 in the archive already."),
        (
            "done",
            {"archived": 2, "skipped": 1},
            "⚠️ What was shared here since March 2024 is in the archive, but for 1",
        ),
        (
            "done",
            {"skipped": 1, "failed": 2},
            "for 3 files.\n0 files archived, 1 left out, 2 could not be archived.",
        ),
        ("stopped", {"archived": 7}, "since March 2024 has stopped after 7 files.\nSlack <said> no"),
    ],
)
def test_at_the_end_it_says_what_came_of_it(state: str, counts: dict[str, int], says: str) -> None:
    run = run_of(state, counts=counts, reason="Slack <said> no")
    assert says.replace("<", "&lt;").replace(">", "&gt;") in text_of(run)
    assert (history_notices.GO_ON in text_of(run)) is (state == "stopped")


def test_it_names_what_is_not_archived_as_far_as_there_is_room() -> None:
    problem = {"ts": "1.1", "file": "F1", "name": "a.pdf", "status": "failed", "reason": "Too large."}
    most = history_notices.MOST_PROBLEMS
    for count, more in ((1, 0), (most, 0), (most + 1, 1)):
        lines = text_of(run_of("done", counts={"failed": count}, problems=[problem] * count)).splitlines()[2:]
        assert lines == ["• a.pdf: Too large."] * min(count, most) + [f"… and {more} more"] * bool(more)
    long = {**problem, "reason": "x" * 1_000}
    run = run_of("done", counts={"failed": most}, problems=[long] * most)
    assert "• a.pdf: xxx" in text_of(run)
    assert "… and 10 more" in text_of(run)
    assert blocks.length(history_notices.message(run)[1]) <= blocks.LONGEST_MESSAGE


@pytest.mark.parametrize(("fields", "name"), [({"name": None}, "F1"), ({"name": None, "file": None}, "a message")])
def test_what_has_no_name_is_called_what_it_is(fields: dict[str, Any], name: str) -> None:
    problem: Any = {"ts": "1.1", "file": "F1", "status": "failed", "reason": "Gone.", **fields}
    assert history_notices.line(problem) == f"• {name}: Gone."


def test_the_app_knows_its_own_message_by_its_block() -> None:
    messages: list[dict[str, Any]] = [
        {"ts": "1.1"},
        {"ts": "2.2", "blocks": [{"block_id": "a"}, {"block_id": "b"}]},
        {"ts": "3.3"},
    ]
    assert history_notices.find_ts(messages, "b") == "2.2"
    assert history_notices.find_ts(messages, "c") is None
