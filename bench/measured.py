"""Measured processes: handlers in processes as bare as Lambda's, and pipes of commands."""

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import prepare
from bench.loopback import Stubs

CHILD = Path(__file__).with_name("child.py")
LIMIT_SECONDS = 300


class FailedError(RuntimeError):
    """The measured process failed; the message has the end of its log."""


@dataclass(frozen=True)
class Run:
    """One measured process. Seconds since its spawn, CPU seconds, bytes.

    *calls* are (start, end) in seconds, *spent* the CPU seconds of each.
    """

    begun: float
    imported: float
    calls: list[tuple[float, float]]
    spent: list[float]
    cpu: float
    peak: int

    @property
    def answered(self) -> float:
        """Seconds from the spawn to the first answer."""
        return self.calls[0][1]

    @property
    def durations(self) -> list[float]:
        """Seconds of each call."""
        return [end - start for start, end in self.calls]


def run(
    folder: Path,
    handler: str,
    events: Sequence[Any],
    stubs: Stubs,
    *,
    references: bool = False,
    expect: str = "200",
    flags: Sequence[str] = (),
    log: Path | None = None,
) -> Run:
    """Call *handler* of the package in *folder* with each of *events*, in a new process.

    Every answer must say *expect*. *flags* are Python's. What the process prints goes to *log*.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        plan, result = Path(scratch, "plan.json"), Path(scratch, "result.json")
        plan.write_text(
            json.dumps({"handler": handler, "events": events, "hosts": stubs.hosts, "result": str(result)})
        )
        environ = stubs.environ(references=references)
        # Lambda looks into the package first, then at what its runtime brings.
        environ["PYTHONPATH"] = f"{folder}:{prepare.RUNTIME}"
        command = [str(prepare.PYTHON), "-S", "-B", *flags, str(CHILD), str(plan)]
        log = log or Path(scratch, "log")
        with log.open("wb") as output:
            spawned = time.monotonic()
            subprocess.run(
                command,
                cwd=folder,
                env=environ,
                stdout=output,
                stderr=output,
                timeout=LIMIT_SECONDS,
            )
        if not result.exists():
            raise FailedError(f"{folder.name} {handler} failed:\n{log.read_text(errors='replace')[-3000:]}")
        return _check(json.loads(result.read_text()), spawned, expect, f"{folder.name} {handler}", log)


def _check(figures: dict[str, Any], spawned: float, expect: str, what: str, log: Path) -> Run:
    if figures["statuses"] != [expect]:
        raise FailedError(f"{what} answered {figures['statuses']}:\n{log.read_text(errors='replace')[-3000:]}")
    calls = [(start - spawned, end - spawned) for start, end in figures["calls"]]
    run_start, import_end = (figures[name] - spawned for name in ("begun", "imported"))
    return Run(run_start, import_end, calls, figures["spent"], figures["cpu"], figures["peak"])


def pipe(commands: Sequence[Sequence[str]], environ: Mapping[str, str]) -> Run:
    """Run *commands* as a shell's pipe would; its memory is that of the largest process."""
    processes: list[subprocess.Popen[bytes]] = []
    spawned = time.monotonic()
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        source = processes[-1].stdout if processes else subprocess.DEVNULL
        target = subprocess.DEVNULL if last else subprocess.PIPE
        processes.append(subprocess.Popen(command, env=environ, stdin=source, stdout=target))
        if processes[1:] and processes[-2].stdout:
            processes[-2].stdout.close()
    peaks = _Peaks([process.pid for process in processes])
    ends = [os.wait4(process.pid, 0) for process in processes]
    seconds = time.monotonic() - spawned
    for process, (_, status, _) in zip(processes, ends, strict=True):
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise FailedError(f"{process.args!r} failed")
    cpu = sum(usage.ru_utime + usage.ru_stime for _, _, usage in ends)
    return Run(0, 0, [(0, seconds)], [cpu], cpu, peaks.largest())


class _Peaks:
    """The largest resident memory of running processes. It is polled, because /proc forgets it when they end."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._files = [Path(f"/proc/{pid}/status") for pid in pids]
        self._largest = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while peaks := [peak for file in self._files if (peak := _peak(file))]:
            self._largest = max(self._largest, *peaks)
            time.sleep(0.01)

    def largest(self) -> int:
        """Wait until the processes have ended, and return it in bytes."""
        self._thread.join()
        return self._largest


def _peak(status: Path) -> int:
    """Return a process's VmHWM in bytes; 0 once it has ended."""
    try:
        lines = status.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
