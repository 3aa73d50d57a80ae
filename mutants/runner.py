"""Runs pytest again and again in a copy of the project, forked from a process that has loaded what is slow to load.

It reads one job a line, {"arguments": […], "environ": {…}, "cpu": seconds, "seconds": …, "output": file}, and
writes the exit status, or null when the time ran out. The limit of CPU time ends a loop without end, whatever the
speed of the machine.
"""

import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from typing import Any


def main() -> None:
    """Run the jobs of standard input. Nothing of the project is loaded here: each fork loads it as it is then."""
    import boto3  # noqa: F401
    import moto.server  # noqa: F401
    import requests  # noqa: F401

    sys.path[0] = os.getcwd()
    for line in sys.stdin:
        print(json.dumps(_status(**json.loads(line))), flush=True)


def _status(seconds: float, **job: Any) -> int | None:
    child = os.fork()
    if child == 0:
        os._exit(_pytest(**job))
    try:
        return _wait(child, time.monotonic() + seconds)
    finally:
        with suppress(ProcessLookupError, PermissionError):  # what the tests started, and have not ended
            os.killpg(child, signal.SIGKILL)


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
