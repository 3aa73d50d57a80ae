"""Runs pytest again and again in a copy of the project, forked from a process that has loaded what is slow to load.

It reads one job a line, {"arguments": […], "environ": {…}, "cpu": seconds, "seconds": …, "output": file}, and
writes the exit status, or null when the time ran out. The limit of CPU time ends a loop without end, whatever the
speed of the machine.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the jobs of standard input. Nothing of the project is loaded here: each fork loads it as it is then."""
    sys.path[0] = os.getcwd()
    _adopt()
    for module in _libraries():
        with suppress(Exception):  # not every module can be loaded by itself; then each fork loads it
            importlib.import_module(module)
    for line in sys.stdin:
        print(json.dumps(_status(**json.loads(line))), flush=True)


def _libraries() -> list[str]:
    """Return the modules that the tests load and that are not the project's: a fork collects the tests."""
    file = Path(".libraries.json")
    if child := os.fork():
        os.waitpid(child, 0)
        return list(json.loads(file.read_text(encoding="utf-8")))
    before = set(sys.modules)
    status = _pytest(["--collect-only", "-q", "-p", "no:cacheprovider", "tests"], {}, 600, os.devnull)
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    libraries = [name for name, path in files.items() if path and name not in before and os.getcwd() not in path]
    file.write_text(json.dumps(libraries), encoding="utf-8")
    os._exit(status)


def _status(seconds: float, **job: Any) -> int | None:
    child = os.fork()
    if child == 0:
        os._exit(_pytest(**job))
    try:
        return _wait(child, time.monotonic() + seconds)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        _end_orphans()


def _adopt() -> None:
    """Become the parent of what the tests have started and not ended when they are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    while orphans := _children():
        for pid in orphans:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in path.read_text(encoding="ascii").split()] if path.exists() else []


def _pytest(arguments: list[str], environ: dict[str, str], cpu: int, output: str) -> int:
    os.setsid()
    os.environ.update(environ)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    import pytest

    status = int(pytest.main(arguments))
    sys.stdout.flush()
    return status


def _wait(child: int, end: float) -> int | None:
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return None if code == -signal.SIGXCPU else code
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    main()
