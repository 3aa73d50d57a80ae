"""A stage is found on AWS, and what is in the way is said in a sentence."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.pipeline import PROJECT, Pipeline
from operations import chalice_config, stages
from operations.console import Stop
from operations.times import moment

USAGE = "make replay STAGE=dev"
ARGUMENTS = {
    "deploy": "",
    "prove": "",
    "destroy": "",
    "replay": "SINCE=2026-11-23",
    "catchup": "SINCE=2026-11-23 CHANNEL=C0LOCAL001",
    "import": "EXPORT=export.zip",
    "forget": "FILE=F0LOCAL001",
    "reindex": "",
}
ON_DEPLOYED = ("prove", "replay", "catchup", "import", "forget", "reindex")
UNREACHABLE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def run(pipeline: Pipeline, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """An operation's command, whose AWS is the local one; what is empty in *environ* is not set."""
    whole = {**pipeline.aws.environ(), "PATH": "/usr/bin:/bin", **environ}
    return subprocess.run(
        [sys.executable, "-m", "operations", *arguments],
        cwd=PROJECT,
        env={name: value for name, value in whole.items() if value},
        capture_output=True,
        text=True,
        check=False,
        input="",
    )


def test_a_stage_says_where_it_is(aws: pytest.MonkeyPatch, project: Path) -> None:
    stage = stages.find("dev", USAGE, project)
    assert (stage.account, stage.region, stage.prefix) == ("123456789012", "us-east-1", "slack-integrator-dev")
    assert stage.bucket == "slack-integrator-dev-123456789012-us-east-1"


@pytest.mark.parametrize(
    ("endpoint", "variable", "is_real"),
    [(None, "", True), (None, "http://127.0.0.1:9", False), ("http://127.0.0.1:9", "", False)],
)
def test_calls_have_a_host_of_their_own_on_aws_alone(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, variable: str, is_real: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", variable)
    session: Any = boto3.session.Session("testing", "testing")
    stage = stages.Stage("dev", "1", "us-east-1", session, endpoint)
    assert stage.client("stepfunctions").meta.config.inject_host_prefix is is_real


@pytest.mark.long
def test_the_local_stage_needs_no_credentials(pipeline: Pipeline) -> None:
    no_keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    process = run(pipeline, "catchup", "STAGE=local", "CHANNEL=general", **no_keys)
    assert "NoCredentials" not in process.stderr
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize("name", ["", "Dev", "dev-1", "a" * 17])
def test_a_stage_needs_a_name(project: Path, name: str) -> None:
    with pytest.raises(Stop, match=r"Say which stage: make replay STAGE=dev\."):
        stages.find(name, USAGE, project)


def test_the_region_of_the_last_deployment_is_taken_where_none_is_set(
    aws: pytest.MonkeyPatch, project: Path
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        aws.delenv(name)
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:slack-integrator-dev"
    chalice_config.write(project, "dev", {"SLACK_INTEGRATOR_SF": machine}, {})
    assert stages.find("dev", USAGE, project).region == "eu-central-1"


def test_credentials_of_another_account_are_refused(aws: pytest.MonkeyPatch, project: Path) -> None:
    machine = "arn:aws:states:eu-central-1:999999999999:stateMachine:slack-integrator-dev"
    chalice_config.write(project, "dev", {"SLACK_INTEGRATOR_SF": machine}, {})
    with pytest.raises(Stop, match="Stage dev is in account 999999999999, region eu-central-1"):
        stages.find("dev", USAGE, project)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_other_partitions_are_refused(aws: pytest.MonkeyPatch, project: Path, region: str, partition: str) -> None:
    aws.setenv("AWS_DEFAULT_REGION", region)
    with pytest.raises(
        Stop, match=rf"The region {region} belongs to the partition {partition} .* Nothing was made"
    ):
        stages.find("dev", USAGE, project)


@pytest.mark.long
@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "No AWS credentials were found: aws configure"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "No AWS credentials were found: aws configure"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "No AWS region is set: export AWS_DEFAULT_REGION="),
        ({"AWS_DEFAULT_REGION": ""}, "No AWS region is set: export AWS_DEFAULT_REGION="),
        ({"AWS_DEFAULT_REGION": "nowhere"}, "AWS has no region nowhere: export AWS_DEFAULT_REGION="),
        ({"AWS_DEFAULT_REGION": "no where"}, "no where"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE names a profile that ~/.aws/config does not have"),
        (UNREACHABLE, "AWS could not be reached in the region us-east-1"),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "runs in the partition aws only"),
    ],
)
@pytest.mark.parametrize("command", ARGUMENTS)
def test_what_is_missing_is_said_in_a_sentence(
    pipeline: Pipeline, command: str, environ: dict[str, str], sentence: str
) -> None:
    process = run(pipeline, command, "STAGE=dev", *ARGUMENTS[command].split(), **environ)
    assert process.returncode == 1
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.long
@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_command_without_a_stage_says_how_it_is_typed(pipeline: Pipeline, command: str) -> None:
    process = run(pipeline, command, *ARGUMENTS[command].split())
    assert (process.returncode, f"make {command} STAGE=dev" in process.stderr) == (1, True)
    assert "Traceback" not in process.stderr


@pytest.mark.long
@pytest.mark.parametrize("command", ON_DEPLOYED)
def test_a_stage_that_is_not_deployed_is_said(pipeline: Pipeline, command: str) -> None:
    process = run(pipeline, command, "STAGE=nowhere", *ARGUMENTS[command].split())
    assert process.returncode == 1
    assert "Stage nowhere " in process.stderr
    assert "account 123456789012, region us-east-1: make deploy STAGE=nowhere" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.long
@pytest.mark.parametrize("command", ["replay", "catchup"])
def test_a_stage_that_is_half_there_is_said(pipeline: Pipeline, command: str) -> None:
    aws: Any = pipeline.aws
    about = aws.client("lambda").get_function(FunctionName="slack-integrator-local-fetch_file")["Configuration"]
    aws.client("lambda").create_function(
        FunctionName="slack-integrator-half-fetch_file",
        Role=about["Role"],
        Handler=about["Handler"],
        Runtime=about["Runtime"],
        Code={"ZipFile": b"no code"},
    )
    try:
        process = run(pipeline, command, "STAGE=half", *ARGUMENTS[command].split())
    finally:
        aws.client("lambda").delete_function(FunctionName="slack-integrator-half-fetch_file")
    assert process.returncode == 1
    assert "Stage half is not deployed, or only in part" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.long
@pytest.mark.parametrize(("command", "since"), [("replay", ""), ("replay", "yesterday"), ("catchup", "yesterday")])
def test_no_time_is_nothing_done(pipeline: Pipeline, command: str, since: str) -> None:
    process = run(pipeline, command, "STAGE=local", "CHANNEL=C0LOCAL001", f"SINCE={since}")
    assert process.returncode == 1
    assert f"make {command} STAGE=dev" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.long
def test_a_command_finds_the_stage_without_a_committed_config(pipeline: Pipeline) -> None:
    assert "SLACK_INTEGRATOR_SF" not in (PROJECT / ".chalice" / "config.json").read_text()
    process = run(pipeline, "replay", "STAGE=local", "SINCE=2200-01-01")
    assert (process.returncode, process.stderr) == (0, "")
    assert "Nothing has failed since then" in process.stdout


def test_an_unknown_command_is_said(pipeline: Pipeline) -> None:
    process = run(pipeline, "destory", "STAGE=dev")
    assert (process.returncode, "one of deploy, prove, destroy," in process.stderr) == (1, True)


def test_a_time_is_utc_unless_it_names_an_offset() -> None:
    assert moment("2026-11-23T10:00", USAGE) == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert moment("2026-11-23T10:00+02:00", USAGE) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert moment("2026-11-23", USAGE).timestamp() == 1795392000.0


def test_a_stage_leaves_the_environment_alone(aws: pytest.MonkeyPatch, project: Path) -> None:
    before = dict(os.environ)
    stages.find("dev", USAGE, project)
    assert dict(os.environ) == before
