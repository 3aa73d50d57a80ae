"""What is known of mutants already, in a file that a later run continues."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mutants.candidates import Mutant


@dataclass(frozen=True)
class Result:
    """A tested mutant. *source* and *tests* are digests of the module and of the tests that were run.

    *fate* is survived, failed (a test did) or "out of time".
    """

    mutant: str
    source: str
    tests: str
    fate: str
    seconds: float
    change: str

    @property
    def killed(self) -> bool:
        """Whether the tests noticed."""
        return self.fate != "survived"


def digest(*texts: str) -> str:
    """Return a short digest of *texts*."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


class Results:
    """The results in *file*, one JSON object a line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self._results = {
            (result.mutant, result.source): result for result in (Result(**json.loads(x)) for x in lines)
        }

    def of(self, mutant: Mutant, source: str, tests: str) -> Result | None:
        """Return the result of *mutant*, unless the module has changed since, or a survivor's tests have."""
        result = self._results.get((str(mutant), source))
        return result if result and (result.killed or result.tests == tests) else None

    def add(self, result: Result) -> None:
        """Write *result* down at once, so that a run can be interrupted."""
        self._results[result.mutant, result.source] = result
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def table(results: Iterable[Result]) -> str:
    """Return the figures per module as a Markdown table, and a line for each folder."""
    counts: dict[str, list[int]] = {}
    for result in results:
        module = result.mutant.partition(":")[0]
        for row in (f"**{module.partition('/')[0]}/**", module):
            count = counts.setdefault(row, [0, 0])
            count[0] += 1
            count[1] += result.killed
    lines = ["| module | mutants | killed | |", "|---|---:|---:|---:|"]
    rows = sorted(counts.items(), key=lambda row: (row[0].startswith("**"), row[0]))
    lines += [f"| {name} | {count} | {killed} | {killed / count:.0%} |" for name, (count, killed) in rows]
    return "\n".join(lines)
