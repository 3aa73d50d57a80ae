"""What was found ► what the asker of `/docs` is shown, and nobody else.

Foreign text is escaped and sections are verbatim, as in notices.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib import notices
from chalicelib.archive import Record
from chalicelib.errors import IntegratorError
from chalicelib.search import MOST_TAGS, Found, Hit, TagList
from chalicelib.visibility import Asker

_LINKABLE = re.compile(r"[^\s<>|\\]+")

USAGE = """\
*Find archived documents by their hashtags*
`/docs #finance #2026` shows the documents that have all these tags, the newest first.
`/docs tags` shows the tags in use; `/docs tags fin` those that begin with fin.
`#` may be left out, and capitals do not matter. You find what is shared in public channels, and where you ask."""


def usage() -> dict[str, Any]:
    """Return how to use it."""
    return _private([USAGE])


def documents(tags: Sequence[str], found: Found, asker: Asker, is_slack: Callable[[str], bool]) -> dict[str, Any]:
    """Return the list of what was *found*, and how to go on; only addresses that are *is_slack* become links."""
    said = _named(tags)
    head = f"*Documents with {said}, the newest first*" if found.hits else f"No more documents with {said} here."
    return _private([head], [_line(hit, asker, is_slack) for hit in found.hits], _rest(tags, found))


def nothing(tags: Sequence[str], near: Sequence[str]) -> dict[str, Any]:
    """Return that there is nothing for *tags*, and which tags in use are near; the same whatever the reason is."""
    said = f"I found no document with {_named(tags)} that you can see here." if tags else "I found no tags here."
    return _private([said], [f"Did you mean {_named(near, ' or ')}?"] if near else [])


def tag_list(begin: str, found: TagList) -> dict[str, Any]:
    """Return the tags in use that begin with *begin*."""
    which = f" that begin with {notices.escaped(begin)}" if begin else ""
    if not found.tags:
        return _private([f"I found no tags{which} here."])
    more = [] if found.whole else ["There are more: `/docs tags` and the beginning of a tag shows those alone."]
    return _private([f"*Tags in use{which}*"], [_named(found.tags)], more)


def too_many(tags: Sequence[str]) -> dict[str, Any]:
    """Return that nobody can ask for so many *tags* at once."""
    return _private([f"These are {len(tags)} tags; please ask for {MOST_TAGS} at most."])


def failure(error: IntegratorError) -> dict[str, Any]:
    """Return that it did not work, in the words of *error*."""
    return _private(
        [f"❌ The archive could not be searched just now. {notices.escaped(str(error))} Please try again."]
    )


def _rest(tags: Sequence[str], found: Found) -> list[str]:
    if found.after is None:
        return []
    why = "I stopped looking here, since there is so much with these tags." if found.capped else "There are more."
    return [f"{why} To go on: `/docs {_named(tags)} more {found.after}`"]


def _line(hit: Hit, asker: Asker, is_slack: Callable[[str], bool]) -> str:
    file, share = hit.record["file"], hit.shares[0]
    tags = sorted({tag for one in hit.shares for tag in one["tags"]})
    who = f"<@{share['user']}>" if re.fullmatch(r"[UW][A-Z0-9]+", share["user"] or "") else "an app"
    where = "here" if share["channel"] == asker.channel else f"in <#{share['channel']}>"
    size = notices.size(file["size"])
    return f"• {_name(file, is_slack)} ({size}), shared by {who} {where} on {_date(share['ts'])}: {_named(tags)}"


def _name(file: Record, is_slack: Callable[[str], bool]) -> str:
    name, link = notices.escaped(notices.shown_name(file["name"] or file["id"])), file["permalink"] or ""
    return f"<{link}|{name}>" if _LINKABLE.fullmatch(link) and is_slack(link) else name


def _date(ts: str) -> str:
    """Return the day, which Slack shows in the reader's own time zone."""
    second = int(ts.partition(".")[0])
    return f"<!date^{second}^{{date_short}}|{datetime.fromtimestamp(second, UTC):%Y-%m-%d}>"


def _named(tags: Sequence[str], between: str = " ") -> str:
    return between.join(f"#{notices.escaped(tag)}" for tag in tags)


def _private(*groups: Sequence[str]) -> dict[str, Any]:
    text = "\n".join(line for group in groups for line in group)
    return {"response_type": "ephemeral", "text": text, "blocks": notices.sections(*groups)}
