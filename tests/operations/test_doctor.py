"""`make doctor`: each thing that may be in the way has a line, and all of them are looked at in one run."""

import re
import sys

import pytest

from local.pipeline import Pipeline
from tests.operations.test_prove import variable
from tests.operations.test_stages import UNREACHABLE, run


def lines(pipeline: Pipeline, *arguments: str, **environ: str) -> dict[str, str]:
    """What the command says, by name; a name that is NOT OK has that in its line."""
    process = run(pipeline, "doctor", *arguments, SLACK_LOOPBACK="1", SLACK_URL=pipeline.slack.api_url, **environ)
    assert process.stderr == ""
    texts = dict(
        re.findall(r"^  (?:ok    |(?=NOT OK))(?:NOT OK)?  ([A-Za-z]+) +(.*)$", process.stdout, re.MULTILINE)
    )
    bad = re.findall(r"^  NOT OK  ([A-Za-z]+)", process.stdout, re.MULTILINE)
    assert process.returncode == (1 if bad else 0)
    return {name: f"NOT OK: {text}" if name in bad else text for name, text in texts.items()}


@pytest.mark.long
def test_a_stage_that_works_is_ok_in_every_line(pipeline: Pipeline) -> None:
    report = lines(pipeline, "STAGE=local")
    assert list(report) == [
        "Python", "region", "credentials", "rights", "stage", "secrets", "Slack", "token",
    ]  # fmt: skip
    assert "NOT OK" not in str(report)
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in report["Python"]
    assert "slack-integrator in Local" in report["token"]


@pytest.mark.long
def test_the_stage_of_make_local_needs_no_credentials(pipeline: Pipeline) -> None:
    report = lines(pipeline, "STAGE=local", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert report["credentials"] == "are of account 123456789012"


@pytest.mark.long
def test_without_a_stage_this_machine_is_looked_at(pipeline: Pipeline) -> None:
    report = lines(pipeline)
    assert list(report) == ["Python", "region", "credentials", "rights", "Slack"]
    assert "NOT OK" not in str(report)


@pytest.mark.long
def test_all_that_is_wrong_is_said_at_once(pipeline: Pipeline) -> None:
    nothing = {"AWS_DEFAULT_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    report = lines(pipeline, "STAGE=dev", **nothing)
    assert report["region"].startswith("NOT OK: No AWS region is set: export AWS_DEFAULT_REGION=")
    assert report["credentials"].startswith("NOT OK: No AWS credentials were found: aws configure")
    assert report["Slack"].startswith("answers in")


@pytest.mark.long
def test_credentials_without_a_region_are_good(pipeline: Pipeline) -> None:
    report = lines(pipeline, "STAGE=dev", AWS_DEFAULT_REGION="")
    assert report["region"].startswith("NOT OK: No AWS region is set")
    assert report["credentials"] == "are of account 123456789012"


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "environ", "name", "sentence"),
    [
        (["STAGE=Dev"], {}, "stage", "Say which stage: make doctor STAGE=dev."),
        (["STAGE=dev"], {}, "stage", "Stage dev is not deployed, or only in part, .* make deploy STAGE=dev"),
        (["STAGE=dev"], UNREACHABLE, "credentials", "AWS could not be reached in the region us-east-1"),
        (
            [],
            {"SLACK_URL": "http://127.0.0.1:9/api/chat.postMessage"},
            "Slack",
            "http://127.0.0.1:9/api/.* reached",
        ),
    ],
)
def test_what_is_wrong_has_its_line(
    pipeline: Pipeline, arguments: list[str], environ: dict[str, str], name: str, sentence: str
) -> None:
    process = run(
        pipeline, "doctor", *arguments, **{"SLACK_LOOPBACK": "1", "SLACK_URL": pipeline.slack.api_url, **environ}
    )
    assert re.search(rf"^  NOT OK  {name} +{sentence}", process.stdout, re.MULTILINE), process.stdout
    assert (process.returncode, process.stderr, process.stdout.count("NOT OK")) == (1, "", 1)


@pytest.mark.long
def test_a_token_without_a_scope_is_said_with_the_command_that_renews_it(pipeline: Pipeline) -> None:
    pipeline.slack.scopes.discard("files:read")
    try:
        report = lines(pipeline, "STAGE=local")
    finally:
        pipeline.slack.scopes.add("files:read")
    assert report["token"].startswith("NOT OK: The Slack app lacks files:read: add it on the app's page")
    assert report["token"].endswith("Then: make deploy STAGE=local RENEW=ACCESS_TOKEN")


@pytest.mark.long
def test_a_setting_that_is_missing_is_said_in_its_line(pipeline: Pipeline) -> None:
    environ = {"SLACK_LOOPBACK": "1", "SLACK_URL": pipeline.slack.api_url}
    with variable(pipeline, "slack-integrator-local-fetch_file", "ACCESS_TOKEN", ""):
        process = run(pipeline, "doctor", "STAGE=local", **environ)
    assert re.search(r"^  NOT OK  token +.*ACCESS_TOKEN", process.stdout, re.MULTILINE), process.stdout
    assert "Traceback" not in process.stderr


@pytest.mark.long
def test_credentials_that_may_not_look_are_not_ok(pipeline: Pipeline) -> None:
    notify = pipeline.aws.client("lambda").get_function(FunctionName=pipeline.deployment.functions["notify"])
    keys = pipeline.aws.keys("notify", notify["Configuration"]["Role"])
    report = lines(pipeline, "STAGE=dev", **keys)
    assert re.match(r"NOT OK: AWS refuses \w+ \(AccessDenied\w*\): ", report["stage"]), report
