"""The parking queue: what is to be started later, and the function that starts it.

That is executions that could not be started at once, and files of which Slack said only that they were shared.
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import clients, history_run, log, reports, settings, workflow
from chalicelib.errors import Final, IntegratorError, NotParked, NotStarted, NotUnderstood, Transient
from chalicelib.settings import Settings
from chalicelib.shares import Share
from chalicelib.sigv4 import Client, ServiceError
from chalicelib.slack import Slack

MOST_TRIES = 200
"""The queue's maxReceiveCount: after so many tries, a minute apart, a message goes to the dead letters."""
MOST_TRIES_FOR_LINKS = 10
"""Tries to look up what a link to a channel is, before the upload is archived without."""
LOOKED_UP_AFTER = 60
"""Seconds after `file_shared`. By then most uploads are archived, by their message's own event."""


def park(client: Client, queue: str, name: str, text: str, links: Iterable[str] = ()) -> None:
    """Put the execution *name* with the input *text* into the queue at the URL *queue*; raises NotParked.

    *links* are channels that the message links to without a name: they are looked up before it is started.
    """
    _send(client, queue, message_body(name, text, links), 0)


def park_share(client: Client, queue: str, share: Share) -> None:
    """Put *share* into the queue, to be looked up when the message's own event has been; raises NotParked."""
    _send(client, queue, json.dumps({"share": share}), LOOKED_UP_AFTER)


def _send(client: Client, queue: str, body: str, delay: int) -> None:
    try:
        client.call("SendMessage", QueueUrl=queue, MessageBody=body, DelaySeconds=delay)["MessageId"]
    except KeyError as error:
        raise NotParked("The archive could not note this for later.") from error
    except ServiceError as error:
        raise NotParked(f"The archive could not note this for later ({error.code}).") from error


def message_body(name: str, text: str, links: Iterable[str] = ()) -> str:
    """Return the queue's message for an execution: its name, and its input as the object that *text* is.

    SQS takes no U+FFFE and U+FFFF, which JSON can write otherwise
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
    """
    body = f'{{"input":{text},"links":{json.dumps(list(links))},"name":"{name}"}}'
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
                text = _with_tags_of_links(text, message)
                workflow.start(clients.stepfunctions(), _machine(name, stage), name, text, time.monotonic())
            except (NotStarted, Transient) as error:
                if _tries(message) >= MOST_TRIES and not history_run.is_history(name):
                    reports.publish(_report(name, text, error))
                raise
            log.info("started later")


def _with_tags_of_links(text: str, message: Mapping[str, Any]) -> str:
    """Return the input *text* with the tags that the message's links to channels are.

    When Slack does not answer for long, they are none.
    """
    links = json.loads(message["body"]).get("links")
    if not links or _tries(message) > MOST_TRIES_FOR_LINKS:
        return text
    from chalicelib import channel_links

    try:
        return channel_links.add_tags(text, links, _slack())
    except Final as error:
        log.warning("links are no tags", error=type(error).__name__, reason=str(error))
        return text


def _slack() -> Slack:
    return Slack(clients.http(), settings.load("ACCESS_TOKEN", "SLACK_URL"))


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
            if _tries(message) >= MOST_TRIES:
                reports.publish({**about, "error": str(error)})
            raise


def _tries(message: Mapping[str, Any]) -> int:
    return int(message["attributes"]["ApproximateReceiveCount"])


def _machine(name: str, stage: Settings) -> str:
    """Return the ARN of the state machine that the execution *name* is one of."""
    return history_run.machine(stage.state_machine) if history_run.is_history(name) else stage.state_machine


def _report(name: str, text: str, error: IntegratorError) -> dict[str, Any]:
    """Return the report; with the execution's name, for it may have been started and only the answers lost."""
    message = json.loads(text)["message"]
    ids = {field: message[field] for field in ("event_id", "team", "channel", "ts", "thread_ts")}
    return {**ids, "execution": name, "error": str(error)}
