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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

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


def runtime_api(bridge: Bridge) -> type[BaseHTTPRequestHandler]:
    """The Runtime API for *bridge*."""

    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _reply(self, status: int, body: bytes = b"", **headers: object) -> None:
            self.send_response(status)
            # Without a content type the client's native part crashes.
            for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            call = bridge.next()
            about = call["context"]
            self._reply(
                200,
                json.dumps(call["event"]).encode(),
                Lambda_Runtime_Aws_Request_Id=about["request_id"],
                Lambda_Runtime_Deadline_Ms=int((time.time() + about["seconds"]) * 1000),
                Lambda_Runtime_Invoked_Function_Arn=about["arn"],
            )

        def do_POST(self) -> None:
            value = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            self._reply(202)
            if self.path.endswith("/init/error"):
                bridge.fail_init(value)
            else:
                bridge.answer(self.path.rpartition("/")[2], value)

    return RuntimeApi


def serve(handler: str, answers: BinaryIO) -> int:
    """Answer invocations until the client ends; its exit status is Lambda's word for how."""
    bridge = Bridge(answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), runtime_api(bridge))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environ = {**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
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
