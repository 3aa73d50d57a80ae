"""Acknowledge, cold: a new process, the import, the first event. Slack waits for three seconds."""

import re
import sys
import tempfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from bench import payloads, prepare, quota
from bench.acknowledge import COLD, OURS_UPLOAD, Contender
from bench.loopback import Stubs
from bench.measured import Run, run

ROUNDS = {"deployed": 11, "compiled": 5, "TLS": 7, "1,769 MB": 5, "256 MB": 3}
"""How the processes run, and how often each does. All but the second without bytecode, as a fresh zip."""
QUICK = {"deployed": 3, "TLS": 1}
_MEMORY = {"1,769 MB": 1769, "256 MB": 256}
STANDARD = {name.lstrip("_") for name in sys.stdlib_module_names}

Results = dict[str, Any]


def measure(*, quick: bool) -> Results:
    """Return the medians of every way to run and every contender, which take turns."""
    refusal = quota.refusal()
    rounds = {way: n for way, n in (QUICK if quick else ROUNDS).items() if not (refusal and way in _MEMORY)}
    return {
        "ways": {way: _measured(way, count) for way, count in rounds.items()},
        "rounds": rounds,
        "refusal": refusal,
        "sizes": {contender.title: prepare.size(contender.package) for contender in COLD},
        "profile": profile(),
    }


def _measured(way: str, rounds: int) -> Results:
    runs: dict[str, list[Run]] = {contender.title: [] for contender in COLD}
    limited = quota.share(_MEMORY[way]) if way in _MEMORY else nullcontext()
    with Stubs(tls=way == "TLS") as stubs, limited as join:
        for _ in range(rounds):
            for contender in COLD:
                runs[contender.title].append(contender.run(stubs, compiled=way == "compiled", join=join))
    return {title: summary(those) for title, those in runs.items()}


def summary(runs: list[Run]) -> dict[str, float]:
    """Return the medians of *runs* in ms and MB: the start, the import, the first event, and all of it."""
    return {
        "start": median(run.begun for run in runs) * 1000,
        "import": median(run.imported - run.begun for run in runs) * 1000,
        "first": median(run.durations[0] for run in runs) * 1000,
        "answered": median(run.answered for run in runs) * 1000,
        "cpu": median(run.cpu for run in runs) * 1000,
        "peak": median(run.peak for run in runs) / 1e6,
    }


def profile(contender: Contender = OURS_UPLOAD) -> dict[str, float]:
    """Return what is imported until the first answer, in ms by package; timing each import slows it down."""
    with Stubs(tls=False) as stubs, tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        log, event = Path(scratch, "log"), payloads.signed(contender.kind)
        folder = prepare.package(contender.package)
        run(folder, contender.handler, [event], stubs, flags=("-X", "importtime"), log=log)
        lines = re.findall(r"^import time: +(\d+) \| +\d+ \| +([\w.]+)$", log.read_text(), re.MULTILINE)
    spent: Counter[str] = Counter()
    for micros, module in lines:
        name = module.partition(".")[0]
        spent["the standard library" if name.lstrip("_") in STANDARD else name] += int(micros)
    return {name: micros / 1000 for name, micros in spent.most_common(8) if micros >= 100}
