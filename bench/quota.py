"""Less of a processor: Lambda gives a function a share of one, by its memory size, and so does a control group.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: at 1,769 MB it is one whole processor.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WHOLE = 1769
PERIOD = 20_000
"""Microseconds within which the share is used up, then waited for."""
NAME = "slack-integrator-bench"
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")

Join = Callable[[], None]
"""Called in a new process before it becomes the measured one."""


@contextmanager
def share(memory: int) -> Iterator[Join]:
    """Give what puts a process on the share of a function with *memory* MB; OSError where the machine refuses."""
    quota = PERIOD * memory // WHOLE
    if (_V1 / "cpu.cfs_quota_us").exists():
        folder, limits = _V1 / NAME, {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}
    else:
        folder, limits = _V2 / NAME, {"cpu.max": f"{quota} {PERIOD}"}
    folder.mkdir(exist_ok=True)
    try:
        for name, value in limits.items():
            (folder / name).write_text(value)
        yield lambda: _join(folder)
    finally:
        folder.rmdir()


def _join(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def refusal() -> str | None:
    """Return why this machine cannot limit a process, or None if it can."""
    try:
        with share(WHOLE):
            return None
    except OSError as error:
        return f"{error.strerror}: {error.filename}"
