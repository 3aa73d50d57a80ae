"""One clock for every wait of the local stack.

Back-off, redelivery and Slack's own retries take minutes to hours. A clock with factor 1,000 lets the same
waits pass a thousand times faster, while real work (a transfer, a time limit) keeps taking real time.
"""

import time


class Clock:
    """Waits *factor* times shorter than asked for."""

    def __init__(self, factor: float = 1.0) -> None:
        if factor <= 0:
            raise ValueError("a clock's factor is above 0")
        self.factor = factor

    def scaled(self, seconds: float) -> float:
        """How many real seconds pass while *seconds* pass on this clock."""
        return seconds / self.factor

    def sleep(self, seconds: float) -> None:
        """Return when *seconds* of this clock have passed."""
        time.sleep(self.scaled(seconds))
