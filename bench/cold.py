"""Acknowledge, cold: a new process, the import, the first event. Slack waits for three seconds."""

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from bench import payloads, prepare
from bench.acknowledge import COLD, OURS_UPLOAD, Contender
from bench.loopback import Stubs
from bench.measured import Run, run

ROUNDS = {"deployed": 11, "compiled": 5, "TLS": 7}
"""The ways to run a process, and the number of runs. In "compiled" all have bytecode, else only what brings it."""
QUICK = {"deployed": 3, "TLS": 1}
STANDARD = {name.lstrip("_") for name in sys.stdlib_module_names}

Results = dict[str, Any]


def measure(*, quick: bool) -> Results:
    """Return the medians of every way to run and every contender, which take turns."""
    rounds = QUICK if quick else ROUNDS
    return {
        "ways": {way: _measure(way, count) for way, count in rounds.items()},
        "rounds": rounds,
        "sizes": {contender.title: prepare.size(contender.package) for contender in COLD},
        "profile": profile(),
    }


def _measure(way: str, rounds: int) -> Results:
    runs: dict[str, list[Run]] = {contender.title: [] for contender in COLD}
    with Stubs(tls=way == "TLS") as stubs:
        for _ in range(rounds):
            for contender in COLD:
                runs[contender.title].append(contender.run(stubs, compiled=way == "compiled"))
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
    micros_of: Counter[str] = Counter()
    for micros, module in lines:
        name = module.partition(".")[0]
        micros_of["the standard library" if name.lstrip("_") in STANDARD else name] += int(micros)
    return {name: micros / 1000 for name, micros in micros_of.most_common(8) if micros >= 100}
