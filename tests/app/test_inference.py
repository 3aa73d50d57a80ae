"""A channel that became private answers an outsider as if it had never been: the words, and the requests."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from chalicelib import home_tab, questions, records, search, visibility
from chalicelib.answers import Links
from chalicelib.archive import Archive
from chalicelib.deadline import Deadline
from chalicelib.listings import Listings
from chalicelib.questions import Place
from chalicelib.slack import Slack as Api
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, User
from tests.app.test_search import Counter

NEWEST = 1_499_000_000
"""Of the documents, in epoch seconds: each is a second older than the one before."""
ASKERS: dict[str, dict[str, Any]] = {"a member": {}, "a guest": {"is_restricted": True}}


class Seen(NamedTuple):
    """What somebody is shown, and the requests that it took of S3 and of Slack."""

    shown: str
    listings: int
    records: int
    slack: int


class Workspace:
    """A team of its own in the archive: it has a document in a public channel, where *user* asks from elsewhere."""

    def __init__(self, team: str, who: str, slack: Slack, archive: Archive, s3: Counter, api: Api) -> None:
        self.team, self._slack, self._archive, self._counter, self._api = team, slack, archive, s3, api
        self._here, self.public = slack.add_channel("here"), slack.add_channel("public")
        self.user: User = slack.add_user("asker", **{**ASKERS[who], "team_id": team})
        self._here.members.add(self.user.id)
        self.put([(self.public, "report finance")], 0)
        self.put([(self._here, "minutes")], 1)

    def put(self, shares: list[tuple[Channel, str]], age: int) -> None:
        file_id, creation_time = f"F{age:05}", NEWEST - age
        for channel, tags in shares:
            ts = f"{creation_time}.{int(channel.id[-4:], 36) % 1_000_000:06}"
            message: Any = {"team": self.team, "channel": channel.id, "channel_type": channel.kind, "ts": ts}
            message |= {"user": "U1", "thread_ts": None, "comment": "", "comment_cut": False}
            message |= {"version": ts, "event_id": "Ev1"}
            file: Any = {"id": file_id, "name": "doc.pdf", "title": "doc", "mimetype": "application/pdf", "size": 1}
            file |= {"created": creation_time, "user": "U1", "permalink": None}
            result: Any = {"status": "archived", "file": file, "document": f"documents/{file_id}", "reason": None}
            step: Any = {"kind": "upload", "message": message, "tags": tags.split(), "file_ids": [file_id]}
            step |= {"removed": [], "fetched": {**result, "sha256": "0" * 64}}
            records.save(step, "2026-11-23T10:00:00Z", self._archive)

    def hide(self, count: int, tags: str, channels: int = 1, age: int = -20_000) -> None:
        """Archive *count* documents in public *channels* that become private, newer than all others."""
        rooms = [self._slack.add_channel(f"hidden{number}") for number in range(channels)]
        for number in range(count):
            self.put([(rooms[number % channels], tags.replace("%", str(number)))], age + number)
        for room in rooms:
            room.kind = "group"

    def ask(self, text: str) -> Seen:
        return self._seen(
            self._here.id,
            lambda place, listings: questions.answer(
                text, place, self._api, listings, Links(self._api.owns, lambda _: None)
            ),
        )

    def home(self) -> Seen:
        def opened(place: Place, listings: Listings) -> Any:
            desk = home_tab.Desk(
                self._api, self._counter.bucket(self._archive.bucket), listings.deadline, lambda ticket: None
            )
            return home_tab.beginning(place, desk)

        return self._seen("", opened)

    def _seen(self, where: str, look: Callable[[Place, Listings], Any]) -> Seen:
        self._counter.requests.clear()
        before = len(self._slack.requests)
        with Deadline(time.monotonic() + 60) as deadline:
            listings = Listings(self._counter.bucket(self._archive.bucket), deadline)
            answer = look(Place(self.team, self.user.id, where), listings)
        asked_of_slack = len(self._slack.requests) - before
        text = json.dumps(answer, indent=1)
        for name, own in {"T": self.team, "U": self.user.id, "C1": self._here.id, "C2": self.public.id}.items():
            text = text.replace(own, name)
        return Seen(text, self._counter.listings, self._counter.records, asked_of_slack)


@pytest.fixture
def counter(pipeline: Pipeline) -> Iterator[Counter]:
    with closing(Counter(pipeline.aws)) as new_counter:
        yield new_counter


Made = Callable[[str], Workspace]


@pytest.fixture
def made(slack: Slack, archive: Archive, counter: Counter, api: Api) -> Made:
    """Make a workspace in which somebody asks; all are alike."""
    return lambda who: Workspace(slack.workspace.new_id("T"), who, slack, archive, counter, api)


HIDDEN: dict[str, dict[str, Any]] = {
    "one document": {"count": 1, "tags": "secret"},
    "forty documents in twelve channels": {"count": 40, "tags": "secret", "channels": 12},
    "many tags": {"count": 1, "tags": " ".join(f"repor{number:02}" for number in range(8))},
    "forty documents": {"count": 40, "tags": "secret"},
    "older ones": {"count": 40, "tags": "secret finance report", "age": 100},
}
QUESTIONS = [
    "#secret",
    "secret",
    "#secret #finance",
    "#secrez",
    "#reporz",
    "#secret more 8500999995-",
    "tags secret",
]
QUESTIONS += ["tags rep", "tags", "", '"secret finance"', "#finance", "doc"]
MOST_OF_S3 = search.MOST_LISTINGS + search.CHUNK * search.CHUNKS
"""What a search for five words in many conversations may take anyway."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("who", "hidden"), [*(("a member", hidden) for hidden in HIDDEN), ("a guest", "forty documents")]
)
def test_what_became_private_is_for_others_as_if_it_had_never_been(made: Made, who: str, hidden: str) -> None:
    without, there = made(who), made(who)
    there.hide(**HIDDEN[hidden])
    answers_without = {text: without.ask(text) for text in QUESTIONS}
    answers = {text: there.ask(text) for text in QUESTIONS}
    assert {text: each.shown for text, each in answers.items()} == {
        text: each.shown for text, each in answers_without.items()
    }
    assert there.home().shown == without.home().shown
    assert max(each.listings + each.records for each in answers.values()) <= MOST_OF_S3
    assert max(each.slack for each in answers.values()) <= 2 + visibility.MOST_LOOKUPS


@pytest.mark.long
def test_more_hidden_documents_than_a_search_reads_are_as_none(made: Made) -> None:
    without, there = made("a member"), made("a member")
    there.hide(search.MOST_RECORDS + 4, "secret")
    for text in ("#secret", "secret", "#secret #finance"):
        assert there.ask(text).shown == without.ask(text).shown


@pytest.mark.long
def test_a_search_that_stops_among_what_one_may_see_says_so(made: Made) -> None:
    there = made("a member")
    for age in range(search.CHUNK * search.CHUNKS + 1):
        there.put([(there.public, "")], age + 10)
    shown = there.ask('"pdf doc"').shown
    assert r"No documents with \"pdf doc\" so far." in shown
    assert "There is more than I can look through at once" in shown
