"""The app's own arrival in a conversation ► the execution that archives its past.

Slack tells it twice, as a message of the conversation and as an event: https://docs.slack.dev/reference/events
"""

from collections.abc import Mapping
from typing import Any

from chalicelib import events, workflow
from chalicelib.events import place
from chalicelib.fields import timestamp
from chalicelib.history_run import Order, order


def history(envelope: Mapping[str, Any], setting: str, now: float) -> Order | None:
    """Return what archives the past of the conversation that the app has joined; None if it is not to be.

    *setting* is HISTORY: all, none or a number of days.
    """
    if setting == "none" or not events.joined_channel(envelope):
        return None
    about, event = place(envelope), envelope["event"]
    latest = about["ts"] or timestamp(event.get("event_ts")) or f"{now:.6f}"
    if not about["team"] or not about["channel"]:
        return None
    since = "0" if setting == "all" else f"{now - int(setting) * 86_400:.6f}"
    return order(about["team"], about["channel"], latest, since, tell=True)


def input_text(order: Order) -> str:
    """Return *order* as the execution's input."""
    return workflow.canonical_json(dict(order))
