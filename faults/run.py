"""All cells, a few at a time, and the table of their verdicts."""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from faults.calls import Call
from faults.cells import Cell, broken_promises, snapshot
from faults.kinds import ANSWERS, DEATHS, EVER, GARBAGE, LOST, REFUSED, TIMES, Fault, is_hasty
from faults.scenarios import SCENARIOS
from faults.stage import Stage
from faults.verdicts import LEGEND, WRONG, judge

FACTOR, AT_ONCE = 300.0, 6
SLOW_FACTOR, SLOW_AT_ONCE = 12.0, 4
"""For what needs the age of a notice's claim: Lambda delivers to `notify` again a minute and then two minutes after
a failure, here after 5 and 10 seconds, when the claim of one that died is older than its time limit, here 4."""
SLOW_TIMEOUTS = {"notify": 4}
MOST_RUNS = 3
"""Of a cell in which this machine was too slow for the app's own time limits: that tells nothing about the app."""
QUICK_FAULTS = (REFUSED, LOST, GARBAGE)
"""In the quick form: a no, an effect without an answer, a lie."""
QUICK_DEATHS = ("notify chat.postMessage", "fetch_file PutObject documents/", "route StartExecution")


class BadReferenceError(Exception):
    """A run without a fault is wrong already: nothing can be held against it."""


def run(is_full: bool, only: str = "") -> int:
    """Run everything, print what came of it, and return the exit status."""
    begun = time.monotonic()
    with Stage(FACTOR) as stage:
        cells = [cell for cell in _planned(stage, is_full) if only in cell.point]
        if not cells:
            print(f"No call is made at a point like {only!r}.")
            return 1
        _run_all(stage, [cell for cell in cells if not _is_slow(cell)], AT_ONCE)
        calls, leaks = stage.calls, list(stage.leaks)
    with Stage(SLOW_FACTOR, SLOW_TIMEOUTS) as stage:
        _run_all(stage, [cell for cell in cells if _is_slow(cell)], SLOW_AT_ONCE)
        calls, leaks = calls + stage.calls, leaks + stage.leaks
    _print(cells, is_full)
    print(
        f"\n{len({cell.point for cell in cells})} fault points, {len(cells)} cells, {calls} calls in "
        f"{time.monotonic() - begun:.0f} s; {len(leaks)} calls of AWS carried a secret of Slack's. "
        f"{sum(cell.runs - 1 for cell in cells)} runs were repeated, since the machine was too slow for them."
    )
    return 1 if leaks or any(cell.verdict == WRONG for cell in cells) else 0


def _planned(stage: Stage, is_full: bool) -> list[Cell]:
    """Run each scenario without a fault, and return a cell for each of its calls and each fault.

    A call that another scenario makes as well is broken there; what is done to an upload breaks all of its own,
    once, in the full form.
    """
    cells, known = [], set[str]()
    for scenario in SCENARIOS:
        honest = Cell(scenario)
        _prepare(stage, [honest])
        stage.seen.clear()
        honest.start(stage)
        stage.wait_until_quiet([honest.event])
        reference = snapshot(stage, honest)
        wrong = broken_promises(stage, honest.message, reference)
        if wrong or scenario.comes_to not in str(reference):
            raise BadReferenceError(f"without a fault, {scenario.name} came to {wrong or reference}")
        for point, call in sorted(stage.seen.items()):
            for fault, times in _faults(call, is_full):
                if point not in known or (is_full and scenario.deed and times == 1):
                    cells.append(Cell(scenario, point, fault, times, reference=reference))
        known |= stage.seen.keys()
    return sorted(cells, key=lambda cell: cell.times)


def _faults(call: Call, is_full: bool) -> Iterator[tuple[Fault, int]]:
    """The faults of a call, each with how often it happens. Deaths, and silence of half a minute, once."""
    for fault in (*ANSWERS, *DEATHS):
        is_quick = call.point in QUICK_DEATHS if fault.kills else fault in QUICK_FAULTS
        if not fault.fits(call) or not (is_full or is_quick):
            continue
        is_rare = fault.kills or (fault.hold and not is_hasty(call.point))
        for times in TIMES.values():
            if times == 1 or (is_full and not is_rare):
                yield fault, times


def _is_slow(cell: Cell) -> bool:
    return cell.fault.kills or cell.point.startswith("notify ")


def _lasts(cell: Cell) -> bool:
    return cell.times == EVER or (cell.fault.hold and not is_hasty(cell.point))


def _run_all(stage: Stage, cells: list[Cell], at_once: int) -> None:
    """Run *cells* in batches; those in which a function dies alone, for its idle processes die with it."""
    alive = [cell for cell in cells if not cell.fault.kills]
    brief, lasting = ([cell for cell in alive if _lasts(cell) is lasts] for lasts in (False, True))
    batches = [*_batches(brief, at_once), *_batches(lasting, 2 * at_once)]  # what lasts mostly waits
    for batch in batches + [[cell] for cell in cells if cell.fault.kills]:
        _run(stage, batch)
        for cell in batch:
            while cell.says_nothing(stage) and cell.runs < MOST_RUNS:
                _run(stage, [cell])
        print("".join(cell.verdict for cell in batch), end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def _run(stage: Stage, batch: list[Cell]) -> None:
    _prepare(stage, batch)
    for cell in batch:
        cell.start(stage)
    stage.wait_until_quiet([cell.event for cell in batch])
    for cell in batch:
        cell.verdict, cell.why = judge(stage, cell, snapshot(stage, cell))


def _prepare(stage: Stage, batch: list[Cell]) -> None:
    for cell in batch:
        cell.prepare(stage)
    stage.wait_until_quiet([cell.event for cell in batch if cell.scenario.is_about_an_archived_one])


def _batches(cells: list[Cell], size: int) -> Iterator[list[Cell]]:
    for start in range(0, len(cells), size):
        yield cells[start : start + size]


def _print(cells: Iterable[Cell], is_full: bool) -> None:
    table: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for cell in cells:
        table[f"{cell.scenario.name:9} {cell.point}"][cell.fault.name] += cell.verdict
    faults = [fault.name for fault in (*ANSWERS, *DEATHS)]
    print(" " * 58 + " ".join(f"{name:>13}" for name in faults))
    for point, row in sorted(table.items()):
        print(f"{point:58}" + " ".join(f"{row[name] or '·':>13}" for name in faults))
    print("\nEach fault once" + (", twice, and for ever" if is_full else "") + ".")
    count = Counter(cell.verdict for cell in cells)
    for verdict in LEGEND:
        if count[verdict]:
            print(f"  {verdict}  {count[verdict]:>4}  {LEGEND[verdict]}")
    for cell in cells:
        if cell.verdict == WRONG:
            times = "for ever" if cell.times == EVER else f"×{cell.times}"
            print(f"\n{WRONG} {cell.scenario.name}: {cell.point}: {cell.fault.name} {times}: {cell.why[:1500]}")
