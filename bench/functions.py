"""The functions, each at the memory sizes that come into question: how long they take, and what that costs."""

import sys
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

from bench import payloads, prepare, quota
from bench.loopback import Stubs
from bench.measured import FailedError, run
from bench.prices import lambda_cost

SIZES = (256, 512, 1024, 1769)
QUICK = (512,)
MB = 1024**2
WARM_CALLS = 5


@dataclass(frozen=True)
class Function:
    """A function of the app, under its name in .chalice/config.json, and what a typical call is."""

    name: str
    title: str
    handler: str
    expect: str


FUNCTIONS = (
    Function("api_handler", "slack_events, an upload", "app.app", "200"),
    Function("fetch_file", "fetch_file, 1 MB", "app.fetch_file", "archived"),
    Function("save_metadata", "save_metadata", "app.save_metadata", "archived"),
    Function("notify", "notify", "app.notify", "None"),
)


def measure(*, quick: bool) -> dict[str, Any]:
    """Return ms, MB and dollars per thousand calls of each function at each size, cold and warm.

    None where it failed. Over TLS, with the secrets in SSM, without bytecode: as deployed.
    """
    refusal = quota.refusal()
    found: dict[str, Any] = {}
    if refusal:
        return {"refusal": refusal, "functions": found}
    with Stubs(tls=True) as stubs:
        for size in QUICK if quick else SIZES:
            with quota.share(size) as join:
                for function in FUNCTIONS:
                    found.setdefault(function.title, {})[str(size)] = _measured(function, size, stubs, join)
    return {"refusal": None, "functions": found, "names": {one.title: one.name for one in FUNCTIONS}}


def _measured(function: Function, size: int, stubs: Stubs, join: quota.Join) -> dict[str, float] | None:
    events = [_event(function, stubs) for _ in range(1 + WARM_CALLS)]
    folder = prepare.package("ours")
    try:
        done = run(folder, function.handler, events, stubs, references=True, join=join, expect=function.expect)
    except FailedError as error:  # a small share of a processor may be too little for a function's own time limits
        if size >= QUICK[-1]:
            raise
        print(f"{function.title}, {size} MB: {error}", file=sys.stderr)
        return None
    cold, warm = done.answered * 1000, median(done.durations[1:]) * 1000
    return {
        "cold": cold,
        "warm": warm,
        "peak": done.peak / 1e6,
        "cold_cost": lambda_cost(size, ceil(cold)) * 1000,
        "warm_cost": lambda_cost(size, ceil(warm)) * 1000,
    }


def _event(function: Function, stubs: Stubs) -> dict[str, Any]:
    if function.name == "api_handler":
        return payloads.signed("upload")
    fetch = payloads.transfer(stubs.file_url(MB), MB)
    if function.name == "fetch_file":
        return fetch
    if function.name == "save_metadata":
        return payloads.recording(fetch)
    return payloads.outcome(fetch)
