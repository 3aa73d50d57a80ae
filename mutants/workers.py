"""Copies of the project in which mutants are tested, one at a time each."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mutants.traces import Selection, Trace

PROJECT = Path(__file__).parent.parent
_LONGEST_TRACE = 1_800


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
        self._runner = subprocess.Popen(
            [sys.executable, "mutants/runner.py"],
            cwd=folder,
            env={**os.environ, "HYPOTHESIS_PROFILE": "mutants", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process that runs the tests."""
        with self._runner:
            assert self._runner.stdin
            self._runner.stdin.close()

    def trace(self, test_file: str) -> Trace:
        """Return what each test of *test_file* runs. They have to pass, by the second time, without a mutant."""
        file = self._folder / ".trace.json"
        for _ in range(2):  # the machine may have been too slow
            verdict = self._pytest([test_file], {"MUTANTS_TRACE": str(file)}, _LONGEST_TRACE)
            if verdict.fate == "survived":
                break
        if verdict.fate != "survived":
            raise SystemExit(f"The tests of {test_file} fail without any mutant:\n{verdict.output}")
        return Trace(json.loads(file.read_text(encoding="utf-8")))

    def test(self, module: str, code: str, tests: Selection) -> Verdict:
        """Run *tests* while *module* consists of *code*.

        A failure of a test that runs several processes has to happen twice: once it may be the machine's.
        """
        file = self._folder / module
        original = file.read_text(encoding="utf-8")
        file.write_text(code, encoding="utf-8")
        try:
            verdict, failures = self._run_selection(tests, tests.run, only=False)
            if verdict.fate == "failed" and tests.elsewhere.intersection(failures):
                verdict, failures = self._run_selection(tests, failures, only=True)
                if verdict.fate == "survived":
                    verdict, failures = self._run_selection(tests, tests.run, only=False)
            return verdict
        finally:
            file.write_text(original, encoding="utf-8")

    def _run_selection(self, tests: Selection, run: Sequence[str], *, only: bool) -> tuple[Verdict, list[str]]:
        selection, failures = self._folder / ".selection.json", self._folder / ".failed.json"
        selection.write_text(json.dumps({"run": list(run), "skip": tests.skip, "only": only}), encoding="utf-8")
        failures.unlink(missing_ok=True)
        environ = {"MUTANTS_TESTS": str(selection), "MUTANTS_FAILED": str(failures)}
        verdict = self._pytest(tests.files, environ, tests.cpu)
        lines = failures.read_text(encoding="utf-8").splitlines() if failures.exists() else []
        return verdict, [json.loads(line) for line in lines]

    def _pytest(self, files: Sequence[str], environ: dict[str, str], cpu: int) -> Verdict:
        output = self._folder / ".output"
        options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=line", "-p", "mutants.tracing", "-m", "not browser"]
        job = {"arguments": [*options, *files], "environ": environ, "cpu": cpu, "seconds": 120 + 6 * cpu}
        assert self._runner.stdin
        assert self._runner.stdout
        start = time.monotonic()
        self._runner.stdin.write(json.dumps({**job, "output": str(output)}) + "\n")
        self._runner.stdin.flush()
        status = json.loads(self._runner.stdout.readline())
        fate = "out of time" if status is None else "survived" if status == 0 else "failed"
        text = output.read_text(encoding="utf-8", errors="replace")
        return Verdict(fate, time.monotonic() - start, text[-1500:])
