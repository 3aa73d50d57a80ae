"""An execution's history ► which states it went through, for which file, how long, and with how many tries.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html. Pure.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Event = Mapping[str, Any]
Visit = dict[str, Any]

_FAILED = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "TaskSubmitFailed", "TaskStartFailed")


def visits(events: list[Event], text: str) -> list[Visit]:
    """Every visit of a state, in the order of entering; *text* is the execution's input.

    `at` counts from the execution's start, `seconds` is None while the state lasts, `item` and `file` are number
    and name of the file whose iteration it is, `tries` counts the tasks started, `errors` what they failed with.
    """
    by_id = {event["id"]: event for event in events}
    names = [file.get("name") or file["id"] for file in json.loads(text).get("files", [])]
    by_entry: dict[int, Visit] = {}
    for event in events:
        if "stateEnteredEventDetails" in event:
            item = _item(event, by_id)
            file = None if item is None else names[item]
            by_entry[event["id"]] = _entered(event, events[0]["timestamp"]) | {"item": item, "file": file}
    for event in events:
        _note(event, by_entry, by_id)
    return list(by_entry.values())


def _entered(event: Event, start: Any) -> Visit:
    at = (event["timestamp"] - start).total_seconds()
    details = event["stateEnteredEventDetails"]
    kind = event["type"].removesuffix("StateEntered")
    return {
        "name": details["name"],
        "kind": kind,
        "at": at,
        "seconds": None,
        "tries": 0,
        "errors": [],
    }


def _note(event: Event, by_entry: dict[int, Visit], by_id: Mapping[int, Event]) -> None:
    """Add what *event* tells to the visit that it belongs to."""
    entry = next((earlier for earlier in _before(event, by_id) if earlier["id"] in by_entry), None)
    if entry is None or "stateEnteredEventDetails" in event:
        return
    visit = by_entry[entry["id"]]
    if event["type"] == "TaskScheduled":
        visit["tries"] += 1
    elif event["type"] in _FAILED:
        visit["errors"].append(_error(event))
    elif "stateExitedEventDetails" in event:
        _note_exit(event, by_entry, by_id)


def _note_exit(event: Event, by_entry: dict[int, Visit], by_id: Mapping[int, Event]) -> None:
    """A Map's exit comes after the states inside it, so the name decides."""
    name = event["stateExitedEventDetails"]["name"]
    for earlier in _before(event, by_id):
        if earlier["id"] in by_entry and by_entry[earlier["id"]]["name"] == name:
            by_entry[earlier["id"]]["seconds"] = (event["timestamp"] - earlier["timestamp"]).total_seconds()
            return


def _before(event: Event, by_id: Mapping[int, Event]) -> Iterator[Event]:
    """What led to *event*, the nearest first."""
    before = by_id.get(event["previousEventId"])
    while before is not None:
        yield before
        before = by_id.get(before["previousEventId"])


def _item(event: Event, by_id: Mapping[int, Event]) -> int | None:
    """The number of the Map's iteration that the event is in, if it is in one."""
    for earlier in _before(event, by_id):
        if earlier["type"] in ("MapIterationStarted", "MapStateExited"):
            index: int | None = earlier.get("mapIterationStartedEventDetails", {}).get("index")
            return index
    return None


def _error(event: Event) -> str:
    details: Mapping[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    return str(details.get("error") or event["type"])


def outcome(events: list[Event]) -> Any:
    """What the execution published, or None as long as it has not."""
    for event in events:
        details = event.get("taskScheduledEventDetails", {})
        if details.get("resourceType") == "sns":
            message = json.loads(details["parameters"])["Message"]
            return json.loads(message) if isinstance(message, str) else message
    return None
