"""What the topic says ► what Slack shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import blocks, errors, notices
from chalicelib.errors import NotUnderstood
from chalicelib.notices import Notice


def file(status: str = "archived", **fields: Any) -> dict[str, Any]:
    base = {"id": "F1", "name": "q3.pdf", "status": status, "size": 48_213, "reason": None}
    return {**base, "document": None, "metadata": None, **fields}


def outcome(*files: dict[str, Any], **fields: Any) -> dict[str, Any]:
    base = {"type": "outcome", "kind": "upload", "execution": "T1-C1-1_2", "tags": ["2026", "finance"]}
    where = {"team": "T1", "channel": "C1", "ts": "1.2", "thread_ts": None, "user": "U1"}
    return {**base, **where, "tags_left_out": {"count": 0, "first": []}, "files": list(files), **fields}


def posted(message: dict[str, Any]) -> Notice:
    if message["type"] == "outcome":
        return notices.reply(message["execution"], message)
    notice = notices.notice(message)
    assert notice is not None
    return notice


def shown(notice: Notice) -> str:
    return "\n".join(block["text"]["text"] for block in notice.blocks if "text" in block)


def ending(notice: Notice) -> str:
    """What stands below the reply, in small letters."""
    return " ".join(block["elements"][0]["text"] for block in notice.blocks if block["type"] == "context")


def test_what_was_archived_is_said_with_its_tags_and_size() -> None:
    assert shown(posted(outcome(file()))) == "✅ 1 file in the archive with #2026 #finance.\n• q3.pdf (47 KB)"


def test_a_change_that_was_not_followed_asks_nobody_to_share_again() -> None:
    notice = posted({"type": "ended", "execution": "T1-C1-1_2-e3_4", "status": "TIMED_OUT"})
    assert (notice.name, notice.channel, notice.thread_ts, notice.text) == (
        "T1-C1-1_2-e3_4",
        "C1",
        "1.2",
        "❌ What was changed here did not reach the archive (timed out). Please tell whoever runs it.",
    )


OURS = '{"errorMessage": "The archive\'s bucket refuses <it>.", "errorType": "ArchiveRefused"}'
FAULT = "The archive had a fault of its own. Please tell whoever runs it ({})."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"Error": "ArchiveRefused", "Cause": OURS}, "The archive's bucket refuses &lt;it&gt;."),
        ({"Error": "ArchiveRefused", "Cause": "cut {"}, FAULT.format("ArchiveRefused")),
        ({"Error": "States.Timeout"}, FAULT.format("timeout")),
        ({"Error": "KeyError", "Cause": OURS}, FAULT.format("KeyError")),
    ],
    ids=["one of ours", "no JSON", "no cause", "another error"],
)
@pytest.mark.parametrize(("thread_ts", "root"), [(None, "1.2"), ("1.1", "1.1")])
def test_a_change_that_failed_is_told_in_the_thread_with_its_reason(
    error: dict[str, str], reason: str, thread_ts: str | None, root: str
) -> None:
    change = {"execution": "T1-C1-1_2-e3_4", "channel": "C1", "ts": "1.2", "thread_ts": thread_ts, "error": error}
    notice = posted({"type": "not_followed", "kind": "edit", "team": "T1", **change})
    assert (notice.name, notice.thread_ts) == ("T1-C1-1_2-e3_4", root)
    assert notice.text == f"❌ What was changed here did not reach the archive. {reason}"


def test_what_is_not_archived_comes_first_in_the_order_of_the_upload_and_says_why() -> None:
    files = [
        file(name="good.pdf"),
        file("unchanged", name="known.pdf", here_before=True),
        file("skipped", name="link", reason="Slack only links to it."),
        file("failed", name="gone.pdf", reason="It was deleted."),
    ]
    assert shown(posted(outcome(*files, tags=[]))) == (
        "❌ 1 file could not be archived, 1 file left out, 2 files in the archive.\n"
        "• link: Slack only links to it.\n"
        "• gone.pdf: It was deleted.\n"
        "• good.pdf (47 KB)\n"
        "• known.pdf was in the archive already"
    )


@pytest.mark.parametrize("status", ["archived", "skipped", "failed"])
def test_only_what_is_unchanged_was_in_the_archive_already(status: str) -> None:
    notice = posted(outcome(file(status, here_before=True, reason="No.")))
    assert "already" not in shown(notice)


def test_the_text_alone_tells_the_failure() -> None:
    notice = posted(outcome(file(), file("failed", reason="It was deleted.")))
    assert notice.text == (
        "❌ 1 file could not be archived, 1 file in the archive with #2026 #finance. • q3.pdf: It was deleted."
    )


@pytest.mark.parametrize(("thread_ts", "expected"), [(None, "1.2"), ("1.0", "1.0")])
def test_the_reply_goes_into_the_uploads_thread(thread_ts: str | None, expected: str) -> None:
    assert posted(outcome(file(), thread_ts=thread_ts)).thread_ts == expected


def test_of_many_problems_twenty_are_named_and_the_others_counted() -> None:
    files = [file("failed", name=f"{number}.pdf", reason="No.") for number in range(100)]
    text = shown(posted(outcome(*files)))
    assert text.count("•") == 20
    assert text.endswith("… and 80 more")


def test_many_files_that_are_archived_are_not_listed_again_below_the_upload() -> None:
    files = [file(name=f"{number}.pdf") for number in range(6)]
    assert shown(posted(outcome(*files))) == "✅ 6 files in the archive with #2026 #finance."
    odd = file("failed", name="odd.pdf", reason="It was deleted.")
    assert shown(posted(outcome(*files, odd))).splitlines()[1:] == ["• odd.pdf: It was deleted."]


def test_files_are_named_in_the_order_of_the_upload() -> None:
    files = [file("unchanged", name="b.pdf", here_before=True), file(name="a.pdf"), file("unchanged", name="c.pdf")]
    names = [line.split()[1] for line in shown(posted(outcome(*files))).splitlines()[1:]]
    assert names == ["b.pdf", "a.pdf", "c.pdf"]


@pytest.mark.parametrize(
    ("files", "tags", "expected"),
    [
        ([file()], ["a", "b", "c"], "To find it, type `/docs #a #b`."),
        ([file(), file()], [], "To tag them, reply here with a #hashtag."),
        ([file("failed", reason="No.")], ["a"], blocks.TRY_AGAIN),
        ([file("failed", reason="No."), file()], ["a"], f"{blocks.TRY_AGAIN} To find it, type `/docs #a`."),
        ([file("failed", reason=errors.GONE)], ["a"], ""),
        ([file("skipped", reason="No.")], ["a"], ""),
    ],
    ids=["tagged", "untagged", "failed", "failed in part", "gone", "left out"],
)
def test_the_reply_ends_with_what_the_person_can_do(files: Any, tags: list[str], expected: str) -> None:
    assert ending(posted(outcome(*files, tags=tags))) == expected


def test_a_tag_that_is_written_from_right_to_left_keeps_its_sign_in_front() -> None:
    notice = posted(outcome(file(name="דוח.pdf"), tags=["2026", "כספים"]))
    assert shown(notice) == (
        "✅ 1 file in the archive with #2026 \u2068#כספים\u2069.\n• \u2066דוח.pdf\u2069 (47 KB)"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [("States.Timeout", "timeout"), ("Lambda.Unknown", "unknown"), ("Runtime.OutOfMemory", "out_of_memory")],
)
def test_no_reason_names_a_service_of_aws(error: str, code: str) -> None:
    failed_file = file(
        "failed", reason=f"The archive had a fault of its own. Please tell whoever runs it ({error})."
    )
    assert shown(posted(outcome(failed_file))).endswith(f"Please tell whoever runs it ({code}).")


def test_tags_that_were_left_out_are_named() -> None:
    notice = posted(outcome(file(), tags_left_out={"count": 12, "first": ["a", "b"]}))
    assert "I left out #a #b and 10 more: a message can have 30 tags, and none may be very long." in shown(notice)


def test_links_that_are_no_tags_are_told_and_an_upload_with_them_is_no_quiet_success() -> None:
    left_out = {"count": 0, "first": [], "links": 2}
    text = "A link to a private channel does not become a tag. Please use another word."
    assert posted(outcome(file(), tags_left_out=left_out)).text.endswith(text)
    assert not notices.is_success([file()], left_out)


@pytest.mark.parametrize("name", ["<!channel>", "<@U1>", "<https://evil.example|pay.pdf>", "<!subteam^S1>", "a&b"])
def test_a_name_that_would_call_or_link_is_shown_to_the_letter(name: str) -> None:
    notice = posted(outcome(file(name=name), file("failed", name=name, reason=name), tags=[name]))
    for text in (shown(notice), notice.text):
        assert not set("<>") & set(text)
        assert blocks.escape(name) in text


def test_no_section_turns_words_into_links_or_calls() -> None:
    blocks = posted(outcome(file(name="@here #general http://x.example"))).blocks
    assert all((block.get("text") or block["elements"][0])["verbatim"] for block in blocks)


def test_a_name_cannot_turn_the_line_around_or_break_it() -> None:
    assert blocks.shown_name("a\u202efdp.\nb\u0000") == "a fdp. b"
    assert blocks.shown_name("👨\u200d👩\u200d👧.png") == "👨\u200d👩\u200d👧.png"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (None, "size unknown"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KB"),
        (48_213, "47 KB"),
        (1024**2 - 513, "1023 KB"),
        (1024**2 - 512, "1 MB"),
        (1024**2, "1 MB"),
        (3_355_443, "3.2 MB"),
        (300 * 1024**2, "300 MB"),
        (1024**3 - 52_430, "1023.9 MB"),
        (1024**3 - 52_429, "1 GB"),
        (1_610_612_736, "1.5 GB"),
        (5 * 1024**3, "5 GB"),
    ],
)
def test_sizes_are_written_as_people_read_them(count: int | None, expected: str) -> None:
    assert blocks.size(count) == expected


def test_an_execution_that_died_is_reported_to_the_message_in_its_name() -> None:
    notice = posted({"type": "ended", "execution": "T1-C1-1499081899_737651-r1", "status": "TIMED_OUT"})
    assert (notice.name, notice.channel, notice.thread_ts) == (
        "T1-C1-1499081899_737651-r1",
        "C1",
        "1499081899.737651",
    )
    assert "timed out" in notice.text


def test_an_error_with_a_place_is_told_there_once_per_message() -> None:
    error = {
        "type": "error",
        "team": "T1",
        "channel": "C1",
        "ts": "1.2",
        "error": "A file of the message has no id.",
    }
    notice = posted(error)
    assert (notice.name, notice.thread_ts) == ("error-T1-C1-1.2", "1.2")
    assert "A file of the message has no id." in notice.text


def test_an_error_without_a_place_is_told_to_nobody() -> None:
    assert notices.notice({"type": "error", "team": "T1", "channel": None, "ts": None, "error": "x"}) is None


@pytest.mark.parametrize("message", [{}, {"type": "news"}, {"type": "ended", "execution": "by hand"}])
def test_a_foreign_message_is_not_understood(message: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        notices.notice(message)


STATUS = st.sampled_from(["archived", "unchanged", "skipped", "failed"])
FILES = st.lists(st.builds(file, STATUS, name=st.text(max_size=400) | st.none(), reason=st.text(max_size=300)))


@pytest.mark.long
@given(files=FILES, tags=st.lists(st.text(min_size=1, max_size=100), max_size=30), repeat=st.integers(1, 20))
def test_every_notice_is_within_block_kits_limits(files: list[Any], tags: list[str], repeat: int) -> None:
    notice = posted(outcome(*(files * repeat or [file()]), tags=tags))
    assert 0 < len(notice.blocks) <= 50
    assert all(0 < len(block["text"]["text"]) <= 3_000 for block in notice.blocks if "text" in block)
    assert len(ending(notice)) <= 3_000
    assert 0 < len(notice.text) <= 4_000


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ended", "execution": "T1-F1-d1499081950_000100", "status": "TIMED_OUT"},
        {"type": "ended", "execution": "T1-F1-d1499081950_000100-r1", "status": "ABORTED"},
        {"type": "not_followed", "kind": "file_deletion", "execution": "T1-F1-d1_1", "channel": "", "ts": "1.1"},
    ],
    ids=str,
)
def test_the_deletion_of_a_file_is_in_no_conversation_that_could_be_told(message: dict[str, Any]) -> None:
    assert notices.notice(message) is None


def test_all_blocks_together_stay_below_slacks_limit_and_the_rest_is_counted() -> None:
    files = [file("skipped", name="&" * 120, reason="&" * 300) for _ in range(20)]
    notice = posted(outcome(*files))
    text = shown(notice)
    assert len(text) <= notices.LONGEST_NOTICE + 100
    names = text.count("• ")
    assert names
    assert text.endswith(f"… and {20 - names} more")


def test_buttons_are_as_many_and_as_long_as_block_kit_takes() -> None:
    """https://docs.slack.dev/reference/block-kit/block-elements/button-element"""
    questions = [("\u05d0" * 100, "v" * 2_001), *(("\u05d0" * 100, "v" * 2_000) for _ in range(26))]
    (row,) = blocks.buttons("ask", questions)
    assert len(row["elements"]) == 25
    assert {(len(each["text"]["text"]), len(each["value"])) for each in row["elements"]} == {(75, 2_000)}
    assert len({each["action_id"] for each in row["elements"]}) == 25
    (row,) = blocks.buttons("ask", [("x" * 73, "one"), ("x" * 74, "two")])
    assert [each["text"]["text"] for each in row["elements"]] == ["x" * 73, "x" * 72 + "…"]


def test_sections_are_filled_and_long_lines_broken_at_spaces() -> None:
    half = "x" * 1_449
    assert [len(block["text"]["text"]) for block in blocks.sections([half, half + "y", half])] == [2_900, 1_449]
    assert [len(block["text"]["text"]) for block in blocks.sections([half + "y", half + "y"])] == [1_450, 1_450]
    assert len(blocks.sections(["x" * 2_900, "a", "b"])) == 2
    whole = " ".join(["w" * 99] * 60)
    texts = [block["text"]["text"] for block in blocks.sections([whole])]
    assert " ".join(texts) == whole
    assert [len(text) for text in texts] == [2_899, 2_899, 199]
    assert [len(block["text"]["text"]) for block in blocks.sections(["z" * 6_000])] == [2_900, 2_900, 200]


def test_the_length_of_a_message_is_that_of_its_texts() -> None:
    button = {"type": "button", "text": {"type": "plain_text", "text": "abc"}}
    assert blocks.length([{"type": "divider"}, {"type": "section", "text": {"type": "mrkdwn", "text": "de"}}]) == 2
    assert blocks.length({"blocks": [{"type": "actions", "elements": [button, button]}]}) == 6


@pytest.mark.parametrize(
    ("length", "lengths"), [(2_899, [2_899]), (2_900, [2_900]), (2_901, [2_900, 1]), (5_800, [2_900, 2_900])]
)
def test_a_line_takes_as_many_sections_as_it_needs_and_none_is_empty(length: int, lengths: list[int]) -> None:
    assert [len(block["text"]["text"]) for block in blocks.sections(["x" * length])] == lengths
