"""`make mutants`: which mutants there are, what tests them, and what is not tested again."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cosmic_ray", reason="`make mutants` installs it")

from mutants import candidates, concerns, results, traces
from mutants.workers import PROJECT, Worker

SOURCE = '''"""A module."""

LIMIT: int | None = 3


def near(a: int | None, *, b: int) -> bool:
    """Return True if they differ by less than 3."""
    return abs(a - b) < LIMIT
'''


def changed(mutant: candidates.Mutant) -> str:
    lines = mutant.of(SOURCE).splitlines()
    return next(line.strip() for line, old in zip(lines, SOURCE.splitlines(), strict=True) if line != old)


def test_a_mutant_is_one_change_that_can_be_noticed() -> None:
    every = candidates.sample({"m.py": SOURCE}, None, 1)
    changes = {changed(mutant) for mutant in every}
    assert {"LIMIT: int | None = 4", "return abs(a + b) < LIMIT", "return abs(a - b) > LIMIT"} <= changes
    assert not any("int +" in change or "def" in change for change in changes)


def test_an_exception_with_a_dotted_name_which_cosmic_ray_cannot_replace_stops_no_sample() -> None:
    source = "import json\n\ntry:\n    count = 1\nexcept (json.JSONDecodeError, KeyError):\n    count = 2\n"
    every = candidates.sample({"m.py": source}, None, 1)
    assert [mutant.occurrence for mutant in every if mutant.line == 5] == [1]


def test_a_sample_is_repeated_by_its_seed_and_has_one_mutant_a_place() -> None:
    draws = [[str(mutant) for mutant in candidates.sample({"m.py": SOURCE}, 3, seed)] for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) > 1
    places = [(mutant.line, mutant.column) for mutant in candidates.sample({"m.py": SOURCE}, 100, 1)]
    assert len(places) == len(set(places))


def test_every_module_that_ships_or_operates_has_tests_that_concern_it() -> None:
    modules = concerns.modules()
    assert "chalicelib/hashtags.py" in modules
    files = {module: concerns.tests(module) for module in modules}
    assert [module for module in modules if not files[module]] == []
    assert [file for paths in files.values() for file in paths if not PROJECT.joinpath(file).is_file()] == []


def test_a_survivor_is_tested_again_when_its_tests_have_changed_and_a_killed_one_is_not(tmp_path: Path) -> None:
    (killed, survivor, *_) = candidates.sample({"m.py": SOURCE}, None, 1)
    store = results.Results(tmp_path / "results.jsonl")
    store.add(results.Result(str(killed), "source", "tests", "failed", 1.0, ""))
    store.add(results.Result(str(survivor), "source", "tests", "survived", 1.0, ""))
    again = results.Results(tmp_path / "results.jsonl")
    assert again.of(survivor, "source", "tests")
    assert again.of(survivor, "source", "other tests") is None
    assert again.of(killed, "source", "other tests")
    assert again.of(killed, "other source", "tests") is None


def test_a_change_is_tested_by_what_may_run_its_function_and_what_runs_its_line_comes_first() -> None:
    source = "LIMIT = 3\n\n\ndef near(a):\n    if a:\n        return 1\n    return 2\n"

    def about(*lines: int, elsewhere: bool = False, cpu: float = 1.0) -> dict[str, Any]:
        return {"lines": {"m.py": list(lines)}, "elsewhere": elsewhere, "cpu": cpu, "failed": False}

    tests = {
        "all": about(elsewhere=True),
        "failed": {**about(6), "failed": True},
        "two": about(1, 4, 5, 7),
        "one": about(1, 4, 5, 6),
        "other": about(1),
    }
    others = {"quick": about(4, 5, 6, cpu=0.1), "unseen": about(elsewhere=True)}
    selection = traces.selection("m.py", source, 6, {"tests/t.py": tests, "tests/u.py": others}, ["tests/t.py"])
    assert (selection.run, selection.skip, selection.cpu) == (
        ["quick", "one", "two", "all"],
        ["failed", "other", "unseen"],
        29,
    )
    assert (selection.limits["quick"], selection.limits["all"]) == (61, 70)
    at_top = traces.selection("m.py", source, 1, {"tests/t.py": tests, "tests/u.py": others}, ["tests/t.py"])
    assert set(at_top.run) == tests.keys() - {"failed"}
    of_loading = traces.selection(
        "m.py", f"def load():\n    return 1\n\n\n{source}", 2, {"tests/t.py": tests}, ["tests/t.py"]
    )
    assert set(of_loading.run) == tests.keys() - {"failed"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the worker's copy of the project."""
    return tmp_path_factory.mktemp("worker") / "copy"


@pytest.fixture(scope="module")
def worker(copy: Path) -> Iterator[Worker]:
    with closing(Worker(copy)) as worker:
        yield worker


def test_a_file_of_which_a_test_fails_is_traced_again_by_itself(worker: Worker, copy: Path) -> None:
    sound, busy = copy / "test_sound.py", copy / "test_busy.py"
    sound.write_text("def test_it() -> None:\n    pass\n")
    busy.write_text(
        "from pathlib import Path\n\n\ndef test_it() -> None:\n"
        "    seen = Path('seen').exists()\n    Path('seen').touch()\n    assert seen\n\n\n"
        "def test_never() -> None:\n    raise AssertionError\n"
    )
    file_traces = dict(worker.traces([sound.name, busy.name]))
    assert {test: about["failed"] for trace in file_traces.values() for test, about in trace.items()} == {
        "test_sound.py::test_it": False,
        "test_busy.py::test_it": False,
        "test_busy.py::test_never": True,
    }


def test_a_file_without_tests_that_take_part_is_no_error_and_notices_nothing(worker: Worker, copy: Path) -> None:
    test = copy / "test_deployed.py"
    test.write_text("import pytest\n\n\n@pytest.mark.deploy\ndef test_it() -> None:\n    raise AssertionError\n")
    assert dict(worker.traces([test.name])) == {test.name: {}}
    tests = traces.Selection([test.name], [], [], frozenset(), 5)
    assert worker.test("chalicelib/utf8.py", "", tests).fate == "survived"


def test_a_file_that_cannot_be_loaded_ends_the_run(worker: Worker, copy: Path) -> None:
    test = copy / "test_broken.py"
    test.write_text("import no_such_module\n")
    with pytest.raises(SystemExit, match=r"test_broken\.py cannot be run"):
        list(worker.traces([test.name]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt those")
def test_what_the_tests_of_a_mutant_have_started_ends_with_them(worker: Worker, copy: Path) -> None:
    test = copy / "test_start.py"
    test.write_text(
        "import subprocess\nfrom pathlib import Path\n\n\ndef test_it() -> None:\n"
        "    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "    Path('child').write_text(str(child.pid))\n    sum(iter(int, 1))\n"
    )
    tests = traces.Selection([test.name], [], [], frozenset(), 3)
    assert worker.test("chalicelib/utf8.py", "", tests).fate == "out of time"
    assert not Path("/proc", (copy / "child").read_text()).exists()


def test_a_loop_without_end_is_told_from_a_failure_and_a_survivor_from_both(worker: Worker, copy: Path) -> None:
    module, test = "chalicelib/utf8.py", copy / "test_it.py"
    test.write_text("from chalicelib.utf8 import number\n\n\ndef test_it() -> None:\n    assert number() == 1\n")
    tests = traces.Selection([test.name], [], [], frozenset(), 5)
    ends = {"survived": "return 1", "failed": "return 2", "out of time": "return sum(iter(int, 1))"}
    fates = {end: worker.test(module, f"def number(): {code}\n", tests).fate for end, code in ends.items()}
    assert fates == {end: end for end in ends}


def test_a_test_that_takes_far_longer_than_it_did_ends_the_run(worker: Worker, copy: Path) -> None:
    module, test = "chalicelib/utf8.py", copy / "test_slow.py"
    test.write_text(
        "import time\n\n\ndef test_first() -> None:\n    pass\n\n\n"
        "def test_second() -> None:\n    end = time.process_time() + 4\n    while time.process_time() < end:\n"
        "        pass\n"
    )
    fates = []
    for seconds in (2, 30):
        limits = {"test_slow.py::test_first": 1, "test_slow.py::test_second": seconds}
        tests = traces.Selection([test.name], [*limits], [], frozenset(), 600, limits)
        fates.append(worker.test(module, "", tests).fate)
    assert fates == ["out of time", "survived"]


def test_a_failure_that_may_be_the_machines_has_to_happen_twice(worker: Worker, copy: Path) -> None:
    module, test = "chalicelib/utf8.py", copy / "test_once.py"
    test.write_text(
        "from pathlib import Path\n\n\ndef test_it() -> None:\n"
        "    seen = Path('failed').exists()\n    Path('failed').touch()\n    assert seen\n"
    )
    fates = []
    for elsewhere in (frozenset[str](), None):
        Path(copy, "failed").unlink(missing_ok=True)
        fates.append(worker.test(module, "", traces.Selection([test.name], [], [], elsewhere, 5)).fate)
    assert fates == ["failed", "survived"]
