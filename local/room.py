"""Room for one `make local`: ports and a folder that no other one uses."""

import fcntl
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO

from local.chalice_local import HOST

PORTS = {"routes": 8000, "slack": 8001, "aws": 8002}


class PortTakenError(Exception):
    """Says which port, and what to do."""


def ports(asked: Mapping[str, int | None]) -> dict[str, int]:
    """The port of each part, by name; 0 stands for a free one.

    Where nothing is *asked* for, it is that of `PORTS` unless it is taken; one that is asked for and taken raises
    PortTakenError.
    """
    for name, port in asked.items():
        if port and is_taken(port):
            raise PortTakenError(
                f"Port {port} is taken: choose another for --{name}-port, or leave that out for a free one."
            )
    return {name: _first_choice(PORTS[name]) if port is None else port for name, port in asked.items()}


def _first_choice(port: int) -> int:
    return 0 if is_taken(port) else port


def is_taken(port: int) -> bool:
    """Whether somebody listens at *port*."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: closed connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


@contextmanager
def folder(first: Path) -> Iterator[Path]:
    """*first*, or while others use that, the first of its folders 2, 3 … that is free."""
    for number in count(1):
        path = first if number == 1 else first / str(number)
        with _lock(path / "lock") as lock:
            if _is_ours(lock):
                yield path
                return


@contextmanager
def one_at_a_time(first: Path) -> Iterator[None]:
    """Wait while another looks for its ports, until it listens at them."""
    with _lock(first / "starting") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_ours(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(path: Path) -> IO[bytes]:
    """A file to be locked. The system unlocks it however the program ends, and it may stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
