"""`/docs` finds by words, phrases and extensions, in any script and from anywhere: through the whole pipeline."""

from collections.abc import Callable
from typing import Any

import pytest

from local.pipeline import Pipeline
from local.slack import CommandResult, Slack
from local.slack.model import Channel, Message, User
from tests.waiting import eventually

Upload = Callable[..., Message]
Ask = Callable[..., CommandResult]
HINTS = "/docs help"


@pytest.fixture
def mira(slack: Slack) -> User:
    """A person of the test's own: who is in many conversations has only some of them searched."""
    return slack.add_user("mira")


@pytest.fixture
def tomas(slack: Slack) -> User:
    return slack.add_user("tomas")


@pytest.fixture
def upload(slack: Slack, mira: User) -> Upload:
    """Upload a file, and wait until it is archived."""

    def uploaded(channel: Channel, name: str, text: str = "", title: str | None = None, **about: Any) -> Message:
        file = slack.add_file(name, name.encode(), "text/plain", title=title or name, user=mira, **about)
        message = slack.upload(channel, mira, [file], text)
        slack.wait_for_replies(channel, message.ts, timeout=30)
        return message

    return uploaded


@pytest.fixture
def ask(slack: Slack, mira: User) -> Ask:
    def typed(channel: Channel, text: str, user: User | None = None) -> CommandResult:
        return slack.command(channel, user or mira, "/docs", text)

    return typed


def names(answer: CommandResult) -> list[str]:
    return [line[2:].partition(" (")[0] for line in answer.lines if line.startswith("• ")]


BOARD = "Numbers for the zugspitze board, see the <https://x.example/p|notice period>"


@pytest.mark.long
@pytest.mark.parametrize(
    ("query", "is_hit"),
    [
        ("zugspitze", True),
        ("Board ZUGSPITZE numbers", True),
        ("zugspitze csv", True),
        ("zugspitze pdf", False),
        ("zugspitze-plan.csv", True),
        ('zugspitze "notice period"', True),
        ('zugspitze "period notice"', False),
        ('zugspitze "notice the"', False),
        ("zugspitze #board", False),
        ("zugspitze x.example", False),
        ("zugspitz", False),
    ],
)
def test_a_document_without_a_tag_is_found_by_all_its_words(
    channel: Channel, upload: Upload, ask: Ask, query: str, is_hit: bool
) -> None:
    if not names(ask(channel, "zugspitze")):
        upload(channel, "zugspitze-plan.csv", BOARD)
    assert (names(ask(channel, query)) == ["zugspitze-plan.csv"]) is is_hit


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "comment", "queries"),
    [
        ("年度報告書.pdf", "", ["報告", "年度報告書", "報告書.pdf"]),
        ("memo-ja.txt", "来月のキャンペーン企画です", ["キャンペーン", "企画"]),
        ("thai.txt", "รายงานประจำปีของบริษัท", ["รายงาน", "บริษัท"]),
        ("hindi.txt", "वार्षिक रिपोर्ट देखें", ["रिपोर्ट"]),
        ("farsi.txt", "گزارش می‌خواهم", ["گزارش", "می‌خواهم"]),
    ],
    ids=["Chinese", "Japanese", "Thai", "Hindi", "Persian"],
)
def test_documents_are_found_in_scripts_of_all_kinds(
    channel: Channel, upload: Upload, ask: Ask, name: str, comment: str, queries: list[str]
) -> None:
    upload(channel, name, comment)
    for query in queries:
        assert name in names(ask(channel, query)), query


def test_one_character_of_a_script_without_spaces_is_a_word_or_is_answered_with_what_to_type(
    channel: Channel, upload: Upload, ask: Ask
) -> None:
    upload(channel, "契約書.txt", "鰯")
    assert names(ask(channel, "契約")) == ["契約書.txt"]
    assert names(ask(channel, "鰯")) == ["契約書.txt"]
    text = ask(channel, "約").text
    assert "please type 約 with the character before or after it" in text
    assert "Did you mean 約書?" in text
    assert "please type" not in ask(channel, "x").text


@pytest.mark.long
def test_a_tag_is_a_word_but_a_word_is_no_tag(channel: Channel, upload: Upload, ask: Ask) -> None:
    upload(channel, "tagged.txt", "#watzmann")
    upload(channel, "worded.txt", "watzmann")
    assert sorted(names(ask(channel, "watzmann"))) == ["tagged.txt", "worded.txt"]
    assert names(ask(channel, "#watzmann")) == ["tagged.txt"]


@pytest.mark.long
def test_the_tag_of_a_reply_is_a_word(slack: Slack, channel: Channel, upload: Upload, ask: Ask, mira: User) -> None:
    message = upload(channel, "late.txt", "nothing to see")
    slack.say(channel, mira, "#matterhorn", thread_ts=message.ts)
    assert eventually(lambda: names(ask(channel, "matterhorn")) == ["late.txt"], 20)


@pytest.mark.long
def test_who_is_called_so_comes_before_who_is_titled_so_before_who_is_only_said_to_be(
    channel: Channel, upload: Upload, ask: Ask
) -> None:
    upload(channel, "eiger.txt", created=1_800_000_000)
    upload(channel, "a.txt", title="Eiger north face", created=1_800_000_001)
    upload(channel, "b.txt", "on the Eiger", created=1_800_000_002)
    answer = ask(channel, "eiger")
    assert names(answer) == ["eiger.txt", "a.txt", "b.txt"]
    assert answer.lines[0] == "*Documents with eiger, names that match first*"


@pytest.mark.long
def test_an_edit_and_a_deletion_are_followed_by_the_words(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask
) -> None:
    message = upload(channel, "doc.txt", "kilimanjaro")
    slack.edit(message, "denali")
    assert eventually(lambda: names(ask(channel, "denali")) == ["doc.txt"], 20)
    assert names(ask(channel, "kilimanjaro")) == []
    slack.delete(message)
    assert eventually(lambda: names(ask(channel, "denali")) == [], 20)


@pytest.mark.long
def test_the_command_alone_shows_what_is_new_and_how_to_ask(channel: Channel, upload: Upload, ask: Ask) -> None:
    upload(channel, "first.txt", created=1_900_000_000)
    upload(channel, "second.txt", created=1_900_000_001)
    answer = ask(channel, "")
    assert names(answer)[:2] == ["second.txt", "first.txt"]
    assert HINTS in answer.lines[-1]


def test_a_word_nearly_right_is_answered_with_the_word_that_was_meant(
    channel: Channel, upload: Upload, ask: Ask
) -> None:
    upload(channel, "annapurna.txt")
    assert ask(channel, "anapurna").lines[-2:] == ["Did you mean annapurna?", "annapurna"]
    assert "annapurna" not in ask(channel, "#anapurna").text
    assert "annapurna" not in ask(channel, '"anapurna peak"').text


# From anywhere.


@pytest.mark.long
def test_a_private_document_is_found_from_elsewhere_by_who_is_in_the_conversation(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask, mira: User, tomas: User
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, "manaslu.txt", "manaslu #manaslu")
    for query in ("manaslu", "#manaslu"):
        assert names(ask(channel, query)) == ["manaslu.txt"]
        assert names(ask(channel, query, tomas)) == []
    assert f"in #{board.name}" in ask(channel, "manaslu").text
    assert "#manaslu" in ask(channel, "tags manaslu").text
    assert "#manaslu" not in ask(channel, "tags manaslu", tomas).text
    assert "manaslu" not in ask(channel, "", tomas).text
    assert "Did you mean manaslu?" in ask(channel, "makalo").text
    assert "Did you mean" not in ask(channel, "makalo", tomas).text


def test_who_left_a_private_channel_finds_nothing_of_it(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask, mira: User
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, "lhotse.txt")
    assert names(ask(channel, "lhotse")) == ["lhotse.txt"]
    board.members.discard(mira.id)
    assert names(ask(channel, "lhotse")) == []


def test_where_the_app_is_no_more_nothing_is_found_from_elsewhere(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, "nuptse.txt")
    board.bot_is_member = False
    assert names(ask(channel, "nuptse")) == []


@pytest.mark.parametrize("kind", ["im", "mpim"])
def test_direct_messages_are_found_by_those_who_are_in_them(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask, mira: User, tomas: User, kind: str
) -> None:
    direct = slack.workspace.direct_message(mira.id) if kind == "im" else slack.add_channel("mpdm", "mpim")
    upload(direct, f"ortler-{kind}.txt")
    assert names(ask(channel, f"ortler-{kind}")) == [f"ortler-{kind}.txt"]
    assert "in a direct message" in ask(channel, "ortler-im").text or kind == "mpim"
    assert names(ask(channel, f"ortler-{kind}", tomas)) == []


@pytest.mark.long
def test_a_guest_finds_what_is_in_their_channels_and_nothing_public_beyond(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask
) -> None:
    guest = slack.add_user("guest", is_restricted=True)
    theirs, other = slack.add_channel("theirs"), slack.add_channel("other")
    theirs.members.add(guest.id)
    upload(theirs, "dom-theirs.txt", "monterosa")
    upload(other, "dom-other.txt", "monterosa")
    assert names(ask(channel, "monterosa", guest)) == ["dom-theirs.txt"]
    assert sorted(names(ask(channel, "monterosa"))) == ["dom-other.txt", "dom-theirs.txt"]


@pytest.mark.long
@pytest.mark.parametrize("scope", ["groups:read", "im:read", "mpim:read"])
def test_a_token_without_a_scope_searches_as_before_and_says_what_is_missing(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask, scope: str
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, f"weisshorn-{scope[:2]}.txt")
    upload(channel, f"here-{scope[:2]}.txt", "weisshorn")
    slack.scopes.discard(scope)
    answer = ask(channel, "weisshorn")
    assert f"here-{scope[:2]}.txt" in names(answer)
    assert f"weisshorn-{scope[:2]}.txt" not in names(answer)
    assert "(missing_scope)" in answer.lines[-1]
    assert f"weisshorn-{scope[:2]}.txt" in names(ask(board, "weisshorn"))


@pytest.mark.long
@pytest.mark.parametrize("misbehaviour", ["api_server_error", "api_garbage", "api_rate_limited", "api_silent"])
def test_conversations_that_slack_does_not_name_are_not_searched_and_the_answer_says_so(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask, misbehaviour: str
) -> None:
    board = slack.add_channel("board", "group")
    upload(board, f"pollux-{misbehaviour}.txt".replace("_", "-"))
    slack.misbehave(misbehaviour, only="users.conversations")
    answer = ask(channel, "pollux")
    assert names(answer) == []
    assert "I did not look into your other private conversations." in answer.text


@pytest.mark.long
def test_more_conversations_than_one_search_takes_are_counted(
    slack: Slack, channel: Channel, upload: Upload, ask: Ask
) -> None:
    user = slack.add_user("busy")
    for number in range(27):
        room = slack.add_channel(f"room{number}", "group")
        room.members.add(user.id)
        upload(room, f"r{number}.txt", "castor")
    answer = ask(channel, "castor", user)
    assert "I did not look into 3 more of your conversations. To search one of them, ask in it." in answer.text


@pytest.mark.parametrize("text", ["simler", "", "tags", "#simler"])
def test_when_s3_does_not_answer_the_person_reads_a_sentence(
    pipeline: Pipeline, channel: Channel, ask: Ask, text: str
) -> None:
    pipeline.aws.outages.down.add("s3")
    try:
        answer = ask(channel, text)
    finally:
        pipeline.aws.outages.down.clear()
    assert answer.attempt.status == 200
    assert answer.text.startswith("❌")
    assert names(answer) == []
