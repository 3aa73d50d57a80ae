"""The choice of memory sizes and timeouts in .chalice/config.json, from the figures, and what that costs."""

import json
from pathlib import Path
from string import Template
from typing import Any

from bench import quota
from bench.prepare import PROJECT
from bench.prices import API_REQUEST, PUBLISH, S3_GB_MONTH, STATE_TRANSITION, requests_cost
from bench.text import number, table
from bench.transfer import GB, OURS
from chalicelib.fetch import SPARE_SECONDS

TEMPLATE = Path(__file__).with_name("memory.md.template")
COLD_MS = {"api_handler": 275}
"""Slack waits for 3,000 ms, the route's own limits end after up to 2,450 (intake.py). Half of what is left is for
what is not measured here: Lambda's own start, API Gateway and the way. For the others, on which people wait,
`PATIENCE_MS`."""
PATIENCE_MS = 2500
GIGABIT = 125.0
"""MB/s at which `fetch_file` has to move a large file, so that a processor is not what holds it up."""
SPARE = 1.5
"""Of the memory that was resident at the most."""

LARGE = """\
`fetch_file` has {seconds} s; Lambda's longest is 900. A file of 1 GiB, the largest that is taken unless
configured otherwise, keeps the processor of its size busy for {busy} s, and arrives in time if Slack sends
it at {slowest} MB/s; a slower one is given up in an orderly way and tried again."""

Results = dict[str, Any]


def section(results: Results) -> str:
    """Return the section of the document."""
    measured = results["functions"]
    if measured["refusal"]:
        return f"This machine does not let a process be limited ({measured['refusal']}), so this was not measured."
    transitions = _transitions(results)
    values = {
        "sizes": _sizes(measured["functions"]),
        "chosen": _chosen(results),
        "reasons": _reasons(results),
        "transitions": transitions,
        "transitions_cost": f"{1000 * transitions * STATE_TRANSITION:.3f}",
        "keeping": S3_GB_MONTH,
        "costs": _costs(results),
        "timeouts": _timeouts(results),
        "large": _large(results),
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values).strip()


def _sizes(functions: Results) -> str:
    sizes = list(next(iter(functions.values())))
    rows = []
    for title, at in functions.items():
        calls = (f"{number(one['cold'])} / {number(one['warm'])}" if one else "fails" for one in at.values())
        rows.append([title, *calls, number(max(_peaks(at), default=None))])
    return table(["function", *(f"{int(size):,} MB" for size in sizes), "resident MB"], rows)


def _chosen(results: Results) -> str:
    configured = _configuration()
    rows = []
    for title, at in results["functions"]["functions"].items():
        name = results["functions"]["names"][title]
        most = COLD_MS.get(name, PATIENCE_MS)
        peak = _resident(results, name, at)
        fits = [size for size in at if not lacking(results, title, size)]
        rule = f"{int(fits[0]):,} MB" if fits else "none of these"
        rows.append([title, f"{most:,} ms", f"{number(peak)} MB", rule, f"{_size(configured, name):,} MB"])
    return table(["function", "cold, at most", "resident", "by the rule", "configured"], rows)


def lacking(results: Results, title: str, size: str) -> list[str]:
    """Return what speaks against *size* for a function."""
    name, at = results["functions"]["names"][title], results["functions"]["functions"][title]
    most, needed = COLD_MS.get(name, PATIENCE_MS), _resident(results, name, at) * SPARE
    rate = _rate(results, int(size)) if name == "fetch_file" else None
    found = []
    if not at[size]:
        found.append("it fails")
    elif at[size]["cold"] > most:
        found.append(f"a cold call takes {number(at[size]['cold'])} ms")
    if int(size) < needed:
        found.append(f"{number(needed)} MB do not fit")
    if rate and rate < GIGABIT:
        found.append(f"a large file moves at {number(rate)} MB/s at best")
    return found


def _rate(results: Results, size: int) -> float | None:
    """Return the MB/s at which the processor of that size moves a large file; None if none was moved."""
    large = results["transfer"]["ways"]["TLS"].get("1 GiB")
    return min(1.0, size / quota.WHOLE) * 1000 / large[OURS]["cpu"] if large else None


def _reasons(results: Results) -> str:
    """Return, for each function, why its size is neither the next smaller one nor the next larger."""
    configured = _configuration()
    lines = []
    for title, at in results["functions"]["functions"].items():
        chosen = _size(configured, results["functions"]["names"][title])
        sentences = [
            f"At {size:,} MB {' and '.join(lacking(results, title, str(size))) or 'it would do as well'}."
            for size in [size for size in map(int, at) if size < chosen][-1:]
        ]
        sentences += [
            f"At {size:,} MB a cold call takes {number(at[str(size)]['cold'])} ms instead of "
            f"{number(at[str(chosen)]['cold'])}, and waiting for others costs {size / chosen:.1f} times as much."
            for size in [size for size in map(int, at) if size > chosen][:1]
            if at.get(str(chosen))
        ]
        if sentences:
            lines.append(f"- {title}, {chosen:,} MB: {' '.join(sentences)}")
    return "\n".join(lines)


def _resident(results: Results, name: str, at: Results) -> float:
    peaks = _peaks(at)
    if name == "fetch_file":
        peaks += [size[OURS]["peak"] for size in results["transfer"]["ways"]["TLS"].values()]
    return max(peaks, default=0.0)


def _peaks(at: Results) -> list[float]:
    return [one["peak"] for one in at.values() if one]


def _transitions(results: Results) -> int:
    """Return the states that the workflow enters for one document."""
    return int(results["endtoend"]["1 file of 1 MB, functions warm"]["transitions"])


def _costs(results: Results) -> str:
    functions = results["functions"]["functions"]
    counted = next(iter(results["scale"]["archives"].values()))["upload"]
    other = 1000 * (API_REQUEST + _transitions(results) * STATE_TRANSITION + PUBLISH + requests_cost(counted))
    rows = []
    for size in next(iter(functions.values())):
        if not all(at[size] for at in functions.values()):
            continue
        warm = sum(at[size]["warm_cost"] for at in functions.values())
        cold = sum(at[size]["cold_cost"] for at in functions.values())
        rows.append([f"{int(size):,} MB", *(f"{dollars:.3f}" for dollars in (warm, cold, other, warm + other))])
    return table(["size", "Lambda, warm", "Lambda, all cold", "other", "warm and other"], rows)


def _timeouts(results: Results) -> str:
    configured, functions = _configuration(), results["functions"]
    rows = []
    for title, at in functions["functions"].items():
        name = functions["names"][title]
        figures = at.get(str(_size(configured, name)))
        cold = f"{figures['cold'] / 1000:.1f} s" if figures else "not measured"
        rows.append([title, f"{_timeout(configured, name)} s", cold])
    return table(["function", "timeout", "cold"], rows)


def _large(results: Results) -> str:
    """Return what the largest file asks of the fetcher; nothing in a quick run, which moves none."""
    large = results["transfer"]["ways"]["TLS"].get("1 GiB")
    if not large:
        return ""
    stage = _configuration()
    seconds, share = _timeout(stage, "fetch_file"), min(1.0, _size(stage, "fetch_file") / quota.WHOLE)
    busy, slowest = large[OURS]["cpu"] * GB / 1e9 / share, GB / 1e6 / (seconds - SPARE_SECONDS)
    return LARGE.format(seconds=seconds, busy=number(busy), slowest=number(slowest))


def _configuration() -> Results:
    """Return the stage that is deployed, or the local one while there is no other."""
    stages = json.loads(PROJECT.joinpath(".chalice", "config.json").read_text(encoding="utf-8"))["stages"]
    deployed = [stage for name, stage in stages.items() if name != "local"]
    found: Results = deployed[0] if deployed else stages["local"]
    return found


def _size(stage: Results, name: str) -> int:
    own = stage.get("lambda_functions", {}).get(name, {})
    return int(own.get("lambda_memory_size") or stage.get("lambda_memory_size") or 128)


def _timeout(stage: Results, name: str) -> int:
    own = stage.get("lambda_functions", {}).get(name, {})
    return int(own.get("lambda_timeout") or stage.get("lambda_timeout") or 60)
