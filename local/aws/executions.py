"""Ending what moto's Step Functions still run: its reset forgets executions, but lets their threads go on."""

import time
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.models import stepfunctions_parser_backends

BEGIN_SECONDS = 2


def stop_executions() -> None:
    """Abort every execution that still runs."""
    for regions in stepfunctions_parser_backends.values():
        for backend in regions.values():
            for machine in backend.state_machines:
                for execution in machine.executions:
                    _stop(execution)


def _stop(execution: Any) -> None:
    """Moto's StopExecution fails for one that has begun but not yet got its environment, milliseconds later."""
    until = time.monotonic() + BEGIN_SECONDS
    while execution.status == "RUNNING" and time.monotonic() < until:
        worker = execution.exec_worker
        if worker is not None and worker.env is not None:
            worker.stop(stop_date=datetime.now(UTC), error=None, cause=None)
            return
        time.sleep(0.005)
