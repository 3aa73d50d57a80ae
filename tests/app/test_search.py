"""`/docs` as people use it, and above all what it must never show. Over real HTTP, against the whole pipeline."""

import hashlib
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import index, records, search, suggestions, visibility
from chalicelib.archive import Archive
from chalicelib.bucket import Bucket
from chalicelib.candidates import ROUNDS, Candidates, Listing
from chalicelib.deadline import Deadline
from chalicelib.listings import Listings, Page
from chalicelib.sigv4 import Account, Connections
from chalicelib.slack import Slack as Api
from chalicelib.terms import Term
from chalicelib.visibility import Asker, Channels
from local.aws.server import Aws
from local.forwarding import forward
from local.http_server import HttpServer, Response
from local.pipeline import Pipeline
from local.slack import CommandResult, Request, Slack
from local.slack.model import Channel, User

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"
NOW = "2026-11-23T10:00:00Z"
Put = Callable[..., str]
Ask = Callable[..., CommandResult]
MICROS = itertools.count(1)


@pytest.fixture
def mira(slack: Slack) -> User:
    """A person of the test's own: who is in many conversations has only some of them searched."""
    return slack.add_user("mira")


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    """A tag of the test's own, since all tests share the public scope."""
    return "t" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]


@pytest.fixture
def put(slack: Slack, archive: Archive) -> Put:
    """Archive a document without its bytes, as SaveMetadata does: shared once in each of the channels given."""

    def put_it(*shares: tuple[Channel, str], created: int = 1_499_081_897, name: str = "doc.pdf") -> str:
        file_id: str = slack.workspace.new_id("F")
        for number, (channel, tags) in enumerate(shares):
            ts = f"{created + number + 1}.{next(MICROS):06}"
            message: Any = {"team": slack.team_id, "channel": channel.id, "channel_type": channel.kind, "ts": ts}
            message |= {"user": slack.users[0].id, "thread_ts": None, "comment": "", "comment_cut": False}
            message |= {"version": ts, "event_id": "Ev1"}
            file: Any = {"id": file_id, "name": name, "title": name, "mimetype": "application/pdf", "size": 48_213}
            file |= {"created": created, "user": slack.users[0].id, "permalink": f"{slack.url}/files/{file_id}"}
            result: Any = {
                "status": "archived",
                "file": file,
                "document": f"documents/T/{file_id}/x",
                "reason": None,
            }
            step: Any = {"kind": "upload", "message": message, "tags": tags.split(), "file_ids": [file_id]}
            step |= {"removed": [], "fetched": {**result, "sha256": "0" * 64}}
            records.save(step, NOW, archive)
        return file_id

    return put_it


@pytest.fixture
def ask(slack: Slack, mira: User) -> Ask:
    """Type `/docs` in a channel, as mira unless another is named."""

    def typed(channel: Channel, text: str, user: User | None = None, **fields: Any) -> CommandResult:
        return slack.command(channel, user or mira, "/docs", text, **fields)

    return typed


def nothing(tag: str) -> str:
    return f"I found no document with {tag} that you can see."


def as_tag(name: str) -> Term:
    return Term(f"#{name}", name, ())


@pytest.fixture
def elsewhere(slack: Slack) -> Channel:
    """A public channel that nothing was shared in."""
    return slack.add_channel("elsewhere")


# Who finds a document that was shared, with a tag, in another place than the one that they ask in.

MEMBER: dict[str, Any] = {}
GUEST, SINGLE = {"is_restricted": True}, {"is_restricted": True, "is_ultra_restricted": True}
STRANGER, OTHER_TEAM, BOT = {"is_stranger": True}, {"team_id": "T0OTHER"}, {"is_bot": True}
WHO = {
    "a member": MEMBER,
    "a guest": GUEST,
    "a single-channel guest": SINGLE,
    "a Slack Connect outsider": STRANGER,
    "one of another workspace": OTHER_TEAM,
    "an outsider by both": {**STRANGER, **OTHER_TEAM},
    "a bot": BOT,
}
KINDS = ["channel", "group", "im", "mpim"]
FINDS_HERE = {"a member", "a guest", "a single-channel guest"}


@pytest.mark.long
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", KINDS)
def test_who_finds_what_was_shared_where_they_ask(
    slack: Slack, put: Put, ask: Ask, tag: str, who: str, kind: str
) -> None:
    here, user = slack.add_channel("here", kind), slack.add_user("asker", **WHO[who])
    put((here, tag))
    is_found = "doc.pdf" in ask(here, tag, user).text
    is_listed = f"#{tag}" in ask(here, f"tags {tag}", user).text
    assert (is_found, is_listed) == (who in FINDS_HERE, who in FINDS_HERE)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", [*KINDS, "app_home", "something new", None], ids=str)
def test_who_finds_what_was_shared_elsewhere(
    slack: Slack, put: Put, ask: Ask, tag: str, who: str, kind: Any, elsewhere: Channel
) -> None:
    there = slack.add_channel("there", kind if kind in KINDS else "group")
    there.kind = kind
    user = slack.add_user("asker", **WHO[who])
    put((there, tag))
    there.kind = kind if kind in KINDS else "group"
    may_find = who == "a member" and kind == "channel"
    assert ("doc.pdf" in ask(elsewhere, tag, user).text) is may_find
    assert (f"#{tag}" in ask(elsewhere, f"tags {tag}", user).text) is may_find


@pytest.mark.long
@pytest.mark.parametrize("kind", ["group", "im", "mpim"])
def test_a_private_tag_finds_nothing_outside_and_is_not_shown_with_the_public_ones(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, kind: str, elsewhere: Channel
) -> None:
    private = slack.add_channel("boardroom", kind)
    put((channel, tag), (private, f"{tag}layoffs"))
    assert ask(elsewhere, f"{tag}layoffs").text.startswith(nothing(f"{tag}layoffs"))
    for where, user in ((elsewhere, None), (channel, None), (channel, slack.add_user("guest", **GUEST))):
        text = ask(where, tag, user).text
        assert "doc.pdf" in text
        assert "layoffs" not in text
        assert "boardroom" not in text
        assert "layoffs" not in ask(where, f"tags {tag}", user).text
    inside = ask(private, f"{tag} {tag}layoffs")
    assert inside.lines[2] == f"#{tag} #{tag}layoffs"


def test_a_nearly_right_tag_is_not_helped_by_what_may_not_be_seen(
    slack: Slack, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    put((slack.add_channel("boardroom", "group"), f"{tag}layoffs"))
    assert ask(elsewhere, f"{tag}layofs").text == nothing(f"{tag}layofs")


def test_a_channel_that_became_private_is_not_found_from_elsewhere_any_more(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    put((channel, tag))
    channel.kind = "group"
    assert ask(elsewhere, tag).text == nothing(tag)
    assert f"#{tag}" not in ask(elsewhere, f"tags {tag}").text
    assert ask(elsewhere, f"{tag[:-1]}x").text == nothing(f"{tag[:-1]}x")
    assert "doc.pdf" in ask(channel, tag).text


@pytest.mark.parametrize(
    ("misbehaviour", "options"),
    [
        ("api_server_error", {}),
        ("api_garbage", {}),
        ("api_rate_limited", {"retry_after": 1}),
        ("api_error", {"error": "channel_not_found"}),
        ("api_error", {"error": "missing_scope"}),
    ],
    ids=str,
)
def test_a_channel_that_slack_says_nothing_of_counts_as_private(
    slack: Slack,
    channel: Channel,
    put: Put,
    ask: Ask,
    tag: str,
    misbehaviour: str,
    options: Any,
    elsewhere: Channel,
) -> None:
    put((channel, tag))
    slack.misbehave(misbehaviour, only="conversations.info", **options)
    assert ask(elsewhere, tag).text == nothing(tag)
    assert ask(elsewhere, f"tags {tag}").text.startswith("I found no tags")
    assert "doc.pdf" in ask(channel, tag).text


@pytest.mark.long
def test_a_guest_is_never_shown_what_is_public_elsewhere(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    put((channel, f"{tag} {tag}a"), (elsewhere, f"{tag} {tag}b"))
    guest = slack.add_user("guest", **GUEST)
    _, line, tags = ask(channel, tag, guest).lines
    assert "here on 2017-07-03" in line
    assert tags == f"#{tag} #{tag}a"
    assert "doc.pdf" in ask(channel, f"{tag}a", guest).text
    assert ask(channel, f"{tag}b", guest).text.startswith(nothing(f"{tag}b"))


def test_a_withdrawn_share_is_not_found_even_if_the_index_still_hints_at_it(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, s3: Any, bucket: str
) -> None:
    file_id = put((channel, f"{tag} other"))
    hint = index.prefix(index.TAGS, slack.team_id, channel.id, f"{tag}stale") + index.place(1_499_081_897, file_id)
    s3.put_object(Bucket=bucket, Key=hint, Body=b"")
    s3.put_object(Bucket=bucket, Key=hint.replace(file_id, "F0GONE"), Body=b"")
    assert "doc.pdf" not in ask(channel, f"{tag}stale").text
    assert f"{tag}stale" not in ask(channel, f"tags {tag}").text


@pytest.mark.long
def test_tags_of_shares_that_are_not_all_visible_do_not_add_up(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    put((channel, f"{tag}a"), (elsewhere, f"{tag}b"), (slack.add_channel("x", "group"), f"{tag}c"))
    assert "doc.pdf" in ask(channel, f"{tag}a {tag}b").text
    assert "doc.pdf" not in ask(channel, f"{tag}a {tag}c").text


def test_the_place_that_is_shown_is_one_where_the_tag_was_said(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    put((channel, tag), (elsewhere, f"{tag}other"))
    answer = ask(slack.add_channel("third"), tag)
    assert f"in #{channel.name} on 2017-07-03" in answer.lines[1]
    assert answer.lines[2] == f"#{tag}"


# What an answer looks like.


def test_a_document_is_shown_with_name_size_person_place_day_and_tags(
    slack: Slack, channel: Channel, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    file_id = put((channel, f"{tag} 2026"), name="Q3 <report> & more.pdf")
    answer = ask(elsewhere, f"#{tag.upper()}, 2026")
    assert answer.lines == [
        f"*Documents with #{tag} 2026, the newest first*",
        f"• Q3 <report> & more.pdf (47 KB), shared by @mira in #{channel.name} on 2017-07-03"
        " · Open in Slack · Archived copy",
        f"#2026 #{tag}",
    ]
    line = answer.body["blocks"][1]["text"]["text"]
    assert line.startswith("• Q3 &lt;report&gt; &amp; more.pdf (47 KB)")
    assert f"<{slack.url}/files/{file_id}|Open in Slack>" in line
    assert answer.buttons == {"#2026": "#2026", f"#{tag}": f"#{tag}"}
    assert (
        answer.body["text"] == f"*Documents with #{tag} 2026, the newest first*\nQ3 &lt;report&gt; &amp; more.pdf"
    )
    assert answer.is_ephemeral


@pytest.mark.long
def test_more_continues_where_it_stopped_until_the_end(channel: Channel, put: Put, ask: Ask, tag: str) -> None:
    for number in range(25):
        put((channel, tag), created=1_499_000_000 + number // 3, name=f"{number:02}.pdf")
    numbers: list[str] = []
    text: str | None = tag
    while text:
        answer = ask(channel, text)
        pages = [line for line in answer.lines if line.startswith("• ")]
        assert len(pages) <= search.SHOWN
        numbers += [line[2:4] for line in pages]
        text = answer.buttons.get("Show more")
        assert (f"type /docs {text}" in str(answer.body["blocks"])) == (text is not None)
    assert sorted(numbers) == [f"{number:02}" for number in range(25)]
    assert [int(number) // 3 for number in numbers] == sorted(
        (int(number) // 3 for number in numbers), reverse=True
    )


def test_the_page_after_the_last_says_so(channel: Channel, put: Put, ask: Ask, tag: str) -> None:
    put((channel, tag))
    assert ask(channel, f"{tag} more 9999999999-").text == f"No more documents with {tag}."


def test_an_unknown_tag_is_answered_with_the_nearest(channel: Channel, put: Put, ask: Ask, tag: str) -> None:
    put((channel, f"{tag}finance"))
    answer = ask(channel, f"{tag}fiance")
    assert answer.lines == [nothing(f"{tag}fiance"), f"Did you mean {tag}finance?", f"{tag}finance"]
    assert answer.buttons == {f"{tag}finance": f"{tag}finance"}


def test_two_unknown_tags_are_answered_with_the_nearest_of_each(channel: Channel, put: Put, ask: Ask) -> None:
    for name in ("kaleidoscope", "nightingale"):
        put((channel, name))
    answer = ask(channel, "#kaleidoskope #nightingail")
    assert set(answer.buttons) == {"#kaleidoscope", "#nightingale"}


def test_tags_are_listed_by_their_beginning(channel: Channel, put: Put, ask: Ask, tag: str) -> None:
    put((channel, f"{tag}one {tag}two 2026"))
    assert ask(channel, f"tags {tag}").lines == [f"*Tags in use that begin with {tag}*", f"#{tag}one #{tag}two"]


@pytest.mark.long
def test_a_long_tag_list_says_that_there_is_more(channel: Channel, put: Put, ask: Ask, tag: str) -> None:
    put((channel, " ".join(f"{tag}{number:02}" for number in range(25))))
    answer = ask(channel, f"tags {tag}")
    assert answer.text.count(f"#{tag}") == suggestions.SHOWN_TAGS
    assert answer.lines[-1].startswith("There are more")


def test_of_thousands_of_names_fifty_are_compared_letter_by_letter_and_forty_letters_of_each() -> None:
    """A comparison takes time that grows with the square of the length."""
    others = [f"{'lorem-ipsum-' * 8}{number}" for number in range(2_500)]
    lengths: list[int] = []

    def count(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_qualname == "SequenceMatcher.get_matching_blocks":
            lengths.append(len(frame.f_locals["self"].a) + len(frame.f_locals["self"].b))

    sys.setprofile(count)
    try:
        near = suggestions.alike("lorem-ipsum-" * 8, others, 3)
    finally:
        sys.setprofile(None)
    assert len(near) == 3
    assert 0 < len(lengths) <= suggestions.MOST_COMPARED
    assert max(lengths) <= 80


@pytest.mark.parametrize(
    ("typed", "names", "meant"),
    [
        ("fiance", ["finance", "fence", "marketing"], ["finance", "fence"]),
        ("finacne", ["finance", "financing", "final"], ["finance", "final", "financing"]),
        ("board", ["board", "boards", "bored"], ["boards", "bored"]),
        ("x", ["finance"], []),
        ("a" * 50 + "b", ["a" * 50 + "c"], ["a" * 50 + "c"]),
    ],
)
def test_the_names_most_alike_come_first_and_those_unlike_never(
    typed: str, names: list[str], meant: list[str]
) -> None:
    assert suggestions.alike(typed, names, 3) == meant


# The bound.


class Counter:
    """A way to S3 that counts the requests."""

    def __init__(self, aws: Aws) -> None:
        self.requests: list[str] = []
        self.aws = aws
        self._server = HttpServer(self._respond)
        self._connections = Connections(5, 30)
        self.url = self._server.url

    def close(self) -> None:
        self._connections.close()
        self._server.close()

    def bucket(self, name: str) -> Bucket:
        """The bucket, whose requests are counted."""
        return Bucket(name, self._connections, Account({**self.aws.environ(), "AWS_ENDPOINT_URL": self.url}))

    @property
    def listings(self) -> int:
        return sum("list-type" in request for request in self.requests)

    @property
    def records(self) -> int:
        return len(self.requests) - self.listings

    def _respond(self, request: Request) -> Response:
        self.requests.append(request.target)
        return forward(request, self.aws.url)


@pytest.fixture
def counter(pipeline: Pipeline) -> Iterator[Counter]:
    with closing(Counter(pipeline.aws)) as new_counter:
        yield new_counter


@pytest.fixture
def listings(counter: Counter, bucket: str) -> Iterator[Listings]:
    with Deadline(time.monotonic() + 60) as deadline:
        yield Listings(counter.bucket(bucket), deadline)


@pytest.fixture
def hinted(slack: Slack, s3: Any, bucket: str) -> Callable[[Channel, str, Iterable[int]], None]:
    """Put index entries of documents that do not exist: the worst case of a search."""

    def put_them(channel: Channel, tag: str, moments: Iterable[int]) -> None:
        for moment in moments:
            for scope in (index.PUBLIC, channel.id):
                key = index.prefix(index.TAGS, slack.team_id, scope, tag) + index.place(moment, f"F{moment}")
                s3.put_object(Bucket=bucket, Key=key, Body=b"")

    return put_them


@pytest.mark.long
@pytest.mark.parametrize("size", [40, 80])
def test_the_requests_of_a_search_do_not_grow_with_the_archive(
    slack: Slack,
    api: Api,
    channel: Channel,
    tag: str,
    hinted: Any,
    listings: Listings,
    counter: Counter,
    size: int,
    mira: User,
) -> None:
    """Two common tags that hardly go together, listed in pages so small that none of the listings is ever whole."""
    hinted(channel, f"{tag}a", range(1, 2 * size, 2))
    hinted(channel, f"{tag}b", [1, *range(2, 2 * size, 2)])
    asker, channels = (
        Asker(slack.team_id, mira.id, channel.id, False),
        Channels(api, slack.team_id, listings.deadline),
    )
    results = search.find([as_tag(f"{tag}a"), as_tag(f"{tag}b")], "", asker, listings, channels, page=4)
    assert (results.hits, results.capped) == ([], True)
    assert len(counter.requests) == 2 * 2 * ROUNDS
    assert results.after
    assert results.after.endswith("-")


@pytest.mark.long
def test_no_answer_takes_more_requests_than_the_bound(
    slack: Slack,
    api: Api,
    channel: Channel,
    tag: str,
    hinted: Any,
    listings: Listings,
    counter: Counter,
    mira: User,
) -> None:
    """Five tags whose listings never end, every hint of which is stale."""
    tags = [as_tag(f"{tag}{number}") for number in range(search.MOST_TERMS)]
    for term in tags:
        hinted(channel, term.tag, range(50))
    asker, channels = (
        Asker(slack.team_id, mira.id, channel.id, False),
        Channels(api, slack.team_id, listings.deadline),
    )
    search.find(tags, "", asker, listings, channels, page=12)
    assert counter.listings <= 2 * search.MOST_TERMS * ROUNDS
    assert counter.records <= search.MOST_RECORDS
    counter.requests.clear()
    suggestions.nearest(tags, asker, listings, channels)
    assert counter.listings <= suggestions.MOST_LISTINGS
    assert counter.records <= suggestions.MOST_RECORDS
    counter.requests.clear()
    suggestions.tags_in_use("", asker, listings, channels)
    assert counter.listings <= suggestions.MOST_LISTINGS
    assert counter.records <= suggestions.MOST_RECORDS


def test_docs_name_the_bound_of_a_search() -> None:
    text = " ".join(PERFORMANCE.read_text(encoding="utf-8").split())
    assert f"make more than {search.MOST_LISTINGS} listings and read more than {search.MOST_RECORDS} rec" in text
    assert f"{search.MOST_TERMS} words and tags in {visibility.MOST_SCOPES} conversations" in text


@pytest.mark.long
def test_slack_is_asked_about_ten_channels_at_most_and_more_goes_on_there(
    slack: Slack, put: Put, ask: Ask, tag: str, elsewhere: Channel
) -> None:
    for number in range(14):
        put((slack.add_channel(f"c{number}"), tag), created=1_499_000_000 - number, name=f"{number:02}.pdf")
    before = len(slack.requests_to("conversations.info"))
    first = ask(elsewhere, tag)
    assert len(slack.requests_to("conversations.info")) - before == visibility.MOST_LOOKUPS
    assert [line[2:4] for line in first.lines if line.startswith("• ")] == [f"{number:02}" for number in range(10)]
    second = ask(elsewhere, first.buttons["Show more"])
    assert [line[2:4] for line in second.lines if line.startswith("• ")] == ["10", "11", "12", "13"]
    ask(elsewhere, tag)
    assert len(slack.requests_to("conversations.info")) - before == 14  # once told, believed for a while


class Shelf:
    """Listings in memory, for the merge alone: as `Listings`, as far as that is needed."""

    def __init__(self, keys: list[list[list[str]]]) -> None:
        self.deadline = self
        self.keys_of = {
            f"{tag}/{scope}": sorted(set(places)) for tag, of in enumerate(keys) for scope, places in enumerate(of)
        }

    def keys(self, prefix: str, after: str, most: int) -> Page:
        behind = [place for place in self.keys_of[prefix] if place > after]
        return Page(behind[:most], len(behind) <= most)

    def map(self, action: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [action(item) for item in items]

    def has_time(self, seconds: float) -> bool:
        return True


class Documents(Shelf):
    """An archive in memory that has *count* documents whose name has both words, but not next to each other."""

    def __init__(self, count: int, channel: str, seconds: float = 60.0) -> None:
        self.places = [index.place(9_000 - number, f"F{number}") for number in range(count)]
        self.deadline, self._channel, self._left = self, channel, seconds
        self.read, self.pages = 0, list[int]()

    def keys(self, prefix: str, after: str, most: int) -> Page:
        self.pages.append(most)
        behind = [place for place in self.places if place > after] if f"/{self._channel}/" in prefix else []
        return Page(behind[:most], len(behind) <= most)

    def records(self, keys: Iterable[str]) -> list[Any]:
        batch = [self._record() for _ in keys]
        self.read += len(batch)
        return batch

    def _record(self) -> Any:
        share = {"team": "T1", "channel": self._channel, "channel_type": "group", "ts": "1.1", "deleted": False}
        return {
            "file": {"name": "notice of a period", "title": ""},
            "shares": [{**share, "comment": "", "tags": []}],
        }

    def has_time(self, seconds: float) -> bool:
        return self._left >= seconds


@pytest.mark.parametrize(("seconds", "record_count"), [(60.0, 36), (0.0, 12)])
def test_a_search_that_finds_nothing_among_what_one_may_see_goes_on_after_what_it_read(
    api: Api, seconds: float, record_count: int
) -> None:
    listings: Any = Documents(50, "C1", seconds)
    asker, channels = Asker("T1", "U1", "C1", is_guest=True), Channels(api, "T1", listings.deadline)
    phrase = [Term('"notice period"', None, ("notice", "period"))]
    results = search.find(phrase, "", asker, listings, channels)
    assert listings.read == record_count
    assert (results.hits, results.capped) == ([], True)
    assert results.after == listings.places[record_count - 1].partition("-")[0] + "-"


def test_a_word_of_which_one_sees_no_document_is_as_if_it_were_not_there(api: Api) -> None:
    listings: Any = Documents(5, "C9")
    asker, channels = Asker("T1", "U1", "C1", is_guest=True), Channels(api, "T1", listings.deadline)
    assert not suggestions.all_visible([Term("notice", None, ("notice",))], asker, listings, channels)
    inside = asker._replace(channel="C9")
    assert suggestions.all_visible([Term("notice", None, ("notice",))], inside, listings, channels)


def test_the_pages_of_many_listings_are_short(api: Api) -> None:
    listings: Any = Documents(1, "C1")
    others = tuple(f"C{number}" for number in range(2, 11))
    asker, channels = Asker("T1", "U1", "C1", is_guest=True, others=others), Channels(api, "T1", listings.deadline)
    search.find([as_tag("notice"), as_tag("period")], "", asker, listings, channels)
    assert len(listings.pages) == 2 * 10
    assert sum(listings.pages) <= 2_000


def test_a_search_never_goes_back_among_documents_of_one_second(api: Api) -> None:
    listings: Any = Documents(50, "C1")
    listings.places = [index.place(9_000, f"F{number:02}") for number in range(50)]
    asker, channels = Asker("T1", "U1", "C1", is_guest=True), Channels(api, "T1", listings.deadline)
    phrase = [Term('"notice period"', None, ("notice", "period"))]
    results = search.find(phrase, listings.places[3], asker, listings, channels)
    assert results.after
    assert results.after > listings.places[3]


def test_a_search_that_has_read_everything_ends(api: Api) -> None:
    listings: Any = Documents(12, "C1")
    asker, channels = Asker("T1", "U1", "C1", is_guest=True), Channels(api, "T1", listings.deadline)
    phrase = [Term('"notice period"', None, ("notice", "period"))]
    assert search.find(phrase, "", asker, listings, channels) == search.Results([], None, capped=False)


PLACES = st.lists(
    st.integers(0, 30).flatmap(lambda n: st.sampled_from("AB").map(lambda x: index.place(n, x))), max_size=30
)


@pytest.mark.long
@given(
    keys=st.integers(1, 3).flatmap(
        lambda scopes: st.lists(st.lists(PLACES, min_size=scopes, max_size=scopes), min_size=1, max_size=3)
    ),
    page=st.integers(1, 40),
    take=st.integers(1, 12),
)
def test_listings_are_merged_without_a_gap_and_in_order(keys: list[list[list[str]]], page: int, take: int) -> None:
    shelf: Any = Shelf(keys)
    common_places = sorted(set.intersection(*({place for scope in tag for place in scope} for tag in keys)))
    places: list[str] = []
    after = ""
    for _ in range(200):  # each time a new search that goes on where the last one stopped
        tags = [[Listing(f"{tag}/{scope}", page) for scope in range(len(of))] for tag, of in enumerate(keys)]
        candidates = Candidates(tags, after, shelf)
        while batch := candidates.take(take):
            places += batch
        if candidates.exhausted:
            break
        after = candidates.position
    assert places == common_places
