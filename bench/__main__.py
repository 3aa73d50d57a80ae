"""`python -m bench [--quick]`: measure everything, print it, write docs/performance.md."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import cold, endtoend, functions, prepare, report, scale, transfer, warm

DOCUMENT = prepare.PROJECT / "docs" / "performance.md"
RESULTS = prepare.HOME / "results.json"
QUESTIONS: dict[str, Callable[..., Any]] = {
    "cold": cold.measure,
    "warm": warm.measure,
    "transfer": transfer.measure,
    "endtoend": endtoend.measure,
    "scale": scale.measure,
    "functions": functions.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line *arguments*; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, and not written to docs/")
    parser.add_argument("--again", action="store_true", help="write the document from the last run's results")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if sys.platform != "linux":
        print("The bench reads Linux's /proc: run it on Linux.", file=sys.stderr)
        return 1
    results = json.loads(RESULTS.read_text()) if chosen.again else _measured(quick=chosen.quick)
    text = report.document(results)
    print(text)
    target = prepare.HOME / DOCUMENT.name if results["quick"] else DOCUMENT
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"Written to {target.relative_to(prepare.PROJECT)}.", file=sys.stderr)
    return 0


def _measured(*, quick: bool) -> dict[str, Any]:
    prepare.prepare()
    missing = prepare.missing()
    for name, command in missing.items():
        print(f"{name} is not installed, and what needs it is left out: {command}", file=sys.stderr)
    if "openssl" in missing:
        raise SystemExit("Without a certificate nothing can be measured over TLS.")
    results: dict[str, Any] = {"quick": quick, "missing": missing, "machine": report.machine()}
    results["date"] = datetime.now(UTC).strftime("%Y-%m-%d")
    begun, load = time.monotonic(), os.getloadavg()[0]
    for name, measure in QUESTIONS.items():
        since = time.monotonic()
        results[name] = measure(quick=quick)
        print(f"{name}: {time.monotonic() - since:.0f} s", file=sys.stderr)
    results |= {"minutes": (time.monotonic() - begun) / 60, "load": [load, os.getloadavg()[0]]}
    RESULTS.write_text(json.dumps(results, indent=1))
    return results


if __name__ == "__main__":
    sys.exit(main())
