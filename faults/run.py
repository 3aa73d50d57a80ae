"""All cases, a few at a time, and the table of their verdicts."""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from faults.calls import Call
from faults.cases import Case, broken_promises, snapshot
from faults.harness import Harness
from faults.kinds import (
    ANSWERS,
    DEATHS,
    EVER,
    GARBAGE,
    LOST,
    NOT_THERE_YET,
    REFUSED,
    TIMES,
    Fault,
    is_hasty,
)
from faults.scenarios import SCENARIOS
from faults.verdicts import LEGEND, WRONG, judge

FACTOR, AT_ONCE = 300.0, 6
SLOW_FACTOR, SLOW_AT_ONCE = 12.0, 4
"""For what needs the age of a notice's claim: Lambda delivers to `notify` again a minute and then two minutes after
a failure, here after 5 and 10 seconds, when the claim of one that died is older than its time limit, here 4."""
SLOW_TIMEOUTS = {"notify": 4}
MOST_RUNS = 3
"""Of a case in which this machine was too slow for the app's own time limits: that tells nothing about the app."""
QUICK_FAULTS = (REFUSED, LOST, GARBAGE, NOT_THERE_YET)
"""In the quick form: a no, an effect without an answer, a lie, and Slack's lie about what is new."""
QUICK_DEATHS = ("notify chat.postMessage", "fetch_file PutObject documents/", "route StartExecution")


class BadReferenceError(Exception):
    """A run without a fault is wrong already: nothing can be held against it."""


def run(is_full: bool, only: str = "") -> int:
    """Run everything, print what came of it, and return the exit status."""
    start = time.monotonic()
    with Harness(FACTOR) as harness:
        cases = [case for case in _plan(harness, is_full) if only in case.point]
        if not cases:
            print(f"No call is made at a point like {only!r}.")
            return 1
        _run_all(harness, [case for case in cases if not _is_slow(case)], AT_ONCE)
        calls, leaks = harness.calls, list(harness.leaks)
    with Harness(SLOW_FACTOR, SLOW_TIMEOUTS) as harness:
        _run_all(harness, [case for case in cases if _is_slow(case)], SLOW_AT_ONCE)
        calls, leaks = calls + harness.calls, leaks + harness.leaks
    _print(cases, is_full)
    print(
        f"\n{len({case.point for case in cases})} fault points, {len(cases)} cases, {calls} calls in "
        f"{time.monotonic() - start:.0f} s; {len(leaks)} calls of AWS carried a secret of Slack's. "
        f"{sum(case.runs - 1 for case in cases)} runs were repeated, since the machine was too slow for them."
    )
    return 1 if leaks or any(case.verdict == WRONG for case in cases) else 0


def _plan(harness: Harness, is_full: bool) -> list[Case]:
    """Run each scenario without a fault, and return a case for each of its calls and each fault.

    A call that another scenario makes as well is broken there; what is done to an upload breaks all of its own,
    once, in the full form, and what somebody asks for always does. A call that names nothing of the case (which
    conversations hold documents) cannot be told from the others': tests/app/test_finding.py breaks it.
    """
    cases, points = [], set[str]()
    for scenario in SCENARIOS:
        honest = Case(scenario)
        _prepare(harness, [honest])
        harness.calls_by_point.clear()
        honest.start(harness)
        harness.wait_until_quiet([honest.delivered])
        reference = snapshot(harness, honest)
        wrong = broken_promises(harness, honest, reference)
        if wrong or scenario.comes_to not in str(reference):
            raise BadReferenceError(f"without a fault, {scenario.name} came to {wrong or reference}")
        for point, calls in sorted(harness.calls_by_point.items()):
            if not any(call.is_about(honest.ids) for call in calls):
                continue
            for fault, times in _faults(calls[0], is_full):
                if scenario.once and times > 1:
                    continue
                if (
                    point not in points
                    or scenario.ask
                    or point in scenario.breaks
                    or (is_full and scenario.change and times == 1)
                ):
                    cases.append(Case(scenario, point, fault, times, reference=reference))
        points |= harness.calls_by_point.keys()
    return sorted(cases, key=lambda case: case.times)


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


def _is_slow(case: Case) -> bool:
    return case.fault.kills or case.point.startswith("notify ")


def _lasts(case: Case) -> bool:
    return case.times == EVER or (case.fault.hold and not is_hasty(case.point))


def _run_all(harness: Harness, cases: list[Case], at_once: int) -> None:
    """Run *cases* in batches; those in which a function dies alone, for its idle processes die with it."""
    alive = [case for case in cases if not case.fault.kills]
    brief, lasting = ([case for case in alive if _lasts(case) is lasts] for lasts in (False, True))
    batches = [*_batches(brief, at_once), *_batches(lasting, 2 * at_once)]  # what lasts mostly waits
    for batch in batches + [[case] for case in cases if case.fault.kills]:
        _run(harness, batch)
        for case in batch:
            while case.says_nothing(harness) and case.runs < MOST_RUNS:
                _run(harness, [case])
        print("".join(case.verdict for case in batch), end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def _run(harness: Harness, batch: list[Case]) -> None:
    _prepare(harness, batch)
    for case in batch:
        case.start(harness)
    harness.wait_until_quiet([case.delivered for case in batch])
    for case in batch:
        case.verdict, case.why = judge(harness, case, snapshot(harness, case))


def _prepare(harness: Harness, batch: list[Case]) -> None:
    for case in batch:
        case.prepare(harness)
    harness.wait_until_quiet([case.event for case in batch if case.scenario.is_about_an_archived_one])


def _batches(cases: list[Case], size: int) -> Iterator[list[Case]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def _print(cases: Iterable[Case], is_full: bool) -> None:
    table: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for case in cases:
        table[f"{case.scenario.name:9} {case.point}"][case.fault.name] += case.verdict
    faults = [fault.name for fault in (*ANSWERS, *DEATHS)]
    print(" " * 58 + " ".join(f"{name:>13}" for name in faults))
    for point, row in sorted(table.items()):
        print(f"{point:58}" + " ".join(f"{row[name] or '·':>13}" for name in faults))
    print("\nEach fault once" + (", twice, and for ever" if is_full else "") + ".")
    count = Counter(case.verdict for case in cases)
    for verdict in LEGEND:
        if count[verdict]:
            print(f"  {verdict}  {count[verdict]:>4}  {LEGEND[verdict]}")
    for case in cases:
        if case.verdict == WRONG:
            times = "for ever" if case.times == EVER else f"×{case.times}"
            print(f"\n{WRONG} {case.scenario.name}: {case.point}: {case.fault.name} {times}: {case.why[:1500]}")
