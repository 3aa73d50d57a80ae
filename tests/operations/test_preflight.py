"""What a deployment needs: everything that may be wrong with it is named before anything is made."""

import json
import sys
from pathlib import Path

import pytest

from operations import chalice_config, preflight
from operations.console import Stop
from tests.operations.conftest import CONFIG

USAGE = "make deploy STAGE=dev"


@pytest.mark.parametrize("running", [(3, 10), (3, 15)])
def test_a_python_that_lambda_does_not_run_is_named_with_the_newest_that_it_runs(running: tuple[int, int]) -> None:
    sentence = (
        rf"this Python, 3.{running[1]}, which it does not run: .* make deploy PYTHON=python3\.14 \(3\.11 to 3\.14\)"
    )
    with pytest.raises(Stop, match=sentence):
        preflight.check_python(running)


def test_a_python_that_aws_may_refuse_soon_is_said_with_the_newest_that_it_runs() -> None:
    text = preflight.python_that_ends((3, 11))
    assert "AWS has announced the end of that runtime, and may refuse" in text
    assert "share is 3.14: remove .venv, then make deploy PYTHON=python3.14." in text


@pytest.mark.parametrize("running", [(3, 12), (3, 14)])
def test_nothing_is_said_about_a_python_that_stays(running: tuple[int, int]) -> None:
    preflight.check_python(running)
    assert preflight.python_that_ends(running) == ""


def test_a_missing_pip_is_said(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # where nothing is installed
    with pytest.raises(Stop, match=r"no pip in \.venv, .* remove \.venv, then run this again"):
        preflight.check("dev", USAGE, project)


def test_a_pip_that_chalice_cannot_use_is_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "pip-26.3.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: pip\nVersion: 26.3\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stop, match=r"pip 26\.3: \.venv/bin/python -m pip install 'pip<26\.3'"):
        preflight.check("dev", USAGE, project)


def test_the_local_stage_is_not_deployed(project: Path) -> None:
    with pytest.raises(Stop, match=r"The stage local belongs to `make local`, .* make deploy STAGE=dev"):
        preflight.check("local", USAGE, project)


def test_a_stage_that_is_not_configured_is_named(project: Path) -> None:
    with pytest.raises(Stop, match="no stage staging"):
        preflight.check("staging", USAGE, project)


def test_what_is_written_into_a_stage_leaves_the_developers_own_settings(project: Path) -> None:
    chalice_config.write(project, "dev", {"MAX_FILE_BYTES": "5"}, {})
    assert chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})
    assert chalice_config.variable(project, "dev", "MAX_FILE_BYTES") == "5"
    assert not chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})


def test_a_cleared_stage_is_as_it_was(project: Path) -> None:
    chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})
    chalice_config.clear(project, "dev")
    text = (project / ".chalice" / "config.json").read_text()
    assert text == json.dumps(CONFIG, indent=2) + "\n"  # the layout that git has


def test_a_config_that_is_not_json_is_said(aws: pytest.MonkeyPatch, project: Path) -> None:
    project.joinpath(".chalice", "config.json").write_text("{,}")
    with pytest.raises(Stop, match=r"config\.json is not JSON .*: mend it, or take it from git again"):
        preflight.check("dev", USAGE, project)
