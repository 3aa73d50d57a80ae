"""`make fuzz SECONDS=600`: atheris against the route, guided by which lines an input reaches.

No input may make it answer 5xx, start anything unsigned, or take longer than the route's budget.
"""

import base64
import logging
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app", "chalicelib"]):
    from faults.route_client import post, route_environment, signed

FOUND, SEEDS = Path(".local/fuzz"), Path("tests/events")
"""Inputs that reached something new, kept for the next time; and Slack's own to begin with."""
BUDGET_SECONDS = 2.5


def _answer(body: str, headers: dict[str, str]) -> int:
    """Return the status of the answer. A 503 is asked again: a busy machine exceeds the route's own time limits."""
    statuses = (post(body, headers, is_base64=True) for _ in range(3))
    return next((status for status in statuses if status != 503), 503)


def main() -> None:
    """Fuzz until the time is over or an input breaks the rules, which ends it with a traceback."""
    logging.disable(logging.CRITICAL)
    with route_environment() as aws_requests:

        def check_input(data: bytes) -> None:
            kind, body = data[-1:], data[:-1]
            is_signed = kind < b"\x80"
            headers = signed(body) if is_signed else {**signed(b"else"), "X-Other": kind.hex()}
            before, start = len(aws_requests), time.monotonic()
            if kind[-1:] in b"\x01\xff":
                status = post(body.decode("latin-1"), headers, is_base64=True)
                is_signed = False
            else:
                status = _answer(base64.b64encode(body).decode(), headers)
            assert status < 500, status
            assert time.monotonic() - start < BUDGET_SECONDS
            assert is_signed or len(aws_requests) == before, "it started something unsigned"

        FOUND.mkdir(parents=True, exist_ok=True)
        atheris.Setup([*sys.argv, str(FOUND), str(SEEDS)], check_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
