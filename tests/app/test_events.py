"""Slack's event ► an upload, an edit, a deletion, a reply, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import events, installation
from chalicelib.errors import NotUnderstood
from chalicelib.files import ODD
from chalicelib.files import file as file_of
from tests.payloads import FOLDER, payload, with_event

UPLOADS = {
    "file_share_modern": 3,
    "file_share_thread": 1,
    "file_share_private_group": 1,
    "file_share_dm": 1,
    "message_with_files_no_subtype": 1,
    "file_share_bot": 1,
    "file_share_connect_stub": 1,
    "file_share_legacy_2017": 1,
    "file_share_external": 1,
    "file_share_tombstone": 1,
    "file_share_hidden_by_limit": 1,
    "file_share_canvas": 1,
    "file_share_connect_sender": 1,
    "file_share_grid": 1,
    "message_forwarded": 2,
    "file_share_type_empty": 1,
    "file_share_loose_back_ticks": 1,
    "file_share_unnamed_channel": 1,
    "file_share_odd_entry": 3,
    "file_share_emoji_tags": 1,
}
CHANGES = {
    "message_changed_edit": "edit",
    "message_changed_tombstone": "deletion",
    "message_deleted": "deletion",
    "thread_reply": "reply",
    "thread_broadcast": "reply",
}
NOT_EVENTS = {
    "block_actions_ephemeral",
    "block_actions_home",
    "message_action",
    "url_verification",
    "app_rate_limited",
}
OTHERS = sorted({file.stem for file in FOLDER.glob("*.json")} - set(UPLOADS) - set(CHANGES) - NOT_EVENTS)


def test_the_app_has_joined_where_its_own_bot_user_has() -> None:
    assert events.joined_channel(with_event("channel_join")) is None  # somebody else
    assert events.joined_channel(with_event("channel_join", user="U0LOCALBOT")) == "C0LOCAL001"
    own = with_event("channel_join", user="U0LOCALBOT", type="member_joined_channel", subtype=...)
    assert events.joined_channel(own) == "C0LOCAL001"
    assert events.joined_channel(with_event("message_plain", user="U0LOCALBOT")) is None
    assert events.joined_channel(with_event("channel_join", user="U0LOCALBOT", channel="../C1")) is None


FILE = payload("message_changed_edit")["event"]["message"]["files"][0]
OTHER = {**FILE, "id": "F2"}


def uploaded(envelope: Any) -> events.Change:
    upload = events.change(envelope)
    assert upload is not None
    return upload


def changed(envelope: Any) -> events.Change:
    change = events.change(envelope)
    assert change is not None
    return change


@pytest.mark.parametrize(("name", "count"), UPLOADS.items(), ids=UPLOADS)
def test_a_message_with_files_is_an_upload(name: str, count: int) -> None:
    assert len(uploaded(payload(name)).files) == count


@pytest.mark.parametrize(("name", "kind"), CHANGES.items(), ids=CHANGES)
def test_what_becomes_of_a_message_is_told_by_its_kind(name: str, kind: str) -> None:
    change, event = changed(payload(name)), payload(name)["event"]
    assert change.kind == kind
    assert change.message["version"] == event["event_ts"]


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_is_nothing(name: str) -> None:
    assert events.change(payload(name)) is None


def test_what_the_message_says_is_carried() -> None:
    upload = uploaded(payload("file_share_modern"))
    assert upload.message == {
        "team": "T0LOCAL01",
        "channel": payload("file_share_modern")["event"]["channel"],
        "channel_type": "channel",
        "user": "U0LOCAL001",
        "ts": "1764061200.737651",
        "thread_ts": None,
        "comment": "Q3 numbers for <#C0LOCAL004|finance> &amp; friends #2026 :tada:",
        "comment_cut": False,
        "version": "1764061200.737651",
        "event_id": payload("file_share_modern")["event_id"],
    }
    assert upload.tags.kept == ["2026", "finance"]


def test_a_file_is_carried_with_its_download_address() -> None:
    first = uploaded(payload("file_share_modern")).files[0]
    assert first == {
        "id": "F0LOCAL001",
        "name": "Q3 report.pdf",
        "title": "Q3 report.pdf",
        "mimetype": "application/pdf",
        "size": 48213,
        "created": 1764061198,
        "user": "U0LOCAL001",
        "mode": "hosted",
        "file_access": "visible",
        "url": "https://files.slack.com/files-pri/T0LOCAL01-F0LOCAL001/download/q3_report.pdf",
        "permalink": "https://local-example.slack.com/files/U0LOCAL001/F0LOCAL001/q3_report.pdf",
    }


def test_the_comment_of_2017_is_the_persons_and_not_slacks_sentence() -> None:
    envelope = payload("file_share_legacy_2017")
    comment = envelope["event"]["file"]["initial_comment"]["comment"]
    assert uploaded(envelope).message["comment"] == comment


def test_a_file_named_twice_is_one() -> None:
    files = payload("file_share_thread")["event"]["files"]
    assert len(uploaded(with_event("file_share_thread", files=files * 2)).files) == 1


def test_in_a_shared_channel_the_archive_is_ours_and_the_sender_is_named() -> None:
    message = uploaded(payload("file_share_connect_sender")).message
    assert (message["team"], message["sender_team"]) == ("T0LOCAL01", "T0PARTNER")
    envelope = json.loads(json.dumps(payload("file_share_connect_sender")).replace("T0PARTNER", "T00ALLY"))
    assert uploaded(envelope).message["sender_team"] == "T00ALLY"
    assert "sender_team" not in uploaded(payload("file_share_modern")).message


@pytest.mark.parametrize(
    ("request_", "ours"),
    [
        ({"team_id": "T2", "authorizations": [{"team_id": "T1"}, {"team_id": "T3"}]}, "T1"),
        ({"team_id": "T2", "authorizations": []}, "T2"),
        ({"team_id": "T2", "context_team_id": "T1", "authorizations": [{"team_id": None}]}, "T1"),
        ({"team_id": None, "authorizations": [{"team_id": None, "enterprise_id": "E1"}]}, "E1"),
        ({"team_id": "T1", "enterprise_id": "E1", "command": "/docs"}, "T1"),
        ({"team": {"id": "T1"}, "user": {"id": "W1", "team_id": "T2"}, "enterprise": {"id": "E1"}}, "T1"),
        ({"team": None, "enterprise_id": "E1", "view": {"app_installed_team_id": "T1"}}, "T1"),
        ({"team": {"id": "T2"}, "view": {"app_installed_team_id": "T1"}}, "T1"),
        ({"team_id": "../T1", "authorizations": ["T1"], "team": 7, "view": []}, None),
    ],
    ids=str,
)
def test_the_team_is_the_one_that_the_app_is_installed_in(request_: dict[str, Any], ours: str | None) -> None:
    assert installation.team(request_) == ours


def test_a_forwarded_message_brings_its_files_with_the_forwarders_words_and_no_pictures_of_links() -> None:
    change = uploaded(payload("message_forwarded"))
    assert [(file["id"], file.get("forwarded")) for file in change.files] == [
        ("F0LOCAL053", True),
        ("F0LOCAL054", True),
    ]
    assert (change.message["user"], change.tags.kept) == ("U0LOCAL001", ["board"])


def test_a_file_that_is_forwarded_and_shown_by_the_message_itself_is_its_own() -> None:
    forwarded = payload("message_forwarded")["event"]["attachments"][0]["files"]
    change = uploaded(with_event("message_forwarded", files=forwarded[:1]))
    assert [(file["id"], file.get("forwarded")) for file in change.files] == [
        ("F0LOCAL053", None),
        ("F0LOCAL054", True),
    ]


@pytest.mark.parametrize(
    "attachments", [7, [7], [{"is_share": True, "files": 7}], [{"is_share": "x", "files": [FILE]}]]
)
def test_attachments_of_nonsense_are_nothing(attachments: Any) -> None:
    assert events.change(with_event("message_plain", attachments=attachments)) is None


def test_editing_the_words_of_a_forwarded_message_keeps_its_files() -> None:
    attachments = payload("message_forwarded")["event"]["attachments"]
    change = edit(
        {"files": [], "attachments": attachments}, {"attachments": attachments, "files": [], "text": "#new"}
    )
    assert change is not None
    assert ([file["id"] for file in change.files], change.removed) == (["F0LOCAL053", "F0LOCAL054"], [])


def test_an_entry_that_is_not_understood_costs_itself_alone_and_keeps_its_name() -> None:
    files = uploaded(payload("file_share_odd_entry")).files
    assert [(file["name"], file["mode"]) for file in files] == [
        ("Q3 report.pdf", "hosted"),
        ("agenda.docx", ODD),
        ("a file without a name", ODD),
    ]
    assert len({file["id"] for file in files}) == 3


def test_blocks_decide_what_is_code() -> None:
    assert uploaded(payload("file_share_loose_back_ticks")).tags.kept == ["finanza"]
    assert uploaded(payload("file_share_emoji_tags")).tags.kept == sorted(["q3🎉", ":shipit:", "urgent"])


def test_channels_that_are_linked_without_a_name_are_carried() -> None:
    change = uploaded(payload("file_share_unnamed_channel"))
    assert (change.unnamed, change.tags.kept) == (("C0LOCAL060", "C0LOCAL061"), ["2026"])
    reply = events.change(with_event("thread_reply", text="see <#C0LOCAL060>", blocks=...))
    assert reply is not None
    assert (reply.kind, reply.unnamed) == ("reply", ("C0LOCAL060",))


def test_what_the_app_posts_itself_is_nothing_unless_it_uploads_files() -> None:
    app_id = payload("file_share_thread")["api_app_id"]
    own = with_event("file_share_thread", bot_profile={"app_id": app_id})
    assert len(uploaded(own).files) == len(uploaded(payload("file_share_thread")).files)
    forwarding = with_event("message_forwarded", bot_profile={"app_id": app_id})
    assert events.change(forwarding) is None
    by_bot_user = payload("message_forwarded")
    by_bot_user["authorizations"] = [{"is_bot": True, "user_id": by_bot_user["event"]["user"]}]
    assert events.change(by_bot_user) is None


def test_an_upload_by_another_bot_counts() -> None:
    envelope = with_event("file_share_bot", bot_profile={"app_id": "A0OTHER"})
    assert uploaded(envelope).message["user"] == envelope["event"]["bot_id"]


@pytest.mark.parametrize("files", [None, [], ...], ids=str)
def test_a_message_without_files_is_nothing_even_if_odd(files: Any) -> None:
    assert events.change(with_event("message_plain", files=files, channel=7)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"files": {"id": "F1"}},
        {"files": "F1"},
        {"files": [{}]},
        {"files": [{"id": None}]},
        {"files": [{"id": "../F1"}]},
        {"files": [None]},
        {"channel": ...},
        {"channel": "C1/../x"},
        {"channel": ["C1"]},
        {"ts": ...},
        {"ts": 1499081899.7},
        {"ts": "1499081899"},
        {"ts": "１.１"},
    ],
    ids=str,
)
def test_files_that_cannot_be_placed_are_not_understood(fields: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        events.change(with_event("file_share_thread", **fields))


@pytest.mark.parametrize("event", [None, "x", [], ...], ids=str)
def test_an_envelope_without_an_event_is_not_understood(event: Any) -> None:
    with pytest.raises(NotUnderstood):
        events.change({"type": "event_callback"} if event is ... else {"event": event})


def edit(before: dict[str, Any], now: dict[str, Any]) -> events.Change | None:
    """Return what an edit comes to that lays *before* and *now* over the two messages in the payload."""
    event = payload("message_changed_edit")["event"]
    message, previous = {**event["previous_message"], **now}, {**event["previous_message"], **before}
    return events.change(with_event("message_changed_edit", message=message, previous_message=previous))


@pytest.mark.parametrize(
    ("before", "now", "files", "removed"),
    [
        ({}, {"text": "#new"}, ["F0LOCAL001"], []),
        ({}, {"files": [FILE, OTHER]}, ["F0LOCAL001", "F2"], []),
        ({"files": [FILE, OTHER]}, {}, ["F0LOCAL001"], ["F2"]),
        ({"files": [FILE, OTHER]}, {"files": [FILE, {"id": "F2", "mode": "tombstone"}]}, ["F0LOCAL001"], ["F2"]),
        ({}, {"files": [{"id": "F0LOCAL001", "file_access": "file_not_found"}]}, [], ["F0LOCAL001"]),
        ({}, {"files": []}, [], ["F0LOCAL001"]),
        ({"text": None}, {}, ["F0LOCAL001"], []),
    ],
    ids=["words", "added", "removed", "removed to a stub", "deleted in Slack", "last one removed", "odd before"],
)
def test_an_edit_tells_what_is_shown_and_what_is_not_any_more(
    before: dict[str, Any], now: dict[str, Any], files: list[str], removed: list[str]
) -> None:
    change = edit(before, now)
    assert change is not None
    assert (change.kind, [file["id"] for file in change.files], change.removed) == ("edit", files, removed)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {}),
        ({}, {"attachments": [{"id": 1}]}),
        ({}, {"edited": {"user": "U1", "ts": "1.1"}}),
        ({"files": []}, {"files": None, "text": "#words alone"}),
        ({}, {"text": "#new", "bot_profile": {"app_id": "A0LOCAL01"}}),
        (
            {"files": [], "thread_ts": "1.1", "text": "a #tag"},
            {"files": [], "thread_ts": "1.1", "text": "the #tag"},
        ),
    ],
    ids=["nothing", "a preview", "locale", "without files", "the app's own", "a reply with the same tags"],
)
def test_a_change_of_nothing_that_counts_is_nothing(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert edit(before, now) is None


@pytest.mark.parametrize("previous", [[], None, {}, ...], ids=str)
def test_an_edit_of_which_the_past_is_unknown_is_followed(previous: Any) -> None:
    assert changed(with_event("message_changed_edit", previous_message=previous)).kind == "edit"


@pytest.mark.parametrize(
    ("now", "before", "tags"),
    [("#two", "#one", ["two"]), ("none", "#one", []), ("#one", "none", ["one"])],
    ids=["other", "none any more", "first"],
)
def test_an_edited_reply_says_its_tags_of_now(now: str, before: str, tags: list[str]) -> None:
    change = edit({"files": [], "thread_ts": "1.1", "text": before}, {"files": [], "thread_ts": "1.1", "text": now})
    assert change is not None
    assert (change.kind, change.message["thread_ts"], change.tags.kept) == ("reply", "1.1", tags)


@pytest.mark.parametrize(
    ("previous", "kind"),
    [
        ({"files": [{"id": "F1"}]}, "deletion"),
        ({"text": "no files"}, None),
        ({"text": "#tag", "thread_ts": "1.1"}, "reply"),
        ({"text": "no tag", "thread_ts": "1.1"}, None),
        ({"text": "#tag", "thread_ts": "1.1", "files": [{"id": "F1"}]}, "deletion"),
        ({"files": [{"id": "F1"}], "bot_profile": {"app_id": "A0LOCAL01"}}, None),
        ({"subtype": "tombstone", "user": "USLACKBOT"}, "deletion"),
        ([], "deletion"),
        (..., "deletion"),
    ],
    ids=str,
)
def test_a_deletion_counts_where_a_document_may_be_concerned(previous: Any, kind: str | None) -> None:
    change = events.change(with_event("message_deleted", previous_message=previous))
    assert (change and change.kind) == kind
    assert not change or (change.tags.kept == [] and change.message["comment"] == "")


def test_a_change_that_was_not_understood_is_placed_at_the_message_that_it_changed() -> None:
    assert events.place(payload("message_changed_edit"))["ts"] == "1764061200.737651"
    assert events.place(payload("message_deleted"))["ts"] == "1764061200.737651"


def test_lone_surrogates_become_readable() -> None:
    envelope = with_event("file_share_thread", text="broken \ud83d emoji #ok")
    assert uploaded(envelope).message["comment"] == "broken \ufffd emoji #ok"


@pytest.mark.parametrize("size", [-1, True, "12", 1.5, 2**70, None], ids=str)
def test_a_size_that_makes_no_sense_is_unknown(size: Any) -> None:
    assert file_of({"id": "F1", "size": size})["size"] is None


def test_a_broken_event_is_placed_as_far_as_it_says_so() -> None:
    envelope = with_event("file_share_thread", channel="not/an/id")
    place = events.place(envelope)
    assert place["ts"] == envelope["event"]["ts"]
    assert place["channel"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["type", "files", "file", "text", "channel", "ts", "user", "bot_profile", "thread_ts", "event_ts"]
FIELDS += ["message", "previous_message", "deleted_ts"]
SUBTYPES = st.sampled_from(["message_changed", "message_deleted", "file_share", "thread_broadcast", None])


@pytest.mark.long
@given(
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    subtype=SUBTYPES | JSON,
    authorizations=JSON,
    entry=st.dictionaries(st.sampled_from(["id", "name", "size", "mode", "created"]), JSON),
)
def test_whatever_comes_it_is_a_change_nothing_or_not_understood(
    changes: dict[str, Any], subtype: Any, authorizations: Any, entry: dict[str, Any]
) -> None:
    envelope = with_event("file_share_thread", **{"event_ts": "1.1", **changes, "subtype": subtype})
    envelope["authorizations"] = authorizations
    if "files" not in changes:
        envelope["event"]["files"].append(entry)
    try:
        upload = events.change(envelope)
    except NotUnderstood:
        return
    assert upload is None or all(file["id"] for file in upload.files)


@pytest.mark.parametrize("previous", [[], {}, {"subtype": "tombstone", "thread_ts": "1.1"}], ids=str)
def test_a_tombstone_of_a_reply_without_its_text_is_a_deletion_in_the_thread(previous: Any) -> None:
    now = {"type": "message", "subtype": "tombstone", "ts": "1.5", "thread_ts": "1.1", "user": "USLACKBOT"}
    change = events.change(with_event("message_changed_tombstone", message=now, previous_message=previous))
    assert change is not None
    assert (change.kind, change.message["ts"], change.message["thread_ts"]) == ("deletion", "1.5", "1.1")


def test_a_file_that_a_person_deleted_is_withdrawn_by_its_id() -> None:
    envelope = payload("message_deleted")
    change = events.change({**envelope, "event": {"type": "file_deleted", "file_id": "F1", "event_ts": "5.1"}})
    assert change is not None
    assert (change.kind, change.removed, change.message["version"], change.message["channel"]) == (
        "file_deletion",
        ["F1"],
        "5.1",
        "",
    )


@pytest.mark.parametrize("event", [{"file_id": "F/1", "event_ts": "5.1"}, {"file_id": "F1"}, {"event_ts": "5.1"}])
def test_the_deletion_of_a_file_without_what_it_takes_is_not_understood(event: Any) -> None:
    with pytest.raises(NotUnderstood):
        events.change({**payload("message_deleted"), "event": {"type": "file_deleted", **event}})


@pytest.mark.parametrize(
    "event_ts",
    [
        *(None, 1.5, "", "1764061290", "1764061290.", "x.1", "1/2", "1.2-e3.4", "1.\u0663"),
        *("1764061290.7467410", "1764061290746.7", "1764061290.746741\n"),
    ],
)
@pytest.mark.parametrize("name", ["message_changed_edit", "message_deleted", "file_deleted"])
def test_a_change_without_a_sound_event_ts_is_not_understood(name: str, event_ts: object) -> None:
    """It becomes a part of the execution's name, and the version that decides which change counts."""
    envelope = with_event("message_deleted" if name == "file_deleted" else name, event_ts=event_ts)
    if name == "file_deleted":
        envelope["event"] = {"type": "file_deleted", "file_id": "F1", "event_ts": event_ts}
    with pytest.raises(NotUnderstood, match="event_ts"):
        events.change(envelope)


@pytest.mark.parametrize(
    ("event", "may_ask"),
    [
        ({"type": "app_mention"}, True),
        ({"type": "message", "channel_type": "im"}, True),
        ({"type": "message", "channel_type": "im", "subtype": "message_changed"}, False),
        ({"type": "message", "channel_type": "channel"}, False),
        (7, False),
        (None, False),
    ],
)
def test_the_app_is_spoken_to_by_its_name_or_alone_with_it(event: Any, may_ask: bool) -> None:
    assert events.may_ask({"event": event}) is may_ask
