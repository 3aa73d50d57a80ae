"""How often a method may be called. https://docs.slack.dev/apis/web-api/rate-limits

Slack promises a tier's number of calls a minute and tolerates bursts; the double tolerates none.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

PER_MINUTE = {"views.publish": 100}
"""Methods that many people call at once: tier 4."""


class Tier:
    """At most *most* calls in any *seconds*."""

    def __init__(self, most: int, seconds: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds, self.now = most, seconds, now
        self.refusals = 0
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Count a call and return 0, or the seconds until there may be one."""
        with self._lock:
            now = self.now()
            while self._calls and self._calls[0] <= now - self.seconds:
                self._calls.popleft()
            if len(self._calls) >= self.most:
                self.refusals += 1
                return self._calls[0] + self.seconds - now
            self._calls.append(now)
            return 0.0
