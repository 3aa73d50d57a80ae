"""The ports of `make local`."""

import re
import socket
from collections.abc import Iterator

import pytest

from local.__main__ import main
from local.ports import ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_three_ports_in_a_row_or_free_ones() -> None:
    assert ports(0) == {"routes": 0, "slack": 0, "aws": 0}
    first = next(port for port in range(20_000, 60_000, 3) if not any(map(_answers, range(port, port + 3))))
    assert ports(first) == {"routes": first, "slack": first + 1, "aws": first + 2}


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_port_that_is_taken_is_said_in_one_line_and_nothing_is_started(
    taken: int, before: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_APP_TOKEN", "")  # whatever this machine's .env says
    assert main([f"--port={taken - before}"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r" *Port \d+ is taken\. Choose three others in a row: make local PORT=9000", line)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
