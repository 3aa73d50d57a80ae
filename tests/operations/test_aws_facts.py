"""What AWS answers, asked of the local AWS: a double that is kinder would hide our mistakes.

R: a recording of AWS's answers (LocalStack's snapshots, validated against AWS). D: AWS's documentation. All were
read on 2026-11-25.
"""

import base64
import json
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.pipeline import PROJECT, Pipeline
from operations import stack
from operations.console import Stop


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """The status and the code with which AWS refuses a call."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response: Any = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def versioned(s3: Any) -> str:
    """A bucket with versions."""
    bucket = f"facts-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_a_key_that_exists_is_not_written_under_if_none_match(s3: Any, versioned: str) -> None:
    """R: 412, S3 conditional writes."""
    s3.put_object(Bucket=versioned, Key="a", Body=b"1")
    assert refusal(s3.put_object, Bucket=versioned, Key="a", Body=b"2", IfNoneMatch="*") == (
        412,
        "PreconditionFailed",
    )


def test_a_stale_etag_is_refused_under_if_match(s3: Any, versioned: str) -> None:
    """R: 412, S3 conditional writes."""
    etag = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["ETag"]
    s3.put_object(Bucket=versioned, Key="a", Body=b"2")
    status, code = refusal(s3.put_object, Bucket=versioned, Key="a", Body=b"3", IfMatch=etag)
    assert (status, code) == (412, "PreconditionFailed")


def test_a_missing_key_is_not_found_under_if_match(s3: Any, versioned: str) -> None:
    """R: 404 NoSuchKey, S3 conditional writes."""
    etag = '"00000000000000000000000000000000"'
    assert refusal(s3.put_object, Bucket=versioned, Key="none", Body=b"1", IfMatch=etag) == (404, "NoSuchKey")


def test_keys_are_listed_in_the_order_of_their_utf8(s3: Any, versioned: str) -> None:
    """R: ListObjectsV2 with StartAfter and MaxKeys."""
    keys = ["a", "z", "é", "語", "\U0001f600"]
    for key in reversed(keys):
        s3.put_object(Bucket=versioned, Key=key, Body=b"")
    page = s3.list_objects_v2(Bucket=versioned, StartAfter="a", MaxKeys=2)
    assert ([entry["Key"] for entry in page["Contents"]], page["IsTruncated"]) == (["z", "é"], True)


@pytest.mark.parametrize(
    "wrong", [{"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}, {"ContentMD5": "A" * 22 + "=="}]
)
def test_bytes_with_a_wrong_checksum_are_refused(s3: Any, versioned: str, wrong: dict[str, str]) -> None:
    """D: checking-object-integrity: 400 BadDigest."""
    assert refusal(s3.put_object, Bucket=versioned, Key="a", Body=b"1", **wrong) == (400, "BadDigest")
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0


@pytest.fixture
def upload(s3: Any, versioned: str) -> dict[str, str]:
    """An upload in parts, which was begun with CRC32."""
    about = {"Bucket": versioned, "Key": "a"}
    answer = s3.create_multipart_upload(**about, ChecksumAlgorithm="CRC32")
    return {**about, "UploadId": answer["UploadId"]}


PARTS = (b"1" * 5 * 1024 * 1024, b"2")
"""All parts but the last have 5 MiB at least."""


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def sent(s3: Any, upload: dict[str, str]) -> list[dict[str, Any]]:
    """Send the parts, and return them as their completion lists them."""
    parts = []
    for number, body in enumerate(PARTS, 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumCRC32=crc32(body))
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc32(body)})
    return parts


def test_an_upload_in_parts_has_a_checksum_of_its_parts_checksums(
    s3: Any, versioned: str, upload: dict[str, str]
) -> None:
    """R: multipart with CRC32: COMPOSITE, with the number of parts behind it."""
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent(s3, upload)})
    head = s3.head_object(Bucket=versioned, Key="a", ChecksumMode="ENABLED")
    of_all = crc32(b"".join(base64.b64decode(crc32(body)) for body in PARTS))
    headers = head["ResponseMetadata"]["HTTPHeaders"]  # older versions of botocore do not know the type
    assert (headers["x-amz-checksum-type"], head["ChecksumCRC32"]) == ("COMPOSITE", f"{of_all}-2")
    assert head["ETag"].endswith('-2"')


def test_a_part_with_a_wrong_checksum_is_refused(s3: Any, upload: dict[str, str]) -> None:
    """R: multipart with CRC32."""
    part = {**upload, "PartNumber": 1, "Body": b"1", "ChecksumCRC32": crc32(b"2")}
    assert refusal(s3.upload_part, **part) == (400, "BadDigest")


def test_an_upload_is_not_completed_without_its_parts_checksums(s3: Any, upload: dict[str, str]) -> None:
    """R: multipart with CRC32: 400 InvalidRequest."""
    bare = [{name: part[name] for name in ("PartNumber", "ETag")} for part in sent(s3, upload)]
    complete = {**upload, "MultipartUpload": {"Parts": bare}}
    assert refusal(s3.complete_multipart_upload, **complete) == (400, "InvalidRequest")


def test_an_upload_is_not_completed_with_another_checksum_of_a_part(s3: Any, upload: dict[str, str]) -> None:
    """R: multipart with CRC32: 400 InvalidPart."""
    parts = [{**part, "ChecksumCRC32": crc32(b"other")} for part in sent(s3, upload)]
    complete = {**upload, "MultipartUpload": {"Parts": parts}}
    assert refusal(s3.complete_multipart_upload, **complete) == (400, "InvalidPart")


@pytest.fixture
def waiting(pipeline: Pipeline) -> Iterator[tuple[Any, str]]:
    """Step Functions, and a state machine whose executions run until they are stopped."""
    client = pipeline.aws.client("stepfunctions")
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 99_000_000, "End": True}}}
    role = f"arn:aws:iam::{pipeline.aws.account}:role/facts"
    name = f"facts-{uuid.uuid4().hex}"
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    arn = machine["stateMachineArn"]
    yield client, arn
    for execution in client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
        client.stop_execution(executionArn=execution["executionArn"])
    client.delete_state_machine(stateMachineArn=arn)


def test_the_same_name_and_input_while_it_runs_is_the_same_execution(waiting: tuple[Any, str]) -> None:
    """R: StartExecution is idempotent."""
    client, machine = waiting
    first, second = (client.start_execution(stateMachineArn=machine, name="n", input='{"a":1}') for _ in range(2))
    assert first["executionArn"] == second["executionArn"]


def test_the_same_name_with_another_input_is_refused(waiting: tuple[Any, str]) -> None:
    """R: 400 ExecutionAlreadyExists."""
    client, machine = waiting
    client.start_execution(stateMachineArn=machine, name="n", input='{"a":1}')
    again = {"stateMachineArn": machine, "name": "n", "input": '{"a":2}'}
    assert refusal(client.start_execution, **again) == (400, "ExecutionAlreadyExists")


def template(name: Any, policy: str) -> str:
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": name}}
    return json.dumps({"Parameters": {"Stage": {"Type": "String"}}, "Resources": {"Bucket": bucket}})


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_bucket_that_was_kept_is_imported_under_a_literal_name(pipeline: Pipeline, s3: Any, policy: str) -> None:
    """D: import-resources-automatically, which takes static custom names."""
    client, bucket = pipeline.aws.client("cloudformation"), f"kept-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"document")
    stack.up(client, bucket, template(bucket, policy), {"Stage": "facts"})
    stack.down(client, bucket)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"document"


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_bucket_that_was_kept_is_not_imported_under_a_computed_name(
    pipeline: Pipeline, s3: Any, policy: str
) -> None:
    """D: import-resources-automatically: "dynamic names (using !Ref or other functions) are not supported"."""
    client, stage = pipeline.aws.client("cloudformation"), uuid.uuid4().hex
    s3.create_bucket(Bucket=f"kept-{stage}")
    with pytest.raises(Stop, match=r"could not be changed \(ROLLBACK_COMPLETE\)"):
        stack.up(client, f"facts-{stage}", template({"Fn::Sub": "kept-${Stage}"}, policy), {"Stage": stage})
    stack.down(client, f"facts-{stage}")


def test_a_bucket_is_not_imported_unless_the_change_set_asks_for_it(pipeline: Pipeline, s3: Any) -> None:
    """D: CreateChangeSet's ImportExistingResources, false by default: the bucket's creation fails."""
    client, bucket = pipeline.aws.client("cloudformation"), f"kept-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    change = client.create_change_set(
        StackName=bucket,
        ChangeSetName="facts",
        ChangeSetType="CREATE",
        TemplateBody=template(bucket, "Retain"),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": "facts"}],
    )["Id"]
    client.execute_change_set(ChangeSetName=change, StackName=bucket)
    assert client.describe_stacks(StackName=bucket)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    client.delete_stack(StackName=bucket)


@pytest.mark.parametrize(("policy", "is_left"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_what_a_failed_creation_leaves_is_said_by_the_policy(
    pipeline: Pipeline, s3: Any, policy: str, is_left: bool
) -> None:
    """D: aws-attribute-deletionpolicy."""
    client, bucket = pipeline.aws.client("cloudformation"), f"left-{uuid.uuid4().hex}"
    taken_bucket = f"taken-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=taken_bucket)
    failing = json.loads(template(bucket, policy))
    failing["Resources"]["Taken"] = {
        "Type": "AWS::S3::Bucket",
        "DependsOn": "Bucket",
        "Properties": {"BucketName": taken_bucket},
    }
    with pytest.raises(Stop, match="The first reason: Taken"):
        stack.up(client, bucket, json.dumps(failing), {"Stage": "facts"})
    stack.down(client, bucket)
    assert (bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]) is is_left


def test_a_key_that_was_deleted_may_be_written_under_if_none_match(s3: Any, versioned: str) -> None:
    """D: conditional-writes: it succeeds where the current version is a delete marker."""
    s3.put_object(Bucket=versioned, Key="a", Body=b"1")
    s3.delete_object(Bucket=versioned, Key="a")
    s3.put_object(Bucket=versioned, Key="a", Body=b"2", IfNoneMatch="*")
    assert s3.get_object(Bucket=versioned, Key="a")["Body"].read() == b"2"


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(pipeline: Pipeline) -> Iterator[Run]:
    """Run *states* from the first of them, and give what DescribeExecution says at the end."""
    client, machines = pipeline.aws.client("stepfunctions"), []

    def run(states: dict[str, Any], text: str = "{}") -> dict[str, Any]:
        role = f"arn:aws:iam::{pipeline.aws.account}:role/facts"
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        about = {"name": f"facts-{uuid.uuid4().hex}", "definition": definition, "roleArn": role}
        machines.append(client.create_state_machine(**about)["stateMachineArn"])
        arn = client.start_execution(stateMachineArn=machines[-1], input=text)["executionArn"]
        end = time.monotonic() + 60
        while (execution := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < end
            time.sleep(0.02)
        return dict(execution)

    yield run
    for machine in machines:
        client.delete_state_machine(stateMachineArn=machine)


def invoke(function: str, **more: Any) -> dict[str, Any]:
    parameters = {"FunctionName": function, "Payload": {}}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters, **more}


def caught(**more: Any) -> dict[str, Any]:
    """A Lambda task whose every error is caught, and shown as the output."""
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
    return {
        "Call": invoke("slack-integrator-local-notify", Catch=catch, End=True, **more),
        "Caught": {"Type": "Pass", "End": True},
    }


def test_an_exception_has_its_bare_name_and_a_cause_in_json(run: Run) -> None:
    """R: Lambda's errors in Step Functions."""
    error = json.loads(run(caught())["output"])["error"]
    assert (error["Error"], json.loads(error["Cause"])["errorType"]) == ("KeyError", "KeyError")


def test_a_function_that_is_missing_has_lambdas_own_error(run: Run) -> None:
    """R: Lambda.ResourceNotFoundException."""
    execution = run({"Call": invoke("slack-integrator-local-none", End=True)})
    assert (execution["status"], execution["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")


def test_an_output_path_is_not_applied_to_what_is_caught(run: Run) -> None:
    """R: OutputPath with Catch."""
    output = json.loads(run(caught(OutputPath="$.Payload"), '{"kept": 1}')["output"])
    assert (output["kept"], sorted(output)) == (1, ["error", "kept"])


def test_a_path_that_is_missing_is_not_caught(run: Run) -> None:
    """R: States.Runtime is caught by nothing, States.ALL included."""
    states = caught()
    states["Call"]["Parameters"]["Payload"] = {"a.$": "$.none"}
    execution = run(states)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")


def test_a_result_selector_sees_the_executions_input_and_a_wildcard_over_nothing_is_empty(run: Run) -> None:
    """R: $$.Execution.Input in a ResultSelector; a wildcard over nothing is []."""
    none = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    selector = {"kind.$": "$$.Execution.Input.kind", "names.$": "$[*].name"}
    states = {
        "M": {"Type": "Map", "ItemsPath": "$.files", "ItemProcessor": none, "ResultSelector": selector, "End": True}
    }
    output = json.loads(run(states, '{"kind": "upload", "files": []}')["output"])
    assert output == {"kind": "upload", "names": []}


def test_delays_may_have_an_end_and_jitter(run: Run) -> None:
    """R: MaxDelaySeconds with JitterStrategy."""
    retry = [{"ErrorEquals": ["KeyError"], "MaxAttempts": 1, "MaxDelaySeconds": 2, "JitterStrategy": "FULL"}]
    assert run({"Call": invoke("slack-integrator-local-notify", Retry=retry, End=True)})["error"] == "KeyError"


@pytest.fixture
def topic(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """A topic, and the queue that subscribes to it."""
    sns, sqs, name = pipeline.aws.client("sns"), pipeline.aws.client("sqs"), f"facts-{uuid.uuid4().hex}"
    arn, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    yield arn, url
    sqs.delete_queue(QueueUrl=url)
    sns.delete_topic(TopicArn=arn)


def test_an_object_that_a_workflow_publishes_arrives_as_json_text(
    pipeline: Pipeline, run: Run, topic: tuple[str, str]
) -> None:
    """R: sns:publish with an object as Message."""
    arn, url = topic
    parameters = {"TopicArn": arn, "Message": {"type": "outcome", "name.$": "$.name"}}
    run(
        {"P": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters, "End": True}},
        '{"name": "ü"}',
    )
    answer = pipeline.aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
    notice = json.loads(answer["Messages"][0]["Body"])
    assert json.loads(notice["Message"]) == {"type": "outcome", "name": "ü"}


def test_a_message_that_is_received_says_how_often_in_a_string(pipeline: Pipeline, topic: tuple[str, str]) -> None:
    """R: ApproximateReceiveCount."""
    sqs, (_, url) = pipeline.aws.client("sqs"), topic
    sqs.send_message(QueueUrl=url, MessageBody="a")
    answer = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=20)
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_an_empty_message_is_not_published(pipeline: Pipeline, topic: tuple[str, str]) -> None:
    """R: 400 InvalidParameter."""
    answer = refusal(pipeline.aws.client("sns").publish, TopicArn=topic[0], Message="")
    assert answer == (400, "InvalidParameter")


def test_a_second_subscription_of_the_same_endpoint_is_the_first_and_keeps_its_attributes(
    pipeline: Pipeline, topic: tuple[str, str]
) -> None:
    """R: Subscribe again without attributes."""
    sns = pipeline.aws.client("sns")
    (first,) = sns.list_subscriptions_by_topic(TopicArn=topic[0])["Subscriptions"]
    about = {"SubscriptionArn": first["SubscriptionArn"], "AttributeName": "RawMessageDelivery"}
    sns.set_subscription_attributes(**about, AttributeValue="true")
    again = sns.subscribe(TopicArn=topic[0], Protocol="sqs", Endpoint=first["Endpoint"])["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=again)["Attributes"]
    assert (again, attributes["RawMessageDelivery"]) == (first["SubscriptionArn"], "true")


DETAIL = {"status": "FAILED", "name": "n", "stateMachineArn": "m", "error": None}


@pytest.mark.parametrize(
    ("detail", "is_told"),
    [
        ({"status": "ABORTED"}, True),
        ({"status": "FAILED", "error": "States.Runtime"}, True),
        ({"status": "FAILED", "error": "FilesFailed"}, False),
        ({"status": "FAILED", "error": None}, True),
        ({"status": "SUCCEEDED"}, False),
    ],
)
def test_the_rule_about_executions_that_die_matches_as_it_is_meant(
    pipeline: Pipeline, detail: dict[str, Any], is_told: bool
) -> None:
    """R: `$or`, anything-but against null, `exists: false`; error is null where there is none."""
    client = pipeline.aws.client("events")
    pattern = client.describe_rule(Name="slack-integrator-local-ended-event")["EventPattern"]
    machine = {"stateMachineArn": pipeline.deployment.state_machine_arn}
    kind = "Step Functions Execution Status Change"
    event = {"source": "aws.states", "detail-type": kind, "detail": {**DETAIL, **machine, **detail}}
    about = {"id": "1", "account": "1", "time": "2026-11-25T00:00:00Z", "region": "r", "resources": []}
    answer = client.test_event_pattern(EventPattern=pattern, Event=json.dumps({**about, **event}))
    assert answer["Result"] is is_told


def test_a_choice_that_is_tested_says_where_it_goes(tested: Callable[..., Any]) -> None:
    """D: TestState: nextState, and SUCCEEDED."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "One"}],
        "Default": "Other",
    }
    result = tested(choice, '{"a": 1}')
    assert (result["status"], result["nextState"]) == ("SUCCEEDED", "One")


def test_a_state_that_is_tested_and_fails_says_why(tested: Callable[..., Any]) -> None:
    """D: TestState: FAILED, with error and cause."""
    result = tested({"Type": "Pass", "Parameters": {"a.$": "$.none"}, "End": True})
    assert (result["status"], result["error"]) == ("FAILED", "States.Runtime")
    assert result["cause"]


@pytest.mark.parametrize(
    ("state", "text", "code"),
    [({}, "{}", "InvalidDefinition"), ({"Type": "Succeed"}, "{", "InvalidExecutionInput")],
)
def test_what_cannot_be_tested_is_refused(tested: Callable[..., Any], state: Any, text: str, code: str) -> None:
    """D: TestState's errors."""
    with pytest.raises(ClientError) as error:
        tested(state, text)
    assert error.value.response["Error"]["Code"] == code


@pytest.fixture
def tested(pipeline: Pipeline) -> Callable[..., Any]:
    """Give what TestState says of a state."""
    aws = pipeline.aws
    keys: Any = boto3.session.Session("testing", "testing", region_name=aws.region)
    client = keys.client("stepfunctions", endpoint_url=aws.url, config=Config(inject_host_prefix=False))

    def test(state: Any, text: str = "{}") -> Any:
        return client.test_state(definition=json.dumps(state), input=text)

    return test


def test_a_template_that_changes_nothing_makes_no_change_set(pipeline: Pipeline) -> None:
    """R: the text "didn't contain changes"."""
    client, name = pipeline.aws.client("cloudformation"), f"facts-{uuid.uuid4().hex}"
    about = {"StackName": name, "TemplateBody": '{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'}
    client.create_stack(**about)
    client.create_change_set(**about, ChangeSetName="same", ChangeSetType="UPDATE")
    change = client.describe_change_set(StackName=name, ChangeSetName="same")
    client.delete_stack(StackName=name)
    assert (change["Status"], "didn't contain changes" in change["StatusReason"]) == ("FAILED", True)


ELSEWHERE = {
    "an age metric forgets what was received three times": "operations/test_rules.py::ages_that_are_forgotten",
    "a topic's conditions for EventBridge": "operations/test_rules.py::conditions_for_eventbridge",
    "Runtime.OutOfMemory": "local/test_lambdas.py::test_a_process_that_the_kernel_kills_is_out_of_memory",
    "Runtime.ExitError": "local/test_lambdas.py::test_a_process_that_ends_itself_is_an_exit_error",
    "Sandbox.Timedout": "local/test_lambdas.py::test_a_function_that_takes_too_long_is_killed",
    "other partitions have other domains": "operations/test_stages.py::test_other_partitions_are_refused",
    "three invocations, then the destination": "local/test_aws.py::test_a_failing_subscriber_is_tried_three_times",
    "the fields of a proxy event": "local/test_aws.py::test_the_gateways_event_has_the_headers_as_they_were_sent",
    "States.Timeout has an empty Cause": "local/test_aws.py::test_a_task_that_takes_too_long_has_an_empty_cause",
    "States.DataLimitExceeded": "local/test_aws.py::test_a_result_that_is_too_large_is_caught_by_states_all",
    "redrive after maxReceiveCount": "local/test_aws.py::test_a_message_that_fails_too_often_rests",
    "the fields of SNS's record": "local/test_aws.py::test_the_record_has_snss_fields",
    "a subscription's dead letters": "operations/test_deploy.py::test_a_notice_that_reaches_no_function_is_kept",
    "S3 over TLS": "operations/test_over_tls.py::test_the_archive_holds_over_tls",
    "a series without data": "operations/test_rules.py::series_without_fill",
}
"""Facts that are held in other places. Not held at all, since no double can be asked: that Step Functions sends its
events as best effort, that IAM takes effect late, and 409 ConditionalRequestConflict, which needs two writers at
once (chalicelib/archive.py takes it as 412)."""


@pytest.mark.parametrize("fact", ELSEWHERE)
def test_a_fact_that_is_held_elsewhere_is_there(fact: str) -> None:
    file, _, name = ELSEWHERE[fact].partition("::")
    assert f"def {name}" in (PROJECT / "tests" / file).read_text(encoding="utf-8")
