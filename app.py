"""Slack Integrator: every entry point, in the order of a document's path. Wiring only.

    Slack ► slack_events ► Step Functions: fetch_file ► save_metadata, for each file ► SNS ► notify ► Slack
                    └► SQS ► start_parked ─┘
    Slack ► slack_commands ► Slack

The workflow is stepfunctions/slack-integrator.asl.json; what the steps do is in chalicelib. What the first route
needs is imported here, at once. Every other function imports its own: a deployed package holds no bytecode, so a
cold start compiles each module that it loads, and Slack waits for the routes alone.
"""

import gc

# Loading modules makes hardly any garbage, and looking for it takes up to a tenth of a cold start.
gc.set_threshold(50_000)

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalice import Chalice, Response
from chalice.app import SNSEvent, SQSEvent

from chalicelib import clients, intake, log, settings

if TYPE_CHECKING:
    from chalicelib.fetch import Fetched
    from chalicelib.records import FileResult

app = Chalice("slack-integrator", configure_logs=False)
log.configure(os.environ)

# The two variables that are read at import: `chalice deploy` subscribes `notify` to the topic and `start_parked` to
# the queue, of which it wants the name, the last part of the URL. Names that nothing has make a forgotten variable
# fail there, while everything else still imports without any.
TOPIC = os.environ.get("SLACK_INTEGRATOR_SNS", "SLACK_INTEGRATOR_SNS-is-not-set")
PARKING = os.environ.get("SLACK_INTEGRATOR_PARKING", "SLACK_INTEGRATOR_PARKING-is-not-set").rpartition("/")[2]


@app.route("/slack/events", methods=["POST"])
def slack_events() -> Response:
    """What Slack's Events API calls: starts the workflow for a message with files."""
    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, body = intake.receive(lambda: request.raw_body, request.headers, time.time())
        return Response(body, status_code=status)


@app.route("/slack/commands", methods=["POST"], content_types=["application/x-www-form-urlencoded"])
def slack_commands() -> Response:
    """What Slack calls for `/docs`: finds documents by their tags."""
    from chalicelib import commands

    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, body = commands.receive(lambda: request.raw_body, request.headers, time.time())
        return Response(body, status_code=status)


@app.on_sqs_message(queue=PARKING, batch_size=1)
def start_parked(event: SQSEvent) -> None:
    """What the route could not start ► started now, or delivered again by the queue, one at a time."""
    context: Any = event.context
    with log.about(request_id=_request_id(context)):
        intake.start_parked(event.to_dict()["Records"])


@app.lambda_function()
def fetch_file(event: dict[str, Any], context: Any) -> "Fetched":
    """FetchFile of the workflow: {team, execution, file} ► the file in S3."""
    from chalicelib.fetch import fetch

    team, file = event["team"], event["file"]
    with log.about(request_id=_request_id(context), execution=event["execution"], file=file["id"]):
        chosen = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
        seconds = context.get_remaining_time_in_millis() / 1000
        return fetch(team, file, chosen, clients.s3(), clients.http(), seconds)


@app.lambda_function()
def save_metadata(event: Any, context: Any) -> "FileResult | None":
    """SaveMetadata and FollowMessage of the workflow: {execution} and `records.Step` ► the records in S3."""
    from chalicelib.records import save

    file = event["fetched"] and event["fetched"]["file"]["id"]
    with log.about(request_id=_request_id(context), execution=event["execution"], file=file):
        bucket, now = settings.load("BUCKET").bucket, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return save(event, now, clients.s3(), bucket)


@app.on_sns_message(topic=TOPIC)
def notify(event: SNSEvent) -> None:
    """What the topic says ► a reply in Slack."""
    from chalicelib.notifier import deliver

    texts = [record["Sns"]["Message"] for record in event.to_dict()["Records"]]
    context: Any = event.context
    with log.about(request_id=_request_id(context)):
        chosen = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
        seconds = context.get_remaining_time_in_millis() / 1000
        deliver(texts, chosen, clients.s3_in_haste(), clients.http(), time.time(), seconds)


def _request_id(context: Any) -> str | None:
    """Return the id under which Lambda logs the invocation; `chalice local` has none."""
    return getattr(context, "aws_request_id", None)
