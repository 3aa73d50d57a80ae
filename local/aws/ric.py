"""Like worker.py, but with AWS's own runtime client (awslambdaric, Linux only) inside.

Run by path with the code's root folder as working directory: `python ric.py app.fetch_file 5`. It speaks
worker.py's lines to the outside, and to the client, which it starts as a child, Lambda's Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

sys.path.append(str(Path(__file__).parents[2]))  # of this process alone; the client has a path of its own

from local.http_server import HttpServer, Request, Response, whole  # found by the line above

END_MARK = b"\0"  # as in worker.py, which stands alone


class Bridge:
    """One process of one function, between the lines on standard input and the runtime client."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._calls: queue.Queue[dict[str, Any]] = queue.Queue()
        self._lock = threading.Lock()
        self._ready = False

    def next(self) -> dict[str, Any]:
        """The next invocation. The first request for one says that the handler was loaded."""
        self._say_ready(None)
        return self._calls.get()

    def take(self, line: bytes) -> None:
        """An invocation from outside."""
        self._calls.put(json.loads(line))

    def fail_init(self, error: Any) -> None:
        """The handler could not be loaded."""
        self._say_ready(error)

    def answer(self, kind: str, value: Any) -> None:
        """The invocation's result, or its error."""
        self._say({"result" if kind == "response" else "error": value})

    def _say_ready(self, error: Any) -> None:
        with self._lock:
            first, self._ready = not self._ready, True
        if first:
            self._say({"ready": error})

    def _say(self, line: dict[str, Any]) -> None:
        os.write(1, END_MARK + b"\n")  # the log until here belongs to this answer
        self._answers.write(json.dumps(line).encode() + b"\n")


def runtime_api(bridge: Bridge) -> Callable[[Request], Response]:
    """Return what answers the runtime client's requests for *bridge*."""

    def respond(request: Request) -> Response:
        if request.method == "GET":
            return _invocation(bridge.next())
        value = json.loads(request.body or b"null")
        if request.path.endswith("/init/error"):
            bridge.fail_init(value)
        else:
            bridge.answer(request.path.rpartition("/")[2], value)
        return whole(b"", 202, {"Content-Type": "application/json"})

    return respond


def _invocation(call: dict[str, Any]) -> Response:
    about = call["context"]
    headers = {
        "Content-Type": "application/json",  # without one the client's native part crashes
        "Lambda-Runtime-Aws-Request-Id": about["request_id"],
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + about["seconds"]) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": about["arn"],
    }
    return whole(json.dumps(call["event"]).encode(), 200, headers)


def serve(handler: str, answers: BinaryIO) -> int:
    """Answer invocations until the client ends; its exit status is Lambda's word for how."""
    bridge = Bridge(answers)
    server = HttpServer(runtime_api(bridge))
    environ = {**os.environ, "AWS_LAMBDA_RUNTIME_API": server.url.removeprefix("http://")}
    # -S: no site-packages, so that PYTHONPATH (the code, then what the runtime brings) is all there is
    command = [sys.executable, "-S", "-u", "-B", "-m", "awslambdaric", handler]
    client = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)

    def listen() -> None:
        for line in sys.stdin.buffer:
            bridge.take(line)
        client.kill()  # the parent process is gone

    threading.Thread(target=listen, daemon=True).start()
    return client.wait()


if __name__ == "__main__":
    with open(int(sys.argv[2]), "wb", buffering=0) as pipe:
        status = serve(sys.argv[1], pipe)
    os._exit(status if status >= 0 else 128 - status)
