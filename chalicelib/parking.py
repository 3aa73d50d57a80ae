"""The parking queue: what is to be started later, and the function that starts it.

That is executions that could not be started at once, and files of which Slack said only that they were shared.
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import clients, history_run, log, reports, settings, workflow
from chalicelib.errors import IntegratorError, NotParked, NotStarted, NotUnderstood
from chalicelib.settings import Settings
from chalicelib.shares import Share
from chalicelib.sigv4 import Client, ServiceError

MOST_TRIES = 200
"""The queue's maxReceiveCount: after so many tries, a minute apart, a message goes to the dead letters."""
LOOKED_UP_AFTER = 60
"""Seconds after `file_shared`. By then most uploads are archived, by their message's own event."""


def park(client: Client, queue: str, name: str, text: str) -> None:
    """Put the execution *name* with the input *text* into the queue at the URL *queue*; raises NotParked."""
    _send(client, queue, message_body(name, text), 0)


def park_share(client: Client, queue: str, share: Share) -> None:
    """Put *share* into the queue, to be looked up when the message's own event has been; raises NotParked."""
    _send(client, queue, json.dumps({"share": share}), LOOKED_UP_AFTER)


def _send(client: Client, queue: str, body: str, delay: int) -> None:
    try:
        client.call("SendMessage", QueueUrl=queue, MessageBody=body, DelaySeconds=delay)["MessageId"]
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
        share = json.loads(message["body"]).get("share")
        if share:
            _look_up(share, message)
            continue
        name, text = name_and_input(message["body"])
        with log.about(execution=name):
            try:
                workflow.start(clients.stepfunctions(), _machine(name, stage), name, text, time.monotonic())
            except NotStarted as error:
                if _is_last_try(message) and not history_run.is_history(name):
                    reports.publish(_report(name, text, error))
                raise
            log.info("started later")


def _look_up(share: Share, message: Mapping[str, Any]) -> None:
    """Start what is to be started for a file of which only `file_shared` has come, and report what cannot be."""
    from chalicelib import share_lookup

    about = {"event_id": share["event_id"], "team": share["team"], "channel": share["channel"]}
    with log.about(event_id=share["event_id"], file=share["file"]):
        try:
            share_lookup.follow(share, share_lookup.stage(), time.time())
        except NotUnderstood as error:
            reports.publish({**about, "error": str(error)})
        except IntegratorError as error:
            log.warning("not looked up yet", error=type(error).__name__, reason=str(error))
            if _is_last_try(message):
                reports.publish({**about, "error": str(error)})
            raise


def _is_last_try(message: Mapping[str, Any]) -> bool:
    return int(message["attributes"]["ApproximateReceiveCount"]) >= MOST_TRIES


def _machine(name: str, stage: Settings) -> str:
    """Return the ARN of the state machine that the execution *name* is one of."""
    return history_run.machine(stage.state_machine) if history_run.is_history(name) else stage.state_machine


def _report(name: str, text: str, error: NotStarted) -> dict[str, Any]:
    """Return the report; with the execution's name, for it may have been started and only the answers lost."""
    message = json.loads(text)["message"]
    ids = {field: message[field] for field in ("event_id", "team", "channel", "ts", "thread_ts")}
    return {**ids, "execution": name, "error": str(error)}
