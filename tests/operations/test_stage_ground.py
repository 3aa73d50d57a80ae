"""A deployment on bad ground: one sentence with the way out, before anything is made."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from local.pipeline import Pipeline
from operations import chalice_config, preflight
from operations.console import Stop

CONFIG: Any = {
    "version": "2.0",
    "app_name": "slack-integrator",
    "stages": {"local": {}, "dev": {"tags": {"a": "b"}, "lambda_functions": {}}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tmp_path.joinpath(".chalice").mkdir()
    tmp_path.joinpath(".chalice", "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


@pytest.fixture
def aws(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a developer whose AWS is the local one."""
    for name, value in pipeline.aws.environ().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_ground_says_where_the_stage_goes(aws: pytest.MonkeyPatch, project: Path) -> None:
    found = preflight.check("dev", project)
    assert (found.account, found.region, found.name) == ("123456789012", "us-east-1", "slack-integrator-dev")
    assert found.bucket == "slack-integrator-dev-123456789012-us-east-1"


@pytest.mark.parametrize("running", [(3, 10), (3, 15)])
def test_a_python_that_lambda_does_not_run_is_named_with_one_that_it_runs(running: tuple[int, int]) -> None:
    said = (
        rf"this Python, 3.{running[1]}, which it does not run: .* make deploy PYTHON=python3\.14 \(3\.11 to 3\.14\)"
    )
    with pytest.raises(Stop, match=said):
        preflight.check_python(running)


@pytest.mark.parametrize("running", [(3, 11), (3, 14)])
def test_a_python_that_lambda_runs_is_good(running: tuple[int, int]) -> None:
    preflight.check_python(running)


def test_a_missing_pip_is_said(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # where nothing is installed
    with pytest.raises(Stop, match=r"no pip in \.venv, .* remove \.venv, then run this again"):
        preflight.check("dev", project)


def test_a_pip_that_chalice_cannot_use_is_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "pip-26.3.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: pip\nVersion: 26.3\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stop, match=r"pip 26\.3: \.venv/bin/python -m pip install 'pip<26\.3'"):
        preflight.check("dev", project)


@pytest.mark.parametrize("stage", ["", "local", "Dev", "dev-1", "a" * 17])
def test_a_stage_needs_a_name_of_its_own(project: Path, stage: str) -> None:
    with pytest.raises(Stop, match=r"make deploy STAGE=dev"):
        preflight.check(stage, project)


def test_a_stage_that_is_not_configured_is_named(project: Path) -> None:
    with pytest.raises(Stop, match="no stage staging"):
        preflight.check("staging", project)


def test_missing_credentials_are_said(aws: pytest.MonkeyPatch, project: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        aws.delenv(name)
    with pytest.raises(Stop, match="No AWS credentials were found: aws configure"):
        preflight.check("dev", project)


def test_a_missing_region_is_said(aws: pytest.MonkeyPatch, project: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        aws.delenv(name)
    with pytest.raises(Stop, match="No AWS region is set"):
        preflight.check("dev", project)


def test_a_profile_that_does_not_exist_is_said(aws: pytest.MonkeyPatch, project: Path) -> None:
    aws.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(Stop, match="AWS_PROFILE names a profile"):
        preflight.check("dev", project)


def test_an_aws_that_cannot_be_reached_is_said(aws: pytest.MonkeyPatch, project: Path) -> None:
    aws.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    aws.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Stop, match="AWS could not be reached"):
        preflight.check("dev", project)


def test_credentials_of_another_account_are_refused(aws: pytest.MonkeyPatch, project: Path) -> None:
    machine = "arn:aws:states:eu-central-1:999999999999:stateMachine:slack-integrator-dev"
    chalice_config.write(project, "dev", {"SLACK_INTEGRATOR_SF": machine}, {})
    with pytest.raises(Stop, match="Stage dev is in account 999999999999, region eu-central-1"):
        preflight.check("dev", project)


def test_what_is_written_into_a_stage_leaves_the_developers_own_settings(project: Path) -> None:
    chalice_config.write(project, "dev", {"MAX_FILE_BYTES": "5"}, {})
    assert chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})
    assert chalice_config.variable(project, "dev", "MAX_FILE_BYTES") == "5"
    assert not chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})


def test_a_cleared_stage_is_as_it_was(project: Path) -> None:
    chalice_config.write(project, "dev", {"BUCKET": "b"}, {"notify": "arn:role"})
    chalice_config.clear(project, "dev")
    assert json.loads((project / ".chalice" / "config.json").read_text()) == CONFIG


def test_the_checks_leave_the_environment_alone(aws: pytest.MonkeyPatch, project: Path) -> None:
    before = dict(os.environ)
    preflight.check("dev", project)
    assert dict(os.environ) == before
