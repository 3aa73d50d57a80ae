"""Acknowledge, warm: different signed events one after another in one process."""

from statistics import median, quantiles
from typing import Any

from bench.acknowledge import WARM
from bench.loopback import Stubs
from bench.measured import Run

WAYS = ("HTTP", "TLS")
WARM_UP = 50


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the figures of each contender: medians over rounds in which they take turns."""
    rounds, events = (1, 300) if quick else (5, 1000)
    ways = WAYS[:1] if quick else WAYS
    return {"rounds": rounds, "events": events, "ways": {way: _measure(way, rounds, events) for way in ways}}


def _measure(way: str, rounds: int, events: int) -> dict[str, Any]:
    figures: dict[str, list[dict[str, float]]] = {contender.title: [] for contender in WARM}
    with Stubs(tls=way == "TLS") as stubs:
        for _ in range(rounds):
            for contender in WARM:
                figures[contender.title].append(_figures(contender.run(stubs, WARM_UP + events)))
    return {title: {name: median(run[name] for run in runs) for name in runs[0]} for title, runs in figures.items()}


def _figures(run: Run) -> dict[str, float]:
    """Return p50 and p99 in ms, and events per second, of *run* without its first events, which warm it up."""
    durations = run.durations[WARM_UP:]
    hundredths = quantiles(durations, n=100)
    return {"p50": median(durations) * 1000, "p99": hundredths[98] * 1000, "rate": len(durations) / sum(durations)}
