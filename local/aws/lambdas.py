"""Lambda's part of the local stack: every function runs in processes of its own.

As on Lambda an execution environment takes one invocation at a time, parallel invocations get environments of
their own, and idle ones stay warm. Other than there, a process is replaced when the code changed after its start.
"""

import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path

from local.aws.sandbox import FunctionSpec, Result, Sandbox

LOG_LINES = 10_000  # kept per function

Snapshot = dict[Path, tuple[int, int]]


class ClosedError(RuntimeError):
    """The processes have been ended."""


def snapshot(root: Path) -> Snapshot:
    """What tells that the app under *root* changed: times and sizes of its modules and its configuration."""
    result = {}
    files = (root / "app.py", root / ".chalice" / "config.json", *root.joinpath("chalicelib").rglob("*.py"))
    for path in files:
        try:
            status = path.stat()
        except FileNotFoundError:  # deleted in this moment, or never there
            continue
        result[path] = (status.st_mtime_ns, status.st_size)
    return result


class Lambdas:
    """A pool of processes for all functions whose code is under *root*.

    *environ* is what the platform gives to every function (region, keys, endpoint); a function's own variables
    are in its FunctionSpec and win. *log* gets (function, line); with *folder* the lines go to
    `<folder>/<function>.log` as well.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str] | None = None,
        *,
        log: Callable[[str, str], None] | None = None,
        folder: Path | None = None,
        watch: bool = True,
    ) -> None:
        self._root = Path(root).resolve()
        self._environ = dict(environ or {})
        self._log = log
        self._folder = folder
        self._watch = watch
        self._lock = threading.Lock()
        self._log_lock = threading.Lock()
        self._idle: dict[str, list[tuple[Sandbox, Snapshot]]] = defaultdict(list)
        self._busy: dict[str, set[Sandbox]] = defaultdict(set)
        self._lines: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LOG_LINES))
        self._closed = False

    def invoke(self, function: FunctionSpec, event: bytes, request_id: str | None = None) -> Result:
        """Run *function* on *event* (a JSON text) and wait for its answer."""
        code = snapshot(self._root) if self._watch else {}
        sandbox = self._take(function, code)
        try:
            return sandbox.invoke(event, request_id or str(uuid.uuid4()))
        finally:
            self._give_back(sandbox, code)

    def _take(self, function: FunctionSpec, code: Snapshot) -> Sandbox:
        """The process used last, for it is the warmest; outdated ones are ended on the way."""
        outdated = []
        with self._lock:
            if self._closed:
                raise ClosedError("the functions' processes have been ended")
            idle = self._idle[function.name]
            sandbox = None
            while idle and sandbox is None:
                candidate, its_code = idle.pop()
                if candidate.alive and candidate.function == function and its_code == code:
                    sandbox = candidate
                    self._busy[function.name].add(sandbox)
                else:
                    outdated.append(candidate)
        for candidate in outdated:
            candidate.close()
        return sandbox or self._start(function)

    def _start(self, function: FunctionSpec) -> Sandbox:
        sandbox = Sandbox(function, self._root, self._environ, lambda line: self._keep(function.name, line))
        with self._lock:
            self._busy[function.name].add(sandbox)
            is_closed = self._closed
        if is_closed:  # while it was starting
            sandbox.kill()
        return sandbox

    def _give_back(self, sandbox: Sandbox, code: Snapshot) -> None:
        name = sandbox.function.name
        with self._lock:
            self._busy[name].discard(sandbox)
            keep = sandbox.alive and not self._closed
            if keep:
                self._idle[name].append((sandbox, code))
        if not keep:
            sandbox.close()

    def _keep(self, name: str, line: str) -> None:
        with self._log_lock:
            self._lines[name].append(line)
            if self._folder is not None:
                with self._folder.joinpath(f"{name}.log").open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
        if self._log is not None:
            self._log(name, line)

    def logs(self, name: str) -> list[str]:
        """The last lines which function *name* wrote to standard output and standard error."""
        with self._log_lock:
            return list(self._lines[name])

    def pids(self, name: str) -> list[int]:
        """The ids of function *name*'s processes, idle and busy."""
        with self._lock:
            return [sandbox.pid for sandbox in self._all(name)]

    def _all(self, name: str) -> list[Sandbox]:
        return [*self._busy[name], *(sandbox for sandbox, _ in self._idle[name])]

    def kill(self, name: str) -> int:
        """Kill every process of function *name*, as a crash would, and tell how many there were."""
        with self._lock:
            victims = self._all(name)
            for sandbox in victims:
                sandbox.kill()
        return len(victims)

    def close(self) -> None:
        """End all processes; invocations under way come back with Runtime.ExitError."""
        with self._lock:
            self._closed = True
            names = {*self._busy, *self._idle}
            idle = [sandbox for name in names for sandbox, _ in self._idle[name]]
            for sandbox in (sandbox for name in names for sandbox in self._all(name)):
                sandbox.kill()
            self._idle.clear()
        for sandbox in idle:
            sandbox.close()
