"""Ports and folders: the usual ones, or others while somebody has those."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from local import room
from local.__main__ import main
from local.pipeline import PROJECT
from local.room import PORTS, PortTakenError

UP = re.compile(r"Open (?P<url>http://127.0.0.1:\d+) .*logs +(?P<folder>\S+)/ ", re.DOTALL)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_a_port_is_taken_while_somebody_listens(taken: int) -> None:
    assert room.is_taken(taken)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert not room.is_taken(port)
    assert room.ports({"routes": port, "slack": 0}) == {"routes": port, "slack": 0}


def test_a_port_that_is_asked_for_and_taken_is_named(taken: int) -> None:
    with pytest.raises(PortTakenError, match=f"Port {taken} is taken: choose another for --slack-port, or leave"):
        room.ports({"routes": None, "slack": taken})


def test_it_is_said_in_one_line_and_nothing_is_started(
    taken: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_APP_TOKEN", "")  # whatever this machine's .env says
    assert main([f"--aws-port={taken}"]) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    with room.folder(tmp_path) as first:
        with room.folder(tmp_path) as second, room.folder(tmp_path) as third:
            assert (first, second, third) == (tmp_path, tmp_path / "2", tmp_path / "3")
        with room.folder(tmp_path) as again:
            assert again == second
    with room.folder(tmp_path) as again:
        assert again == first


def started() -> "subprocess.Popen[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SLACK_APP_TOKEN": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "local"], cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True
    )


def up(process: "subprocess.Popen[str]") -> tuple[str, re.Match[str]]:
    """What it printed until it was up, and what stands there."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if found := UP.search(printed):
            return printed, found
    raise AssertionError(f"it ended: {printed}")


@pytest.mark.deploy  # it takes the start of two pipelines
def test_two_at_once_have_ports_and_folders_of_their_own() -> None:
    with socket.socket() as neighbour:
        neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody has it already
            neighbour.bind(("127.0.0.1", PORTS["slack"]))
            neighbour.listen()
        both = [started(), started()]
        try:
            said = [up(process) for process in both]
            urls, folders = {found["url"] for _, found in said}, {found["folder"] for _, found in said}
            teams = [requests.get(f"{url}/page/state", timeout=10).json()["team"] for url in urls]
        finally:
            for process in both:
                process.send_signal(signal.SIGINT)
            ends = [process.communicate(timeout=30) and process.returncode for process in both]
    assert (len(urls), len(folders), teams, ends) == (2, 2, ["Local", "Local"], [0, 0])
    for printed, found in said:
        assert re.search(rf"Taken by another program, .*\b{PORTS['slack']}\b", printed)
        assert not found["url"].endswith(f":{PORTS['slack']}")
