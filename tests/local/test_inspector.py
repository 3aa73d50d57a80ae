"""What the page tells of AWS: executions with their states, objects, records; and outages."""

import time
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from local.aws.inspector import Inspector
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.files import Json
from local.slack.model import Channel


@pytest.fixture
def inspector(pipeline: Pipeline) -> Inspector:
    return Inspector(pipeline.aws, pipeline.deployment)


@pytest.fixture
def told(slack: Slack, channel: Channel, inspector: Inspector) -> Any:
    """What is told of a message with three files: one is archived at once, one at the second try, one never."""
    files = [slack.add_file(name, b"x", "text/plain") for name in ("good.txt", "late.txt", "lost.txt")]
    slack.misbehave("server_error", times=1, only=files[1].id)
    slack.misbehave("gone", only=files[2].id)
    message = slack.upload(channel, slack.users[0], files, "#told")
    slack.wait_for_replies(channel, message.ts)
    while (about := inspector.about(message))["executions"][0]["status"] == "RUNNING":
        time.sleep(0.02)
    return about


def test_an_execution_is_told_state_by_state(told: Any) -> None:
    (execution,) = told["executions"]
    visits = {(visit["name"], visit["file"]): visit for visit in execution["states"]}
    assert (execution["status"], execution["error"]) == ("FAILED", "FilesFailed")
    assert visits["FetchFile", "good.txt"]["errors"] == []
    late = visits["FetchFile", "late.txt"]
    assert (late["tries"], late["errors"]) == (2, ["SlackUnavailable"])
    assert visits["FetchFile", "lost.txt"]["errors"] == ["FileGone"]
    assert ("SaveMetadata", "lost.txt") not in visits
    assert {
        visit["file"] for visit in execution["states"] if visit["name"] in ("ArchiveFiles", "NotifyOutcome")
    } == {None}
    whole = visits["ArchiveFiles", None]["seconds"]
    assert all(visit["seconds"] <= whole for visit in execution["states"] if visit["file"])


def test_the_outcome_is_what_was_published(told: Any) -> None:
    outcome = told["executions"][0]["outcome"]
    assert (outcome["type"], outcome["kind"], outcome["tags"]) == ("outcome", "upload", ["told"])
    assert [file["status"] for file in outcome["files"]] == ["archived", "archived", "failed"]


def test_objects_and_records_are_the_messages_own(told: Any, slack: Slack, inspector: Inspector) -> None:
    kinds = [entry["key"].split("/")[0] for entry in told["objects"]]
    folders = ["documents", "messages", "metadata", "notices", "problems", "recent", "tags", "words"]
    assert sorted(set(kinds)) == folders
    assert kinds.count("documents") == 2
    assert [record["file"]["name"] for record in told["records"]] == ["good.txt", "late.txt"]
    document: Any = inspector.object(told["objects"][0]["key"])
    assert (document["type"], document["size"], document["content"]) == ("text/plain", 1, "x")


def test_a_message_without_files_has_nothing_behind_it(
    slack: Slack, channel: Channel, inspector: Inspector
) -> None:
    message = slack.say(channel, slack.users[0], "Hello", deliver=False)
    about: Json = inspector.about(message)
    assert (about["executions"], about["objects"], about["records"]) == ([], [], [])


def test_an_object_that_is_not_there_is_none(inspector: Inspector) -> None:
    assert inspector.object("documents/none") is None


@pytest.mark.parametrize(
    ("service", "ask"),
    [
        ("s3", lambda client: client.list_buckets()),
        ("sns", lambda client: client.list_topics()),
        ("stepfunctions", lambda client: client.list_state_machines()),
        ("lambda", lambda client: client.list_functions()),
        ("ssm", lambda client: client.get_parameters(Names=["/x"])),
    ],
)
def test_an_outage_is_seen_by_the_app_alone_and_ends(
    pipeline: Pipeline, inspector: Inspector, service: str, ask: Any
) -> None:
    import boto3
    from botocore.config import Config

    signing_name = {"stepfunctions": "states"}.get(service, service)
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    once = Config(retries={"total_max_attempts": 1})
    apps: Any = boto3.client(service, endpoint_url=pipeline.aws.url, config=once, **keys)  # type: ignore[call-overload]
    inspector.outage(signing_name, on=True)
    try:
        with pytest.raises(ClientError) as error:
            ask(apps)
        assert error.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        ask(pipeline.aws.client(service))
    finally:
        inspector.outage(signing_name, on=False)
    ask(apps)
    apps.close()


def test_the_page_is_served_with_what_lies_behind(pipeline: Pipeline, slack: Slack) -> None:
    services = requests.get(f"{slack.url}/page/state", timeout=5).json()["services"]
    assert {"id": "s3", "name": "S3", "down": False} in services
