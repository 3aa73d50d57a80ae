"""Asynchronous invocations, as Lambda handles them.

Lambda takes the event, answers at once, and tries up to three times: again a minute and then two minutes after
an error, under the same request id (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
What still fails goes to the dead-letter queue or destination; here, to the list `dead`.
"""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from local.aws.sandbox import Result
from local.clock import Clock

PAUSES = (0, 60, 120)  # seconds before each try


class Dead(NamedTuple):
    """An event that was given up."""

    function: str
    event: Any
    error: Any


class AsyncInvocations:
    """Hands events to functions in the background. *invoke* takes function, event and request id."""

    def __init__(self, invoke: Callable[[str, bytes, str], Result], clock: Clock) -> None:
        self.dead: list[Dead] = []
        self._invoke = invoke
        self._clock = clock
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()

    def send(self, function: str, event: bytes, request_id: str | None = None) -> str:
        """Take *event* for *function* and return its request id at once."""
        request_id = request_id or str(uuid.uuid4())
        thread = threading.Thread(target=self._deliver, args=(function, event, request_id), daemon=True)
        with self._lock:
            self._running.add(thread)
        thread.start()
        return request_id

    def _deliver(self, function: str, event: bytes, request_id: str) -> None:
        try:
            error = self._try(function, event, request_id)
            if error is not None and not self._closed.is_set():
                self.dead.append(Dead(function, json.loads(event), error))
        finally:
            with self._lock:
                self._running.discard(threading.current_thread())

    def _try(self, function: str, event: bytes, request_id: str) -> Any:
        """The last error, or None once a try succeeded."""
        answer = None
        for pause in PAUSES:
            if self._closed.wait(self._clock.scaled(pause)):
                break
            answer = self._invoke(function, event, request_id)
            if not answer.error:
                return None
        return answer.value if answer else None

    @property
    def pending(self) -> int:
        """How many events are still being tried."""
        with self._lock:
            return len(self._running)

    def close(self) -> None:
        """Try nothing any more. Returns without waiting for invocations under way."""
        self._closed.set()

    def join(self, seconds: float = 5) -> None:
        """Wait for the tries under way."""
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(seconds)
