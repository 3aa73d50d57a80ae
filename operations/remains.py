"""What is left of a document outside of the bucket: dead letters that name it, and executions that had it.

Nobody can take it out of these. Both go by themselves.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from operations.stages import Stage

_QUEUES = ("parking-dead", "notices-dead")
_AT_ONCE = 10
_UNSEEN_SECONDS = 600
"""While they are looked through, each message is received once."""
_SECONDS = 20
"""For one queue, however many messages it has."""


class Letter(NamedTuple):
    """A message of a queue of dead letters."""

    queue: str
    message_id: str


class Execution(NamedTuple):
    """An execution of the workflow, by its name."""

    name: str
    status: str


def letters(stage: Stage, file_id: str) -> list[Letter]:
    """Return the dead letters of *stage* that name the file."""
    sqs = stage.client("sqs")
    return [
        Letter(queue, message["MessageId"])
        for queue in (f"{stage.prefix}-{name}" for name in _QUEUES)
        for message in _messages(sqs, queue)
        if f'"{file_id}"' in message["Body"].replace("\\", "")  # a letter may hold JSON within JSON
    ]


def _messages(sqs: Any, queue: str) -> list[Any]:
    """Return all messages of *queue*, which stay there."""
    try:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return []
    options = {"QueueUrl": url, "MaxNumberOfMessages": _AT_ONCE, "VisibilityTimeout": _UNSEEN_SECONDS}
    messages: dict[str, Any] = {}
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        batch = {message["MessageId"]: message for message in sqs.receive_message(**options).get("Messages", [])}
        if not batch.keys() - messages.keys():
            break
        messages |= batch
    for message in messages.values():
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return list(messages.values())


def executions(stage: Stage, file_id: str, shares: Iterable[tuple[str, str, str]]) -> list[Execution]:
    """Return the executions of the messages that shared the file, and of its deletion."""
    of_messages = [f"{team}-{channel}-{ts.replace('.', '_')}" for team, channel, ts in shares]
    return [
        execution
        for execution in _executions(stage)
        if f"-{file_id}-" in execution.name or execution.name.startswith(tuple(of_messages))
    ]


def _executions(stage: Stage) -> Iterator[Execution]:
    client = stage.client("stepfunctions")
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=stage.state_machine)
    try:
        for page in pages:
            for execution in page["executions"]:
                yield Execution(execution["name"], execution["status"])
    except client.exceptions.StateMachineDoesNotExist:
        return
