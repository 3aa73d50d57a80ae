"""Copies of the project in which mutants are tested, one at a time each."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parent.parent


class Verdict(NamedTuple):
    """The result of a test run: *killed* if a test failed or the time ran out; the end of its *output*."""

    killed: bool
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

    def test(self, module: str, code: str, tests: list[str], seconds: float) -> Verdict:
        """Run *tests* while *module* consists of *code*, at most for *seconds*."""
        file = self._folder / module
        original = file.read_text(encoding="utf-8")
        file.write_text(code, encoding="utf-8")
        try:
            return self._run(tests, seconds)
        finally:
            file.write_text(original, encoding="utf-8")

    def _run(self, tests: list[str], seconds: float) -> Verdict:
        environ = {**os.environ, "HYPOTHESIS_PROFILE": "mutants", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line"]
        command += ["-m", "not browser", *tests]
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that the functions that the tests started can be ended with them
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            output = "time ran out"
        finally:
            _end(process)
        return Verdict(process.returncode != 0, time.monotonic() - begun, output[-1500:])


def _end(process: subprocess.Popen[str]) -> None:
    """Kill *process* and everything that it started, if it is still there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
