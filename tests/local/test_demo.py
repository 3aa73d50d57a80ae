"""README.md shows what `make demo` prints."""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT.joinpath("README.md").read_text(encoding="utf-8")


def kind(line: str) -> list[str]:
    """Return the words of *line* without what is another in each run: numbers, sums, the order of the states."""
    return sorted(re.sub(r"\b[0-9a-f]{12}\b|[0-9]+", "N", line).replace("NOT OK", "ok").split())


def test_every_line_of_the_readme_is_one_of_the_demo() -> None:
    demo = [sys.executable, "-m", "local", "demo"]
    process = subprocess.run(demo, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    lines = [kind(line) for line in process.stdout.splitlines()]
    block = README.partition("$ make demo\n")[2].partition("```")[0]
    readme_lines = [line for line in block.splitlines() if line.strip() != "…"]
    assert len(readme_lines) > 40
    assert [line for line in readme_lines if kind(line) not in lines] == []


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 250
