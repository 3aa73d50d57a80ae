"""Each line of `make prove` says ok of a stage as it should be, and is seen failing when its cause is planted."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest

from local.aws.server import Aws
from local.forwarding import forward
from local.http_server import HttpServer, Request, Response, as_json, whole
from local.pipeline import PROJECT, Pipeline
from local.slack import Slack, uploads
from local.slack.model import Channel
from operations import proof_of_slack, prove
from operations.proof import FOLDER, Proof
from operations.prove import Line
from operations.stages import Stage

pytestmark = pytest.mark.deploy

NAME = "slack-integrator-local"
SECONDS = 2.0
"""How long a planted cause is waited for; what works may take a minute on a loaded machine."""


class LyingAws:
    """A way to *aws* on which an answer can be another one."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.lie: Callable[[Request], Response | Request] = lambda request: request
        """Gets a request, and returns what is forwarded, or the answer."""
        self._server = HttpServer(self._answer)
        self.url, self.close = self._server.url, self._server.close

    def _answer(self, request: Request) -> Response:
        lie = self.lie(request)
        return lie if isinstance(lie, Response) else forward(lie, self._aws.url)


@pytest.fixture
def lying(pipeline: Pipeline) -> Iterator[LyingAws]:
    way = LyingAws(pipeline.aws)
    yield way
    way.close()


@pytest.fixture
def proof(pipeline: Pipeline, lying: LyingAws) -> Proof:
    """A proof of the stage `local`."""
    aws = pipeline.aws
    session: Any = boto3.session.Session("testing", "testing", region_name=aws.region)
    return Proof(Stage("local", aws.account, aws.region, session, lying.url), seconds=60)


def lines(proof: Proof, *names: str) -> list[Line]:
    return [line for name in names or prove.CHECKS for line in prove.lines(name, prove.CHECKS[name], proof)]


def test_every_line_is_ok_where_all_is_well(pipeline: Pipeline, proof: Proof) -> None:
    for function in proof.stage.client("lambda").list_functions()["Functions"]:
        pipeline.aws.usage.functions.add(function["FunctionName"])  # as after some days
    pipeline.aws.usage.state_machines.add(f"{proof.stage.state_machine}-history")
    assert [line for line in lines(proof) if line.mark != "ok"] == []
    assert left(pipeline) == []


def version_keys(pipeline: Pipeline) -> list[str]:
    """The keys of all versions and delete markers in the bucket."""
    pages = (
        pipeline.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=pipeline.deployment.bucket)
    )
    return [each["Key"] for page in pages for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]


def left(pipeline: Pipeline) -> list[str]:
    """What a proof has left in the bucket, and what of it still runs."""
    s3, bucket = pipeline.aws.client("s3"), pipeline.deployment.bucket
    keys = version_keys(pipeline)
    keys += [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    about = {"stateMachineArn": pipeline.deployment.state_machine_arn, "statusFilter": "RUNNING"}
    running = pipeline.aws.client("stepfunctions").list_executions(**about)["executions"]
    names = [*keys, *(each["name"] for each in running)]
    return [name for name in names if name.startswith(FOLDER) or "T0PROOF" in name]


Plant = Callable[[Pipeline], AbstractContextManager[object]]


@contextmanager
def variable(pipeline: Pipeline, function: str, name: str, value: str) -> Iterator[None]:
    client = pipeline.aws.client("lambda")
    before = client.get_function_configuration(FunctionName=function)["Environment"]
    after = {"Variables": {**before["Variables"], name: value}}
    client.update_function_configuration(FunctionName=function, Environment=after)
    yield
    client.update_function_configuration(FunctionName=function, Environment=before)


@contextmanager
def another_secret(pipeline: Pipeline) -> Iterator[None]:
    with variable(pipeline, NAME, "SIGNING_SECRET", "of another app"):
        yield


@contextmanager
def stack_that_failed(pipeline: Pipeline) -> Iterator[None]:
    from moto.cloudformation.models import cloudformation_backends

    stacks = cloudformation_backends[pipeline.aws.account][pipeline.aws.region].stacks.values()
    (stack,) = (each for each in stacks if each.name == NAME)
    before, stack.status = stack.status, "UPDATE_ROLLBACK_COMPLETE"
    yield
    stack.status = before


@contextmanager
def function_that_is_gone(pipeline: Pipeline) -> Iterator[None]:
    client, name = pipeline.aws.client("lambda"), f"{NAME}-read_history"
    about = client.get_function_configuration(FunctionName=name)
    client.delete_function(FunctionName=name)
    yield
    fields = ("Runtime", "Role", "Handler", "Timeout", "MemorySize")
    code = {"ZipFile": b"its code is run from the project's folder"}
    environ = {"Variables": about["Environment"]["Variables"]}
    client.create_function(
        FunctionName=name, Code=code, Environment=environ, **{each: about[each] for each in fields}
    )


@contextmanager
def another_role(pipeline: Pipeline) -> Iterator[None]:
    client = pipeline.aws.client("lambda")
    before = client.get_function_configuration(FunctionName=f"{NAME}-notify")["Role"]
    other = client.get_function_configuration(FunctionName=f"{NAME}-ended")["Role"]
    client.update_function_configuration(FunctionName=f"{NAME}-notify", Role=other)
    yield
    client.update_function_configuration(FunctionName=f"{NAME}-notify", Role=before)


@contextmanager
def no_api(pipeline: Pipeline) -> Iterator[None]:
    client = pipeline.aws.client("apigateway")
    (api,) = client.get_rest_apis()["items"]

    def rename(name: str) -> None:
        rename = {"op": "replace", "path": "/name", "value": name}
        client.update_rest_api(restApiId=api["id"], patchOperations=[rename])

    rename("somebody else's")
    yield
    rename(api["name"])


@contextmanager
def new_account(pipeline: Pipeline) -> Iterator[None]:
    before, pipeline.aws.concurrency = pipeline.aws.concurrency, 10
    yield
    pipeline.aws.concurrency = before


@contextmanager
def function_switched_off(pipeline: Pipeline) -> Iterator[None]:
    client = pipeline.aws.client("lambda")
    client.put_function_concurrency(FunctionName=f"{NAME}-notify", ReservedConcurrentExecutions=0)
    yield
    client.delete_function_concurrency(FunctionName=f"{NAME}-notify")


@contextmanager
def no_destination(pipeline: Pipeline) -> Iterator[None]:
    client = pipeline.aws.client("lambda")
    before = client.get_function_event_invoke_config(FunctionName=f"{NAME}-notify")
    client.delete_function_event_invoke_config(FunctionName=f"{NAME}-notify")
    yield
    settings = {name: before[name] for name in ("MaximumRetryAttempts", "DestinationConfig")}
    client.put_function_event_invoke_config(FunctionName=f"{NAME}-notify", **settings)


@contextmanager
def no_redrive(pipeline: Pipeline) -> Iterator[None]:
    sns = pipeline.aws.client("sns")
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=pipeline.deployment.topic_arn)["Subscriptions"]
    arn = subscriptions[0]["SubscriptionArn"]
    before = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["RedrivePolicy"]

    def let(value: str) -> None:
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=value)

    let("{}")
    yield
    let(before)


@contextmanager
def target(pipeline: Pipeline, change: Callable[[Any], Any]) -> Iterator[None]:
    """Let the rule have other targets: what *change* makes of them."""
    events, rule = pipeline.aws.client("events"), f"{NAME}-ended-event"
    before = events.list_targets_by_rule(Rule=rule)["Targets"]
    events.remove_targets(Rule=rule, Ids=[each["Id"] for each in before])
    if after := change(before):
        events.put_targets(Rule=rule, Targets=after)
    yield
    events.put_targets(Rule=rule, Targets=before)


@contextmanager
def alarm(pipeline: Pipeline, act: Callable[[dict[str, Any]], Any]) -> Iterator[None]:
    """Let *act* change the alarms, as moto holds them."""
    from moto.cloudwatch.models import cloudwatch_backends

    alarms = cloudwatch_backends[pipeline.aws.account][pipeline.aws.region].alarms
    before = dict(alarms)
    act(alarms)
    yield
    alarms.clear()
    alarms.update(before)
    for each in alarms.values():
        each.actions_enabled = True


@contextmanager
def unused(pipeline: Pipeline) -> Iterator[None]:
    before = set(pipeline.aws.usage.functions)
    pipeline.aws.usage.functions.clear()
    yield
    pipeline.aws.usage.functions.update(before)


@contextmanager
def no_permission(pipeline: Pipeline) -> Iterator[None]:
    pipeline.aws.outages.denied.add("TestState")
    yield
    pipeline.aws.outages.denied.clear()


PLANTED: list[tuple[str, Plant, str, str]] = [
    ("the stage", stack_that_failed, "wrong", "is in UPDATE_ROLLBACK_COMPLETE: make deploy STAGE=local"),
    ("the stage", function_that_is_gone, "wrong", "in part, without read_history: make deploy STAGE=local"),
    ("the stage", another_role, "wrong", "notify run with another role than the stack's"),
    ("the stage", no_api, "wrong", f"there is no API that calls {NAME}"),
    ("Slack's requests", another_secret, "wrong", "does not answer as it should (401"),
    ("concurrency", new_account, "note", "at most 10 functions at once, as new accounts do"),
    ("concurrency", function_switched_off, "wrong", f"{NAME}-notify is switched off"),
    ("dead letters", no_destination, "wrong", "no dead letters from the function notify:"),
    ("dead letters", no_redrive, "wrong", "no dead letters from the topic's subscription:"),
    (
        "dead letters",
        lambda pipeline: target(pipeline, lambda before: [{k: each[k] for k in ("Id", "Arn")} for each in before]),
        "wrong",
        f"no dead letters from the rule {NAME}-ended-event: notices could be lost. A plain `chalice deploy`",
    ),
    ("dead letters", lambda pipeline: target(pipeline, lambda before: []), "wrong", "from the rule"),
    ("the workflow's decisions", no_permission, "skipped", "no permission for TestState"),
    (
        "executions that die",
        lambda pipeline: target(pipeline, lambda before: []),
        "wrong",
        f"nobody was told within 2 s. Look at the EventBridge rule {NAME}-ended-event",
    ),
    (
        "alarms",
        lambda pipeline: alarm(pipeline, lambda alarms: alarms.pop(f"{NAME}-parked")),
        "wrong",
        f"there is no alarm {NAME}-parked: make deploy",
    ),
    (
        "alarms",
        lambda pipeline: alarm(pipeline, lambda alarms: vars(alarms[f"{NAME}-api"]).update(actions_enabled=False)),
        "wrong",
        f"{NAME}-api would tell nobody",
    ),
    ("alarms", unused, "note", "(AWS/Lambda Errors, AWS/Lambda Throttles"),
]


@pytest.mark.parametrize(("name", "plant", "mark", "words"), PLANTED)
def test_a_line_fails_for_its_cause(
    pipeline: Pipeline, proof: Proof, name: str, plant: Plant, mark: str, words: str
) -> None:
    assert [line.mark for line in lines(proof, name)] in (["ok"], ["note"])
    proof = Proof(proof.stage, seconds=SECONDS)
    with plant(pipeline):
        (line,) = lines(proof, name)
    assert (line.mark, line.text.partition(":")[0]) == (mark, name)
    assert words in line.text


def without(*names: str) -> Callable[[Request], Request]:
    """Forward a request without its headers of these *names*, as a proxy that does not know them."""

    def lie(request: Request) -> Request:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in names}
        return replace(request, headers=headers)

    return lie


def other_bytes(request: Request) -> Request | Response:
    is_part = request.method == "GET" and FOLDER in request.path and "-parts" in request.path
    return whole(b"other bytes", 200, {"ETag": '"a-2"'}) if is_part else request


def decides(state: str) -> Callable[[Request], Request | Response]:
    """Step Functions that goes on with *state*, whatever is tested."""

    def lie(request: Request) -> Request | Response:
        is_test = (request.header("X-Amz-Target") or "").endswith(".TestState")
        return as_json({"status": "SUCCEEDED", "output": "{}", "nextState": state}) if is_test else request

    return lie


def fails(request: Request) -> Request | Response:
    is_test = (request.header("X-Amz-Target") or "").endswith(".TestState")
    about = {"status": "FAILED", "error": "States.Runtime", "cause": "no such path"}
    return as_json(about) if is_test else request


def lets_everybody_in(request: Request) -> Request | Response:
    return whole(b'{"challenge":"proof"}', 200, {}) if request.path.endswith("/slack/events") else request


def has_an_outage(request: Request) -> Request | Response:
    is_s3 = request.path.startswith("/slack-integrator-local-")
    return whole(b"<Error><Code>AccessDenied</Code></Error>", 403, {}) if is_s3 else request


LIES: list[tuple[str, Callable[[Request], Request | Response], str, str]] = [
    ("conditional writes", without("if-none-match"), "wrong", "to a write with IfNoneMatch that fails"),
    ("conditional writes", without("if-match"), "wrong", "to a write with IfMatch that fails"),
    (
        "checksums",
        without("x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"),
        "wrong",
        "S3 answered 200  and not 400 to bytes with a wrong checksum",
    ),
    ("large files", other_bytes, "wrong", "S3 has other bytes than were sent in two parts (11 of 8,388,609)"),
    ("the workflow's decisions", decides("Failed"), "wrong", "after no file Step Functions goes on with Failed"),
    ("the workflow's decisions", decides("Archived"), "wrong", "after one file that failed"),
    ("the workflow's decisions", fails, "wrong", "goes on with None, not Archived: no such path"),
    ("Slack's requests", lets_everybody_in, "wrong", "anybody could send events"),
    ("conditional writes", has_an_outage, "skipped", "these credentials have no permission for"),
]


@pytest.mark.parametrize(("name", "lie", "mark", "words"), LIES)
def test_a_line_fails_where_aws_answers_otherwise(
    proof: Proof, lying: LyingAws, name: str, lie: Callable[[Request], Request | Response], mark: str, words: str
) -> None:
    lying.lie = lie
    (line,) = lines(proof, name)
    assert line.mark == mark
    assert words in line.text
    lying.lie = lambda request: request
    assert {line.mark for line in lines(proof, "earlier proofs", name)} == {"ok"}


def test_why_step_functions_cannot_select_is_said(proof: Proof, lying: LyingAws) -> None:
    decisions = iter([{"status": "FAILED", "cause": "no such path"}, {"nextState": "Failed"}])

    def lie(request: Request) -> Request | Response:
        is_test = (request.header("X-Amz-Target") or "").endswith(".TestState")
        return as_json(next(decisions)) if is_test else request

    lying.lie = lie
    (line,) = lines(proof, "the workflow's decisions")
    assert "goes on with Failed, not Archived: no such path" in line.text


def test_a_line_fails_where_aws_is_not_reached(proof: Proof, lying: LyingAws) -> None:
    lying.close()
    (line,) = lines(proof, "concurrency")
    assert line.mark == "wrong"
    assert line.text.startswith("concurrency: AWS could not be asked: ")


SLACK = "the way through Slack"


@pytest.fixture
def in_slack(pipeline: Pipeline, slack: Slack, channel: Channel, proof: Proof) -> Iterator[Proof]:
    """A proof that goes through the channel, where a person is too; the app may upload."""
    channel.members.add(slack.users[0].id)
    slack.scopes.add("files:write")
    subscriptions = set(slack.subscriptions)
    yield Proof(proof.stage, channel.id, seconds=60)
    slack.scopes.discard("files:write")
    slack.subscriptions |= subscriptions


def traces(pipeline: Pipeline, slack: Slack, channel: Channel) -> list[str]:
    """What there is of the proof's file: messages, and keys in the bucket."""
    ids = [file.id for file in slack.files if file.name == proof_of_slack.NAME]
    return [
        *(message.text for message in slack.workspace.messages_in(channel.id)),
        *(key for key in version_keys(pipeline) if proof_of_slack.TAG in key or any(each in key for each in ids)),
    ]


def test_a_file_goes_the_whole_way_and_nothing_of_it_stays(
    pipeline: Pipeline, slack: Slack, channel: Channel, in_slack: Proof
) -> None:
    report = lines(in_slack, SLACK)
    assert [line.mark for line in report] == ["ok", "ok", "ok"]
    assert f"is archived: ✅ 1 file in the archive with #{proof_of_slack.TAG}" in report[0].text
    assert traces(pipeline, slack, channel) == []


def test_a_file_that_an_interrupted_proof_left_in_slack_goes_with_the_next_one(
    pipeline: Pipeline, slack: Slack, channel: Channel, in_slack: Proof
) -> None:
    proof_of_slack.send(proof_of_slack.Workspace(in_slack), in_slack)
    (message,) = (each for each in slack.workspace.messages_in(channel.id) if each.files)
    slack.wait_for_replies(channel, message.ts, timeout=60)
    assert [line.mark for line in lines(in_slack, SLACK)] == ["ok", "ok", "ok"]
    assert traces(pipeline, slack, channel) == []


@pytest.mark.parametrize(
    ("error", "mark"), [("message_not_found", "ok"), ("cant_delete_message", "wrong")], ids=["gone", "refused"]
)
def test_a_message_that_is_gone_is_no_fault_and_where_one_stays_the_archive_keeps_nothing(
    pipeline: Pipeline, slack: Slack, channel: Channel, in_slack: Proof, error: str, mark: str
) -> None:
    slack.misbehave("api_error", only="chat.delete", error=error)
    assert lines(in_slack, SLACK)[-1].mark == mark
    assert [text for text in traces(pipeline, slack, channel) if "/" in text] == []


def finds_nothing(request: Request) -> Request | Response:
    return as_json({"text": "I found no document"}) if request.path.endswith("/slack/commands") else request


def deaf(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    slack.subscriptions.discard("message.channels")


def signed_out(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    slack.misbehave("login_page")


def without_permission(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    slack.scopes.discard("files:write")


def removed(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    channel.bot_is_member = False


def alone(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    channel.members.clear()


def does_not_find(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    lying.lie = finds_nothing


def keeps_deleted(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    slack.subscriptions.discard("file_deleted")


def sends_elsewhere(slack: Slack, channel: Channel, lying: LyingAws) -> None:
    slack.misbehave("foreign_redirect", only=uploads.PATH)


Break = Callable[[Slack, Channel, LyingAws], None]
IN_SLACK: list[tuple[Break, str]] = [
    (without_permission, "no permission to upload. It needs one for this proof alone: add the scope files:write"),
    (removed, "/invite @slack-integrator there"),
    (alone, "nobody of the workspace is in"),
    (deaf, "no reply in its thread within 5 s. Is the Request URL"),
    (sends_elsewhere, "Slack did not take the file's bytes (status 302)"),
    (signed_out, "it was not archived. The app's reply says why: ❌"),
    (does_not_find, f"/docs #{proof_of_slack.TAG} does not find it (200"),
    (keeps_deleted, "did not follow the deletion of the file within 5 s: is the Slack app subscribed"),
]


@pytest.mark.parametrize(("break_it", "words"), IN_SLACK)
def test_the_way_through_slack_fails_for_its_cause(
    pipeline: Pipeline,
    slack: Slack,
    channel: Channel,
    lying: LyingAws,
    in_slack: Proof,
    break_it: Break,
    words: str,
) -> None:
    break_it(slack, channel, lying)
    *_, line = lines(Proof(in_slack.stage, channel.id, seconds=5), SLACK)
    assert line.mark == "wrong"
    assert words in line.text
    assert [text for text in traces(pipeline, slack, channel) if "❌" not in text] == []


def test_every_line_has_been_seen_failing() -> None:
    assert {name for name, *_ in [*PLANTED, *LIES]} == prove.CHECKS.keys() - {"earlier proofs", SLACK}


def test_what_an_interrupted_proof_left_goes_with_the_next_one(pipeline: Pipeline, proof: Proof) -> None:
    s3, bucket = pipeline.aws.client("s3"), pipeline.deployment.bucket
    for name in "ac":
        s3.put_object(Bucket=bucket, Key=FOLDER + name, Body=b"a")
    s3.create_multipart_upload(Bucket=bucket, Key=f"{FOLDER}b")
    s3.put_object(Bucket=bucket, Key="notices/T0PROOF-C0PROOF-1_1.json", Body=b"{}")
    assert len(left(pipeline)) == 4
    assert lines(proof, "earlier proofs") == [
        Line("ok", "earlier proofs: 4 things that an interrupted proof had left are gone")
    ]
    assert left(pipeline) == []


def test_an_interrupted_proof_says_so_and_the_next_one_leaves_nothing(pipeline: Pipeline, proof: Proof) -> None:
    command = [sys.executable, "-u", "-m", "operations", "prove", "STAGE=local"]
    environ = {**pipeline.aws.environ(), "PATH": "/usr/bin:/bin"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=PROJECT, env=environ, **pipes) as process:
        for line in process.stdout or ():
            if "the workflow's decisions" in line:  # the next one waits for an execution that it has aborted
                process.send_signal(signal.SIGINT)
        errors = process.stderr.read() if process.stderr else ""
    assert (process.returncode, "Interrupted." in errors) == (130, True)
    lines(proof, "earlier proofs")
    assert left(pipeline) == []


def test_the_command_fails_where_a_line_is_wrong(pipeline: Pipeline) -> None:
    command = [sys.executable, "-m", "operations", "prove", "STAGE=local"]
    environ = {**pipeline.aws.environ(), "PATH": "/usr/bin:/bin"}
    with no_destination(pipeline):
        process = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "One of these lines is wrong. When that is mended: make prove STAGE=local" in process.stderr
    assert "\n  wrong   dead letters:" in process.stdout
    assert "Traceback" not in process.stderr
