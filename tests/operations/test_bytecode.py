"""The bytecode of a small package, and a Python that imports it as on Lambda, where it can write none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from operations import bytecode

APP = "from chalicelib import words\nprint(words.WORD)\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    tmp_path.joinpath("chalicelib").mkdir()
    for name, text in (
        ("app.py", APP),
        ("chalicelib/__init__.py", ""),
        ("chalicelib/words.py", "WORD = 'one'\n"),
        ("requirements.txt", "idna==1.0 \\\n    --hash=sha256:00\n"),
    ):
        tmp_path.joinpath(name).write_text(text)
    return tmp_path


def unpacked(package: Path) -> Path:
    """The folder as Lambda unpacks it: what is in vendor/ lies beside app.py."""
    vendor = package / "vendor"
    for file in [file for file in vendor.rglob("*") if file.is_file()]:
        target = package / file.relative_to(vendor)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    return package


def python(package: Path) -> tuple[str, list[str]]:
    """What app.py prints, and which of its modules came from bytecode."""
    environ = {**os.environ, "PYTHONPATH": str(package), "PYTHONOPTIMIZE": ""}
    command = [sys.executable, "-B", "-v", "-c", "import app"]
    process = subprocess.run(command, env=environ, cwd=package, capture_output=True, text=True, check=True)
    loaded = f"# code object from '{package}/"
    lines = [line.removeprefix(loaded) for line in process.stderr.splitlines() if line.startswith(loaded)]
    return process.stdout.strip(), sorted(line.rstrip("'") for line in lines)


def test_every_module_is_imported_from_bytecode(package: Path) -> None:
    bytecode.add(package)
    word, loaded = python(unpacked(package))
    tag = sys.implementation.cache_tag
    own = ("__pycache__/app", "chalicelib/__pycache__/__init__", "chalicelib/__pycache__/words")
    assert (word, loaded) == ("one", [f"{name}.{tag}.pyc" for name in own])


def test_what_chalice_and_the_requirements_bring_has_bytecode(package: Path) -> None:
    count = bytecode.add(package)
    names = {str(file.relative_to(package / "vendor")).split(".")[0] for file in package.rglob("vendor/**/*.pyc")}
    assert {"chalice/__pycache__/app", "chalice/__pycache__/__init__", "idna/__pycache__/core"} <= names
    assert not any(name.startswith("chalicelib/") for name in names)  # Chalice packs these from where they are
    assert count == len([*package.rglob("*.pyc")])


def test_a_source_that_changed_since_counts(package: Path) -> None:
    bytecode.add(package)
    words = package / "chalicelib" / "words.py"
    before = words.stat()
    words.write_text("WORD = 'two'\n")
    os.utime(words, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size and age, as in a zip
    assert python(unpacked(package))[0] == "two"


def test_bytecode_for_a_source_of_today_replaces_that_of_yesterday(package: Path) -> None:
    bytecode.add(package)
    package.joinpath("chalicelib", "words.py").write_text("WORD = 'two'\n")
    bytecode.add(package)
    word, loaded = python(unpacked(package))
    assert word == "two"
    assert f"chalicelib/__pycache__/words.{sys.implementation.cache_tag}.pyc" in loaded


def test_what_is_up_to_date_is_left_as_it_is(package: Path) -> None:
    bytecode.add(package)
    before = {file: file.stat().st_mtime_ns for file in package.rglob("*.pyc")}
    bytecode.add(package)
    assert {file: file.stat().st_mtime_ns for file in package.rglob("*.pyc")} == before


def test_bytecode_of_a_former_requirement_goes(package: Path) -> None:
    bytecode.add(package)
    package.joinpath("requirements.txt").write_text("")
    own = package / "vendor" / "mine" / "module.pyc"
    own.parent.mkdir()
    own.write_bytes(b"")
    bytecode.add(package)
    assert not [*package.rglob("idna/**/*.pyc")]
    assert own.exists()  # what a developer put there is the developer's


def test_no_path_of_this_machine_is_in_it(package: Path) -> None:
    bytecode.add(package)
    assert not [file for file in package.rglob("*.pyc") if str(package).encode() in file.read_bytes()]
    assert not [file for file in package.rglob("*.pyc") if sys.prefix.encode() in file.read_bytes()]


def test_assertions_stay_in_it(package: Path) -> None:
    package.joinpath("chalicelib", "words.py").write_text("assert False, 'kept'\n")
    program = f"from operations import bytecode; from pathlib import Path; bytecode.add(Path({str(package)!r}))"
    subprocess.run([sys.executable, "-O", "-c", program], check=True)
    with pytest.raises(subprocess.CalledProcessError) as failure:
        python(unpacked(package))
    assert "AssertionError: kept" in failure.value.stderr


def test_a_requirement_that_is_not_installed_here_comes_without(package: Path) -> None:
    with package.joinpath("requirements.txt").open("a") as file:
        file.write("nowhere==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n")
    bytecode.add(package)
    assert [*package.rglob("idna/**/*.pyc")]


def test_a_source_that_is_no_python_is_left_to_chalice(package: Path, capfd: pytest.CaptureFixture[str]) -> None:
    package.joinpath("chalicelib", "words.py").write_text("WORD =\n")
    bytecode.add(package)
    assert "chalicelib/words.py" in capfd.readouterr().err
