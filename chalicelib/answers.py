"""The answers to `/docs`, which the asker alone sees.

Foreign text is escaped (blocks.py).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib import blocks, tickets, words
from chalicelib.actions import ASK
from chalicelib.errors import IntegratorError
from chalicelib.filters import Filters
from chalicelib.layout import FileRecord, Share
from chalicelib.search import MOST_TERMS, Hit, Results
from chalicelib.suggestions import TagList
from chalicelib.terms import Term
from chalicelib.tickets import Ticket
from chalicelib.visibility import Asker

Answer = dict[str, Any]
"""What Slack shows (https://docs.slack.dev/interactivity/implementing-slash-commands)."""

_LONGEST_LINK = 400
_LINKABLE = re.compile(r"[^\s<>|\\]+")

USAGE = """\
*Find archived documents*
`/docs finance` shows the documents with this word in their name, their title, their message or their tags.
`/docs #finance` those with this hashtag, `/docs pdf` those of this kind, `/docs "notice period"` those with both \
words next to each other. All that you type must match: `/docs board #2026 pdf`.
`before:2026-01-31` and `after:2026-01-31` say when it was uploaded.
`/docs` alone shows what is new, `/docs tags` the tags in use, `/docs tags fin` those that begin with fin.
Capitals do not matter. You find what is shared in public channels, in the conversation where you ask, and in the \
private conversations that you and I are both in."""
NO_FILTERS = Filters()
MORE_TAGS = "There are more. To see fewer, type how a tag begins, such as `/docs tags fin`."
TOO_MUCH = "There is more than I can look through at once: *Show more* goes on."
FEWER = "A document must match all that you type: please try fewer words."
HOW = "To find a document: `/docs` and its words or #tags. `/docs help` says more."


def usage() -> Answer:
    """Return how to use it."""
    return _private([USAGE])


Link = Callable[[Ticket], str | None]
"""Makes the address that opens a document."""


class Links(NamedTuple):
    """Which addresses become links: those that are *is_slack*, and what *opens* a ticket's document."""

    is_slack: Callable[[str], bool]
    opens: Link


def documents(
    terms: Sequence[Term], results: Results, asker: Asker, links: Links, filters: Filters = NO_FILTERS
) -> Answer:
    """Return the list of the *results*, and how to go on."""
    head, foot = _head(terms, results, filters), [*_unknown(filters), *limits(asker), *([] if terms else [HOW])]
    names = ", ".join(_shown_name(hit.record["file"]) for hit in results.hits)
    answer = _private([head], [names] if names else [], foot)
    for most_tags, longest_name in _FITS:
        hits = [block for hit in results.hits for block in hit_blocks(hit, asker, links, most_tags, longest_name)]
        more = rest(terms, results, filters)
        if asker.channel:
            more += _in_words(terms, results, filters)
        answer["blocks"] = [*blocks.sections([head]), *hits, *more, *blocks.sections(foot)]
        if blocks.length(answer["blocks"]) <= blocks.LONGEST_MESSAGE:
            break
    return answer


_FITS = ((8, blocks.LONGEST_NAME), (2, 60), (0, 40))
"""Tags and characters of the name that each hit shows: all hits together have to fit into a message."""


def hit_blocks(
    hit: Hit,
    asker: Asker,
    links: Links,
    most_tags: int = 8,
    longest_name: int = blocks.LONGEST_NAME,
) -> list[blocks.Block]:
    """Return a hit as a line about the document and its tags, each of which asks for itself."""
    tags = sorted({tag for share in hit.shares for tag in share["tags"]})
    line = _line(hit, asker, links, longest_name)
    if len(tags) > most_tags:
        line += f" · {len(tags)} tags, the first {most_tags}:" if most_tags else ""
    return [blocks.section(line), *ask_buttons(f"#{tag}" for tag in tags[:most_tags])]


def ask_buttons(questions: Iterable[str]) -> list[blocks.Block]:
    """Return a button for each of *questions*, labelled as it asks."""
    return blocks.buttons(ASK, ((question, question) for question in questions))


def _head(terms: Sequence[Term], results: Results, filters: Filters) -> str:
    if not results.hits:
        with_terms = _with(terms, filters)
        return f"No documents{with_terms} so far." if results.after else f"No more documents{with_terms}."
    places = [hit.place for hit in results.hits]
    order = "the newest first" if places == sorted(places) else "names that match first"
    return f"*Documents{_with(terms, filters)}, {order}*"


def nothing(
    terms: Sequence[Term], near: Sequence[str], asker: Asker | None = None, filters: Filters = NO_FILTERS
) -> Answer:
    """Return that there is nothing for *terms*, and which tags and words in use are *near*.

    It is the same whatever the reason is, and whoever asks.
    """
    text = f"I found no document{_with(terms, filters)} that you can see."
    hint = [f"Did you mean {' or '.join(map(_isolate, near))}?"] if near else [FEWER] if len(terms) > 1 else []
    foot = [*_unknown(filters), *(limits(asker) if asker else []), *([] if terms else [HOW])]
    answer = _private([text], _halves(terms), hint, foot)
    answer["blocks"] += ask_buttons(near)
    return answer


def _halves(terms: Sequence[Term]) -> list[str]:
    """Return what to type instead of one character of a script without spaces."""
    halves = [term.text for term in terms if len(term.words) == 1 and words.is_half(term.words[0])]
    if not halves:
        return []
    single = blocks.escape(" ".join(halves))
    return [
        "In scripts without spaces I look for two characters that stand together: please type "
        f"{single} with the character before or after it."
    ]


def tag_list(begin: str, tags: TagList, asker: Asker) -> Answer:
    """Return the tags in use that begin with *begin*, to be clicked."""
    which = f" that begin with {_isolate(begin)}" if begin else ""
    if not tags.names:
        return _private([f"I found no tags{which}."], limits(asker))
    more = [] if tags.is_complete else [MORE_TAGS]
    head, foot = f"*Tags in use{which}*", [*more, *limits(asker)]
    answer = _private([head], [" ".join(map(blocks.hashtag, tags.names))], foot)
    rows = ask_buttons(f"#{tag}" for tag in tags.names)
    answer["blocks"] = [*blocks.sections([head]), *rows, *blocks.sections(foot)]
    return answer


def not_understood(filters: Filters) -> Answer:
    """Return that what was typed holds nothing to look for."""
    return _private([*_unknown(filters), HOW])


def _unknown(filters: Filters) -> list[str]:
    """Return which filters of Slack's own search say nothing to this one."""
    if not filters.unknown:
        return []
    filter_names = ", ".join(f"`{_isolate(word.replace('`', ''))}`" for word in filters.unknown)
    vocabulary = "words, #tags, kinds such as pdf, `before:2026-01-31` and `after:2026-01-31`"
    return [f"I left out {filter_names}: I know {vocabulary}."]


def too_many(count: int) -> Answer:
    """Return that nobody can ask for so many terms at once."""
    return _private([f"These are {count} words and tags; please ask for {MOST_TERMS} at most."])


def too_long(most: int) -> Answer:
    """Return that nobody can ask in more than *most* characters."""
    return _private([f"That is too long for a search; please ask in {most} characters at most."])


def failure(error: IntegratorError) -> Answer:
    """Return that it did not work, in the words of *error*."""
    return _private([blocks.failure("The search did not work.", error)])


def rest(terms: Sequence[Term], results: Results, filters: Filters = NO_FILTERS) -> list[blocks.Block]:
    """Return how to go on, if there is more."""
    if results.after is None:
        return []
    more = blocks.buttons(ASK, [("Show more", _next(terms, results.after, filters))])
    return [*blocks.sections([TOO_MUCH] if results.capped else []), *more]


def _in_words(terms: Sequence[Term], results: Results, filters: Filters) -> list[blocks.Block]:
    """Return how to go on where clicks do not reach the app, as with a manifest of before they did."""
    if results.after is None:
        return []
    question = blocks.escape(_next(terms, results.after, filters))
    return [blocks.context(f"If *Show more* does nothing, type /docs {question}")]


def _next(terms: Sequence[Term], after: str, filters: Filters) -> str:
    """Return the question for what comes after the place *after*."""
    return " ".join([*(term.text for term in terms), *filters.text.split(), "more", after])


def limits(asker: Asker) -> list[str]:
    """Return where the search did not look."""
    limits = []
    if asker.not_searched:
        rest = f"{asker.not_searched} more of your conversations"
        limits.append(f"I did not look into {rest}. To search one of them, ask in it.")
    if asker.unknown:
        limits.append(f"I did not look into your other private conversations. {blocks.escape(asker.unknown)}")
    return limits


def _line(hit: Hit, asker: Asker, links: Links, longest_name: int) -> str:
    file, share = hit.record["file"], hit.shares[0]
    who = f"<@{share['user']}>" if re.fullmatch(r"[UW][A-Z0-9]+", share["user"] or "") else "an app"
    sharing = f"shared by {who} {_where(share, asker)} on {_date(share['ts'])}"
    is_gone = all(share.get("gone") for share in hit.shares)
    name = f"{_shown_name(file, longest_name)}{', no longer in Slack' if is_gone else ''}"
    original = "" if is_gone else _original(file, links.is_slack)
    return f"• {name} ({blocks.size(file['size'])}), {sharing}{original}{_copy(hit, asker, links)}"


def _original(file: FileRecord, is_slack: Callable[[str], bool]) -> str:
    """Return the link to the file in Slack, if Slack gave one."""
    link = file["permalink"] or ""
    is_link = len(link) <= _LONGEST_LINK and _LINKABLE.fullmatch(link) and is_slack(link)
    return f" · <{link}|Open in Slack>" if is_link else ""


def _copy(hit: Hit, asker: Asker, links: Links) -> str:
    """Return the link to the archived copy, unless it is certain that it would not open."""
    for share in hit.shares:
        if ground := _ground(share, asker):
            file, channel = hit.record["file"]["id"], share["channel"]
            address = links.opens(Ticket(asker.team, asker.user, file, channel, ground))
            return f" · <{blocks.escape(address)}|Archived copy>" if address else ""
    return ""


def _ground(share: Share, asker: Asker) -> str | None:
    """Return why *asker* may see the *share*, as Slack can tell at the click.

    Without the scopes for it, Slack does not tell who is in a conversation: the channel must be public, then.
    """
    if share["channel"] not in asker.own:
        return tickets.PUBLIC
    if not asker.unknown:
        return tickets.MEMBER
    return tickets.PUBLIC if share["channel_type"] == "channel" and not asker.is_guest else None


def _where(share: Share, asker: Asker) -> str:
    if share["channel"] == asker.channel:
        return "here"
    return DIRECT.get(share["channel_type"] or "", f"in <#{share['channel']}>")


DIRECT = {"im": "in a direct message", "mpim": "in a group message"}
"""Slack has no links to these."""


def _shown_name(file: FileRecord, longest: int = blocks.LONGEST_NAME) -> str:
    return blocks.escape(blocks.shown_name(file["name"] or file["id"], longest))


def _date(ts: str) -> str:
    """Return the day, which Slack shows in the reader's own time zone."""
    second = int(ts.partition(".")[0])
    return f"<!date^{second}^{{date_short}}|{datetime.fromtimestamp(second, UTC):%Y-%m-%d}>"


def _with(terms: Sequence[Term], filters: Filters) -> str:
    text = f" with {' '.join(_isolate(term.text) for term in terms)}" if terms else ""
    text += f" from before {filters.before}" if filters.before else ""
    return text + (f" from after {filters.after}" if filters.after else "")


def _isolate(text: str) -> str:
    return blocks.isolate(blocks.escape(text))


def _private(*groups: Sequence[str]) -> Answer:
    text = "\n".join(line for group in groups for line in group)
    return {"response_type": "ephemeral", "text": text, "blocks": blocks.sections(*groups)}
