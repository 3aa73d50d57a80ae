"""What became of a message in AWS, for whoever looks at it: executions, objects, records, outages."""

import json
import re
from typing import Any

from local.aws.deploy import Deployed
from local.aws.history import outcome, visits
from local.aws.server import Aws
from local.slack.files import Json
from local.slack.model import Message

LONGEST_PREVIEW = 64 * 1024

# Those that the app and its workflow call, by the names that signatures have.
SERVICES = {
    "states": "Step Functions",
    "lambda": "Lambda",
    "s3": "S3",
    "sns": "SNS",
    "ssm": "Systems Manager",
    "sqs": "SQS",
}


class Inspector:
    """The page's view on the AWS that *deployed* is in."""

    def __init__(self, aws: Aws, deployed: Deployed) -> None:
        self._aws, self._bucket, self._machine = aws, deployed.bucket, deployed.state_machine_arn
        self.services = SERVICES

    def down(self) -> set[str]:
        """The services that have an outage."""
        return set(self._aws.outages.down)

    def outage(self, service: str, on: bool) -> None:
        """Begin or end the outage of a service."""
        change = self._aws.outages.down.add if on else self._aws.outages.down.discard
        change(service)

    def about(self, message: Message) -> Json:
        """The executions that *message* started, its objects in the bucket, and its documents' records."""
        objects = self._objects(message)
        records = [self._json(one["key"]) for one in objects if one["key"].startswith("metadata/")]
        return {
            "executions": self._executions(message),
            "bucket": self._bucket,
            "objects": objects,
            "records": records,
        }

    def object(self, key: str) -> Json | None:
        """What lies under *key*: what S3 says of it, and its content where that is text."""
        s3 = self._aws.client("s3")
        try:
            found = s3.get_object(Bucket=self._bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        head = {"key": key, "type": found["ContentType"], "size": found["ContentLength"], "etag": found["ETag"]}
        body = found["Body"].read(LONGEST_PREVIEW) if found["ContentLength"] <= LONGEST_PREVIEW else b""
        return head | {"content": _readable(body, found["ContentType"])}

    def _executions(self, message: Message) -> list[Json]:
        """Those named after it: for an upload and for each change of it, or for the past behind an invitation."""
        states = self._aws.client("stepfunctions")
        machines = (self._machine, f"{self._machine}-history")
        pages = [states.list_executions(stateMachineArn=machine, maxResults=1000) for machine in machines]
        listed = [execution for page in pages for execution in page["executions"]]
        mine = [one for one in listed if re.search(rf"-{_id(message)}(?!\d)", one["name"])]
        return [self._execution(one["executionArn"]) for one in sorted(mine, key=lambda one: one["startDate"])]

    def _execution(self, arn: str) -> Json:
        states = self._aws.client("stepfunctions")
        execution = states.describe_execution(executionArn=arn)
        events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        begun, ended = execution["startDate"], execution.get("stopDate")
        return {
            "name": execution["name"],
            "status": execution["status"],
            "error": execution.get("error"),
            "seconds": (ended - begun).total_seconds() if ended else None,
            "input": json.loads(execution["input"]),
            "states": visits(events, execution["input"]),
            "outcome": outcome(events),
        }

    def _objects(self, message: Message) -> list[Json]:
        names = [file.id for file in message.files] + [re.escape(message.ts), _id(message)]
        mine = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(names)})(?![0-9])")
        pages = self._aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        found = [one for page in pages for one in page.get("Contents", [])]
        return [{"key": one["Key"], "size": one["Size"]} for one in found if mine.search(one["Key"])]

    def _json(self, key: str) -> Any:
        found = self.object(key)
        return found and found["content"]


def _id(message: Message) -> str:
    """The ts as names of executions have it."""
    return message.ts.replace(".", "_")


def _readable(body: bytes, kind: str) -> Any:
    """JSON as such, text as text, and nothing of what is neither."""
    if kind == "application/json":
        try:
            return json.loads(body)
        except ValueError:
            return body.decode(errors="replace")
    return body.decode(errors="replace") if kind.startswith("text/") else None
