"""POST /slack/events over HTTP: who is let in, and what each request is answered."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from local.chalice_local import ChaliceLocal
from local.pipeline import PROJECT, Pipeline, Routes
from local.slack import Slack
from local.slack.model import Channel
from tests.payloads import payload, with_event
from tests.waiting import eventually

PLAIN = json.dumps(payload("message_plain")).encode()


def post(routes: Routes, body: bytes, headers: Mapping[str, str]) -> requests.Response:
    return requests.post(f"{routes.url}/slack/events", data=body, headers=dict(headers), timeout=10)


def started(pipeline: Pipeline) -> int:
    """How many executions there are."""
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    return len(client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"])


def dropped(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def test_the_challenge_is_echoed(slack: Slack) -> None:
    assert slack.send_url_verification("abc").echoes("abc")


def test_a_rate_limit_is_acknowledged_and_reported(pipeline: Pipeline, slack: Slack) -> None:
    assert slack.send_rate_limited().acknowledged
    assert "Slack holds events back" in pipeline.routes.log


@pytest.mark.parametrize(
    "misbehaviour",
    [
        "wrong_secret",
        "stale_timestamp",
        "tampered_body",
        "missing_signature",
        "uppercase_signature",
        "garbled_timestamp",
    ],
)
def test_what_is_not_signed_well_is_refused_and_starts_nothing(
    pipeline: Pipeline, slack: Slack, misbehaviour: str
) -> None:
    before = started(pipeline)
    slack.misbehave(misbehaviour)
    delivery = slack.deliver(payload("file_share_modern"), retries=False)
    assert delivery.attempts[0].status == 401
    assert json.loads(delivery.attempts[0].body) == {"ok": False}
    assert started(pipeline) == before


def test_a_missing_timestamp_is_refused(pipeline: Pipeline, slack: Slack) -> None:
    headers = dropped(slack.sign(PLAIN), "X-Slack-Request-Timestamp")
    assert post(pipeline.routes, PLAIN, headers).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a":' + b"9" * 5_000 + b"}", 400),
        (b"{}" + b" " * (2 * 1024 * 1024), 200),
        (b" " * (6 * 1024 * 1024 + 1), 413),
        (b"{}", 200),
        (b'{"type":"something_new"}', 200),
        (b'{"type":["event_callback"]}', 200),
        (b'{"type":"event_callback"}', 200),
        (b'{"type":"event_callback","event":{"type":"message","files":"x"}}', 200),
    ],
    ids=lambda value: str(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_a_signed_body_is_answered_by_what_it_is(
    pipeline: Pipeline, slack: Slack, body: bytes, status: int
) -> None:
    assert post(pipeline.routes, body, slack.sign(body)).status_code == status


def test_another_content_type_is_refused_before_anything_is_read(pipeline: Pipeline, slack: Slack) -> None:
    headers = {**slack.sign(PLAIN), "Content-Type": "text/plain"}
    assert post(pipeline.routes, PLAIN, headers).status_code == 415


@pytest.mark.long
def test_what_cannot_be_started_is_acknowledged_parked_and_started_later(pipeline: Pipeline, slack: Slack) -> None:
    """The route names a state machine that is not there; start_parked, later, the right one."""
    environ = {
        **pipeline.deployment.environ,
        "SLACK_INTEGRATOR_SF": f"{pipeline.deployment.state_machine_arn}-gone",
    }
    routes = ChaliceLocal(PROJECT, environ, pipeline.folder / "no-machine.log")
    try:
        channel = slack.add_channel("not-started")
        message = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
        body = json.dumps(message.envelope).encode()
        assert post(routes, body, slack.sign(body)).status_code == 200
    finally:
        routes.close()
    (reply,) = slack.wait_for_replies(channel, message.ts)
    assert "1 file in the archive" in reply.text


@pytest.mark.long
def test_when_nothing_can_take_an_upload_slack_is_asked_to_deliver_again(pipeline: Pipeline, slack: Slack) -> None:
    """With neither a state machine nor a queue to be reached."""
    environ = {**pipeline.deployment.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    routes = ChaliceLocal(PROJECT, environ, pipeline.folder / "no-aws.log")
    try:
        body = json.dumps(payload("file_share_modern")).encode()
        assert post(routes, body, slack.sign(body)).status_code == 503
        assert post(routes, PLAIN, slack.sign(PLAIN)).status_code == 200
        envelope = payload("file_share_modern")
        del envelope["event"]["channel"]
        body = json.dumps(envelope).encode()
        response = post(routes, body, slack.sign(body))
        assert (response.status_code, response.json()) == (503, {"ok": False})
    finally:
        routes.close()


@pytest.mark.long
def test_an_edit_of_two_megabytes_of_astral_letters_is_followed(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Callable[[str], Any]
) -> None:
    message = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], "#first")
    slack.wait_for_replies(channel, message.ts)
    envelope = slack.edit(message, "#second " + "\U0001d49c" * 237_500, deliver=False)  # in the text and in blocks
    body = json.dumps(envelope, ensure_ascii=False).encode()
    assert 1_900_000 < len(body) < 2_000_000
    assert post(pipeline.routes, body, slack.sign(body)).status_code == 200
    key = f"messages/{slack.team_id}/{channel.id}/{message.ts}.json"
    assert eventually(lambda: record_of(key)["tags"] == ["second"], 60)
    assert record_of(key)["comment_cut"]
    document = f"metadata/{slack.team_id}/{message.files[0].id}.json"
    assert eventually(lambda: record_of(document)["tags"] == ["second"])


class Door:
    """A route with authentication of its own, and no AWS."""

    def __init__(self, folder: Path, **environ: str) -> None:
        nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "us-east-1"}
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        self.routes = ChaliceLocal(PROJECT, {**nowhere, **keys, **environ}, folder / "routes.log")

    def knock(self, slack: Slack, token: Any = ..., secret: str | None = None, body: bytes | None = None) -> int:
        """Post a plain message, with *token* and signed with *secret*; return the status."""
        envelope = payload("message_plain")
        envelope.pop("token")
        if token is not ...:
            envelope["token"] = token
        body = json.dumps(envelope).encode() if body is None else body
        headers = slack.sign(body, secret=secret) if secret else {"Content-Type": "application/json"}
        return post(self.routes, body, headers).status_code


@pytest.fixture
def door(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Door]:
    new_door = Door(tmp_path, **request.param)
    yield new_door
    new_door.routes.close()


@pytest.mark.parametrize("door", [{}], indirect=True)
def test_with_nothing_configured_nobody_is_let_in(door: Door, slack: Slack) -> None:
    assert [door.knock(slack, token="", secret="x"), door.knock(slack, token=None), door.knock(slack)] == [401] * 3


@pytest.mark.parametrize("door", [{"VERIFICATION_TOKEN": "legacy"}], indirect=True)
def test_the_legacy_token_alone_lets_in_and_nothing_else_does(door: Door, slack: Slack) -> None:
    assert door.knock(slack, token="legacy") == 200
    for wrong in (..., None, "", "Legacy", 7, ["legacy"], "légacy", "legacy\u0000"):
        assert door.knock(slack, token=wrong) == 401
    assert door.knock(slack, body=b"not json") == 401
    assert door.knock(slack, body=b"[]") == 401


@pytest.mark.parametrize("door", [{"VERIFICATION_TOKEN": "legacy", "SIGNING_SECRET": "signing"}], indirect=True)
def test_what_is_configured_must_hold_all_of_it(door: Door, slack: Slack) -> None:
    assert door.knock(slack, token="legacy", secret="signing") == 200
    assert door.knock(slack, token="legacy") == 401
    assert door.knock(slack, token="other", secret="signing") == 401
    assert door.knock(slack, token="legacy", secret="other") == 401


@pytest.mark.parametrize("door", [{"SIGNING_SECRET": "ssm:/slack-integrator/test/secret"}], indirect=True)
def test_secrets_that_cannot_be_read_let_nobody_in_and_lose_nothing(door: Door, slack: Slack) -> None:
    assert door.knock(slack, secret="signing") == 503


@pytest.mark.long
def test_a_reference_is_read_from_ssm_once(pipeline: Pipeline, slack: Slack, tmp_path: Path) -> None:
    ssm = pipeline.aws.client("ssm")
    name = "/slack-integrator/local/SIGNING_SECRET"  # which the role may read
    ssm.put_parameter(Name=name, Value="from ssm", Type="SecureString")
    routes = ChaliceLocal(
        PROJECT, {**pipeline.deployment.environ, "SIGNING_SECRET": f"ssm:{name}"}, tmp_path / "ssm.log"
    )
    try:
        assert post(routes, PLAIN, slack.sign(PLAIN, secret="from ssm")).status_code == 200
        ssm.delete_parameter(Name=name)
        assert post(routes, PLAIN, slack.sign(PLAIN, secret="from ssm")).status_code == 200
        assert post(routes, PLAIN, slack.sign(PLAIN, secret="another")).status_code == 401
    finally:
        routes.close()


def imported(envelope: Any, slack: Slack) -> set[str]:
    """What a fresh process has loaded once it has answered *envelope* as Lambda would ask it to."""
    body = json.dumps(envelope)
    event = {
        "httpMethod": "POST",
        "resource": "/slack/events",
        "path": "/slack/events",
        "headers": slack.sign(body.encode()),
        "multiValueHeaders": {},
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/slack/events", "identity": {}},
        "pathParameters": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
    }
    program = (
        "import json, sys; from app import app; answer = app(json.load(sys.stdin), None); "
        "assert answer['statusCode'] == 200, answer; print(json.dumps(sorted(sys.modules)))"
    )
    environ = {"PATH": os.environ["PATH"], "SIGNING_SECRET": slack.signing_secret}
    process = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(event),
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(process.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", ["message_plain", "message_changed_unfurl", "channel_join", "own_post"])
def test_what_is_no_upload_loads_neither_boto3_nor_requests(slack: Slack, name: str) -> None:
    assert not imported(payload(name), slack) & {"boto3", "botocore", "requests", "urllib3"}


def test_no_unread_field_can_hurt(pipeline: Pipeline, slack: Slack) -> None:
    envelope = with_event("message_plain", unknown={"deep": [1, None]}, subtype="something_new", files=None)
    assert slack.deliver(envelope).acknowledged
