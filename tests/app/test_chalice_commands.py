"""What a Chalice developer types first, in a fresh clone: each command says what to do."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.chalice_commands import NEEDED, check
from local.pipeline import PROJECT


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    for name in ("app.py", "chalicelib", ".chalice", "requirements.txt", "pyproject.toml"):
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    return folder


def typed(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What `chalice` says to *words*, without AWS and without a setting."""
    nowhere = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    environ = {"PATH": os.defpath, **nowhere, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    command = [str(Path(sys.executable).with_name("chalice")), *words]
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["deploy"], "make deploy STAGE=dev makes and sets them"),
        (["deploy", "--stage", "prod"], "make deploy STAGE=prod makes and sets them"),
        (["package", "--stage", "dev", "out"], "make deploy STAGE=dev makes and sets them"),
        (["delete", "--stage=prod"], "make destroy STAGE=prod takes a stage down"),
    ],
)
def test_a_command_that_cannot_work_names_what_is_missing_and_what_to_type(
    clone: Path, words: list[str], sentence: str
) -> None:
    process = typed(clone, *words)
    assert process.returncode == 1
    assert f"chalice {words[0]} has no {', '.join(NEEDED)}. " in process.stderr
    assert sentence in process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    assert not (clone / "out").exists()


def test_with_the_settings_of_a_deployed_stage_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    check(["chalice", "deploy"], dict.fromkeys(NEEDED, "x"))
    check(["chalice", "local"], {"SIGNING_SECRET": "x"})
    check(["chalice", "gen-policy"], {})
    check(["chalice", "package", "out"], {"CHALICE_UNCHECKED": "1"})
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def routes(clone: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [str(Path(sys.executable).with_name("chalice")), "local", "--port", "0", "--no-autoreload"]
    environ = {"PATH": os.defpath, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=clone, env=environ, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.long
def test_chalice_local_says_at_once_why_it_will_let_nobody_in(routes: "subprocess.Popen[str]") -> None:
    assert routes.stderr
    assert routes.stderr.readline().startswith("No SIGNING_SECRET is set: every request will be answered with 401.")


def test_the_tests_say_how_to_install_what_they_need(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    site = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    packages = Path(pytest.__file__).parents[1]
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py.py"):
        site.joinpath(name).symlink_to(packages / name)
    python = str(tmp_path / "venv" / "bin" / "python")
    command = [python, "-m", "pytest", "tests/app/test_words.py"]
    process = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=False, env={"PATH": os.defpath}
    )
    assert process.returncode == 4
    assert (
        "Not installed: boto3, moto, hypothesis. `make test` installs it and runs the tests."
        in process.stdout + process.stderr
    )
