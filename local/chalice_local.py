"""`chalice local`, the real one, as a process of its own: it serves the routes as API Gateway would."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 30.0


class NotStartedError(RuntimeError):
    """Says what the process printed instead of serving."""


class ChaliceLocal:
    """The routes of the app in *project*, at a port of its own unless told which.

    *environ* is all of its environment but for what a process needs to run, and what .chalice/config.json has for
    the *stage*. What it prints goes to *log*.
    """

    def __init__(
        self,
        project: Path,
        environ: Mapping[str, str],
        log: Path,
        port: int = 0,
        stage: str = "local",
    ) -> None:
        self.port = port or free_port()
        self._project, self._log = project, log
        base = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(Path.home()), "LANG": "C.UTF-8"}
        self._environ = {**base, "PYTHONDONTWRITEBYTECODE": "1", **environ}
        self._command = [sys.executable, str(Path(__file__).with_name("routes.py")), "local", "--stage", stage]
        self._command += ["--host", HOST, "--port", str(self.port), "--no-autoreload"]
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as output:
            self._begin = output.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=self._project,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent
            )
        self._wait()

    def restart(self) -> None:
        """End it in the middle of whatever it does, and start it again."""
        self._process.kill()
        self._process.wait()
        self._start()

    @property
    def url(self) -> str:
        """Where the routes are."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        """Return when it accepts connections."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        output = self._log.read_bytes()[self._begin :].decode(errors="replace")
        raise NotStartedError(f"The routes cannot start:\n{output}")


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
