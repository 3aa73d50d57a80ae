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
    known = {event["id"]: event for event in events}
    names = [file.get("name") or file["id"] for file in json.loads(text).get("files", [])]
    found: dict[int, Visit] = {}
    for event in events:
        if "stateEnteredEventDetails" in event:
            item = _item(event, known)
            file = None if item is None else names[item]
            found[event["id"]] = _entered(event, events[0]["timestamp"]) | {"item": item, "file": file}
    for event in events:
        _note(event, found, known)
    return list(found.values())


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


def _note(event: Event, found: dict[int, Visit], known: Mapping[int, Event]) -> None:
    """Add what *event* tells to the visit that it belongs to."""
    entered = next((one for one in _before(event, known) if one["id"] in found), None)
    if entered is None or "stateEnteredEventDetails" in event:
        return
    visit = found[entered["id"]]
    if event["type"] == "TaskScheduled":
        visit["tries"] += 1
    elif event["type"] in _FAILED:
        visit["errors"].append(_error(event))
    elif "stateExitedEventDetails" in event:
        _exited(event, found, known)


def _exited(event: Event, found: dict[int, Visit], known: Mapping[int, Event]) -> None:
    """A Map's exit comes after the states inside it, so the name decides."""
    name = event["stateExitedEventDetails"]["name"]
    for one in _before(event, known):
        if one["id"] in found and found[one["id"]]["name"] == name:
            found[one["id"]]["seconds"] = (event["timestamp"] - one["timestamp"]).total_seconds()
            return


def _before(event: Event, known: Mapping[int, Event]) -> Iterator[Event]:
    """What led to *event*, the nearest first."""
    before = known.get(event["previousEventId"])
    while before is not None:
        yield before
        before = known.get(before["previousEventId"])


def _item(event: Event, known: Mapping[int, Event]) -> int | None:
    """The number of the Map's iteration that the event is in, if it is in one."""
    for one in _before(event, known):
        if one["type"] in ("MapIterationStarted", "MapStateExited"):
            index: int | None = one.get("mapIterationStartedEventDetails", {}).get("index")
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
