"""Copies of the project in which mutants are tested, one at a time each."""

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mutants.traces import Selection, Trace

PROJECT = Path(__file__).parent.parent
_LONGEST_TRACE = 1_800
_NOTHING_FAILED = (0, 5)
"""pytest's exit statuses: every test passed; there was no test to run."""


class Verdict(NamedTuple):
    """The result of a test run. *fate* is survived, failed or "out of time"; *output* its end."""

    fate: str
    seconds: float
    output: str


class Worker:
    """A copy of the project in *folder*, as git sees it, uncommitted changes included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            if PROJECT.joinpath(name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, target)
        # Compiled once, and compared by content: a mutant may be as long and as old as the original.
        compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
        self._runner = subprocess.Popen(
            [sys.executable, "mutants/runner.py"],
            cwd=folder,
            env={**os.environ, "HYPOTHESIS_PROFILE": "mutants", "PYTHONDONTWRITEBYTECODE": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process that runs the tests."""
        with self._runner:
            assert self._runner.stdin
            self._runner.stdin.close()

    def traces(self, files: Sequence[str]) -> Iterator[tuple[str, Trace]]:
        """Yield each of *files*, test files, and what each of its tests runs.

        They are run together, and those of which a test failed once more by themselves: the machine may have been
        too slow.
        """
        together, _ = self._trace(files)
        for file in files:
            trace = {test: about for test, about in together.items() if test.startswith(f"{file}::")}
            if not trace or any(about["failed"] for about in trace.values()):
                trace, verdict = self._trace([file])
                if verdict.fate == "failed" and not trace:
                    raise SystemExit(f"The tests of {file} cannot be run:\n{verdict.output}")
            yield file, trace

    def _trace(self, files: Sequence[str]) -> tuple[Trace, Verdict]:
        file = self._folder / ".trace.json"
        file.unlink(missing_ok=True)
        verdict = self._pytest(files, {"MUTANTS_TRACE": str(file)}, _LONGEST_TRACE)
        return (Trace(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}), verdict

    def test(self, module: str, code: str, tests: Selection) -> Verdict:
        """Run *tests* while *module* consists of *code*.

        A failure of a test that may run several processes has to happen twice: once it may be the machine's.
        """
        file = self._folder / module
        original = file.read_text(encoding="utf-8")
        file.write_text(code, encoding="utf-8")
        try:
            verdict, failures = self._run_selection(tests, tests.run, only=False)
            if verdict.fate == "failed" and (tests.elsewhere is None or tests.elsewhere.intersection(failures)):
                verdict, failures = self._run_selection(tests, failures, only=True)
                if verdict.fate == "survived":
                    verdict, failures = self._run_selection(tests, tests.run, only=False)
            return verdict
        finally:
            file.write_text(original, encoding="utf-8")

    def _run_selection(self, tests: Selection, ids: Sequence[str], *, only: bool) -> tuple[Verdict, list[str]]:
        selection, failures = self._folder / ".selection.json", self._folder / ".failed.json"
        about = {"run": list(ids), "skip": tests.skip, "only": only, "limits": dict(tests.limits)}
        selection.write_text(json.dumps(about), encoding="utf-8")
        failures.unlink(missing_ok=True)
        environ = {"MUTANTS_TESTS": str(selection), "MUTANTS_FAILED": str(failures)}
        verdict = self._pytest(tests.files, environ, tests.cpu)
        lines = failures.read_text(encoding="utf-8").splitlines() if failures.exists() else []
        return verdict, [json.loads(line) for line in lines]

    def _pytest(self, files: Sequence[str], environ: dict[str, str], cpu: int) -> Verdict:
        output = self._folder / ".output"
        options = ["-q", "-p", "no:cacheprovider", "--tb=line", "-p", "mutants.tracing", "-m", _marker(files)]
        options += ["-x"] if "MUTANTS_TESTS" in environ else []
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # the runner has loaded plugins already
        job = {"arguments": [*options, *files], "environ": environ, "cpu": cpu, "seconds": 120 + 6 * cpu}
        assert self._runner.stdin
        assert self._runner.stdout
        start = time.monotonic()
        self._runner.stdin.write(json.dumps({**job, "output": str(output)}) + "\n")
        self._runner.stdin.flush()
        status = json.loads(self._runner.stdout.readline())
        fate = "out of time" if status is None else "survived" if status in _NOTHING_FAILED else "failed"
        text = output.read_text(encoding="utf-8", errors="replace")
        return Verdict(fate, time.monotonic() - start, text[-1500:])


def _marker(files: Sequence[str]) -> str:
    """Return which tests take part: those of the operations also where they take long, since most of them do."""
    return "not browser" if any("/operations/" in file for file in files) else "not browser and not deploy"
