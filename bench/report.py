"""The results as a document: what was measured, on what, and what follows."""

import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

from bench import memory, prepare, targets
from bench.acknowledge import BOLT
from bench.text import bars, block, number, table
from bench.transfer import LIMIT
from chalicelib import search

Results = dict[str, Any]

TEMPLATE = Path(__file__).with_name("performance.md.template")
"""The document without its figures."""
CONSTANT = """\
An upload asks the same at every size, and nothing that lists: each request names its key. S3's latency and price
for a key do not depend on how many others there are: the millionth document takes and costs what the first did."""
GROWING = "The requests of an upload are NOT the same at every size: something grows with the archive."
LISTED = "An upload lists keys, which takes longer the more there are."
PROFILE = """\
Where the CPU seconds of a GB go. Each step is run with those before it, by `bench/steps.py`, and its figure is the
difference that it makes; curl has only the two with TLS.

"""
SEARCHED = """\
This search made {most} requests at most, and no search can make more than {bound}, however large the archive: a
listing gives the newest {page} keys of a tag at a time and is continued {rounds} times at most, and {shown}
documents are shown. A search that ends there says so."""


def machine() -> str:
    """Return what it runs on, in words."""
    cpus = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kilobytes = re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())
    gigabytes = f"{int(kilobytes[1]) / 1e6:.0f} GB of memory" if kilobytes else "memory of unknown size"
    return f"{len(cpus)} × {cpus[0] if cpus else 'a processor without a name'}, {gigabytes}, {_versions()}"


def _versions() -> str:
    found = [_first(prepare.PYTHON, "--version")]
    found += [_first(name, flag) for name, flag in (("curl", "-V"), ("rclone", "version")) if shutil.which(name)]
    found.append(_first(prepare.VENV / "bin" / "aws", "--version").replace("/", " "))
    return ", ".join(" ".join(one.split()[:2]) for one in found)


def _first(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


def document(results: Results) -> str:
    """Return docs/performance.md."""
    found = targets.lines(results)
    values = {
        "quick_note": "This is a quick run: few rounds, and some questions left out.\n" if results["quick"] else "",
        "date": results["date"],
        "minutes": number(sum(results["seconds"].values()) / 60),
        "machine": results["machine"],
        "load": f"{results['load']:.1f}",
        "targets": _targets(found),
        "remarks": "\n".join(f"- {one.target.partition(':')[0]}: {one.remark}." for one in found if one.remark),
        **_cold(results["cold"]),
        **_warm(results["warm"]),
        **_transfer(results["transfer"], results["missing"]),
        **_endtoend(results["endtoend"]),
        "scale": _scale(results["scale"]),
        "memory": memory.section(results),
    }
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values)
    return re.sub(r"\n{3,}", "\n\n", text).replace("# Performance\n\n\n", "# Performance\n\n")


def _targets(found: list[targets.Line]) -> str:
    rows = [[one.target, one.measured, "reached" if one.reached else "not reached"] for one in found]
    return table(["target", "measured", ""], rows)


def _cold(results: Results) -> Results:
    ways, deployed = results["ways"], results["ways"]["deployed"]
    bolt = deployed[BOLT.title]["answered"]
    rows = []
    for title, one in deployed.items():
        values = [
            one["answered"],
            one["answered"] / bolt,
            *(one[name] for name in ("import", "first", "cpu", "peak")),
        ]
        rows.append([title, *map(number, values), number(results["sizes"][title] / 1e6)])
    head = [
        "contender",
        "spawn to answer ms",
        "of Bolt",
        "import ms",
        "first event ms",
        "CPU ms",
        "resident MB",
        "MB",
    ]
    refusal = results["refusal"] and f"This machine does not let a process be limited: {results['refusal']}."
    return {
        "cold_rounds": results["rounds"]["deployed"],
        "cold": table(head, rows),
        "cold_bars": block(_segments(deployed)),
        "cold_ways": table(["contender", *ways], [_across(title, ways) for title in deployed]),
        "cold_note": refusal or "",
        "cold_profile": block(
            "\n".join(f"{name:24} {number(ms):>6} ms" for name, ms in results["profile"].items())
        ),
    }


def _segments(figures: Results) -> str:
    scale = max(one["answered"] for one in figures.values())
    rows = []
    for title, one in figures.items():
        widths = (max(1, round(one[part] / scale * 48)) for part in ("start", "import", "first"))
        picture = "".join(mark * width for mark, width in zip("░▓█", widths, strict=True))
        rows.append(f"{title:44} {picture} {number(one['answered'])} ms")
    return "\n".join(rows)


def _across(title: str, ways: Results) -> list[str]:
    cells = [
        f"{number(one[title]['answered'])} ({number(one[title]['answered'] / one[BOLT.title]['answered'])})"
        for one in ways.values()
    ]
    return [title, *cells]


def _warm(results: Results) -> Results:
    parts = []
    for way, figures in results["ways"].items():
        bolt = figures[BOLT.title]["p50"]
        rows = [
            [title, *(number(value) for value in (one["p50"], one["p50"] / bolt, one["p99"], one["rate"]))]
            for title, one in figures.items()
        ]
        parts.append(table([way, "p50 ms", "of Bolt", "p99 ms", "events per s"], rows))
    events = f"{results['events']:,}"
    return {"warm_events": events, "warm_rounds": results["rounds"], "warm": "\n\n".join(parts)}


def _transfer(results: Results, missing: dict[str, str]) -> Results:
    parts = []
    for way, sizes in results["ways"].items():
        for size, figures in sizes.items():
            limit = (figures[LIMIT] or {}).get("rate")
            rows = [_moved(title, one, limit, missing) for title, one in figures.items()]
            head = [f"{way}, {size}", "s", "MB/s", "of the limit", "call MB/s", "CPU s per GB", "resident MB"]
            parts.append(table(head, rows))
    hashes = ", ".join(f"{name} {number(seconds)}" for name, seconds in results["hashes"].items())
    return {
        "transfer": "\n\n".join(parts),
        "hashes": hashes,
        "transfer_rounds": _rounds(results["rounds"]),
        "steps": _steps(results["steps"]),
    }


def _steps(steps: Results) -> str:
    """Return the profile; nothing in a quick run, which has none."""
    if not steps:
        return ""
    whole = sum(steps.values())
    rows = [[name, number(seconds), f"{seconds / whole:.0%}"] for name, seconds in steps.items()]
    return PROFILE + table(
        ["ours, 1 GiB over TLS", "CPU s per GB", "share"], [*rows, ["all", number(whole), "100%"]]
    )


def _rounds(rounds: dict[str, int]) -> str:
    return "; ".join(f"{what} × {count}" for what, count in rounds.items())


def _moved(title: str, one: Results | None, limit: float | None, missing: dict[str, str]) -> list[str]:
    if one is None:
        command = next((how for name, how in missing.items() if name in title), "make bench")
        return [title, f"not installed: {command}", "", "", "", "", ""]
    ratio = one["rate"] / limit if limit else None
    values = (one["seconds"], one["rate"], ratio, one["call"], one["cpu"], one["peak"])
    return [title, *(number(value) for value in values)]


def _endtoend(stories: Results) -> Results:
    rows = [
        [name, number(one["seconds"]), f"{number(one['range'][0])} to {number(one['range'][1])}"]
        for name, one in stories.items()
    ]
    pictures = []
    for name, one in stories.items():
        steps = [(step, begin, end) for step, (begin, end) in one["steps"].items() if end > begin]
        pictures.append(block(f"{name}\n{bars(steps, 's')}"))
    return {
        "endtoend": table(["upload", "s, median", "range"], rows),
        "endtoend_bars": "\n\n".join(pictures),
    }


def _scale(results: Results) -> str:
    archives = results["archives"]
    uploads = [one["upload"] for one in archives.values()]
    growing = any(one != uploads[0] for one in uploads)
    listing = any(" LIST " in operation for one in uploads for operation in one)
    parts = [_counts("upload", archives), LISTED if listing else GROWING if growing else CONSTANT]
    if not results["searches"]:
        return "\n\n".join([*parts, "The app has no search to count yet."])
    most = max(sum(one["search"].values()) for one in archives.values())
    searched = SEARCHED.format(
        most=most, bound=search.MOST_REQUESTS, page=search.PAGE, rounds=search.ROUNDS, shown=search.SHOWN
    )
    return "\n\n".join([*parts, _counts("search", archives), searched])


def _counts(what: str, archives: Results) -> str:
    operations = sorted({operation for one in archives.values() for operation in one[what]})
    rows = [[name, *(str(one[what].get(name, 0)) for one in archives.values())] for name in operations]
    rows.append(["all", *(str(sum(one[what].values())) for one in archives.values())])
    return table([f"requests of one {what}", *(f"{size} documents" for size in archives)], rows)
