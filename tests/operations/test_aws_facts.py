"""What AWS answers, asked of the local AWS: a double that is kinder would hide our mistakes.

R: a recording of AWS's answers (LocalStack's snapshots, validated against AWS). D: AWS's documentation. All were
read on 2026-11-25.
"""

import base64
import json
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.pipeline import Pipeline
from operations import stack
from operations.console import Stop


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """The status and the code with which AWS refuses a call."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response: Any = raised.value.response
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
    begun = s3.create_multipart_upload(**about, ChecksumAlgorithm="CRC32")
    return {**about, "UploadId": begun["UploadId"]}


PARTS = (b"1" * 5 * 1024 * 1024, b"2")
"""All parts but the last have 5 MiB at least."""


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def sent(s3: Any, upload: dict[str, str]) -> list[dict[str, Any]]:
    """Send the parts, and return them as their completion lists them."""
    listed = []
    for number, body in enumerate(PARTS, 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumCRC32=crc32(body))
        listed.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc32(body)})
    return listed


def test_an_upload_in_parts_has_a_checksum_of_its_parts_checksums(
    s3: Any, versioned: str, upload: dict[str, str]
) -> None:
    """R: multipart with CRC32: COMPOSITE, with the number of parts behind it."""
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent(s3, upload)})
    stored = s3.head_object(Bucket=versioned, Key="a", ChecksumMode="ENABLED")
    of_all = crc32(b"".join(base64.b64decode(crc32(body)) for body in PARTS))
    assert (stored["ChecksumType"], stored["ChecksumCRC32"]) == ("COMPOSITE", f"{of_all}-2")
    assert stored["ETag"].endswith('-2"')


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
    taken = f"taken-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=taken)
    failing = json.loads(template(bucket, policy))
    failing["Resources"]["Taken"] = {
        "Type": "AWS::S3::Bucket",
        "DependsOn": "Bucket",
        "Properties": {"BucketName": taken},
    }
    with pytest.raises(Stop, match="The first reason: Taken"):
        stack.up(client, bucket, json.dumps(failing), {"Stage": "facts"})
    stack.down(client, bucket)
    assert (bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]) is is_left
