"""What Slack's interaction payloads ask for, and that nothing else in them counts."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import actions, events, workflow
from chalicelib.actions import Home, Person, Question, Shortcut
from chalicelib.errors import NotUnderstood
from tests.payloads import payload

MIRA = "U0LOCAL001"


def wanted(name: str, **fields: Any) -> Any:
    return actions.action({**payload(name), **fields})


def clicked(action_id: str, value: Any = None) -> Any:
    return {"actions": [{"type": "button", "action_id": action_id, "value": value}]}


def test_a_button_asks_what_it_carries_where_it_was_clicked() -> None:
    content = payload("block_actions_ephemeral")
    person = Person("T0LOCAL01", MIRA, content["response_url"])
    assert actions.action(content) == Question(person, "#finance more 8204548601-F0LOCAL001", "C0LOCAL001")


def test_enter_and_the_button_beside_the_search_field_ask_what_was_typed() -> None:
    question = Question(Person("T0LOCAL01", MIRA, None), "#finance pdf", None)
    assert wanted("block_actions_home") == question
    assert wanted("block_actions_home", **clicked("search")) == question


def test_a_search_for_nothing_leads_back_to_the_beginning() -> None:
    content = payload("block_actions_home")
    for nothing in (None, "", "  "):
        content["view"]["state"]["values"]["search_field"]["search"]["value"] = nothing
        assert actions.action(content) == Home(Person("T0LOCAL01", MIRA, None))
    assert wanted("block_actions_home", **clicked("home")) == Home(Person("T0LOCAL01", MIRA, None))


def test_the_shortcut_brings_the_event_that_the_message_was() -> None:
    shortcut = wanted("message_action")
    assert isinstance(shortcut, Shortcut)
    change = events.upload(shortcut.envelope, shortcut.envelope["event"])
    assert change is not None
    assert [file["name"] for file in change.files] == ["q3-report.pdf"]
    ts = payload("message_action")["message_ts"].replace(".", "_")
    assert workflow.execution_name(change) == f"T0LOCAL01-C0LOCAL001-{ts}"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("block_actions_ephemeral", {"type": "view_submission"}),
        ("block_actions_ephemeral", {"user": None}),
        ("block_actions_ephemeral", {"channel": {"id": "../secrets"}}),
        ("block_actions_ephemeral", {"response_url": None}),
        ("block_actions_ephemeral", clicked("open_in_slack")),
        ("block_actions_ephemeral", clicked("ask-1", {"tag": "finance"})),
        ("block_actions_ephemeral", {"actions": []}),
        ("block_actions_home", {"view": {"type": "modal"}}),
        ("block_actions_home", {"view": {"type": "home", "app_id": "A0ANOTHER"}}),
        ("message_action", {"callback_id": "another"}),
        ("message_action", {"message_ts": "../1"}),
        ("message_action", {"response_url": ""}),
    ],
)
def test_whatever_else_there_is_to_click_comes_to_nothing(name: str, fields: Any) -> None:
    assert wanted(name, **fields) is None


def test_a_question_is_cut_and_has_no_half_characters() -> None:
    question = wanted("block_actions_ephemeral", **clicked("ask-0", "\ud800" + "x" * 5_000))
    assert question.text == "\ufffd" + "x" * (actions.LONGEST_QUESTION - 1)


@pytest.mark.parametrize(
    "body", [b"", b"payload=", b"payload=[]", b"payload=%7B", b"other=1", b"\xff", b"payload=" + b"[" * 9_000]
)
def test_a_body_without_a_payload_is_none(body: bytes) -> None:
    assert actions.payload(body) is None


def test_the_payload_is_the_forms_one_field() -> None:
    content = payload("message_action")
    assert actions.payload(urlencode({"payload": json.dumps(content)}).encode()) == content


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "type",
    "team",
    "user",
    "channel",
    "message",
    "message_ts",
    "container",
    "view",
    "actions",
    "response_url",
    "callback_id",
    "api_app_id",
]
SAMPLES = ["block_actions_ephemeral", "block_actions_home", "message_action"]


@pytest.mark.long
@given(
    name=st.sampled_from(SAMPLES),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    action=st.dictionaries(st.sampled_from(["action_id", "value", "type"]), JSON | st.just("ask-1")),
    state=JSON,
)
def test_whatever_comes_it_is_an_action_or_nothing(name: str, changes: Any, action: Any, state: Any) -> None:
    content = payload(name)
    if "view" in content:
        content["view"]["state"] = state
    if "actions" in content and action:
        content["actions"] = [action]
    result = actions.action({**content, **changes})
    assert result is None or isinstance(result, Question | Home | Shortcut)
    if isinstance(result, Question):
        result.text.encode()
    if isinstance(result, Shortcut):
        with suppress(NotUnderstood):
            events.upload(result.envelope, result.envelope["event"])
