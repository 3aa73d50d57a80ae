"""The code inside a measured process: it does what Lambda's runtime does with a handler, and takes the time.

`python -S -B child.py plan.json`, in the folder of the code, imports the plan's handler, calls it with each of the
plan's events and writes the times to the plan's result file. The clock is monotonic, the same as the parent's.
"""

import time

BEGUN = time.monotonic()

import importlib  # noqa: E402  # the first moment has to come before any import
import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402


class Context:
    """The part of Lambda's context that the handlers read."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "bench"
    memory_limit_in_mb = 512

    def get_remaining_time_in_millis(self) -> int:
        """Return Lambda's longest time limit."""
        return 900_000


def main(plan_file: str) -> None:
    """Carry out the plan in *plan_file*."""
    with open(plan_file, encoding="utf-8") as file:
        plan = json.load(file)
    if plan["hosts"]:
        _resolve(plan["hosts"])
    module, _, name = plan["handler"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    import_end = time.monotonic()
    calls, seconds, statuses = [], [], set()
    for event in plan["events"]:
        before = time.process_time()
        start = time.monotonic()
        answer = handler(event, Context())
        calls.append((start, time.monotonic()))
        seconds.append(time.process_time() - before)
        statuses.add(_status(answer))
    cpu = time.process_time()
    figures = {
        "begun": BEGUN,
        "imported": import_end,
        "calls": calls,
        "spent": seconds,
        "cpu": cpu,
        "peak": _peak(),
    }
    with open(plan["result"], "w", encoding="utf-8") as file:
        json.dump({**figures, "statuses": sorted(statuses)}, file)


def _status(answer: Any) -> str:
    """Return the status in an answer to API Gateway, or in the result of a fetch."""
    return str(answer.get("statusCode") or answer.get("status")) if isinstance(answer, dict) else str(answer)


def _peak() -> int:
    """Return the peak of resident memory in bytes. getrusage would start from the parent's."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def _resolve(hosts: dict[str, int]) -> None:
    """Resolve *hosts* to ports of this machine: the app sends its token to Slack's host names only."""
    import socket

    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        return ask("127.0.0.1", hosts[host], *rest, **more) if host in hosts else ask(host, port, *rest, **more)

    socket.getaddrinfo = answer


if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder
    main(sys.argv[1])
