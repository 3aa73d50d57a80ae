"""What is done in Slack under faults: each kind of upload, what follows one, and a search."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from chalicelib import tickets
from chalicelib.tickets import Ticket
from faults.harness import Harness
from faults.kinds import ERROR, EVER, YOUNG, Rule
from local.slack import Generated
from local.slack.commands import CommandResult
from local.slack.files import Json
from local.slack.model import Channel, Message, User
from local.slack.posting import Attempt

PART = 8 * 1024 * 1024


@dataclass(frozen=True)
class Scenario:
    """*uploaded* makes an upload in a channel; *comes_to* is in what is found after a run without a fault.

    With *change* the faults befall not the upload, which is archived before, but the event that *change* returns of
    what is done to it then; with *ask* a search for it by somebody in another channel. *base* faults (point, times)
    hold in all of its runs. *event* returns what Slack sends of the upload, if that is not the message's own event.
    *breaks* are points that are broken here although another scenario has them, too; *once*: no fault is repeated.
    """

    name: str
    uploaded: Callable[[Harness, Channel], Message]
    comes_to: str
    change: Callable[[Harness, Message], Json] | None = None
    ask: Callable[[Harness, Message, Channel, User], CommandResult] | None = None
    base: tuple[tuple[str, int], ...] = ()
    event: Callable[[Harness, Message], Json] | None = None
    breaks: frozenset[str] = frozenset()
    once: bool = False

    @property
    def is_of_the_past(self) -> bool:
        """Whether the app archives what was shared before it was invited."""
        return self.event is _invite

    @property
    def is_about_an_archived_one(self) -> bool:
        """Whether the upload itself goes through without a fault."""
        return self.change is not None or self.ask is not None

    def rules(self, ids: frozenset[str]) -> list[Rule]:
        """The faults that belong to the scenario."""
        return [Rule(point, ERROR, times, ids) for point, times in self.base]


def tag_of(channel: Channel) -> str:
    """The tag that only the uploads of one case have."""
    return f"of-{channel.id.lower()}"


def _pages(harness: Harness, channel: Channel) -> Message:
    slack = harness.pipeline.slack
    page = slack.add_file("page.txt", b"a page\n" * 99, "text/plain")
    stub = slack.add_file("stub.bin", bytes(range(256)) * 40)
    slack.misbehave("check_file_info", only=stub.id, times=1)
    return slack.upload(channel, slack.users[0], [page, stub], "#minutes #2026", deliver=False)


def _film(harness: Harness, channel: Channel) -> Message:
    slack = harness.pipeline.slack
    film = slack.add_file("film.bin", Generated(PART + 1000))
    return slack.upload(channel, slack.users[0], [film], "#film", deliver=False)


def _page(harness: Harness, channel: Channel) -> Message:
    slack = harness.pipeline.slack
    page = ("page.txt", b"a page", "text/plain")
    return slack.upload(channel, slack.users[0], [page], f"#page #{tag_of(channel)}", deliver=False)


def _young(harness: Harness, channel: Channel) -> Message:
    """Files of this moment, of which Slack does not believe itself that they are there."""
    slack, now = harness.pipeline.slack, int(time.time())
    page = slack.add_file("page.txt", b"a page", "text/plain", created=now)
    stub = slack.add_file("stub.txt", b"a stub", "text/plain", created=now)
    slack.misbehave("check_file_info", only=stub.id, times=1)
    return slack.upload(channel, slack.users[0], [page, stub], "#young", deliver=False)


def _taken_back(harness: Harness, channel: Channel) -> Message:
    """An upload whose deletion comes first: a reply to it would land at the top level of the channel."""
    message = _page(harness, channel)
    deletion = harness.pipeline.slack.delete(message, deliver=False)
    harness.pipeline.slack.deliver(deletion)
    harness.wait_until_quiet([deletion])
    return message


def _unseen(harness: Harness, channel: Channel) -> Message:
    """An upload from before the app was invited, in a history whose pages go forward without `latest`."""
    harness.pipeline.slack.misbehave("history_from_oldest")
    harness.pipeline.slack.remove_app(channel)
    return _page(harness, channel)


def _invite(harness: Harness, message: Message) -> Json:
    slack = harness.pipeline.slack
    return slack.invite(message.channel, slack.users[0], deliver=False).envelope


def _file_shared(harness: Harness, message: Message) -> Json:
    slack, file = harness.pipeline.slack, message.files[0]
    event = {"type": "file_shared", "file_id": file.id, "user_id": message.user, "file": {"id": file.id}}
    where = {"channel_id": message.channel.id, "event_ts": slack.workspace.new_ts()}
    return slack.envelope({**event, **where})


def _two(harness: Harness, channel: Channel) -> Message:
    slack = harness.pipeline.slack
    files = [("one.txt", b"one", "text/plain"), ("two.txt", b"two", "text/plain")]
    return slack.upload(channel, slack.users[0], files, "#minutes #draft", deliver=False)


def _nonsense(harness: Harness, channel: Channel) -> Message:
    slack = harness.pipeline.slack
    message = slack.say(channel, slack.users[0], "Look", deliver=False)
    message.envelope = slack.envelope({**message.envelope["event"], "files": [{"name": "no id"}]})
    return message


def _edit(harness: Harness, message: Message) -> Json:
    return harness.pipeline.slack.edit(message, "#minutes #final", without=message.files[1:], deliver=False)


def _replied(harness: Harness, message: Message) -> Json:
    slack = harness.pipeline.slack
    reply = slack.say(message.channel, slack.users[0], "#more", thread_ts=message.ts, deliver=False)
    return reply.envelope


def _delete(harness: Harness, message: Message) -> Json:
    return harness.pipeline.slack.delete(message, deliver=False)


def _search(harness: Harness, message: Message, channel: Channel, user: User) -> CommandResult:
    return harness.pipeline.slack.command(channel, user, "/docs", f"page {tag_of(message.channel)}")


def _open(harness: Harness, message: Message, channel: Channel, user: User) -> CommandResult:
    """Open the archived copy by a ticket; where it leads to is not followed."""
    slack = harness.pipeline.slack
    place = message.channel
    ground = tickets.PUBLIC if place.kind == "channel" else tickets.MEMBER
    content = Ticket(slack.team_id, user.id, message.files[0].id, place.id, ground)
    ticket = tickets.issue(slack.signing_secret, content, time.time())
    with closing(HTTPConnection(urlsplit(harness.pipeline.routes.url).netloc, timeout=15)) as connection:
        connection.request("GET", f"/documents/{ticket}")
        status = connection.getresponse().status
    texts = {302: "• the archived copy", 404: "❌ This link does not open a document."}
    attempt = Attempt(status, None if status in texts else "http_error", 0.0)
    return CommandResult(attempt, {}, texts.get(status, f"status {status}"))


SCENARIOS = (
    Scenario("pages", _pages, "✅ 2 files in the archive"),
    Scenario("film", _film, "✅ 1 file in the archive"),
    Scenario("edited", _two, "'reactions': ['label']", change=_edit),
    Scenario("replied", _page, "'reactions': ['label']", change=_replied),
    Scenario("deleted", _page, "'deleted': True", change=_delete),
    Scenario("searched", _page, "• page.txt", ask=_search),
    Scenario("opened", _page, "• the archived copy", ask=_open),
    Scenario("parked", _page, "✅ 1 file in the archive", base=(("route StartExecution", EVER),)),
    Scenario(
        "aborted", _film, "✅ 1 file in the archive", base=(("fetch_file CompleteMultipartUpload documents/", 3),)
    ),
    Scenario("young", _young, "✅ 2 files in the archive", breaks=frozenset(YOUNG)),
    Scenario("taken back", _taken_back, "'deleted': True", breaks=frozenset({"notify GetObject messages/"})),
    Scenario("shared", _page, "✅ 1 file in the archive", event=_file_shared, once=True),
    Scenario("invited", _unseen, "is in the archive: 1 file", event=_invite, once=True),
    Scenario("nonsense", _nonsense, "❌ This upload could not be archived"),
)
