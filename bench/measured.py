"""Starts what is measured: handlers in processes as bare as Lambda's, pipes of commands, and the stubs."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from typing import Any, Self

from bench import prepare
from bench.stub import SECRETS

CHILD = Path(__file__).with_name("child.py")
STUB = Path(__file__).with_name("stub.py")
LIMIT_SECONDS = 300


class FailedError(RuntimeError):
    """What was to be measured did not do its work; the message holds the end of its log."""


@dataclass(frozen=True)
class Run:
    """One measured process. Seconds since its spawn, CPU seconds, bytes; *calls* are (start, end) in seconds."""

    begun: float
    imported: float
    calls: list[tuple[float, float]]
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


class Stub:
    """A stub in a process of its own. *tls*: it speaks TLS."""

    def __init__(self, *, tls: bool) -> None:
        self.tls = tls
        certificate = [str(prepare.CERTIFICATE), str(prepare.KEY)] if tls else []
        command = [sys.executable, "-B", str(STUB), *certificate]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def sizes(self) -> dict[str, int]:
        """Return the size of every object that it was given since it was last asked."""
        if self.tls:
            context = create_default_context(cafile=str(prepare.CERTIFICATE))
            connection: HTTPConnection = HTTPSConnection("127.0.0.1", self.port, context=context)
        else:
            connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/-/sizes")
        sizes: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return sizes

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class Stubs:
    """Slack's file host and AWS, a process each, so that neither waits for the other."""

    def __init__(self, *, tls: bool) -> None:
        self._ending = ExitStack()
        self.slack, self.aws = (self._started(tls) for _ in range(2))
        self.tls = tls

    def _started(self, tls: bool) -> Stub:
        stub = Stub(tls=tls)
        self._ending.callback(stub.close)
        return stub

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.close()

    def file_url(self, size: int) -> str:
        """Return the address of a file of *size* bytes; over TLS at Slack's own name, which `hosts` finds."""
        host = "https://files.slack.com" if self.tls else self.slack.url
        return f"{host}/files/{size}/large.bin"

    @property
    def hosts(self) -> dict[str, int]:
        """Slack's names and the port of this machine that plays them."""
        return {"files.slack.com": self.slack.port, "slack.com": self.slack.port} if self.tls else {}

    def environ(self, *, references: bool = False) -> dict[str, str]:
        """Return a function's whole environment; *references*: its secrets lie in SSM, as deployed."""
        secrets = {name: f"ssm:/bench/{name}" for name in SECRETS} if references else dict(SECRETS)
        if not self.tls and not references:
            secrets["SLACK_URL"] = f"{self.slack.url}/api/chat.postMessage"
        bundles = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            **secrets,
            "SLACK_INTEGRATOR_SF": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
            "SLACK_INTEGRATOR_SNS": "arn:aws:sns:us-east-1:123456789012:bench",
            "SLACK_INTEGRATOR_PARKING": f"{self.aws.url}/123456789012/bench",
            "BUCKET": "archive",
            "MAX_FILE_BYTES": str(10 * 1024**3),
            "SLACK_LOOPBACK": "1",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_SESSION_TOKEN": "bench" * 60,  # Lambda's credentials have one, of some hundred characters
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **({name: str(prepare.AUTHORITIES) for name in bundles} if self.tls else {}),
        }


def run(
    folder: Path,
    handler: str,
    events: Sequence[Any],
    stubs: Stubs,
    *,
    references: bool = False,
    join: Callable[[], None] | None = None,
    expect: str = "200",
    flags: Sequence[str] = (),
    log: Path | None = None,
) -> Run:
    """Call *handler* of the package in *folder* with each of *events*, in a new process.

    *join* is called in it first (quota.py). Every answer must say *expect*. *flags* are Python's.
    What it prints goes to *log*.
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
                preexec_fn=join,
                timeout=LIMIT_SECONDS,
            )
        if not result.exists():
            raise FailedError(f"{folder.name} {handler} failed:\n{log.read_text(errors='replace')[-3000:]}")
        return _told(json.loads(result.read_text()), spawned, expect, f"{folder.name} {handler}", log)


def _told(told: dict[str, Any], spawned: float, expect: str, what: str, log: Path) -> Run:
    if told["statuses"] != [expect]:
        raise FailedError(f"{what} answered {told['statuses']}:\n{log.read_text(errors='replace')[-3000:]}")
    calls = [(start - spawned, end - spawned) for start, end in told["calls"]]
    return Run(told["begun"] - spawned, told["imported"] - spawned, calls, told["cpu"], told["peak"])


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
    ended = time.monotonic() - spawned
    for process, (_, status, _) in zip(processes, ends, strict=True):
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise FailedError(f"{process.args!r} failed")
    cpu = sum(usage.ru_utime + usage.ru_stime for _, _, usage in ends)
    return Run(0, 0, [(0, ended)], cpu, peaks.largest())


class _Peaks:
    """The largest resident memory of running processes, asked for until they end, when it is forgotten."""

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
        """Return it, in bytes, once the processes have ended."""
        self._thread.join()
        return self._largest


def _peak(status: Path) -> int:
    """Return a process's VmHWM in bytes; 0 once it has ended."""
    try:
        lines = status.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
