"""A pytest plugin with two uses, both for `make mutants`.

With MUTANTS_TRACE it writes down in this file which test runs which lines of the app, and how long it takes.
With MUTANTS_TESTS it runs the tests that this file names, in its order, and adds those that fail to MUTANTS_FAILED.
"""

import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

_ELSEWHERE = {"pipeline", "spoiled"}
_STARTS = ("subprocess", "Popen", "Pipeline(", "ChaliceLocal")
"""Tests with such a fixture, or in a file with such a word, run the app in other processes, too: untraced."""


class Tracer:
    """Traces each test by itself, into *file*."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tests: dict[str, dict[str, Any]] = {}
        self._failed: set[str] = set()
        include = [str(Path.cwd() / "chalicelib" / "*"), str(Path.cwd() / "operations" / "*")]
        self._coverage = coverage.Coverage(data_file=None, include=include)
        self._coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self._coverage.start()
        self._coverage.switch_context("")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what *item* runs, its fixtures included."""
        self._coverage.switch_context(item.nodeid)
        text = item.path.read_text(encoding="utf-8")
        fixtures = set(getattr(item, "fixturenames", ()))
        elsewhere = bool(_ELSEWHERE & fixtures) or any(word in text for word in _STARTS)
        start = time.process_time()
        result = yield
        cpu = round(time.process_time() - start, 3)
        is_failure = item.nodeid in self._failed
        self._tests[item.nodeid] = {"elsewhere": elsewhere, "cpu": cpu, "lines": {}, "failed": is_failure}
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed."""
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        self._coverage.stop()
        data = self._coverage.get_data()
        for file in data.measured_files():
            module = str(Path(file).relative_to(Path.cwd()))
            for line, contexts in data.contexts_by_lineno(file).items():
                for test in filter(None, contexts):
                    self._tests[test]["lines"].setdefault(module, []).append(line)
        self._file.write_text(json.dumps(self._tests), encoding="utf-8")


class Selector:
    """Runs the tests that *file* orders; "skip" lists what is left out, and any other comes last.

    A test that takes more CPU time than its limit in "limits" ends the process, as the limit of all of them does: a
    loop without end would take as long as all tests that were to follow.
    """

    def __init__(self, file: Path, failure_file: Path) -> None:
        self._failed = failure_file
        self._wanted = json.loads(file.read_text(encoding="utf-8"))
        self._of_all = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and put in order."""
        order = {test: number for number, test in enumerate(self._wanted["run"])}
        left_out = set(self._wanted["skip"])
        only = self._wanted.get("only", False)
        selection = [item for item in items if item.nodeid in order or not (only or item.nodeid in left_out)]
        items[:] = sorted(selection, key=lambda item: order.get(item.nodeid, len(order)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Limit the CPU time of *item*."""
        of_all, hard = resource.getrlimit(resource.RLIMIT_CPU)
        self._of_all = self._of_all or of_all
        seconds = self._wanted.get("limits", {}).get(item.nodeid)
        end = int(time.process_time()) + seconds if seconds else self._of_all
        resource.setrlimit(resource.RLIMIT_CPU, (min(end, self._of_all), hard))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name a test that failed."""
        if report.failed:
            with self._failed.open("a", encoding="utf-8") as file:
                file.write(json.dumps(report.nodeid) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Register what the environment asks for."""
    if trace := os.environ.get("MUTANTS_TRACE"):
        config.pluginmanager.register(Tracer(Path(trace)))
    if tests := os.environ.get("MUTANTS_TESTS"):
        config.pluginmanager.register(Selector(Path(tests), Path(os.environ["MUTANTS_FAILED"])))
