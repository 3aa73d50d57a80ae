"""The routes for whoever changes them: one address, and behind it a `chalice local` of the code as it is now.

`chalice local --autoreload` looks at every file of the project (.venv, .git and the logs included), and while it
restarts it refuses requests. This looks at the app's own files alone, and a request waits while a new process
starts; the old one ends when its last request is answered. What is wrong with the code is the answer, and is shown.
"""

import threading
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

from local.aws.lambdas import Snapshot, snapshot
from local.chalice_local import ChaliceLocal, NotStartedError
from local.forwarding import forward
from local.http_server import HttpServer, Request, Response, plain
from local.terminal import split_traceback

SECONDS_BETWEEN_LOOKS = 0.25


class _Version:
    """A `chalice local` of one state of the *code*, or the *failure* that it did not start with."""

    def __init__(self, code: Snapshot, start: Callable[[], ChaliceLocal]) -> None:
        self.code = code
        self.requests = 0
        self.process: ChaliceLocal | None = None
        self.failure = ""
        try:
            self.process = start()
        except NotStartedError as error:
            self.failure = str(error)

    def close(self) -> None:
        if self.process is not None:
            self.process.close()


class ReloadingRoutes:
    """The routes of *project* at *port*; *show* gets each line that they print, *log* is the file of the lines."""

    def __init__(
        self, project: Path, environ: Mapping[str, str], log: Path, port: int, show: Callable[[str], None]
    ) -> None:
        self._project, self._environ, self._log, self._show = project, environ, log, show
        self._shown = log.stat().st_size if log.exists() else 0
        self._lock = threading.Lock()
        self._version = self._start()
        self._server = HttpServer(self._respond, port=port)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def url(self) -> str:
        """The address of the routes."""
        return self._server.url

    @property
    def log(self) -> str:
        """What the routes have printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def restart(self) -> None:
        """End the process in the middle of whatever it does, and start it again."""
        with self._lock:
            if self._version.process is not None:
                self._version.process.restart()

    def close(self) -> None:
        """End it all."""
        self._server.close()
        self._watcher.join()
        self._version.close()

    def _start(self) -> _Version:
        return _Version(snapshot(self._project), lambda: ChaliceLocal(self._project, self._environ, self._log))

    def _current(self) -> _Version:
        """Return the version of the code as it is now; whoever asks while it starts, waits."""
        with self._lock:
            if self._version.code != snapshot(self._project):
                old, self._version = self._version, self._start()
                if not old.requests:
                    old.close()
                self._show(self._version.failure or "restarted, because the code changed")
            self._version.requests += 1
            return self._version

    def _release(self, version: _Version) -> None:
        with self._lock:
            version.requests -= 1
            if version is not self._version and not version.requests:
                version.close()

    def _respond(self, request: Request) -> Response:
        version = self._current()
        try:
            if version.process is None:
                return plain(version.failure, 500)
            return self._forwarded(request, version.process)
        finally:
            self._release(version)

    def _forwarded(self, request: Request, process: ChaliceLocal) -> Response:
        start = self._log.stat().st_size
        try:
            answer = forward(request, process.url)
        except (OSError, HTTPException) as error:
            return plain(f"The routes did not answer: {error!r}", 502)
        if answer.status != 500:
            return answer
        return plain(_traceback(self._output(start)) or b"".join(answer.body).decode(), 500)

    def _output(self, start: int) -> bytes:
        with self._log.open("rb") as file:
            file.seek(start)
            return file.read()

    def _watch(self) -> None:
        """Restart when the code changes, so that a mistake is shown when it is saved; show what is printed."""
        while not self._server.closing.wait(SECONDS_BETWEEN_LOOKS):
            self._release(self._current())
            output = self._output(self._shown)
            lines = output[: output.rfind(b"\n") + 1]  # the last may be half a line
            self._shown += len(lines)
            for line in lines.decode(errors="replace").splitlines():
                self._show(line)


def _traceback(output: bytes) -> str:
    """Return the last traceback in the lines *output*."""
    tracebacks = [split_traceback(line)[1] for line in output.decode(errors="replace").splitlines()]
    return next((text for text in reversed(tracebacks) if text), "")
