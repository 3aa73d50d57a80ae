"""The app's reply to a message: one, which stays true while the message changes."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import clients, errors, layout, notifier
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from local.slack import Message, Slack
from local.slack.model import Channel
from tests.conftest import words

Notify = Callable[..., None]
NOW, CLAIM = 1_800_000_000.0, 30.0
BOTH = [("plans.pdf", b"plans", "application/pdf"), ("budget.pdf", b"budget", "application/pdf")]


def said(slack: Slack, message: Message) -> list[str]:
    """What people read of the app in the message's thread."""
    replies = slack.replies(message.channel, message.ts)
    return [words(reply) for reply in replies if not reply.deleted and reply.body.get("bot_id")]


def signs(slack: Slack, message: Message) -> list[str]:
    return sorted(message.reactions)


# Through the whole pipeline.


@pytest.mark.long
def test_the_reply_follows_an_edit_of_the_tags(slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH[:1], text="Plans #draft")
    slack.wait_for_replies(channel, message.ts)
    slack.edit(message, "Plans #final #2026")
    slack.workspace.wait_until(lambda: "#draft" not in said(slack, message)[0], 60)
    assert said(slack, message) == ["✅ 1 file in the archive with #2026 #final.\n• plans.pdf (5 bytes)"]
    slack.workspace.wait_until(lambda: signs(slack, message) == ["label"], 60)


@pytest.mark.long
def test_the_reply_follows_the_tags_in_the_thread(slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH[:1], text="Plans #own")
    slack.wait_for_replies(channel, message.ts)
    reply = slack.say(channel, slack.users[0], "and #late", thread_ts=message.ts)
    slack.workspace.wait_until(lambda: "with #late #own" in said(slack, message)[0], 60)
    slack.delete(reply)
    slack.workspace.wait_until(lambda: "with #own." in said(slack, message)[0], 60)
    assert len(said(slack, message)) == 1


@pytest.mark.long
def test_the_reply_follows_files_that_are_taken_off_and_added(slack: Slack, channel: Channel) -> None:
    message = slack.upload(channel, slack.users[0], BOTH, text="Plans")
    slack.wait_for_replies(channel, message.ts)
    slack.edit(message, "Plans", without=message.files[:1])
    slack.workspace.wait_until(lambda: "plans.pdf" not in said(slack, message)[0], 60)
    slack.edit(message, "Plans", adding=[slack.add_file("annex.pdf", b"annex")])
    slack.workspace.wait_until(lambda: "annex.pdf" in said(slack, message)[0], 60)
    assert said(slack, message) == [
        "✅ 2 files in the archive.\n• budget.pdf (6 bytes)\n• annex.pdf (5 bytes)",
    ]


# The notifier alone: outcomes in any order.


@pytest.fixture
def notify(chosen: Settings, archive: Archive) -> Notify:
    def deliver(*texts: str, now: float = NOW, **other: Any) -> None:
        notifier.deliver(texts, archive, Api(clients.http(), chosen._replace(**other)), now, CLAIM)

    return deliver


@pytest.fixture
def message(slack: Slack, channel: Channel) -> Message:
    return slack.say(channel, slack.users[0], "x", deliver=False)


def entry(file_id: str, status: str = "archived", **fields: Any) -> dict[str, Any]:
    return {"id": file_id, "name": f"{file_id}.pdf", "status": status, "size": 5, "reason": None, **fields}


def outcome(message: Message, *files: dict[str, Any], kind: str = "upload", at: int = 0, **fields: Any) -> str:
    ts = message.ts
    suffix = f"-{'d' if kind == 'deletion' else 'e'}{1_800_000_000 + at}_000100" if kind != "upload" else ""
    execution = f"T1-{message.channel.id}-{ts.replace('.', '_')}{suffix}"
    where = {"team": "T1", "channel": message.channel.id, "ts": ts, "thread_ts": None, "user": "U1"}
    about = {"type": "outcome", "kind": kind, "execution": execution, "tags": []}
    return json.dumps({**about, **where, "files": list(files), **fields})


def record(archive: Archive, message: Message, *files: str, tags: Any = (), deleted: bool = False) -> None:
    """Write what the archive knows of a message that has ever shown F1, F2 and F3."""
    about = {"deleted": deleted, "files": list(files), "known": ["F1", "F2", "F3"], "ts": message.ts}
    value = {**about, "tags": list(tags), "replies": {}, "version": "1.0"}
    archive.change(layout.message_key("T1", message.channel.id, message.ts), lambda current: value)


TOLD: tuple[dict[str, Any], ...] = (
    {"files": [entry("F1"), entry("F2")], "tags": ["draft"]},
    {"kind": "edit", "at": 1, "files": [entry("F1", "unchanged"), entry("F2", "unchanged")], "tags": ["b"]},
    {"kind": "edit", "at": 2, "files": [entry("F2", "unchanged"), entry("F3")], "tags": ["final"]},
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_in_whatever_order_outcomes_come_there_is_one_reply_with_the_same_words(
    slack: Slack, message: Message, archive: Archive, notify: Notify, order: tuple[int, ...]
) -> None:
    record(archive, message, "F2", "F3", tags=["final"])
    for number in order:
        about = dict(TOLD[number])
        notify(outcome(message, *about.pop("files"), **about))
    (reply,) = said(slack, message)
    first, *lines = reply.splitlines()
    assert first == "✅ 2 files in the archive with #final."
    assert sorted(lines) == ["• F2.pdf (5 bytes)", "• F3.pdf (5 bytes)"]


def test_an_edit_while_the_reply_is_posted_is_in_it(
    slack: Slack, message: Message, chosen: Settings, archive: Archive
) -> None:
    record(archive, message, "F1", tags=["before"])

    class Late(Api):
        """Slack, with somebody who edits the message just before the reply is there."""

        def call(self, method: str, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
            if method == "chat.postMessage":
                record(archive, message, "F1", tags=["after"])
            return super().call(method, arguments, **options)

    notifier.deliver([outcome(message, entry("F1"))], archive, Late(clients.http(), chosen), NOW, CLAIM)
    assert said(slack, message) == ["✅ 1 file in the archive with #after.\n• F1.pdf (5 bytes)"]


def edited_under_refusals(slack: Slack, message: Message, archive: Archive, notify: Notify, error: str) -> int:
    """Edit the tags of a message with a reply that Slack lets nobody edit; return how often that was tried."""
    record(archive, message, "F1", tags=["before"])
    notify(outcome(message, entry("F1")))
    record(archive, message, "F1", tags=["after"])
    edit = outcome(message, entry("F1", "unchanged"), kind="edit")
    before = len(slack.requests_to("chat.update"))
    slack.misbehave("api_error", only="chat.update", error=error)
    for _ in range(3):
        notify(edit)
    return len(slack.requests_to("chat.update")) - before


@pytest.mark.parametrize("error", ["cant_update_message", "edit_window_closed", "new_word"])
def test_another_reply_replaces_one_that_slack_lets_nobody_edit(
    slack: Slack, message: Message, archive: Archive, notify: Notify, error: str
) -> None:
    assert edited_under_refusals(slack, message, archive, notify, error) == 1
    assert said(slack, message) == ["✅ 1 file in the archive with #after.\n• F1.pdf (5 bytes)"]
    assert signs(slack, message) == ["label"]


def test_a_reply_that_somebody_deleted_does_not_come_back(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    assert edited_under_refusals(slack, message, archive, notify, "message_not_found") == 1
    assert len(slack.replies(message.channel, message.ts)) == 1


@pytest.mark.parametrize("error", ["is_archived", "not_in_channel"])
def test_where_slack_takes_no_other_reply_the_old_one_stays(
    slack: Slack, message: Message, archive: Archive, notify: Notify, error: str
) -> None:
    record(archive, message, "F1", tags=["before"])
    notify(outcome(message, entry("F1")))
    slack.misbehave("api_error", only="chat.postMessage", error=error)
    assert edited_under_refusals(slack, message, archive, notify, "edit_window_closed") == 1
    assert said(slack, message) == ["✅ 1 file in the archive with #before.\n• F1.pdf (5 bytes)"]


def test_an_update_that_fails_for_a_while_is_made_later(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    record(archive, message, "F1", tags=["before"])
    notify(outcome(message, entry("F1")))
    record(archive, message, "F1", tags=["after"])
    edit = outcome(message, entry("F1", "unchanged"), kind="edit")
    slack.misbehave("api_server_error", times=1, only="chat.update")
    with pytest.raises(errors.SlackUnavailable):
        notify(edit)
    notify(edit)
    assert said(slack, message) == ["✅ 1 file in the archive with #after.\n• F1.pdf (5 bytes)"]


def test_what_is_started_again_and_succeeds_is_in_the_same_reply(
    slack: Slack, message: Message, notify: Notify
) -> None:
    notify(outcome(message, entry("F1", "failed", reason="Slack is down."), entry("F2")))
    assert said(slack, message)[0].startswith("❌ 1 file could not be archived")
    again = json.loads(outcome(message, entry("F1"), entry("F2", "unchanged")))
    notify(json.dumps({**again, "execution": f"{again['execution']}-r1"}))
    assert said(slack, message) == ["✅ 2 files in the archive.\n• F1.pdf (5 bytes)\n• F2.pdf (5 bytes)"]


def test_what_died_and_is_started_again_is_in_the_same_reply(
    slack: Slack, message: Message, notify: Notify
) -> None:
    about = json.loads(outcome(message, entry("F1")))
    notify(json.dumps({"type": "ended", "execution": about["execution"], "status": "TIMED_OUT"}))
    notify(json.dumps({**about, "execution": f"{about['execution']}-r1"}))
    assert said(slack, message) == ["✅ 1 file in the archive.\n• F1.pdf (5 bytes)"]


def test_a_message_that_lost_all_its_files_and_got_another_one_has_a_reply_again(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    record(archive, message, "F1")
    notify(outcome(message, entry("F1")))
    record(archive, message)
    notify(outcome(message, kind="edit", at=1))
    assert said(slack, message) == []
    record(archive, message, "F2")
    notify(outcome(message, entry("F2"), kind="edit", at=2))
    assert said(slack, message) == ["✅ 1 file in the archive.\n• F2.pdf (5 bytes)"]


def test_tags_that_are_too_many_are_said_until_an_edit_has_fewer(
    slack: Slack, message: Message, notify: Notify
) -> None:
    notify(outcome(message, entry("F1"), tags_left_out={"count": 1, "first": ["long"]}))
    assert "left out #long" in said(slack, message)[0]
    notify(outcome(message, entry("F1", "unchanged"), kind="edit", tags_left_out={"count": 0, "first": []}))
    assert "left out" not in said(slack, message)[0]


def test_a_quiet_sign_goes_with_the_messages_files(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    record(archive, message, "F1")
    notify(outcome(message, entry("F1"), user=None), replies="problems")
    assert (signs(slack, message), said(slack, message)) == (["white_check_mark"], [])
    record(archive, message)
    notify(outcome(message, kind="edit"), replies="problems")
    assert (signs(slack, message), said(slack, message)) == (["label"], [])


def test_a_quiet_sign_becomes_words_when_a_problem_appears(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    record(archive, message, "F1", "F2")
    notify(outcome(message, entry("F1"), user=None), replies="problems")
    skipped_entry = entry("F2", "skipped", reason="Slack only links to it.")
    notify(outcome(message, entry("F1", "unchanged"), skipped_entry, kind="edit"), replies="problems")
    (reply,) = said(slack, message)
    assert reply.startswith("⚠️ 1 file left out")
    assert "white_check_mark" not in signs(slack, message)


def test_words_that_slack_refuses_in_place_of_a_quiet_sign_are_not_posted_again(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    record(archive, message, "F1", "F2")
    notify(outcome(message, entry("F1"), user=None), replies="problems")
    failure = outcome(message, entry("F1", "unchanged"), entry("F2", "failed", reason="Too large."), kind="edit")
    slack.misbehave("api_error", times=1, only="chat.postMessage", error="is_archived")
    notify(failure, replies="problems")
    posts = len(slack.requests_to("chat.postMessage"))
    notify(failure, replies="problems")
    assert (said(slack, message), len(slack.requests_to("chat.postMessage"))) == ([], posts)


def test_a_reply_of_an_earlier_version_goes_when_one_of_its_files_does(
    slack: Slack, message: Message, archive: Archive, notify: Notify
) -> None:
    """Its mark has the ids of the files, not what was said of them."""
    record(archive, message, "F1", "F2")
    notify(outcome(message, entry("F1"), entry("F2")))
    key = layout.notice_key(f"T1-{message.channel.id}-{message.ts.replace('.', '_')}")
    mark = archive.read(key)
    assert mark
    old = {name: mark.value[name] for name in ("state", "at", "reply", "files")}
    archive.write(key, old, over=mark)
    notify(outcome(message, kind="reply"))
    assert len(said(slack, message)) == 1
    record(archive, message, "F1")
    notify(outcome(message, kind="reply"))
    assert said(slack, message) == []


@pytest.mark.parametrize(
    ("days", "created_days", "stays"),
    [(90, 90, True), (1, 90, True), (1, 1, False), (1, None, False)],
    ids=["an old message", "an old file in a new message", "a new file", "one that was not archived"],
)
def test_what_vanishes_by_age_stays_in_the_reply_and_what_a_person_takes_off_does_not(
    slack: Slack,
    channel: Channel,
    message: Message,
    archive: Archive,
    notify: Notify,
    *,
    days: int,
    created_days: int | None,
    stays: bool,
) -> None:
    now = float(message.ts)
    about = {"deleted": False, "known": ["F1", "F2"], "ts": message.ts, "tags": [], "replies": {}, "version": "1.0"}
    key = layout.message_key("T1", channel.id, message.ts)
    archive.change(key, lambda current: {**about, "files": ["F1", "F2"]})
    if created_days is None:
        archive.delete(layout.metadata_key("T1", "F1"))
    else:
        file = {"created": int(now) - (created_days - days) * 86_400}
        archive.change(layout.metadata_key("T1", "F1"), lambda current: {"file": file, "shares": []})
    notify(outcome(message, entry("F1"), entry("F2")))
    at = f"{int(now) + days * 86_400}.000100"
    archive.change(key, lambda current: {**about, "files": ["F2"], "absent": {"F1": at}})
    notify(outcome(message, entry("F2", "unchanged"), kind="edit", at=1), keep_after_days=80)
    assert ("F1.pdf" in said(slack, message)[0]) is stays
