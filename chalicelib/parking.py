"""The parking queue: executions that could not be started at once, and the function that starts them later."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import clients, history_run, log, reports, settings, workflow
from chalicelib.errors import NotParked, NotStarted
from chalicelib.settings import Settings
from chalicelib.sigv4 import Client, ServiceError

MOST_TRIES = 200
"""The queue's maxReceiveCount: after so many tries, a minute apart, a message goes to the dead letters."""


def park(client: Client, queue: str, name: str, text: str) -> None:
    """Put the execution *name* with the input *text* into the queue at the URL *queue*; raises NotParked."""
    try:
        client.call("SendMessage", QueueUrl=queue, MessageBody=message_body(name, text))["MessageId"]
    except KeyError as error:
        raise NotParked("The parking queue gave an answer without a message id.") from error
    except ServiceError as error:
        raise NotParked(f"The parking queue did not take the event ({error.code}).") from error


def message_body(name: str, text: str) -> str:
    """Return the queue's message for an execution: its name, and its input as the object that *text* is.

    SQS takes no U+FFFE and U+FFFF, which JSON can write otherwise
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
    """
    body = f'{{"input":{text},"name":"{name}"}}'
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def name_and_input(body: str) -> tuple[str, str]:
    """The inverse of `message_body`.

    The input comes back byte for byte, because Step Functions refuses a second start under the same name with a
    different input.
    """
    message = json.loads(body)
    return message["name"], workflow.canonical_json(message["input"])


def start_all(messages: Iterable[Mapping[str, Any]]) -> None:
    """Start the executions in *messages*, the queue's records. Raises NotStarted, so that the queue tries again.

    At the last try before a message goes to the dead letters, the person gets a notice, too.
    """
    stage = settings.load("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_SNS")
    for message in messages:
        name, text = name_and_input(message["body"])
        with log.about(execution=name):
            try:
                workflow.start(clients.stepfunctions(), _machine(name, stage), name, text, time.monotonic())
            except NotStarted as error:
                is_last = int(message["attributes"]["ApproximateReceiveCount"]) >= MOST_TRIES
                if is_last and not history_run.is_history(name):
                    reports.publish(_report(name, text, error))
                raise
            log.info("started later")


def _machine(name: str, stage: Settings) -> str:
    """Return the ARN of the state machine that the execution *name* is one of."""
    return history_run.machine(stage.state_machine) if history_run.is_history(name) else stage.state_machine


def _report(name: str, text: str, error: NotStarted) -> dict[str, Any]:
    """Return the report; with the execution's name, for it may have been started and only the answers lost."""
    message = json.loads(text)["message"]
    ids = {field: message[field] for field in ("event_id", "team", "channel", "ts", "thread_ts")}
    return {**ids, "execution": name, "error": str(error)}
