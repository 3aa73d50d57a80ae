"""The answers to `/docs`, which the asker alone sees.

Foreign text is escaped (blocks.py).
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib import blocks
from chalicelib.errors import IntegratorError
from chalicelib.layout import FileRecord
from chalicelib.search import MOST_TAGS, Hit, Results, TagList
from chalicelib.visibility import Asker

Answer = dict[str, Any]
"""What Slack shows (https://docs.slack.dev/interactivity/implementing-slash-commands)."""

_LINKABLE = re.compile(r"[^\s<>|\\]+")

USAGE = """\
*Find archived documents by their hashtags*
`/docs #finance #2026` shows the documents that have all these tags, the newest first.
`/docs tags` shows the tags in use; `/docs tags fin` those that begin with fin.
`#` may be left out, and capitals do not matter. You find what is shared in public channels, and where you ask."""


def usage() -> Answer:
    """Return how to use it."""
    return _private([USAGE])


def documents(tags: Sequence[str], results: Results, asker: Asker, is_slack: Callable[[str], bool]) -> Answer:
    """Return the list of the *results*, and how to go on; only addresses that are *is_slack* become links."""
    names = _named(tags)
    head = (
        f"*Documents with {names}, the newest first*" if results.hits else f"No more documents with {names} here."
    )
    return _private([head], [_line(hit, asker, is_slack) for hit in results.hits], _rest(tags, results))


def nothing(tags: Sequence[str], near: Sequence[str]) -> Answer:
    """Return that there is nothing for *tags*, and which tags in use are near; the same whatever the reason is."""
    text = f"I found no document with {_named(tags)} that you can see here." if tags else "I found no tags here."
    return _private([text], [f"Did you mean {_named(near, ' or ')}?"] if near else [])


def tag_list(begin: str, tags: TagList) -> Answer:
    """Return the tags in use that begin with *begin*."""
    which = f" that begin with {blocks.escaped(begin)}" if begin else ""
    if not tags.names:
        return _private([f"I found no tags{which} here."])
    more = (
        [] if tags.is_complete else ["There are more: `/docs tags` and the beginning of a tag shows those alone."]
    )
    return _private([f"*Tags in use{which}*"], [_named(tags.names)], more)


def too_many(tags: Sequence[str]) -> Answer:
    """Return that nobody can ask for so many *tags* at once."""
    return _private([f"These are {len(tags)} tags; please ask for {MOST_TAGS} at most."])


def failure(error: IntegratorError) -> Answer:
    """Return that it did not work, in the words of *error*."""
    return _private(
        [f"❌ The archive could not be searched just now. {blocks.escaped(str(error))} Please try again."]
    )


def _rest(tags: Sequence[str], results: Results) -> list[str]:
    if results.after is None:
        return []
    why = "I stopped looking here, since there is so much with these tags." if results.capped else "There are more."
    return [f"{why} To go on: `/docs {_named(tags)} more {results.after}`"]


def _line(hit: Hit, asker: Asker, is_slack: Callable[[str], bool]) -> str:
    file, share = hit.record["file"], hit.shares[0]
    tags = sorted({tag for share in hit.shares for tag in share["tags"]})
    who = f"<@{share['user']}>" if re.fullmatch(r"[UW][A-Z0-9]+", share["user"] or "") else "an app"
    where = "here" if share["channel"] == asker.channel else f"in <#{share['channel']}>"
    size = blocks.size(file["size"])
    return f"• {_name(file, is_slack)} ({size}), shared by {who} {where} on {_date(share['ts'])}: {_named(tags)}"


def _name(file: FileRecord, is_slack: Callable[[str], bool]) -> str:
    name, link = blocks.escaped(blocks.shown_name(file["name"] or file["id"])), file["permalink"] or ""
    return f"<{link}|{name}>" if _LINKABLE.fullmatch(link) and is_slack(link) else name


def _date(ts: str) -> str:
    """Return the day, which Slack shows in the reader's own time zone."""
    second = int(ts.partition(".")[0])
    return f"<!date^{second}^{{date_short}}|{datetime.fromtimestamp(second, UTC):%Y-%m-%d}>"


def _named(tags: Sequence[str], between: str = " ") -> str:
    return between.join(f"#{blocks.escaped(tag)}" for tag in tags)


def _private(*groups: Sequence[str]) -> Answer:
    text = "\n".join(line for group in groups for line in group)
    return {"response_type": "ephemeral", "text": text, "blocks": blocks.sections(*groups)}
