"""What people type around the words: dates, filters of Slack's own search, sentences."""

from datetime import UTC, datetime

import pytest

from chalicelib import filters, questions
from local.slack import Slack
from local.slack.model import Channel

TYPED = [
    ("find me the contract", ["contract"]),
    ("Where is the Q3 report?", ["Q3", "report"]),
    ("please show us all files about #finance", ["#finance"]),
    ("the contract", ["the", "contract"]),
    ("what is it", ["what", "is", "it"]),
    ("find", ["find"]),
]


@pytest.mark.parametrize(("text", "expected"), TYPED)
def test_of_a_sentence_the_words_that_matter_are_looked_for(text: str, expected: list[str]) -> None:
    assert filters.without_fillers(text.split()) == expected


@pytest.mark.parametrize(
    ("text", "words", "understood", "unknown"),
    [
        ("contract before:2026-01-31", ["contract"], "before:2026-01-31", ()),
        ("After:2025 before:2026-03 x", ["x"], "before:2026-03 after:2025", ()),
        ("from:@mira in:#general x", ["x"], "", ("from:@mira", "in:#general")),
        ("before:yesterday after:2026-02-30", [], "", ("before:yesterday", "after:2026-02-30")),
        ("before:2026 x before:2027", ["x"], "before:2026", ("before:2027",)),
        ("numbers -csv -#draft to-do - x", ["numbers", "to-do", "-", "x"], "", ("-csv", "-#draft")),
        ("note:x https://x.example", ["note:x", "https://x.example"], "", ()),
    ],
)
def test_filters_are_told_from_words(
    text: str, words: list[str], understood: str, unknown: tuple[str, ...]
) -> None:
    rest, filtered = filters.split(text.split())
    assert (rest, filtered.text, filtered.unknown) == (words, understood, unknown)


@pytest.mark.parametrize("date", ["0001", "1000", "2999-12-31", "9999"])
def test_odd_years_are_no_error(date: str) -> None:
    _, filtered = filters.split([f"before:{date}", f"after:{date}"])
    assert filtered.first_place <= filtered.last_place or filtered.unknown


def created(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


@pytest.mark.long
def test_documents_are_found_by_when_they_were_uploaded(slack: Slack, channel: Channel) -> None:
    days = {"old.txt": "2025-12-31", "middle.txt": "2026-01-01", "new.txt": "2026-02-01"}
    files = [slack.add_file(name, name.encode(), "text/plain", created=created(day)) for name, day in days.items()]
    message = slack.upload(channel, slack.users[0], files, "#dated")
    slack.wait_for_replies(channel, message.ts)

    def found(text: str) -> list[str]:
        answer = slack.command(channel, slack.users[0], "/docs", text)
        return [line[2:].partition(" (")[0] for line in answer.lines if line.startswith("• ")]

    assert found("#dated before:2026-01-01") == ["old.txt"]
    assert found("#dated after:2026-01-01") == ["new.txt"]
    assert found("#dated after:2025-12-31 before:2026-02-01") == ["middle.txt"]
    assert found("#dated after:2025") == ["new.txt", "middle.txt"]
    assert found("find me the #dated file") == ["new.txt", "middle.txt", "old.txt"]
    none = slack.command(channel, slack.users[0], "/docs", "#dated before:2025").text
    assert "I found no document with #dated from before 2025 that you can see." in none


@pytest.mark.long
def test_more_documents_keep_the_dates(slack: Slack, channel: Channel) -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 15)]
    files = [slack.add_file(f"{day}.txt", day.encode(), "text/plain", created=created(day)) for day in days]
    message = slack.upload(channel, slack.users[0], files, "#often")
    slack.wait_for_replies(channel, message.ts)
    answer = slack.command(channel, slack.users[0], "/docs", "#often after:2026-01-02")
    rest = slack.command(channel, slack.users[0], "/docs", answer.buttons["Show more"])
    lines = [line for line in [*answer.lines, *rest.lines] if line.startswith("• ")]
    assert len(lines) == 12
    assert "2026-01-02.txt" not in str(lines)


def test_a_filter_that_is_not_understood_is_named_and_the_rest_is_looked_for(
    slack: Slack, channel: Channel
) -> None:
    file = ("plan.txt", b"plan", "text/plain")
    message = slack.upload(channel, slack.users[0], [file], "#filtered")
    slack.wait_for_replies(channel, message.ts)
    answer = slack.command(channel, slack.users[0], "/docs", "#filtered from:@mira in:#general")
    assert any(line.startswith("• plan.txt") for line in answer.lines)
    assert answer.lines[-1].startswith("I left out `from:@mira`, `in:#general`: I know words, #tags, kinds")


def test_filters_alone_are_answered_without_a_search() -> None:
    answer = questions.without_search("from:@mira")
    assert answer is not None
    assert answer["text"].startswith("I left out `from:@mira`: I know words")


def test_who_finds_nothing_with_several_words_is_told_that_all_must_match(slack: Slack, channel: Channel) -> None:
    def told(text: str) -> list[str]:
        return slack.command(channel, slack.users[0], "/docs", text).lines

    assert told("zyxwv vwxyz") == [
        "I found no document with zyxwv vwxyz that you can see.",
        "A document must match all that you type: please try fewer words.",
    ]
    assert told("zyxwv") == ["I found no document with zyxwv that you can see."]
