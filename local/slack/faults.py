"""The named misbehaviours, which of them are on, and how often each happened.

What `times` counts: answers of the file host or the Web API, or of both (`too_young`); files shown in an event;
deliveries for `duplicate`,
`new_event_id` and `late`; single attempts for those that spoil a signature.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

# Where a misbehaviour shows, and its options with their defaults.
FILE_HOST: dict[str, dict[str, Any]] = {
    "login_page": {},
    "login_redirect": {},
    "cross_host_redirect": {},
    "foreign_redirect": {},
    "redirect_loop": {},
    "not_found": {},
    "forbidden": {},
    "gone": {},
    "rate_limited": {"retry_after": 1},
    "server_error": {"status": 500},
    "slow": {"seconds": 0.1, "chunk": 1024},
    "silent": {"seconds": 30.0},
    "truncated": {"missing": 1},
    "short": {"missing": 1},
    "over_long": {"extra": 1},
    "no_length": {},
    "chunked": {},
    "compressed": {},
    "dropped": {},
    "no_canvas_download": {},
}
WEB_API: dict[str, dict[str, Any]] = {
    "api_error": {"error": "internal_error", "needed": None, "provided": None, "status": None},
    "api_rate_limited": {"retry_after": 1},
    "api_server_error": {"status": 503},
    "api_silent": {"seconds": 30.0},
    "api_garbage": {},
    "api_lost_answer": {},
}
FILE_OBJECTS: dict[str, dict[str, Any]] = {
    "still_processing": {"lookups": 1},
    "type_unknown": {"lookups": 1},
    "check_file_info": {},
    "file_shared_only": {},
}
READING: dict[str, dict[str, Any]] = {"too_young": {}, "shares_late": {}, "history_from_oldest": {}}
DELIVERY: dict[str, dict[str, Any]] = {
    "duplicate": {"copies": 1},
    "new_event_id": {"copies": 1, "after": 0.0},
    "late": {"seconds": 60.0},
}
SIGNING: dict[str, dict[str, Any]] = {
    "wrong_secret": {},
    "stale_timestamp": {"age": 600},
    "tampered_body": {},
    "missing_signature": {},
    "uppercase_signature": {},
    "garbled_timestamp": {},
}
MISBEHAVIOURS = FILE_HOST | WEB_API | FILE_OBJECTS | READING | DELIVERY | SIGNING


@dataclass(eq=False)
class Misbehaviour:
    """One switched-on misbehaviour, and the handle to switch it off."""

    name: str
    times: int | None
    only: str | None
    options: dict[str, Any]
    happened: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Misbehave no more."""
        self._stopped.set()

    @property
    def active(self) -> bool:
        """Whether it may still happen."""
        return not self._stopped.is_set() and (self.times is None or self.happened < self.times)

    def concerns(self, subjects: Collection[str]) -> bool:
        """Whether it is limited to none, or to one of *subjects*."""
        return self.only is None or self.only in subjects


class Faults:
    """The misbehaviours in force, in the order of being switched on; *on_change* hears of every change."""

    def __init__(self, on_change: Callable[[], object] = lambda: None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._all: list[Misbehaviour] = []

    def misbehave(self, name: str, times: int | None, only: str | None, options: dict[str, Any]) -> Misbehaviour:
        """Switch *name* on; ValueError for a name or an option that does not exist."""
        defaults = MISBEHAVIOURS.get(name)
        if defaults is None:
            raise ValueError(f"no misbehaviour is called {name}; there are {', '.join(MISBEHAVIOURS)}")
        if unknown := options.keys() - defaults.keys():
            raise ValueError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(defaults) or 'none'}")
        fault = Misbehaviour(name, times, only, defaults | options)
        with self._lock:
            self._all.append(fault)
        self._on_change()
        return fault

    def behave(self) -> None:
        """Switch all off."""
        with self._lock:
            for fault in self._all:
                fault.stop()
            self._all.clear()
        self._on_change()

    @property
    def active(self) -> list[Misbehaviour]:
        """Those that may still happen."""
        with self._lock:
            return [fault for fault in self._all if fault.active]

    def happening(self, names: Collection[str], *subjects: str) -> list[Misbehaviour]:
        """Those of *names* that happen now to one of *subjects*, each counted as having happened; a name once."""
        by_name: dict[str, Misbehaviour] = {}
        with self._lock:
            for fault in self._all:
                if fault.name in names and fault.name not in by_name and fault.active and fault.concerns(subjects):
                    fault.happened += 1
                    by_name[fault.name] = fault
        if by_name:
            self._on_change()
        return list(by_name.values())

    def one_of(self, names: Collection[str], *subjects: str) -> Misbehaviour | None:
        """The first that would happen now, alone counted as having happened."""
        with self._lock:
            for fault in self._all:
                if fault.name in names and fault.active and fault.concerns(subjects):
                    fault.happened += 1
                    return fault
        return None
