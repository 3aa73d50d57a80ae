"""A conversation as Slack's Web API shows it, read from the newest message to the oldest, a page at a time.

First its messages, each with the replies to it if it shows files; then the replies in other threads that show
files. Those are found through `files.list`: a thread stands where it began, and nothing in a conversation's history
tells that an old thread has new files.

Reading stops at any message, and goes on behind it: a `Position` is all that has to be kept.

https://docs.slack.dev/reference/methods/conversations.history
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypedDict

from chalicelib.errors import FileGone, SlackRefused
from chalicelib.fields import timestamp

PAGE = 200
"""Messages of an answer; Slack advises no more (https://docs.slack.dev/apis/web-api/pagination)."""
FILES_PAGE = 100

Json = dict[str, Any]
Call = Callable[[str, Json], Json]
"""Returns the Web API's answer to a method and its arguments, which was `ok`."""


class Position(TypedDict):
    """How far the reading is.

    *part* is messages, files or end. Messages: those older than *latest* are still to be read, after the replies of
    *thread* that are newer than *after*. Files: those that were created until *until* (epoch seconds) are still to
    be read, from *page* on, without the replies and files *done*.
    """

    part: str
    latest: str
    thread: str | None
    after: str
    until: int
    page: int
    done: list[str]


class Item(NamedTuple):
    """What stands at *ts*, in the thread of *thread* if that is what was read; *next* is the position behind it.

    *kind* is message; missing, for what the archive knows and Slack does not show there; or moved, for nothing but
    the position.
    """

    kind: str
    ts: str
    message: Json | None
    thread: str | None
    next: Position


def beginning(latest: str) -> Position:
    """Return the position before all messages that are older than *latest*."""
    until = int(latest.partition(".")[0])
    return {
        "part": "messages",
        "latest": latest,
        "thread": None,
        "after": "0",
        "until": until,
        "page": 1,
        "done": [],
    }


class ArchivedMessages(Protocol):
    """What the archive has of the conversation, so that what is no longer there is noticed."""

    def messages(self, oldest: str, latest: str) -> list[str]:
        """Return the timestamps of the messages on record between two others."""
        ...

    def replies(self, root: str) -> list[str]:
        """Return the timestamps of the replies that tag the documents of *root*."""
        ...


class _NoArchive:
    def messages(self, oldest: str, latest: str) -> list[str]:
        return []

    def replies(self, root: str) -> list[str]:
        return []


class Conversation:
    """The *channel* as the app sees it through *call*, compared with what the *archive* has of it."""

    def __init__(self, call: Call, channel: str, archive: ArchivedMessages | None = None) -> None:
        self._call, self._channel, self._archive = call, channel, archive or _NoArchive()

    def read(self, position: Position, since: str) -> Iterator[Item]:
        """Give what stands behind *position* and is not older than *since*."""
        if position["part"] == "messages":
            yield from self._messages(position, since)
            position = {**position, "part": "files"}
        if position["part"] == "files":
            yield from self._files(position, since)

    def message(self, ts: str, thread: str | None) -> Json | None:
        """Return the message at *ts*, a reply if it has a *thread*; None if it is not there."""
        span: Json = {"oldest": ts, "latest": ts, "inclusive": "true"}
        if thread:
            messages = [message for page in self._reply_pages(thread, span) for message in page]
        else:
            arguments = {"channel": self._channel, "limit": 1, **span}
            messages = self._call("conversations.history", arguments)["messages"]
        return next((message for message in messages if message["ts"] == ts), None)

    def _messages(self, position: Position, since: str) -> Iterator[Item]:
        while True:
            if position["thread"]:
                yield from self._thread(position)
                position = {**position, "thread": None, "after": "0"}
            answer = self._call(
                "conversations.history",
                {"channel": self._channel, "latest": position["latest"], "oldest": since, "limit": PAGE},
            )
            messages = answer["messages"]
            has_more = bool(messages and answer.get("has_more"))
            for item in self._page(messages, position, messages[-1]["ts"] if has_more else since):
                yield item
                position = item.next
                if position["thread"]:
                    yield from self._thread(position)
                    position = {**position, "thread": None, "after": "0"}
            if not has_more:
                return

    def _page(self, messages: list[Json], position: Position, oldest: str) -> Iterator[Item]:
        """Give *messages*, newest first, and between them those that only the archive knows."""
        by_ts = {message["ts"]: message for message in messages}
        for ts in sorted({*by_ts, *self._archive.messages(oldest, position["latest"])}, key=moment, reverse=True):
            message = by_ts.get(ts)
            thread = ts if message and has_thread_of_files(message) else None
            kind = "message" if message else "missing"
            yield Item(kind, ts, message, None, {**position, "latest": ts, "thread": thread, "after": "0"})

    def _thread(self, position: Position) -> Iterator[Item]:
        """Give the replies to the root that *position* names, the oldest first."""
        root, after = position["thread"] or "", position["after"]
        in_archive = self._archive.replies(root)
        for page in self._reply_pages(root, {"oldest": after}):
            by_ts = {reply["ts"]: reply for reply in page if reply["ts"] != root}
            for ts in sorted(by_ts, key=moment):
                yield from self._missing(in_archive, after, ts, position)
                if moment(ts) > moment(after):
                    yield Item("message", ts, by_ts[ts], root, {**position, "after": ts})
                    after = ts
        yield from self._missing(in_archive, after, None, position)

    def _missing(self, in_archive: list[str], after: str, before: str | None, position: Position) -> Iterator[Item]:
        """Give those of the replies *in_archive* that Slack should have listed between *after* and *before*."""
        for ts in sorted(in_archive, key=moment):
            if moment(ts) > moment(after) and (before is None or moment(ts) < moment(before)):
                yield Item("missing", ts, None, position["thread"], {**position, "after": ts})

    def _reply_pages(self, root: str, span: Json) -> Iterator[list[Json]]:
        """Give the pages of the thread of *root*, whose root is on the first, or on each."""
        cursor = ""
        while True:
            arguments = {"channel": self._channel, "ts": root, "limit": PAGE, **span}
            try:
                answer = self._call("conversations.replies", arguments | ({"cursor": cursor} if cursor else {}))
            except SlackRefused as refused:
                if refused.error == "thread_not_found":
                    return
                raise
            yield answer["messages"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _files(self, position: Position, since: str) -> Iterator[Item]:
        while position["part"] == "files":
            # A second more than is needed: whether Slack means ts_to inclusively, nobody promises.
            answer = self._call(
                "files.list",
                {
                    "channel": self._channel,
                    "ts_to": position["until"] + 1,
                    "count": FILES_PAGE,
                    "page": position["page"],
                },
            )
            of_page = set[str]()
            for files in _in_steps(answer["files"]):
                asked_ids = {file["id"] for file in files if not _tells_shares(file)}
                threads = {} if asked_ids & {*position["done"]} else self._threads(files, since)
                for root, replies in threads.items():
                    for item in self._remaining_replies(root, replies, position):
                        yield item
                        position = item.next
                of_page |= asked_ids.union(*threads.values())
                if asked_ids:
                    position = {**position, "done": sorted({*position["done"], *asked_ids})}
                    yield Item("moved", "0", None, None, position)
            position = _next_page(position, answer["files"], of_page)
            yield Item("moved", "0", None, None, position)

    def _remaining_replies(self, root: str, replies: set[str], position: Position) -> Iterator[Item]:
        """Give those of *replies* that are still in the thread of *root*."""
        remaining = replies - set(position["done"])
        if not remaining:
            return
        replies_done = list(position["done"])
        span = {"oldest": min(remaining, key=moment), "latest": max(remaining, key=moment), "inclusive": "true"}
        for reply in (reply for page in self._reply_pages(root, span) for reply in page):
            if reply["ts"] in remaining:
                replies_done.append(reply["ts"])
                remaining.remove(reply["ts"])
                yield Item("message", reply["ts"], reply, root, {**position, "done": list(replies_done)})
        yield Item("moved", root, None, root, {**position, "done": [*replies_done, *remaining]})

    def _threads(self, files: list[Json], since: str) -> dict[str, set[str]]:
        """Return the replies that show one of *files*, by the roots of their threads."""
        threads: dict[str, set[str]] = {}
        for file in files:
            for share in self._shares(file):
                ts, root = timestamp(share.get("ts")), timestamp(share.get("thread_ts"))
                if ts and root and ts != root and moment(ts) >= moment(since):
                    threads.setdefault(root, set()).add(ts)
        return threads

    def _shares(self, file: Json) -> list[Json]:
        if not _tells_shares(file):
            try:
                file = self._call("files.info", {"file": file["id"]})["file"]
            except FileGone:
                return []
        sides = (file.get("shares") or {}).values()
        return [share for side in sides for share in side.get(self._channel, [])]


def channel_type(details: Mapping[str, Any]) -> str:
    """Return the `channel_type` that events of the conversation have; *details* are from `conversations.info`.

    What is not plainly public is private: who finds a document depends on it.
    """
    if details.get("is_im"):
        return "im"
    if details.get("is_mpim"):
        return "mpim"
    is_public = details.get("is_channel") is True and details.get("is_private") is False
    return "channel" if is_public and not details.get("is_group") else "group"


def has_thread_of_files(message: Json) -> bool:
    """Return True for a root that shows files, and that somebody replied to: replies can tag its documents."""
    shows_files = bool(message.get("files") or message.get("file"))
    return shows_files and bool(message.get("reply_count")) and message.get("thread_ts") in (None, message["ts"])


def moment(ts: str) -> tuple[int, int]:
    """Return *ts*, `1499081899.737651`, as something to compare."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds), int(fraction.ljust(6, "0") or 0)


def _tells_shares(file: Json) -> bool:
    """Return True if *file* says in which messages it is; Slack fills that in with some delay."""
    return isinstance(file.get("shares"), dict)


def _in_steps(files: list[Json]) -> list[list[Json]]:
    """Return *files* in lists, after each of which a turn may end: each that has to be asked for has its own."""
    return [*([file] for file in files if not _tells_shares(file)), list(filter(_tells_shares, files))]


def _next_page(position: Position, files: list[Json], of_page: set[str]) -> Position:
    """Return where the files behind *files* begin; *of_page* are their replies, and those that were asked for.

    Not by the page's number alone: files that are deleted meanwhile would move others to a page that was read. The
    files of the last two seconds are listed again, so their replies, of however many pages, stay known as done.
    """
    if len(files) < FILES_PAGE:
        return {**position, "part": "end", "thread": None, "after": "0", "done": []}
    oldest = min(int(file.get("created") or 0) for file in files)
    replies_done = sorted(of_page.union(position["done"] if oldest + 1 >= position["until"] else ()))
    if oldest >= position["until"]:  # a hundred files of one second
        return {**position, "page": position["page"] + 1, "done": replies_done}
    return {**position, "until": oldest, "page": 1, "done": replies_done}
