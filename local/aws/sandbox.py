"""One process of one function: what Lambda calls an execution environment, and "Sandbox" in its error names."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from local.aws import lambda_errors

WORKER = Path(__file__).with_name("worker.py")
RUNTIME_CLIENT = Path(__file__).with_name("ric.py")
INIT_SECONDS = 10  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
LOG_SECONDS = 2  # how long an answer waits for the rest of its log; a function that closed its output has none
ENDING_SECONDS = 2  # between the end of the answers and the end of the process
END_MARK = b"\0"  # as in worker.py, which stands alone
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # the second by ric.py, of the client that it started


@dataclass(frozen=True)
class FunctionSpec:
    """A function's configuration; two of them are equal when nothing has to be restarted.

    *root* is where its own code was unpacked; such a function runs under AWS's runtime client.
    """

    name: str
    handler: str
    environ: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3
    memory: int = 128
    arn: str = ""
    role: str = ""
    description: str = ""
    root: Path | None = None


@dataclass(frozen=True)
class Result:
    """What an invocation came to: JSON, and whether it is an error in Lambda's shape."""

    payload: bytes
    error: bool

    @property
    def value(self) -> Any:
        """The payload, parsed."""
        return json.loads(self.payload)


def failure(kind: str, message: str, request_id: str) -> Result:
    """An error which Lambda itself reports: it has no stack trace and names the request in its message."""
    error = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Result(json.dumps(error).encode(), error=True)


def lambda_environ(function: FunctionSpec, root: Path, provided: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a function's process: nothing of the parent's but PATH.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    HOME leads nowhere, so that a developer's ~/.aws and ~/.netrc are not found here either.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": os.path.join(os.devnull, "home"),
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(root),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{uuid.uuid4().hex}",
        **provided,
        **function.environ,
    }


class Sandbox:
    """A process that runs one function's handler, one invocation at a time."""

    def __init__(
        self, function: FunctionSpec, root: Path, provided: Mapping[str, str], log: Callable[[str], None]
    ) -> None:
        self.function = function
        self._log = log
        self._logged = threading.Semaphore(0)
        self.alive = True  # as far as is known: whether it can take another invocation
        self._process, self._answers = self._start(function.root or root, provided)
        self._pump = threading.Thread(target=self._collect_log, daemon=True)
        self._pump.start()
        self._ready = False

    def _start(self, root: Path, provided: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], BinaryIO]:
        read_end, write_end = os.pipe()
        worker = RUNTIME_CLIENT if self.function.root else WORKER
        try:
            process = subprocess.Popen(
                # -B: bytecode is looked up by whole seconds, and code may change twice within one
                [sys.executable, "-u", "-B", str(worker), self.function.handler, str(write_end)],
                cwd=root,
                env=lambda_environ(self.function, root, provided),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[write_end],
                start_new_session=True,  # Ctrl-C is for the parent; and killing takes a handler's children along
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        return process, os.fdopen(read_end, "rb")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def invoke(self, event: bytes, request_id: str) -> Result:
        """The handler's answer to *event*, a JSON text. After a failed import or a timeout the process is gone."""
        if not self._ready:
            with self._limit(INIT_SECONDS) as late:
                line = self._answers.readline()
            if not line:
                return self._died(request_id, INIT_SECONDS if late.is_set() else None)
            if error := json.loads(line)["ready"]:
                self.kill()
                return Result(json.dumps({**error, "requestId": request_id}).encode(), error=True)
            self._ended_log()
            self._ready = True
        with self._limit(self.function.timeout) as late:
            line = self._exchanged(event, request_id)
        if not line.endswith(b"\n"):
            return self._died(request_id, self.function.timeout if late.is_set() else None)
        self._ended_log()
        answer = json.loads(line)
        return Result(json.dumps(answer.get("error", answer.get("result"))).encode(), "error" in answer)

    def _exchanged(self, event: bytes, request_id: str) -> bytes:
        seconds = self.function.timeout
        context = {"request_id": request_id, "arn": self.function.arn, "seconds": seconds}
        # Parsed and written again, since an event may span several lines.
        line = json.dumps({"context": context, "event": json.loads(event)}).encode() + b"\n"
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died; the missing answer tells
            self._process.stdin.write(line)
            self._process.stdin.flush()
        return self._answers.readline()

    @contextmanager
    def _limit(self, seconds: float) -> Iterator[threading.Event]:
        """Kill the process after *seconds*, which also ends every read and write on its pipes."""
        late = threading.Event()

        def expire() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _died(self, request_id: str, timeout: float | None) -> Result:
        was_alive = self.alive
        try:
            code = self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its pipe but goes on: nobody will hear of it again
            code = 0
        self.kill()
        if timeout is not None:
            message = f"Task timed out after {timeout:.2f} seconds"
            return failure(lambda_errors.TIMED_OUT, message, request_id)
        if code == 0:
            return failure(lambda_errors.EXITED, "Runtime exited without providing a reason", request_id)
        reason = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code)}".lower()
        # Who sends SIGKILL is not this class and not the function: it is the kernel, for memory.
        kind = lambda_errors.OUT_OF_MEMORY if code in _KILLED and was_alive else lambda_errors.EXITED
        return failure(kind, f"Runtime exited with error: {reason}", request_id)

    def _collect_log(self) -> None:
        """Runs beside the invocations, so that a talkative function never blocks on a full pipe."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text, mark, _ = line.partition(END_MARK)
            if text.strip():
                self._log(text.decode(errors="replace").rstrip("\n"))
            if mark:
                self._logged.release()

    def _ended_log(self) -> None:
        self._logged.acquire(timeout=LOG_SECONDS)

    def kill(self) -> None:
        """End the process and whatever it started, at once. An invocation under way gets Runtime.ExitError."""
        self.alive = False
        with suppress(ProcessLookupError, PermissionError):  # the second is macOS's word for a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill, and give everything back. Not while an invocation is under way."""
        self.kill()
        self._process.wait()
        self._pump.join()
        self._answers.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # an event that was never read is flushed once more
            self._process.stdin.close()
        self._process.stdout.close()
