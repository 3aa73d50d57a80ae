"""The ports of `make local`: three in a row."""

import socket

from local.chalice_local import HOST

FIRST = 8000
_PARTS = ("routes", "slack", "aws")


class PortTakenError(Exception):
    """Says which port, and what to do."""


def ports(first: int) -> dict[str, int]:
    """Return the port of each part: *first* and those after it, or 0 for free ones where *first* is 0.

    Raise PortTakenError when somebody listens at one of them.
    """
    if not first:
        return dict.fromkeys(_PARTS, 0)
    for port in range(first, first + len(_PARTS)):
        if _is_taken(port):
            raise PortTakenError(f"Port {port} is taken. Choose three others in a row: make local PORT=9000")
    return {part: first + number for number, part in enumerate(_PARTS)}


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that are closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
