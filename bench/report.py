"""The document docs/performance.md, made from the results."""

import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

from bench import prepare, targets
from bench.acknowledge import BOLT
from bench.text import bars, block, number, table
from bench.transfer import LIMIT
from chalicelib import candidates, search, visibility

Results = dict[str, Any]

TEMPLATE = Path(__file__).with_name("performance.md.template")
"""The document without its figures."""
CONSTANT = """\
An upload makes the same requests at every size of the archive, and none of them is a listing: each request names
its key. S3's latency and price for one key do not depend on the number of other keys, so the millionth document
takes as long and costs as much as the first."""
WRITES = """\
The document has two hashtags and ten words. In a public channel {public} objects are written for it, in a private
conversation {private}: there it has one entry for each hashtag and word, and not a second one for everybody."""
GROWING = "The requests of an upload are NOT the same at every size: their number grows with the archive."
LISTED = "An upload lists keys, and a listing takes longer when there are more keys."
PROFILE = """\
Where the CPU seconds of a GB go. `bench/steps.py` runs the first step, then the first two, and so on; the figure of
a step is the difference that it makes. curl does only the two steps with TLS.

"""
SEARCHED = """\
This search made at most {most} requests, and no search can make more than {listings} listings and read more than
{records} records, whatever the archive's size: {terms} words and tags in {scopes} conversations, {rounds} pages
each; at most {shown} documents are shown. The answer says so when a search ends at this limit."""


def machine() -> str:
    """Return a description of this machine and its programs."""
    cpus = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kilobytes = re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())
    gigabytes = f"{int(kilobytes[1]) / 1e6:.0f} GB of memory" if kilobytes else "memory of unknown size"
    return f"{len(cpus)} × {cpus[0] if cpus else 'a processor without a name'}, {gigabytes}, {_versions()}"


def _versions() -> str:
    lines = [_first(prepare.PYTHON, "--version")]
    lines += [_first(name, flag) for name, flag in (("curl", "-V"), ("rclone", "version")) if shutil.which(name)]
    lines.append(_first(prepare.VENV / "bin" / "aws", "--version").replace("/", " "))
    return ", ".join(" ".join(line.split()[:2]) for line in lines)


def _first(*command: object) -> str:
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return (process.stdout or process.stderr).splitlines()[0]


def document(results: Results) -> str:
    """Return docs/performance.md."""
    lines = targets.lines(results)
    values = {
        "quick_note": "This is a quick run: few rounds, and some questions left out.\n" if results["quick"] else "",
        "date": results["date"],
        "minutes": number(sum(results["seconds"].values()) / 60),
        "machine": results["machine"],
        "load": f"{results['load']:.1f}",
        "targets": _targets(lines),
        "remarks": "\n".join(f"- {line.target.partition(':')[0]}: {line.remark}." for line in lines if line.remark),
        **_cold(results["cold"]),
        **_warm(results["warm"]),
        **_transfer(results["transfer"], results["missing"]),
        **_endtoend(results["endtoend"]),
        "scale": _scale(results["scale"]),
        "search": _search(results.get("search", {})),
        "sizes": _sizes(results.get("sizes", {})),
    }
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values)
    return re.sub(r"\n{3,}", "\n\n", text).replace("# Performance\n\n\n", "# Performance\n\n")


def _targets(lines: list[targets.Line]) -> str:
    rows = [[line.target, line.measured, "reached" if line.reached else "not reached"] for line in lines]
    return table(["target", "measured", ""], rows)


def _cold(results: Results) -> Results:
    ways, figures = results["ways"], results["ways"]["deployed"]
    bolt = figures[BOLT.title]["answered"]
    rows = []
    for title, row in figures.items():
        values = [
            row["answered"],
            row["answered"] / bolt,
            *(row[name] for name in ("import", "first", "cpu", "peak")),
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
    return {
        "cold_rounds": results["rounds"]["deployed"],
        "cold": table(head, rows),
        "cold_bars": block(_segments(figures)),
        "cold_ways": table(["contender", *ways], [_across(title, ways) for title in figures]),
        "cold_profile": block(
            "\n".join(f"{name:24} {number(ms):>6} ms" for name, ms in results["profile"].items())
        ),
    }


def _segments(figures: Results) -> str:
    scale = max(row["answered"] for row in figures.values())
    rows = []
    for title, row in figures.items():
        widths = (max(1, round(row[part] / scale * 48)) for part in ("start", "import", "first"))
        picture = "".join(mark * width for mark, width in zip("░▓█", widths, strict=True))
        rows.append(f"{title:44} {picture} {number(row['answered'])} ms")
    return "\n".join(rows)


def _across(title: str, ways: Results) -> list[str]:
    cells = [
        f"{number(row[title]['answered'])} ({number(row[title]['answered'] / row[BOLT.title]['answered'])})"
        for row in ways.values()
    ]
    return [title, *cells]


def _warm(results: Results) -> Results:
    parts = []
    for way, figures in results["ways"].items():
        bolt = figures[BOLT.title]["p50"]
        rows = [
            [title, *(number(value) for value in (row["p50"], row["p50"] / bolt, row["p99"], row["rate"]))]
            for title, row in figures.items()
        ]
        parts.append(table([way, "p50 ms", "of Bolt", "p99 ms", "events per s"], rows))
    events = f"{results['events']:,}"
    return {"warm_events": events, "warm_rounds": results["rounds"], "warm": "\n\n".join(parts)}


def _transfer(results: Results, commands: dict[str, str]) -> Results:
    parts = []
    for way, sizes in results["ways"].items():
        for size, figures in sizes.items():
            limit = (figures[LIMIT] or {}).get("rate")
            rows = [_row(title, row, limit, commands) for title, row in figures.items()]
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
    """Return the table of the transfer's steps; an empty string for a quick run, which does not measure them."""
    if not steps:
        return ""
    whole = sum(steps.values())
    rows = [[name, number(seconds), f"{seconds / whole:.0%}"] for name, seconds in steps.items()]
    return PROFILE + table(
        ["ours, 1 GiB over TLS", "CPU s per GB", "share"], [*rows, ["all", number(whole), "100%"]]
    )


def _rounds(rounds: dict[str, int]) -> str:
    return "; ".join(f"{what} × {count}" for what, count in rounds.items())


def _row(title: str, row: Results | None, limit: float | None, commands: dict[str, str]) -> list[str]:
    if row is None:
        command = next((how for name, how in commands.items() if name in title), "make bench")
        return [title, f"not installed: {command}", "", "", "", "", ""]
    ratio = row["rate"] / limit if limit else None
    values = (row["seconds"], row["rate"], ratio, row["call"], row["cpu"], row["peak"])
    return [title, *(number(value) for value in values)]


def _endtoend(stories: Results) -> Results:
    rows = [
        [name, number(row["seconds"]), f"{number(row['range'][0])} to {number(row['range'][1])}"]
        for name, row in stories.items()
    ]
    pictures = []
    for name, row in stories.items():
        steps = [(step, begin, end) for step, (begin, end) in row["steps"].items() if end > begin]
        pictures.append(block(f"{name}\n{bars(steps, 's')}"))
    return {
        "endtoend": table(["upload", "s, median", "range"], rows),
        "endtoend_bars": "\n\n".join(pictures),
    }


def _scale(results: Results) -> str:
    archives = results["archives"]
    uploads = [row["upload"] for row in archives.values()]
    growing = any(row != uploads[0] for row in uploads)
    listing = any(" LIST " in operation for row in uploads for operation in row)
    parts = [_counts("upload", archives), LISTED if listing else GROWING if growing else CONSTANT]
    parts += [_writes(uploads[0], results["private"])] if "private" in results else []
    if not results["searches"]:
        return "\n\n".join([*parts, "The app has no search to count yet."])
    most = max(sum(row["search"].values()) for row in archives.values())
    paragraph = SEARCHED.format(
        most=most,
        listings=search.MOST_LISTINGS,
        records=search.MOST_RECORDS,
        terms=search.MOST_TERMS,
        scopes=visibility.MOST_SCOPES,
        rounds=candidates.ROUNDS,
        shown=search.SHOWN,
    )
    return "\n\n".join([*parts, _counts("search", archives), paragraph])


def _writes(public: dict[str, int], private: dict[str, int]) -> str:
    """Return what docs/operations.md multiplies by S3's price."""
    counts = [sum(n for name, n in row.items() if name.startswith("S3 PUT ")) for row in (public, private)]
    return WRITES.format(public=counts[0], private=counts[1])


def _search(archives: Results) -> str:
    parts = []
    for size, questions in archives.items():
        names = ("p50", "p95", "listings", "records", "slack")
        rows = [
            [question, *(number(row[name]) if name[0] == "p" else str(row[name]) for name in names)]
            for question, row in questions.items()
        ]
        head = [f"{size} documents", "p50 ms", "p95 ms", "listings", "records", "calls of Slack"]
        parts.append(table(head, rows))
    return "\n\n".join(parts) or "Not measured in this run."


def _sizes(results: Results) -> str:
    if not results:
        return "Not measured in this run."
    names, rows = results["sizes"], results["questions"].values()
    counts = [
        [_asked(row), *(f"{row[size]['listings']} + {row[size]['records']}" for size in names)] for row in rows
    ]
    times = [[_asked(row), *(f"{row[size]['p50']:.0f}, {row[size]['p95']:.0f}" for size in names)] for row in rows]
    heads = [f"{size} documents" for size in names]
    return "\n\n".join([table(["listings + records", *heads], counts), table(["p50 and p95 in ms", *heads], times)])


def _asked(row: Results) -> str:
    terms, conversations = row["terms"], row["conversations"]
    return f"{terms} word{'s' * (terms > 1)}, {conversations} conversation{'s' * (conversations > 1)}"


def _counts(what: str, archives: Results) -> str:
    operations = sorted({operation for row in archives.values() for operation in row[what]})
    rows = [[name, *(str(row[what].get(name, 0)) for row in archives.values())] for name in operations]
    rows.append(["all", *(str(sum(row[what].values())) for row in archives.values())])
    return table([f"requests of one {what}", *(f"{size} documents" for size in archives)], rows)
