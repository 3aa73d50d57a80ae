"""The replies in Slack: a sentence, then a line for each file, those that went wrong first.

Names, tags and reasons are foreign text: they are escaped (blocks.py).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from chalicelib import errors
from chalicelib.blocks import LONGEST_SECTION, TRY_AGAIN, context, cut, escape, hashtag, sections, shown_name, size
from chalicelib.errors import NotUnderstood

MOST_FILES = 20
"""Files that are named because they are not archived; of the others the notice has the number."""
MOST_STORED = 5
"""Files that are named although they are archived: a longer list stands right above, in the upload."""
MOST_ASKED = 2
"""Tags in the example of a search."""
LONGEST_NOTICE = 12_000
"""Characters of all blocks together, escaped: Slack refuses more than some 13,200 (slackapi/bolt-js issue 2509)."""

DONE = "white_check_mark"
"""The sign under an upload that is archived."""
GREETING = (
    "👋 I archive the files that are shared here. To find one again, type `/docs` and a word or a #hashtag; "
    "a hashtag in a file's message, or in its thread, becomes its tag."
)
ABOUT = "I archive the files that are shared here. Whoever can read this conversation can find them again."
ABOUT_DIRECT = (
    "I archive the files that are shared in my channels, and those that you send me here, which only you can find."
)
HOW = (
    "To find a file, type `/docs` and a word or a #hashtag; `/docs help` says more. "
    "To tag a file afterwards, reply to its message with a #hashtag."
)
FIRST = "From now on, a :white_check_mark: under your files says the same."

_EXECUTION = re.compile(
    r"(?P<team>[A-Za-z0-9]+)-(?P<channel>[A-Za-z0-9]+)-(?P<ts>[0-9]+_[0-9]+)(?:-\w+)*", re.ASCII
)
_LATER_CHANGE = re.compile(r"-[ed][0-9]+_[0-9]+", re.ASCII)
"""What an execution's name has of an edit or a deletion."""
_REPLAY = re.compile(r"-r[0-9]+$", re.ASCII)
_FILE_DELETION = re.compile(r"[A-Za-z0-9]+-[A-Za-z0-9]+-d[0-9]+_[0-9]+(?:-\w+)*", re.ASCII)
"""The name of an execution that follows the deletion of a file."""
_PROBLEMS = ("failed", "skipped")


class Notice(NamedTuple):
    """A reply: *name* is what it is claimed under, so that it is posted once. Without *thread_ts*, a greeting.

    *is_public* if its channel surely is.
    """

    name: str
    channel: str
    thread_ts: str | None
    text: str
    blocks: list[dict[str, Any]]
    is_public: bool = False


class Reaction(NamedTuple):
    """A quiet sign under a message: the archive has its tags. *emoji* is Slack's name for it."""

    channel: str
    ts: str
    emoji: str = "label"


def notice(message: dict[str, Any]) -> Notice | None:
    """Return what to post about the topic's *message*, which is no outcome, or None when nobody has to know.

    Raises NotUnderstood for a type that is none of the app's.
    """
    kind = message.get("type")
    if kind == "invited":
        return _of_invitation(message)
    if kind == "asked":
        return _of_question(message)
    if kind == "not_followed":
        return _of_lost_change(message)
    if kind == "ended":
        return _of_dead_execution(message)
    if kind == "error":
        return _of_error(message)
    raise NotUnderstood(f"The topic's message has an unknown type ({kind}).")


def is_success(files: Sequence[Mapping[str, Any]], left_out: Mapping[str, Any] | None) -> bool:
    """Return True if all *files* are archived, and no tag was left out."""
    return not problems(files) and not _left_out(left_out or {})


def problems(files: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those of an outcome's *files* that are not archived."""
    return [file for file in files if file["status"] in _PROBLEMS]


def is_replay(message: dict[str, Any]) -> bool:
    """Return True for the outcome of an execution that was started again."""
    return _REPLAY.search(str(message.get("execution"))) is not None


def reply(name: str, about: Mapping[str, Any], *, is_first: bool = False) -> Notice:
    """Return the reply called *name* to the message that *about*, an outcome, is about.

    *is_first*: it explains the sign by which later successes are told.
    """
    files, tags = about["files"], about["tags"]
    summary, more, ending = _summary(files, tags), [FIRST] if is_first else [], _next(files, tags)
    left_out = _left_out(about.get("tags_left_out") or {})
    spare = LONGEST_NOTICE - sum(map(len, [summary, *left_out, *more, *ending]))
    lines = _lines(files, spare)
    blocks = [*sections([summary], lines, left_out, more), *([context(" ".join(ending))] if ending else [])]
    text = cut(" ".join([summary, *lines[:1], *left_out]), LONGEST_SECTION)
    is_public = about.get("channel_type") == "channel"
    return Notice(name, about["channel"], about["thread_ts"] or about["ts"], text, blocks, is_public)


def _lines(files: Sequence[Mapping[str, Any]], spare: int) -> list[str]:
    """Return a line for each file in the order of the upload: those that are not archived first, within *spare*."""
    missing_files = problems(files)
    others = [file for file in files if file["status"] not in _PROBLEMS]
    lines = _fitting([_line(file) for file in missing_files[:MOST_FILES]], spare)
    if len(missing_files) > len(lines):
        lines.append(f"… and {len(missing_files) - len(lines)} more")
    if len(others) > MOST_STORED:
        return lines
    return [*lines, *_fitting([_line(file) for file in others], spare - sum(map(len, lines)))]


def _next(files: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> list[str]:
    """Return what the person can do now, in small letters: try again, find the files, or tag them."""
    may_succeed = any(file["status"] == "failed" and file["reason"] != errors.GONE for file in files)
    again = [TRY_AGAIN] if may_succeed else []
    count = len(files) - len(problems(files))
    if not count:
        return again
    them = "it" if count == 1 else "them"
    if not tags:
        return [*again, f"To tag {them}, reply here with a #hashtag."]
    return [*again, f"To find {them}, type `/docs {' '.join(map(hashtag, tags[:MOST_ASKED]))}`."]


def _of_invitation(invitation: dict[str, Any]) -> Notice:
    name = f"greeting-{invitation['team']}-{invitation['channel']}"
    return Notice(name, invitation["channel"], None, GREETING, sections([GREETING]))


def _of_question(question: dict[str, Any]) -> Notice:
    """Return what the app does where somebody asks: in the thread, but in a direct message below the question."""
    channel, ts, is_direct = question["channel"], question["ts"], question["channel_type"] == "im"
    text = f"👋 {ABOUT_DIRECT if is_direct else ABOUT} {HOW}"
    root = question["thread_ts"] if is_direct else question["thread_ts"] or ts
    return Notice(f"asked-{question['team']}-{channel}-{ts}", channel, root, text, sections([text]))


def _of_lost_change(failure: dict[str, Any]) -> Notice | None:
    """Return the notice about a change that did not reach the documents; the deletion of a file has no place."""
    if not failure["channel"]:
        return None
    text = f"❌ What was changed here did not reach the archive. {_reason(failure['error'])}"
    root = failure["thread_ts"] or failure["ts"]
    return Notice(failure["execution"], failure["channel"], root, text, sections([text]))


def _reason(error: dict[str, str]) -> str:
    fault = f"The archive had a fault of its own. Please tell whoever runs it ({escape(error['Error'])})."
    return _own_sentence(error) or errors.coded(fault)


def _own_sentence(error: dict[str, str]) -> str | None:
    """Return the message of an error of the project's own, which Lambda puts into the cause, as JSON."""
    ours = getattr(errors, error["Error"], None)
    if not (isinstance(ours, type) and issubclass(ours, errors.IntegratorError)):
        return None
    try:
        return escape(json.loads(error["Cause"])["errorMessage"])
    except (KeyError, ValueError):
        return None


def _of_dead_execution(execution: dict[str, Any]) -> Notice | None:
    """Return the notice about an execution that died without an outcome; its name has the message's ids.

    Where it is named after a file there is no message to reply to; the alarm on executions tells of it.
    """
    if _FILE_DELETION.fullmatch(str(execution.get("execution"))):
        return None
    name = _EXECUTION.fullmatch(str(execution.get("execution")))
    if name is None:
        raise NotUnderstood("The ended execution is not named after a message.")
    how = str(execution.get("status", "")).lower().replace("_", " ")
    if _LATER_CHANGE.search(name[0]):
        text = f"❌ What was changed here did not reach the archive ({escape(how)}). Please tell whoever runs it."
        return Notice(name[0], name["channel"], name["ts"].replace("_", "."), text, sections([text]))
    text = (
        f"❌ Archiving this upload ended before it was done ({escape(how)}). {TRY_AGAIN} "
        "If that does not help, please tell whoever runs the archive."
    )
    return Notice(name[0], name["channel"], name["ts"].replace("_", "."), text, sections([text]))


def _of_error(error: dict[str, Any]) -> Notice | None:
    """Return the notice about an event that came to nothing.

    If it has an execution, the notice has that name: what happened to an execution is posted once.
    """
    team, channel, ts = error.get("team"), error.get("channel"), error.get("ts")
    if not (team and channel and ts):
        return None
    text = f"❌ This upload could not be archived. Please share it again. ({escape(str(error.get('error')))})"
    name = error.get("execution") or f"error-{team}-{channel}-{ts}"
    return Notice(name, channel, error.get("thread_ts") or ts, text, sections([text]))


def _summary(files: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> str:
    """Return the sentence that a person reads first; the archive's own words, so what is foreign is escaped."""
    count = Counter(file["status"] for file in files)
    in_archive = count["archived"] + count["unchanged"]
    parts = []
    if count["failed"]:
        parts.append(f"{_files(count['failed'])} could not be archived")
    if count["skipped"]:
        parts.append(f"{_files(count['skipped'])} left out")
    if in_archive:
        with_tags = " with " + " ".join(map(hashtag, tags)) if tags else ""
        parts.append(f"{_files(in_archive)} in the archive{with_tags}")
    sign = "❌" if count["failed"] else "⚠️" if count["skipped"] else "✅"
    return f"{sign} {', '.join(parts)}."


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _fitting(lines: Sequence[str], spare: int) -> list[str]:
    """Return the first of *lines*, as many as have room in *spare* characters."""
    ends = accumulate(len(line) + 1 for line in lines)
    return [line for line, end in zip(lines, ends, strict=True) if end <= spare]


def _line(file: Mapping[str, Any]) -> str:
    name = escape(shown_name(file["name"] or file["id"]))
    if file["status"] == "unchanged" and file.get("here_before"):
        return f"• {name} was in the archive already"
    if file["status"] in ("archived", "unchanged"):
        return f"• {name} ({size(file['size'])})"
    return f"• {name}: {escape(errors.coded(file['reason'] or errors.UNKNOWN))}"


def _left_out(tags: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each kind of what was typed as a tag, and is none."""
    sentences = []
    if tags.get("count"):
        names = " ".join(map(hashtag, tags["first"]))
        more = f" and {more} more" if (more := tags["count"] - len(tags["first"])) else ""
        sentences.append(f"I left out {names}{more}: a message can have 30 tags, and none may be very long.")
    if tags.get("links"):
        sentences.append("A link to a private channel does not become a tag. Please use another word.")
    return sentences
