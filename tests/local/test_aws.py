import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local.aws.deploy import Deployment, NotDeployedError, deploy
from local.aws.server import Aws
from local.clock import Clock

APP = """
import json, os, time
from chalice import Chalice
from chalicelib.voice import loud

app = Chalice(app_name="toy")

class TooQuiet(Exception):
    pass

@app.route("/")
def index():
    return {}

@app.lambda_function()
def shout(event, context):
    if event.get("fail"):
        raise TooQuiet("say it again")
    if event.get("leave"):
        os._exit(1)
    time.sleep(event.get("sleep", 0))
    text = loud(event.get("text", "")) * event.get("times", 1)
    return {"text": text, "pid": os.getpid(), "id": context.aws_request_id}

@app.lambda_function()
def show_environment(event, context):
    return dict(os.environ)

@app.lambda_function()
def reflect(event, context):
    return {"statusCode": 201, "headers": {"X-Voice": "soft"}, "body": json.dumps(event)}

@app.on_sns_message(topic=os.environ["SLACK_INTEGRATOR_SNS"])
def listen(event):
    record = event.to_dict()["Records"][0]["Sns"]
    print("heard", event.context.aws_request_id, record["Message"])
    if record["Message"] == "fail":
        raise TooQuiet("say it again")

@app.on_sqs_message(queue=os.environ["SLACK_INTEGRATOR_PARKING"].rpartition("/")[2], batch_size=1)
def take(event):
    record, = event.to_dict()["Records"]
    count = record["attributes"]["ApproximateReceiveCount"]
    print("took", record["body"], count)
    if record["body"] == "fail" or (record["body"], count) == ("once", "1"):
        raise TooQuiet("say it again")
"""

CONFIG = {
    "version": "2.0",
    "app_name": "toy",
    "lambda_timeout": 30,
    "manage_iam_role": False,
    "autogen_policy": False,
    "api_gateway_endpoint_type": "REGIONAL",
    "api_gateway_stage": "api",
    "stages": {
        "local": {"lambda_functions": {"shout": {"lambda_timeout": 1, "lambda_memory_size": 512}}},
        "other": {"lambda_timeout": 7},
    },
}

SHOUT = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "${ShoutArn}", "Payload.$": "$"},
    "OutputPath": "$.Payload",
    "End": True,
}


FUNCTIONS = ("ApiHandler", "Shout", "ShowEnvironment", "Reflect", "Listen", "Take")
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "Policies": [{"PolicyName": "nothing", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}],
    },
}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def named(suffix: str = "") -> dict[str, str]:
    return {"Fn::Sub": f"toy-${{Stage}}{suffix}"}


def queue(suffix: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": named(suffix), **more}}


def template(bucket: str) -> str:
    """A stack with the outputs of the app's own."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:toy-${Stage}-shout"
    definition = {"Fn::Sub": json.dumps(machine(Shout=SHOUT)).replace("${ShoutArn}", arn)}
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 200}
    names = {"StateMachineName": named(), "RoleArn": {"Fn::GetAtt": ["ShoutRole", "Arn"]}}
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": named()}},
        "Dead": queue("-parking-dead"),
        "Parking": queue("-parking", VisibilityTimeout=60, RedrivePolicy=redrive),
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {**names, "DefinitionString": definition},
        },
        **{f"{name}Role": ROLE for name in FUNCTIONS},
    }
    outputs = {"BucketName": "Bucket", "TopicArn": "Topic", "ParkingUrl": "Parking", "StateMachineArn": "Machine"}
    arns = {f"{name}RoleArn": {"Value": {"Fn::GetAtt": [f"{name}Role", "Arn"]}} for name in FUNCTIONS}
    values = {name: {"Value": {"Ref": resource}} for name, resource in outputs.items()} | arns
    parameters = {"Stage": {"Type": "String"}}
    return json.dumps({"Parameters": parameters, "Resources": resources, "Outputs": values})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("chalicelib", ".chalice"):
        tmp_path.joinpath(folder).mkdir()
    tmp_path.joinpath("app.py").write_text(APP)
    tmp_path.joinpath("chalicelib", "__init__.py").touch()
    tmp_path.joinpath("chalicelib", "voice.py").write_text("def loud(text):\n    return text.upper()\n")
    tmp_path.joinpath(".chalice", "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


@pytest.fixture
def aws(project: Path) -> Iterator[Aws]:
    with Aws(Clock(1000), project) as running:
        yield running


@pytest.fixture
def deployed(aws: Aws, project: Path) -> Deployment:
    return deploy(aws, project, template=template)


@pytest.fixture
def run(aws: Aws, deployed: Deployment) -> Callable[..., dict[str, Any]]:
    """Run a state machine to its end; `${ShoutArn}` in it is the function."""

    def to_the_end(definition: dict[str, Any], event: object = None, name: str = "first") -> dict[str, Any]:
        text = json.dumps(definition).replace("${ShoutArn}", deployed.functions["shout"])
        role = "arn:aws:iam::123456789012:role/toy-local"
        answer = aws.client("stepfunctions").create_state_machine(name="run", definition=text, roleArn=role)
        return ended(aws, answer["stateMachineArn"], event or {}, name)

    return to_the_end


def ended(aws: Aws, arn: str, event: object, name: str) -> dict[str, Any]:
    client = aws.client("stepfunctions")
    execution_arn = client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(event))["executionArn"]
    until = time.monotonic() + 10
    while time.monotonic() < until:
        execution: dict[str, Any] = client.describe_execution(executionArn=execution_arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.01)
    raise TimeoutError(name)


def wait_for(condition: Callable[[], object], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def invoke(aws: Aws, deployment: Deployment, event: object, name: str = "shout", **rest: Any) -> dict[str, Any]:
    arn = deployment.functions[name]
    answer: dict[str, Any] = aws.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event), **rest)
    answer["value"] = json.loads(answer["Payload"].read() or "null")
    return answer


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def heard(aws: Aws) -> list[list[str]]:
    lines = aws.lambdas.logs("toy-local-listen")
    return [line.split()[1:] for line in lines if line.startswith("heard ")]


# The stack


def test_the_stack_is_named_and_configured_as_chalice_would(aws: Aws, deployed: Deployment) -> None:
    functions = {f["FunctionName"]: f for f in aws.client("lambda").list_functions()["Functions"]}

    names = ("", "-shout", "-show_environment", "-reflect", "-listen", "-take")
    assert set(functions) == {f"toy-local{name}" for name in names}
    assert (functions["toy-local-shout"]["Timeout"], functions["toy-local-shout"]["MemorySize"]) == (1, 512)
    assert (functions["toy-local"]["Timeout"], functions["toy-local"]["MemorySize"]) == (30, 128)
    assert functions["toy-local"]["Handler"] == "app.app"
    assert deployed.functions["shout"] == functions["toy-local-shout"]["FunctionArn"]
    assert deployed.bucket == "toy-local-123456789012-us-east-1"
    assert deployed.topic_arn == "arn:aws:sns:us-east-1:123456789012:toy-local"
    assert deployed.state_machine_arn == "arn:aws:states:us-east-1:123456789012:stateMachine:toy-local"


def test_another_stage_has_its_own_settings(aws: Aws, project: Path) -> None:
    deploy(aws, project, stage="other", template=template)

    configuration = aws.client("lambda").get_function_configuration(FunctionName="toy-other-shout")
    assert (configuration["Timeout"], configuration["MemorySize"]) == (7, 128)


def test_functions_get_the_names_of_the_stack_and_nothing_of_this_process(
    monkeypatch: pytest.MonkeyPatch, aws: Aws, project: Path
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")
    deployment = deploy(aws, project, {"ACCESS_TOKEN": "xoxb"}, template=template)

    environment = invoke(aws, deployment, {}, "show_environment")["value"]

    assert environment["ACCESS_TOKEN"] == "xoxb"
    assert environment["BUCKET"] == deployment.bucket
    assert environment["SLACK_INTEGRATOR_SNS"] == deployment.topic_arn
    assert environment["SLACK_INTEGRATOR_SF"] == deployment.state_machine_arn
    assert environment["AWS_ENDPOINT_URL"] == aws.url
    assert "SECRET_OF_THE_PARENT" not in environment


def test_an_app_that_cannot_be_imported_is_refused_with_its_error(aws: Aws, project: Path) -> None:
    project.joinpath("app.py").write_text("import os\nos.environ['TOKEN']\n")

    with pytest.raises(NotDeployedError, match=r"^app\.py, line 2: KeyError: 'TOKEN'$"):
        deploy(aws, project, template=template)


# Lambda


def test_a_function_runs_in_a_process_with_its_request_id(aws: Aws, deployed: Deployment) -> None:
    answer = invoke(aws, deployed, {"text": "hello"})

    assert answer["value"]["text"] == "HELLO"
    assert answer["value"]["pid"] != os.getpid()
    assert answer["value"]["id"] == answer["ResponseMetadata"]["RequestId"]
    assert "FunctionError" not in answer


def test_an_error_is_unhandled_and_tells_its_class(aws: Aws, deployed: Deployment) -> None:
    answer = invoke(aws, deployed, {"fail": True})

    assert answer["FunctionError"] == "Unhandled"
    assert (answer["value"]["errorType"], answer["value"]["errorMessage"]) == ("TooQuiet", "say it again")


def test_a_timeout_of_the_configuration_ends_the_function(aws: Aws, deployed: Deployment) -> None:
    answer = invoke(aws, deployed, {"sleep": 60})

    assert answer["value"]["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["value"]["errorMessage"]


def test_parallel_invocations_use_several_processes(aws: Aws, deployed: Deployment) -> None:
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: invoke(aws, deployed, {"sleep": 0.3}), range(3)))

    assert len({answer["value"]["pid"] for answer in answers}) == 3


def test_an_event_that_is_not_json_is_refused(aws: Aws, deployed: Deployment) -> None:
    with pytest.raises(ClientError) as error:
        aws.client("lambda").invoke(FunctionName=deployed.functions["shout"], Payload=b"{")

    assert code(error) == "InvalidRequestContentException"


def test_an_asynchronous_invocation_returns_at_once_and_is_retried(aws: Aws, deployed: Deployment) -> None:
    answer = invoke(aws, deployed, {"fail": True}, InvocationType="Event")

    assert (answer["StatusCode"], answer["value"]) == (202, None)
    wait_for(lambda: aws.dead)
    (dead,) = aws.dead
    assert (dead.function, dead.event) == (deployed.functions["shout"], {"fail": True})
    assert dead.error["requestId"] == answer["ResponseMetadata"]["RequestId"]


# SNS


def test_a_subscriber_gets_what_was_published(aws: Aws, deployed: Deployment) -> None:
    aws.client("sns").publish(TopicArn=deployed.topic_arn, Message="hello", Subject="s")

    wait_for(lambda: heard(aws))
    wait_for(lambda: aws.async_invocations.pending == 0)
    ((_, message),) = heard(aws)
    assert message == "hello"
    assert aws.dead == []


def test_the_record_has_snss_fields(aws: Aws, deployed: Deployment) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "upload"}}
    client = aws.client("sns")
    answer = client.publish(TopicArn=deployed.topic_arn, Message="fail", MessageAttributes=attributes)

    wait_for(lambda: aws.dead)
    record = aws.dead[0].event["Records"][0]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"].startswith(deployed.topic_arn + ":")
    assert record["Sns"].pop("Timestamp").endswith("Z")
    assert record["Sns"] == {
        "Type": "Notification",
        "MessageId": answer["MessageId"],
        "TopicArn": deployed.topic_arn,
        "Subject": None,
        "Message": "fail",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "upload"}},
    }


def test_a_failing_subscriber_is_tried_three_times_under_one_request_id(aws: Aws, deployed: Deployment) -> None:
    aws.client("sns").publish(TopicArn=deployed.topic_arn, Message="fail")

    wait_for(lambda: aws.dead)
    request_ids = [request_id for request_id, _ in heard(aws)]
    assert len(request_ids) == 3
    assert len(set(request_ids)) == 1
    assert aws.dead[0].error["errorType"] == "TooQuiet"


def test_publish_does_not_wait_for_the_subscriber(project: Path, aws: Aws, deployed: Deployment) -> None:
    app = project / "app.py"
    app.write_text(app.read_text().replace('print("heard"', 'time.sleep(0.7); print("heard"'))

    aws.client("sns").publish(TopicArn=deployed.topic_arn, Message="hello")

    assert heard(aws) == []
    wait_for(lambda: heard(aws))


def test_a_missing_subscriber_does_not_fail_publish(aws: Aws, deployed: Deployment) -> None:
    aws.client("lambda").delete_function(FunctionName="toy-local-listen")

    aws.client("sns").publish(TopicArn=deployed.topic_arn, Message="hello")

    wait_for(lambda: aws.dead)
    assert aws.dead[0].error["errorType"] == "ResourceNotFoundException"


# Step Functions


# A queue's subscriber


def taken(aws: Aws) -> list[list[str]]:
    return [line.split()[1:] for line in aws.lambdas.logs("toy-local-take") if line.startswith("took ")]


def test_what_is_sent_to_the_queue_is_taken_and_deleted(aws: Aws, deployed: Deployment) -> None:
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=deployed.parking_url, MessageBody="hello")
    wait_for(lambda: taken(aws) and messages(aws, deployed.parking_url) == 0)
    assert taken(aws) == [["hello", "1"]]


def test_a_failed_message_is_taken_again_after_the_visibility_timeout(aws: Aws, deployed: Deployment) -> None:
    aws.client("sqs").send_message(QueueUrl=deployed.parking_url, MessageBody="once")
    wait_for(lambda: len(taken(aws)) == 2 and messages(aws, deployed.parking_url) == 0)
    assert taken(aws) == [["once", "1"], ["once", "2"]]


def test_a_message_that_fails_too_often_rests_in_the_dead_letters(aws: Aws, deployed: Deployment) -> None:
    sqs, dead = aws.client("sqs"), deployed.parking_url + "-dead"
    target = f"arn:aws:sqs:us-east-1:123456789012:{dead.rpartition('/')[2]}"
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=deployed.parking_url, Attributes={"RedrivePolicy": policy})
    sqs.send_message(QueueUrl=deployed.parking_url, MessageBody="fail")
    wait_for(lambda: messages(aws, dead) == 1)
    assert taken(aws) == [["fail", "1"], ["fail", "2"]]
    assert messages(aws, deployed.parking_url) == 0


def messages(aws: Aws, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_the_deployed_state_machine_runs_the_function(aws: Aws, deployed: Deployment) -> None:
    execution = ended(aws, deployed.state_machine_arn, {"text": "hello"}, "first")

    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"])["text"] == "HELLO"


def test_a_retry_of_minutes_passes_on_the_clock(aws: Aws, run: Callable[..., dict[str, Any]]) -> None:
    retry = [{"ErrorEquals": ["TooQuiet"], "IntervalSeconds": 60, "MaxAttempts": 3, "BackoffRate": 2}]
    start = time.monotonic()

    execution = run(machine(Shout={**SHOUT, "Retry": retry}), {"fail": True})

    assert (execution["status"], execution["error"]) == ("FAILED", "TooQuiet")
    assert 0.42 < time.monotonic() - start < 10  # and not seven minutes


def test_a_wait_of_minutes_passes_on_the_clock(run: Callable[..., dict[str, Any]]) -> None:
    start = time.monotonic()

    assert run(machine(Rest={"Type": "Wait", "Seconds": 300, "End": True}))["status"] == "SUCCEEDED"
    assert 0.3 <= time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("given", "error"),
    [({"fail": True}, "TooQuiet"), ({"leave": True}, "Runtime.ExitError"), ({"sleep": 9}, "Sandbox.Timedout")],
)
def test_a_catcher_sees_the_errors_name(
    run: Callable[..., dict[str, Any]], given: dict[str, Any], error: str
) -> None:
    catch = [{"ErrorEquals": [error], "ResultPath": "$", "Next": "Caught"}]

    execution = run(machine(Shout={**SHOUT, "Catch": catch}, Caught={"Type": "Pass", "End": True}), given)

    assert json.loads(execution["output"])["Error"] == error


CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Caught"}]
CAUGHT = {"Type": "Pass", "End": True}


def test_a_task_that_takes_too_long_has_an_empty_cause(run: Callable[..., dict[str, Any]]) -> None:
    """Recorded: nothing can be read out of it."""
    task = {**SHOUT, "TimeoutSeconds": 1, "Catch": CATCH}

    execution = run(machine(Shout=task, Caught=CAUGHT), {"sleep": 9})

    assert json.loads(execution["output"]) == {"Error": "States.Timeout", "Cause": ""}


@pytest.mark.parametrize(("size", "is_refused"), [(255 * 1024, False), (256 * 1024, True)])
def test_a_result_that_is_too_large_is_caught_by_states_all(
    run: Callable[..., dict[str, Any]], size: int, is_refused: bool
) -> None:
    """Recorded: States.DataLimitExceeded. The limit is 256 KiB (Step Functions' quotas, task input or output)."""
    execution = run(machine(Shout={**SHOUT, "Catch": CATCH}, Caught=CAUGHT), {"text": "x", "times": size})

    assert json.loads(execution["output"]).get("Error") == ("States.DataLimitExceeded" if is_refused else None)


def test_a_missing_function_has_lambdas_own_error(run: Callable[..., dict[str, Any]]) -> None:
    task = {**SHOUT, "Parameters": {"FunctionName": "nobody"}}

    assert run(machine(Shout=task))["error"] == "Lambda.ResourceNotFoundException"


def test_a_map_runs_as_many_at_once_as_it_may(run: Callable[..., dict[str, Any]]) -> None:
    each = {"Type": "Map", "ItemProcessor": machine(Shout=SHOUT), "MaxConcurrency": 2, "End": True}

    execution = run(machine(Each=each), [{"sleep": 0.2, "text": str(number)} for number in range(4)])

    results = json.loads(execution["output"])
    assert [result["text"] for result in results] == ["0", "1", "2", "3"]
    assert len({result["pid"] for result in results}) == 2


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [([], False), (["failed"], True), (["archived"], False), (["archived", "failed"], True)],
)
def test_a_map_tells_whether_a_file_failed(
    run: Callable[..., dict[str, Any]], statuses: list[str], failed: bool
) -> None:
    each = {
        "Type": "Map",
        "ItemsPath": "$.files",
        "ItemSelector": {"ids.$": "$.files[*].id", "status.$": "$$.Map.Item.Value.status"},
        "ItemProcessor": machine(Done={"Type": "Pass", "End": True}),
        "ResultSelector": {
            "failed.$": "States.ArrayContains($[*].status, 'failed')",
            "tags.$": "$$.Execution.Input.tags",
            "files.$": "$",
        },
        "End": True,
    }
    files = [{"id": f"F{number}", "status": status} for number, status in enumerate(statuses)]

    output = json.loads(run(machine(Each=each), {"files": files, "tags": ["a"]})["output"])

    ids = [file["id"] for file in files]
    assert output["failed"] is failed
    assert output["tags"] == ["a"]
    assert output["files"] == [{"ids": ids, "status": status} for status in statuses]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a" * 81, "ValidationException"), ("a b", "InvalidName"), ("a/b", "InvalidName"), ("a\n", "InvalidName")],
)
def test_an_execution_has_a_valid_name(aws: Aws, deployed: Deployment, name: str, expected: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.client("stepfunctions").start_execution(stateMachineArn=deployed.state_machine_arn, name=name)

    assert code(error) == expected


@pytest.mark.usefixtures("hasty")
def test_of_several_starts_of_one_name_at_one_moment_one_succeeds(aws: Aws) -> None:
    client, moment = aws.client("stepfunctions"), threading.Barrier(8)
    definition = json.dumps(machine(Nothing={"Type": "Pass", "End": True}))
    role = "arn:aws:iam::123456789012:role/toy-local"
    arn = client.create_state_machine(name="run", definition=definition, roleArn=role)["stateMachineArn"]

    def start(name: str, number: int) -> str:
        moment.wait(timeout=30)
        try:
            client.start_execution(stateMachineArn=arn, name=name, input=str(number))
        except client.exceptions.ExecutionAlreadyExists:
            return "exists"
        return "started"

    with ThreadPoolExecutor(8) as pool:
        for number in range(60):
            starts = pool.map(start, [f"name-{number}"] * 8, range(8))
            assert sorted(starts) == ["exists"] * 7 + ["started"]


@pytest.mark.usefixtures("hasty")
def test_executions_that_are_about_to_begin_are_listed(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    definition = json.dumps(machine(Nothing={"Type": "Pass", "End": True}))
    role = "arn:aws:iam::123456789012:role/toy-local"
    arn = client.create_state_machine(name="run", definition=definition, roleArn=role)["stateMachineArn"]

    def start(number: int) -> None:
        client.start_execution(stateMachineArn=arn, name=f"name-{number}")
        client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(300)))
    assert len(client.list_executions(stateMachineArn=arn, maxResults=1000)["executions"]) == 300


def test_executions_without_a_name_get_different_ones(aws: Aws, deployed: Deployment) -> None:
    client = aws.client("stepfunctions")
    arns = {client.start_execution(stateMachineArn=deployed.state_machine_arn)["executionArn"] for _ in range(2)}

    assert len(arns) == 2


def test_an_executions_input_is_limited_in_bytes(aws: Aws, deployed: Deployment) -> None:
    client, arn = aws.client("stepfunctions"), deployed.state_machine_arn
    longest = json.dumps({"text": "é" * 131_066}, ensure_ascii=False, separators=(",", ":"))
    assert len(longest.encode()) == 262_143
    client.start_execution(stateMachineArn=arn, name="a" * 80, input=longest + " ")

    with pytest.raises(ClientError) as error:
        client.start_execution(stateMachineArn=arn, name="b", input=longest + "  ")

    assert code(error) == "ValidationException"


# The whole


def test_the_gateways_event_has_the_headers_as_they_were_sent(aws: Aws, deployed: Deployment) -> None:
    """Recorded: the fields of a proxy event; header names keep their case."""
    uri = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{deployed.functions['reflect']}/invocations"
    )
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}
    paths = {"/docs/{ticket}": {"post": {"responses": {}, "x-amazon-apigateway-integration": integration}}}
    document = {"swagger": "2.0", "info": {"title": "reflect", "version": "1"}, "paths": paths}
    gateway = aws.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(document).encode())["id"]
    gateway.create_deployment(restApiId=api, stageName="api")

    connection = http.client.HTTPConnection(urlsplit(aws.url).netloc)
    connection.putrequest("POST", f"/_aws/execute-api/{api}/api/docs/a%20b?q=1&q=2&empty=")
    for name, value in [("x-slack-signature", "v0=1"), ("X-ODD-name", "1"), ("X-ODD-name", "2")]:
        connection.putheader(name, value)
    connection.putheader("content-type", "text/plain")
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"hi")
    response = connection.getresponse()
    event = json.loads(response.read())
    connection.close()

    assert (response.status, response.headers["X-Voice"]) == (201, "soft")
    headers = {"x-slack-signature": ["v0=1"], "X-ODD-name": ["1", "2"], "content-type": ["text/plain"]}
    assert headers.items() <= event["multiValueHeaders"].items()
    assert [event["headers"].get(name) for name in (*headers, "X-Slack-Signature")] == [
        "v0=1",
        "2",
        "text/plain",
        None,
    ]
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "empty": [""]}
    assert event["queryStringParameters"] == {"q": "2", "empty": ""}
    assert (event["resource"], event["pathParameters"]) == ("/docs/{ticket}", {"ticket": "a b"})
    assert (event["httpMethod"], event["body"], event["isBase64Encoded"]) == ("POST", "hi", False)
    assert event["requestContext"]["stage"] == "api"


def test_only_one_runs_at_a_time(aws: Aws, project: Path) -> None:
    with pytest.raises(RuntimeError, match="close the other"):
        Aws(Clock(), project).start()


def test_a_second_start_finds_nothing_of_the_first(project: Path) -> None:
    aws = Aws(Clock(1000), project)
    for _ in range(2):
        with aws:
            deployment = deploy(aws, project, template=template)
            assert invoke(aws, deployment, {"text": "x"})["value"]["text"] == "X"
    assert "MOTO_PORT" not in os.environ


def test_close_does_not_wait_for_what_is_still_running(project: Path) -> None:
    aws = Aws(Clock(), project).start()
    deployment = deploy(aws, project, template=template)
    start = aws.client("stepfunctions").start_execution
    start(stateMachineArn=deployment.state_machine_arn, name="a", input='{"sleep": 0.9}')
    aws.client("sns").publish(TopicArn=deployment.topic_arn, Message="fail")
    wait_for(lambda: heard(aws))
    began = time.monotonic()

    aws.close()

    assert time.monotonic() - began < 10  # the next try would be a minute away
    assert aws.dead == []


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], run: Callable[..., dict[str, Any]]) -> None:
    run(machine(Shout=SHOUT), {"fail": True})

    assert capfd.readouterr() == ("", "")
