"""Reading a conversation: each message once, newest first, from wherever it stopped, and threads of any age."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest

from chalicelib import clients, conversation
from chalicelib.conversation import Conversation, Item, Position
from chalicelib.errors import SlackRefused
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Client
from local.slack import Slack
from local.slack.model import Channel, Message

TEXT = ("n.txt", b"note", "text/plain")
LATEST = "9999999999.000000"


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


@pytest.fixture
def channel(slack: Slack, request: pytest.FixtureRequest) -> Channel:
    return slack.add_channel(request.node.name[:60])


@pytest.fixture
def client(slack: Slack) -> Client:
    settings = Settings(access_token=slack.bot_token, slack_url=slack.api_url, slack_loopback=True)
    return Client(clients.http(), settings)


class Known:
    """What the archive would have on record."""

    def __init__(self, *messages: str, **replies: list[str]) -> None:
        self._messages, self._replies = messages, replies

    def messages(self, oldest: str, latest: str) -> list[str]:
        return [ts for ts in self._messages if oldest < ts < latest]

    def replies(self, root: str) -> list[str]:
        return self._replies.get("replies", [])


class Reader:
    """Reads *channel* with *client*, and counts the calls."""

    def __init__(self, client: Client, channel: Channel, archive: Known | None = None) -> None:
        self.client, self.calls = client, list[str]()
        self.conversation = Conversation(self.call, channel.id, archive or Known())

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(method)
        return self.client.call(method, arguments, form=True)

    def items(self, position: Position | None = None, since: str = "0") -> Iterator[Item]:
        return self.conversation.read(position or conversation.beginning(LATEST), since)

    def texts(self, position: Position | None = None, since: str = "0") -> list[str]:
        return [item.message["text"] for item in self.items(position, since) if item.message]


@pytest.fixture
def reader(client: Client, channel: Channel) -> Reader:
    return Reader(client, channel)


def say(slack: Slack, channel: Channel, *texts: str, root: Message | None = None) -> list[Message]:
    thread = root.ts if root else None
    return [slack.say(channel, slack.users[1], text, thread_ts=thread, deliver=False) for text in texts]


def share(slack: Slack, channel: Channel, text: str, root: Message | None = None) -> Message:
    thread = root.ts if root else None
    return slack.upload(channel, slack.users[1], [TEXT], text, thread_ts=thread, deliver=False)


@pytest.mark.parametrize("misbehaviours", [[], ["history_from_oldest"]], ids=str)
def test_every_message_comes_once_newest_first_over_many_pages(
    slack: Slack, channel: Channel, reader: Reader, monkeypatch: pytest.MonkeyPatch, misbehaviours: list[str]
) -> None:
    monkeypatch.setattr(conversation, "PAGE", 3)
    for name in misbehaviours:
        slack.misbehave(name)
    say(slack, channel, *"abcdefgh")
    assert reader.texts() == list("hgfedcba")
    assert reader.calls.count("conversations.history") == 3


@pytest.mark.long
def test_reading_goes_on_behind_any_message(
    slack: Slack, channel: Channel, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PAGE", 2)
    monkeypatch.setattr(conversation, "FILES_PAGE", 2)
    say(slack, channel, "a", "b")
    roots = [share(slack, channel, "files"), *say(slack, channel, "no files", "none here")]
    for root in roots:
        say(slack, channel, "x", root=root)
        share(slack, channel, f"y{root.text}", root)
        share(slack, channel, f"z{root.text}", root)
    whole = reader.texts()
    for count in range(1, len(list(reader.items()))):
        before = list(islice(reader.items(), count))
        texts = [item.message["text"] for item in before if item.message]
        assert texts + reader.texts(before[-1].next) == whole, count


def test_replies_to_a_message_with_files_are_read_and_other_threads_only_where_they_show_files(
    slack: Slack, channel: Channel, reader: Reader
) -> None:
    with_files, without = share(slack, channel, "minutes"), say(slack, channel, "Who has the plan?")[0]
    say(slack, channel, "#2026", "thanks", root=with_files)
    say(slack, channel, "not me", root=without)
    share(slack, channel, "here", without)
    say(slack, channel, "great", root=without)
    assert reader.texts() == ["Who has the plan?", "minutes", "#2026", "thanks", "here"]


def test_a_thread_that_began_before_the_time_asked_for_is_found_by_its_new_files(
    slack: Slack, channel: Channel, reader: Reader
) -> None:
    root = say(slack, channel, "old")[0]
    share(slack, channel, "old too", root)
    since = say(slack, channel, "from here on")[0]
    share(slack, channel, "new", root)
    assert reader.texts(since=since.ts) == ["new"]


def test_files_of_one_second_are_listed_page_by_page(
    slack: Slack, channel: Channel, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "FILES_PAGE", 2)
    roots = say(slack, channel, *"abcde")
    replies = [share(slack, channel, f"file {root.text}", root) for root in roots]
    for reply in replies:
        reply.files[0].created = 1_700_000_000
    assert sorted(reader.texts())[5:] == [f"file {letter}" for letter in "abcde"]


def test_files_of_two_seconds_in_a_row_come_once(
    slack: Slack, channel: Channel, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "FILES_PAGE", 2)
    roots = say(slack, channel, *"abcde")
    replies = [share(slack, channel, f"file {root.text}", root) for root in roots]
    for number, reply in enumerate(replies):
        reply.files[0].created = 1_700_000_000 + (number > 1)
    assert sorted(reader.texts())[5:] == [f"file {letter}" for letter in "abcde"]


def test_whether_or_not_slack_counts_the_second_asked_for_no_file_is_left_out(
    slack: Slack, channel: Channel, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "FILES_PAGE", 2)
    replies = [share(slack, channel, f"file {root.text}", root) for root in say(slack, channel, *"abc")]
    for number, reply in enumerate(replies):
        reply.files[0].created = 1_700_000_000 + (number > 1)

    def call(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = client.call(method, arguments, form=True)
        if method == "files.list":
            before = arguments["ts_to"]
            files = client.call(method, {**arguments, "count": 100, "page": 1}, form=True)["files"]
            files = [file for file in files if file["created"] < before]
            first = (arguments["page"] - 1) * arguments["count"]
            answer = {**answer, "files": files[first : first + arguments["count"]]}
        return answer

    items = Conversation(call, channel.id, Known()).read(conversation.beginning(LATEST), "0")
    texts = [item.message["text"] for item in items if item.message]
    assert sorted(texts)[3:] == ["file a", "file b", "file c"]


def test_what_was_shared_at_the_very_time_asked_for_is_read(slack: Slack, channel: Channel, reader: Reader) -> None:
    reply = share(slack, channel, "at that moment", say(slack, channel, "old")[0])
    assert reader.texts(since=reply.ts) == ["at that moment"]


def test_nothing_is_read_behind_the_end(slack: Slack, channel: Channel, reader: Reader) -> None:
    share(slack, channel, "reply", say(slack, channel, "root")[0])
    assert list(reader.items({**conversation.beginning(LATEST), "part": "end"})) == []
    assert reader.calls == []


def test_a_file_whose_shares_are_not_told_is_asked_about(slack: Slack, channel: Channel, client: Client) -> None:
    reply = share(slack, channel, "here", say(slack, channel, "root")[0])
    reader = Reader(client, channel)
    bare = {"files": [{"id": reply.files[0].id, "created": 1}]}
    client_call = client.call

    def call(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        reader.calls.append(method)
        return bare if method == "files.list" else client_call(method, arguments, form=True)

    reader.conversation = Conversation(call, channel.id, Known())
    assert reader.texts() == ["root", "here"]
    assert "files.info" in reader.calls


def test_files_that_have_to_be_asked_about_are_read_by_turns_of_few_calls(
    slack: Slack, channel: Channel, client: Client
) -> None:
    root = say(slack, channel, "root")[0]
    replies = [share(slack, channel, f"reply {number}", root) for number in range(6)]
    bare = {"files": [{"id": reply.files[0].id, "created": 1} for reply in replies]}
    position, texts, turns = conversation.beginning(LATEST), list[str](), 0

    def turn() -> None:
        nonlocal position
        calls = 0

        def call(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
            nonlocal calls
            calls += 1
            if calls > 4:
                raise TimeoutError
            return bare if method == "files.list" else client.call(method, arguments, form=True)

        for item in Conversation(call, channel.id, Known()).read(position, "0"):
            position = item.next
            texts.extend([item.message["text"]] if item.message else [])

    while position["part"] != "end":
        turns += 1
        assert turns < 20
        with suppress(TimeoutError):
            turn()
    assert texts == ["root", *(f"reply {number}" for number in range(6))]


def test_what_the_archive_has_and_slack_does_not_show_comes_in_its_place(
    slack: Slack, channel: Channel, client: Client
) -> None:
    first, second, third = say(slack, channel, *"abc")
    slack.delete(second, deliver=False)
    reader = Reader(client, channel, Known(second.ts))
    items = [(item.kind, item.ts) for item in reader.items() if item.kind != "moved"]
    assert items == [("message", third.ts), ("missing", second.ts), ("message", first.ts)]


def test_replies_that_the_archive_has_and_slack_does_not_show_come_in_their_place(
    slack: Slack, channel: Channel, client: Client
) -> None:
    root = share(slack, channel, "minutes")
    replies = say(slack, channel, *"abc", root=root)
    slack.delete(replies[1], deliver=False)
    slack.delete(replies[2], deliver=False)
    reader = Reader(client, channel, Known(replies=[reply.ts for reply in replies]))
    items = [(item.kind, item.ts) for item in reader.items() if item.thread and item.kind != "moved"]
    assert items == [("message", replies[0].ts), ("missing", replies[1].ts), ("missing", replies[2].ts)]


def test_one_message_is_asked_for_by_its_ts(slack: Slack, channel: Channel, reader: Reader) -> None:
    root = say(slack, channel, "root")[0]
    reply = say(slack, channel, "reply", root=root)[0]
    messages = [reader.conversation.message(root.ts, None), reader.conversation.message(reply.ts, root.ts)]
    assert [message and message["text"] for message in messages] == ["root", "reply"]
    slack.delete(reply, deliver=False)
    assert reader.conversation.message(reply.ts, root.ts) is None
    slack.delete(root, deliver=False)
    assert reader.conversation.message(reply.ts, root.ts) is None
    assert reader.conversation.message(root.ts, None) is None


def test_a_conversation_that_the_app_is_not_in_is_refused_by_name(
    slack: Slack, channel: Channel, reader: Reader
) -> None:
    slack.remove_app(channel)
    with pytest.raises(SlackRefused) as refusal:
        reader.texts()
    assert refusal.value.error == "not_in_channel"


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ({"is_channel": True, "is_private": False}, "channel"),
        ({"is_channel": True, "is_private": False, "is_group": True}, "group"),
        ({"is_channel": True, "is_private": True, "is_group": False}, "group"),
        ({"is_channel": False, "is_private": False, "is_group": False}, "group"),
        ({"is_channel": "true", "is_private": False}, "group"),
        ({"is_channel": True}, "group"),
        ({}, "group"),
        ({"is_im": True}, "im"),
        ({"is_mpim": True, "is_group": True}, "mpim"),
    ],
)
def test_what_is_not_plainly_public_is_private(details: dict[str, Any], kind: str) -> None:
    assert conversation.channel_type(details) == kind
