"""`python -m bench`: measure everything, print it, write docs/performance.md."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cold, endtoend, prepare, report, scale, searching, sizes, transfer, warm

DOCUMENT = prepare.PROJECT / "docs" / "performance.md"
QUESTIONS: dict[str, Callable[..., Any]] = {
    "cold": cold.measure,
    "warm": warm.measure,
    "transfer": transfer.measure,
    "endtoend": endtoend.measure,
    "scale": scale.measure,
    "search": searching.measure,
    "sizes": sizes.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line *arguments*; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="take a minute, and do not write to docs/")
    parser.add_argument(
        "--only", choices=QUESTIONS, help="measure one question again, and keep the other answers of the last run"
    )
    parser.add_argument(
        "--again", action="store_true", help="measure nothing: write the document from the answers of the last run"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes started here are ended
    if sys.platform != "linux":
        print("The bench reads Linux's /proc: run it on Linux.", file=sys.stderr)
        return 1
    result_file = prepare.HOME / ("quick.json" if options.quick else "results.json")
    results = json.loads(result_file.read_text()) if options.only or options.again else {}
    if not options.again:
        results |= _measure(
            [options.only] if options.only else list(QUESTIONS), results, result_file, quick=options.quick
        )
    _write(report.document(results), prepare.HOME / DOCUMENT.name if options.quick else DOCUMENT)
    return 0


def _write(text: str, target: Path) -> None:
    print(text)
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"Written to {target.relative_to(prepare.PROJECT)}.", file=sys.stderr)


def _measure(names: list[str], results: dict[str, Any], result_file: Path, *, quick: bool) -> dict[str, Any]:
    """Return *results* with new answers to the questions *names*, and write each to *result_file* at once."""
    commands = prepare.missing()
    for name, command in commands.items():
        print(f"{name} is not installed: {command}", file=sys.stderr)
    if commands.keys() - prepare.OPTIONAL:
        raise SystemExit("The bench cannot run without them.")
    prepare.prepare()
    seconds = results.get("seconds", {})
    results |= {"quick": quick, "missing": commands, "machine": report.machine(), "seconds": seconds}
    results |= {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "load": os.getloadavg()[0]}
    for name in names:
        start = time.monotonic()
        results[name] = QUESTIONS[name](quick=quick)
        seconds[name] = time.monotonic() - start
        print(f"{name}: {seconds[name]:.0f} s", file=sys.stderr)
        result_file.write_text(json.dumps(results, indent=1))
    return results


if __name__ == "__main__":
    sys.exit(main())
