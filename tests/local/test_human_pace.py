"""`make local` as a person uses it: at a person's pace, and while the person changes the code."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import requests

from local.__main__ import main
from local.pipeline import PROJECT
from tests.operations.deployment import LEFT_OUT

GAPS = (0.3, 0.6, 1.0, 0.4, 2.0)
"""Seconds between two things that a person does."""
SECONDS = 30
pytestmark = pytest.mark.deploy


class Running:
    """A `make local`: what is in its terminal, and what one does on its page."""

    def __init__(self, terminal: Path, url: str) -> None:
        self._terminal, self.url = terminal, url

    @property
    def shown(self) -> str:
        return self._terminal.read_text()

    def do(self, what: str, **about: Any) -> Any:
        return requests.post(f"{self.url}/page/{what}", json=about, timeout=SECONDS).json()

    def ask(self, words: str = "") -> str:
        answer = self.do("command", channel="general", user="mira", text=f"/docs {words}")["answer"]
        return "\n".join(
            [answer["text"], *(block["text"]["text"] for block in answer.get("blocks", []) if "text" in block)]
        )

    def upload(self, name: str) -> str:
        params = {"name": name, "text": "#pace"}
        return str(requests.post(f"{self.url}/upload", b"x", params=params, timeout=SECONDS).json()["ts"])

    def state(self) -> Any:
        channel = requests.get(f"{self.url}/page/state", timeout=SECONDS).json()["channels"][0]["id"]
        return requests.get(f"{self.url}/page/state", {"channel": channel}, timeout=SECONDS).json()

    def delivery(self, ts: str) -> Any:
        (message,) = (message for message in self.state()["messages"] if message["ts"] == ts)
        return message["delivery"]

    def reactions(self, ts: str) -> list[str]:
        (message,) = (message for message in self.state()["messages"] if message["ts"] == ts)
        return [reaction["name"] for reaction in message["reactions"]]

    def reply(self, ts: str) -> str:
        replies = [m["text"] for m in self.state()["messages"] if m["thread_ts"] == ts and m["app"]]
        return str(replies[0]) if replies else ""


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.1)
    return value


@contextmanager
def make_local(project: Path, folder: Path, **choices: str) -> Iterator[Running]:
    terminal = folder / "terminal"
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "SLACK_APP_TOKEN": "", **choices}
    with terminal.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "--port=0"], cwd=project, env=environ, stdout=output, stderr=output
        )
    try:
        url = until(lambda: re.search(r"Open (http://127.0.0.1:\d+) ", terminal.read_text()))[1]
        yield Running(terminal, url)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_whatever_is_done_at_a_persons_pace_is_answered_at_once(tmp_path: Path) -> None:
    def at_pace(count: int, act: Callable[[int], str]) -> list[str]:
        results = []
        for number, gap in enumerate(islice(cycle(GAPS), count)):
            results.append(act(number))
            time.sleep(gap)
        return results

    with make_local(PROJECT, tmp_path) as local, ThreadPoolExecutor() as people:
        commands = people.submit(at_pace, 30, lambda number: local.ask(f"#none{number}"))
        uploads = people.submit(at_pace, 10, lambda number: local.upload(f"{number}.txt"))
        wrong = [answer for answer in commands.result() if "I found no document" not in answer]
        assert wrong == []
        for ts in uploads.result():
            assert (local.delivery(ts)["word"], local.delivery(ts)["tries"]) == ("acknowledged", 1)
            until(lambda ts=ts: "in the archive" in local.reply(ts))  # type: ignore[misc]  # mypy 2113


def test_a_success_is_quiet_where_that_is_chosen(tmp_path: Path) -> None:
    with make_local(PROJECT, tmp_path, REPLIES="problems") as local:
        assert "REPLIES=problems" in local.shown
        first = local.upload("first.txt")
        until(lambda: "in the archive" in local.reply(first))  # words for somebody's first upload
        second = local.upload("second.txt")
        assert until(lambda: local.reactions(second)) == ["white_check_mark"]
        assert local.reply(second) == ""


def test_a_choice_that_makes_no_sense_starts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_APP_TOKEN", "")
    monkeypatch.setenv("REPLIES", "some")
    assert main(["--port=0"]) == 1
    assert "Nothing is started with REPLIES=some." in capsys.readouterr().out


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, to be changed."""
    project = tmp_path_factory.mktemp("pace") / "project"
    shutil.copytree(PROJECT, project, ignore=LEFT_OUT)
    return project


@pytest.fixture(scope="module")
def local(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with make_local(copy, tmp_path_factory.mktemp("terminal")) as running:
        yield running


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(before)


def test_a_changed_source_file_is_in_force_at_once(copy: Path, local: Running) -> None:
    with changed(copy / "chalicelib" / "answers.py", "I found no document", "I looked and found no document"):
        assert "I looked and found no document" in local.ask("#none")
    assert "I found no document" in local.ask("#none")


def test_a_request_under_way_is_answered_while_the_code_changes(copy: Path, local: Running) -> None:
    slow = '    import time; time.sleep(1)\n    """What Slack calls for `/docs`'
    with ThreadPoolExecutor() as people, changed(copy / "app.py", '    """What Slack calls for `/docs`', slow):
        local.ask("#none")
        waiting = people.submit(local.ask, "#none")
        time.sleep(0.3)
        with changed(copy / "chalicelib" / "answers.py", "I found no document", "I looked"):
            assert "I looked" in local.ask("#none")
        assert "I found no document" in waiting.result()


def test_a_syntax_error_is_in_the_terminal_in_the_answer_and_at_the_message(copy: Path, local: Running) -> None:
    with changed(copy / "app.py", "app = Chalice(", "app = = Chalice("):
        until(lambda: "SyntaxError: invalid syntax" in local.shown)  # before anything is asked of it
        ts = local.upload("broken.txt")
        delivery = until(lambda: (candidate := local.delivery(ts))["tries"] and candidate)
        assert (delivery["status"], delivery["problem"]) == (500, "SyntaxError: invalid syntax")
        assert "SyntaxError: invalid syntax" in local.ask()
    assert "I found no document" in local.ask("#none")


def test_an_exception_in_a_route_is_in_the_terminal_and_in_the_answer(copy: Path, local: Running) -> None:
    with changed(copy / "chalicelib" / "commands.py", "def respond(", "def respond_(): ...\n\n\ndef responded("):
        assert "AttributeError: module 'chalicelib.commands' has no attribute 'respond'" in local.ask("#none")
        until(lambda: re.search(r"^ *routes +File .*app.py", local.shown, re.MULTILINE))


def test_an_exception_in_a_function_is_in_the_terminal_and_the_reply_says_that_it_failed(
    copy: Path, local: Running
) -> None:
    with changed(
        copy / "chalicelib" / "fetch.py", "def fetch(", "def fetch(*_): raise KeyError('typo')\ndef _fetch("
    ):
        ts = local.upload("typo.txt")
        until(lambda: "❌" in local.reply(ts))
        assert re.search(r"fetch_file +\[ERROR\] KeyError: 'typo'", local.shown)
        assert re.search(r"fetch_file +File .*fetch.py", local.shown)


@pytest.mark.parametrize("what", ["stay", "demo"])
@pytest.mark.parametrize(
    ("file", "before", "new", "mistake"),
    [
        ("app.py", "app = Chalice(", "app = (", r"app\.py, line \d+: SyntaxError: invalid syntax.*"),
        (
            "chalicelib/log.py",
            "import json\n",
            "import none\n",
            r"chalicelib/log\.py, line \d+: ModuleNotFoundError: No module .*'none'",
        ),
    ],
)
def test_a_mistake_before_the_start_is_said_with_its_file_and_line(
    copy: Path, what: str, file: str, before: str, new: str, mistake: str
) -> None:
    with changed(copy / file, before, new):
        process = subprocess.run(
            [sys.executable, "-m", "local", what, "--port=0"],
            cwd=copy,
            env={"PATH": "/usr/bin:/bin", "SLACK_APP_TOKEN": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert re.search(rf"^  The app cannot be loaded, .*\n  {mistake}\n$", process.stdout, re.MULTILINE), (
        process.stdout
    )
    assert (process.returncode, process.stderr) == (1, "")


def test_an_option_that_there_is_not_is_said_as_make_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--nosuch"])
    assert capsys.readouterr().err.startswith("usage: make local [ARGS=")
