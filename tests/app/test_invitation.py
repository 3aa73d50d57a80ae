"""Who joins, and how far back the app then reads."""

from typing import Any

import pytest

from chalicelib import invitation

NOW = 1_700_086_400.0
BOT = {"team_id": "T1", "user_id": "UBOT", "is_bot": True}


def envelope(**event: Any) -> dict[str, Any]:
    whole = {"channel": "C1", "user": "UBOT", **event}
    return {"type": "event_callback", "team_id": "T1", "authorizations": [BOT], "event": whole}


MESSAGE = envelope(type="message", subtype="channel_join", ts="1700000000.000100")
EVENT = envelope(type="member_joined_channel", event_ts="1700000000.000200", channel_type="C")


@pytest.mark.parametrize(("arrival", "ts"), [(MESSAGE, "1700000000.000100"), (EVENT, "1700000000.000200")])
def test_the_run_is_named_after_the_conversation_and_the_arrival(arrival: dict[str, Any], ts: str) -> None:
    order = invitation.history(arrival, "all", NOW)
    assert order is not None
    assert (order["run"], order["latest"], order["since"]) == (f"T1-C1-history-{ts.replace('.', '_')}", ts, "0")


def test_a_number_of_days_is_how_far_back() -> None:
    order = invitation.history(MESSAGE, "1", NOW)
    assert order is not None
    assert order["since"] == "1700000000.000000"


def test_nothing_is_read_where_the_setting_says_none() -> None:
    assert invitation.history(MESSAGE, "none", NOW) is None


def test_the_arrival_of_somebody_else_is_none_of_the_apps() -> None:
    assert invitation.history(envelope(type="member_joined_channel", user="U2"), "all", NOW) is None


@pytest.mark.parametrize("broken", [{"event": None}, {"event": []}, envelope(type="message", channel="../x")])
def test_an_arrival_without_a_conversation_starts_nothing(broken: dict[str, Any]) -> None:
    assert invitation.history(broken, "all", NOW) is None
