"""What became of a message in AWS, for whoever looks at it: executions, objects, records, outages."""

import json
import re
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from local.aws.deploy import Deployment
from local.aws.history import outcome, visits
from local.aws.server import Aws
from local.slack.files import Json
from local.slack.model import Message

LONGEST_PREVIEW = 64 * 1024
PARKED, ARCHIVING, ARCHIVED, NOT_ARCHIVED, FAILED = "parked", "archiving", "archived", "not archived", "failed"
_MESSAGE = re.compile(r"^[A-Z0-9]+-([A-Z0-9]+-[0-9]+_[0-9]+)")

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
    """The page's view on the AWS that *deployment* is in."""

    def __init__(self, aws: Aws, deployment: Deployment) -> None:
        self._aws, self._bucket, self._machine = aws, deployment.bucket, deployment.state_machine_arn
        self._parking = deployment.parking_url.rpartition("/")[2]
        self._ended: dict[str, str] = {}
        self.services = SERVICES

    def down(self) -> set[str]:
        """The services that have an outage."""
        return set(self._aws.outages.down)

    def outage(self, service: str, on: bool) -> None:
        """Begin or end the outage of a service."""
        change = self._aws.outages.down.add if on else self._aws.outages.down.discard
        change(service)

    def fates(self, messages: Iterable[Message]) -> dict[str, str]:
        """What became of *messages* in AWS, in a word, by channel and ts as names have them.

        Messages of which AWS knows nothing are left out.
        """
        names = {_name(message) for message in messages}
        words = {name: PARKED for name in names if self._waiting(name)}
        try:
            executions = self._list_executions(self._machine)
        except ClientError:  # moto cannot list an execution at the moment when it starts; the page asks again
            return words
        for execution in sorted(executions, key=lambda item: item["startDate"]):
            name = _MESSAGE.search(execution["name"])
            if name and name[1] in names:
                words[name[1]] = self._fate(execution, words.get(name[1], ""))
        return words

    def _fate(self, execution: Any, before: str) -> str:
        """Return the word for *execution*; one that is not about the upload says nothing new when it succeeds."""
        if execution["status"] == "RUNNING":
            return ARCHIVING
        arn = execution["executionArn"]
        if arn not in self._ended:
            events = self._aws.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
            self._ended[arn] = _word(execution["status"], outcome(events["events"]))
        return self._ended[arn] or before

    def _list_executions(self, machine: str) -> list[Any]:
        states = self._aws.client("stepfunctions")
        executions: list[Any] = states.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
        return executions

    def _waiting(self, name: str) -> Json | None:
        """Return where the execution *name* waits to be started, None where it does not.

        The queue is not asked, which would hide the message from the app for a minute.
        """
        from moto.sqs.models import sqs_backends

        queues = sqs_backends[self._aws.account][self._aws.region].queues
        for queue in (self._parking, f"{self._parking}-dead"):
            for message in list(queues[queue]._messages) if queue in queues else ():
                if name in message.body:
                    return {"queue": queue, "tries": message.approximate_receive_count}
        return None

    def about(self, message: Message) -> Json:
        """The executions that *message* started, its objects in the bucket, and its documents' records."""
        objects = self._objects(message)
        records = [self._json(entry["key"]) for entry in objects if entry["key"].startswith("metadata/")]
        return {
            "executions": self._executions(message),
            "parked": self._waiting(_name(message)),
            "bucket": self._bucket,
            "objects": objects,
            "records": records,
        }

    def object(self, key: str) -> Json | None:
        """What lies under *key*: what S3 says of it, and its content where that is text."""
        s3 = self._aws.client("s3")
        try:
            answer = s3.get_object(Bucket=self._bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        head = {"key": key, "type": answer["ContentType"], "size": answer["ContentLength"], "etag": answer["ETag"]}
        body = answer["Body"].read(LONGEST_PREVIEW) if answer["ContentLength"] <= LONGEST_PREVIEW else b""
        return head | {"content": _readable(body, answer["ContentType"])}

    def _executions(self, message: Message) -> list[Json]:
        """Those named after it: for an upload and for each change of it, or for the past behind an invitation."""
        all_executions = [*self._list_executions(self._machine), *self._list_executions(f"{self._machine}-history")]
        mine = [
            execution for execution in all_executions if re.search(rf"-{_id(message)}(?!\d)", execution["name"])
        ]
        return [
            self._execution(execution["executionArn"])
            for execution in sorted(mine, key=lambda execution: execution["startDate"])
        ]

    def _execution(self, arn: str) -> Json:
        states = self._aws.client("stepfunctions")
        execution = states.describe_execution(executionArn=arn)
        events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        start, end = execution["startDate"], execution.get("stopDate")
        return {
            "name": execution["name"],
            "status": execution["status"],
            "error": execution.get("error"),
            "begun": start.timestamp(),
            "seconds": (end - start).total_seconds() if end else None,
            "input": json.loads(execution["input"]),
            "states": visits(events, execution["input"]),
            "outcome": outcome(events),
        }

    def _objects(self, message: Message) -> list[Json]:
        names = [file.id for file in message.files] + [re.escape(message.ts), _id(message)]
        mine = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(names)})(?![0-9])")
        pages = self._aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        entries = [entry for page in pages for entry in page.get("Contents", [])]
        return [{"key": entry["Key"], "size": entry["Size"]} for entry in entries if mine.search(entry["Key"])]

    def _json(self, key: str) -> Any:
        content = self.object(key)
        return content and content["content"]


def _id(message: Message) -> str:
    """The ts as names of executions have it."""
    return message.ts.replace(".", "_")


def _name(message: Message) -> str:
    """The message as names of executions have it, without the team."""
    return f"{message.channel.id}-{_id(message)}"


def _word(status: str, result: Any) -> str:
    """Return what an execution that ended came to; empty where it was not about the upload's files."""
    if status != "SUCCEEDED":
        return FAILED
    files = [file["status"] for file in (result or {}).get("files") or []]
    if not files:
        return ""
    return ARCHIVED if {"archived", "unchanged"} & set(files) else NOT_ARCHIVED


def _readable(body: bytes, kind: str) -> Any:
    """JSON as such, text as text, and nothing of what is neither."""
    if kind == "application/json":
        try:
            return json.loads(body)
        except ValueError:
            return body.decode(errors="replace")
    return body.decode(errors="replace") if kind.startswith("text/") else None
