"""What the app says in a conversation whose past it archives: one message, kept up to date, and one reply."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib import blocks
from chalicelib.history_run import Problem, Run

MOST_PROBLEMS = 20
"""Files that the reply names; of the others it gives the number."""
SECONDS_PER_FILE = 1.1


def progress(run: Run) -> str:
    """Return the message's text while *run* goes on, and when it has ended."""
    since, stored = _month(run["since_shown"]), _stored(run)
    if run["state"] == "done":
        return f"✅ What was shared here since {since} is in the archive: {_files(stored)}."
    if run["state"] == "stopped":
        return f"⚠️ Archiving what was shared here since {since} has stopped after {_files(stored)}."
    count = stored + run["counts"]["skipped"] + run["counts"]["failed"]
    about = f"🗂️ I'm archiving what has been shared here since {since}: {_files(run['total'])}"
    return f"{about}, {count} done so far." if count else f"{about}, {_duration(run['total'])}."


def ending(run: Run) -> tuple[str, list[dict[str, Any]]]:
    """Return the text and the blocks of the reply at the end: how many, how many not, and why."""
    counts, summary = run["counts"], []
    if run["state"] == "stopped":
        summary.append(f"⚠️ I had to stop. {blocks.escaped(run['reason'] or '')}")
    parts = [f"{_files(counts['archived'])} archived"]
    parts += [f"{counts['unchanged']} in the archive already"] if counts["unchanged"] else []
    parts += [f"{counts['skipped']} not archived"] if counts["skipped"] else []
    parts += [f"{counts['failed']} failed"] if counts["failed"] else []
    summary.append(f"{', '.join(parts)}.")
    lines = [_line(problem) for problem in run["problems"][:MOST_PROBLEMS]]
    more = counts["skipped"] + counts["failed"] - len(lines)
    lines += [f"… and {more} more"] if more > 0 else []
    text = blocks.cut(" ".join(summary), blocks.LONGEST_SECTION)
    return text, blocks.sections(summary, lines)


def _line(problem: Problem) -> str:
    name = blocks.escaped(blocks.shown_name(problem["name"] or problem["file"] or "a message"))
    return f"• {name}: {blocks.escaped(problem['reason'])}"


def _stored(run: Run) -> int:
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


def posted(messages: Sequence[dict[str, Any]], block_id: str) -> str | None:
    """Return the ts of the one of *messages* that has a block with *block_id*, by which the app knows its own."""
    for message in messages:
        if any(block.get("block_id") == block_id for block in message.get("blocks") or []):
            ts: str = message["ts"]
            return ts
    return None
