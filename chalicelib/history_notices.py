"""What the app says in a conversation whose past it archives: one message, which is kept up to date."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from chalicelib import blocks
from chalicelib.history_run import Problem, Run

MOST_PROBLEMS = 20
"""Files that the message names; of the others it gives the number."""
SECONDS_PER_FILE = 1.1
GO_ON = "Please tell whoever runs the archive: `make catchup` goes on from here."


def message(run: Run) -> tuple[str, list[dict[str, Any]]]:
    """Return the message's text and blocks, while *run* goes on and when it has ended."""
    if run["state"] == "running":
        text = _progress(run)
        return text, blocks.sections([text])
    summary = [_headline(run), *_reasons(run), _counts(run["counts"])]
    lines = _lines(run)
    return blocks.cut(" ".join(summary), blocks.LONGEST_SECTION), blocks.sections(summary, lines)


def _progress(run: Run) -> str:
    since, counts = _month(run["since_shown"]), run["counts"]
    count = _in_archive(run) + counts["skipped"] + counts["failed"]
    about = f"🗂️ I'm archiving what has been shared here since {since}: {_files(run['total'])}"
    return f"{about}, {count} done so far." if count else f"{about}, {_duration(run['total'])}."


def _headline(run: Run) -> str:
    since, in_archive, missing_count = _month(run["since_shown"]), _in_archive(run), _missing(run)
    if run["state"] == "stopped":
        return f"⚠️ Archiving what was shared here since {since} has stopped after {_files(in_archive)}."
    if missing_count:
        return f"⚠️ What was shared here since {since} is in the archive, but for {_files(missing_count)}."
    return f"✅ What was shared here since {since} is in the archive: {_files(in_archive)}."


def _reasons(run: Run) -> list[str]:
    """Return why a run has stopped, and what to do."""
    return [blocks.escape(run["reason"] or ""), GO_ON] if run["state"] == "stopped" else []


def _counts(counts: dict[str, int]) -> str:
    parts = [f"{_files(counts['archived'])} archived"]
    parts += [f"{counts['unchanged']} in the archive already"] if counts["unchanged"] else []
    parts += [f"{counts['skipped']} left out"] if counts["skipped"] else []
    parts += [f"{counts['failed']} could not be archived"] if counts["failed"] else []
    return f"{', '.join(parts)}."


def _lines(run: Run) -> list[str]:
    """Return a line for each file that is not archived, as many as a message takes."""
    lines = [line(problem) for problem in run["problems"][:MOST_PROBLEMS]]
    ends = accumulate(len(text) + 1 for text in lines)
    first_lines = [text for text, end in zip(lines, ends, strict=True) if end < blocks.LONGEST_MESSAGE - 1_500]
    more = _missing(run) - len(first_lines)
    return [*first_lines, f"… and {more} more"] if more > 0 else first_lines


def line(problem: Problem) -> str:
    """Return what a person reads of a file that is not archived."""
    name = blocks.escape(blocks.shown_name(problem["name"] or problem["file"] or "a message"))
    return f"• {name}: {blocks.escape(problem['reason'])}"


def _missing(run: Run) -> int:
    return run["counts"]["skipped"] + run["counts"]["failed"]


def _in_archive(run: Run) -> int:
    return run["counts"]["archived"] + run["counts"]["unchanged"]


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _month(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%B %Y")


def _duration(files: int) -> str:
    minutes = max(1, round(files * SECONDS_PER_FILE / 60))
    if minutes >= 120:
        return f"about {round(minutes / 60)} hours"
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def find_ts(messages: Sequence[dict[str, Any]], block_id: str) -> str | None:
    """Return the ts of the one of *messages* that has a block with *block_id*, by which the app knows its own."""
    for message in messages:
        if any(block.get("block_id") == block_id for block in message.get("blocks") or []):
            ts: str = message["ts"]
            return ts
    return None
