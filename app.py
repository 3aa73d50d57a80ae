"""Slack Integrator: every entry point, in the order of a document's path. Wiring only.

    Slack ► slack_events ► Step Functions: fetch_file ► save_metadata, for each file ► SNS ► notify ► Slack
                    └► SQS ► start_parked ─┘
        └► Step Functions: read_history, a page a turn, when the app is invited ► the same executions
    EventBridge ► ended, for an execution that died ► SNS
    Slack ► slack_commands, slack_actions ► Slack
    a browser ► open_document ► S3

The workflows are stepfunctions/slack-integrator.asl.json and history.asl.json; what the steps do is in chalicelib.
What the first route needs is imported here, at once. Every other function imports its own: a deployed package holds
no bytecode, so a cold start compiles each module that it loads, and Slack waits for the routes alone.
"""

import gc

# Loading modules makes hardly any garbage, and looking for it takes up to a tenth of a cold start.
gc.set_threshold(50_000)

import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalice import Chalice, Response
from chalice.app import CloudWatchEvent, SNSEvent, SQSEvent

from chalicelib import clients, events_route, log, settings

if TYPE_CHECKING:
    from chalicelib.fetch import FetchResult
    from chalicelib.history_run import Order
    from chalicelib.records import FileResult

if "chalice.cli" in sys.modules:  # on a laptop: Lambda's packages do not have it
    from chalicelib import chalice_commands

    chalice_commands.check(sys.argv, os.environ)

app = Chalice("slack-integrator", configure_logs=False)
log.configure(os.environ)

# The variables that are read at import: `chalice deploy` subscribes `notify` to the topic, `start_parked` to the
# queue, of which it wants the name, the last part of the URL, and `ended` to the state machine's events. Names that
# nothing has make a forgotten variable fail there, while everything else still imports without any.
TOPIC = os.environ.get("SLACK_INTEGRATOR_SNS", "SLACK_INTEGRATOR_SNS-is-not-set")
PARKING = os.environ.get("SLACK_INTEGRATOR_PARKING", "SLACK_INTEGRATOR_PARKING-is-not-set").rpartition("/")[2]
MACHINE = os.environ.get("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_SF-is-not-set")

# Executions that die without an outcome, of either workflow. Those that fail with one of the workflow's own errors
# have published theirs, or could not. No error, or null, which is anything but these, is a death, too.
_PUBLISHED = ["FilesFailed", "MessageNotFollowed", "OutcomeUnreported"]
DIED = {
    "source": ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    "detail": {
        "stateMachineArn": [MACHINE, f"{MACHINE}-history"],
        "$or": [
            {"status": ["TIMED_OUT", "ABORTED"]},
            {"status": ["FAILED"], "error": [{"anything-but": _PUBLISHED}, {"exists": False}]},
        ],
    },
}


@app.route("/slack/events", methods=["POST"])
def slack_events() -> Response:
    """What Slack's Events API calls: starts the workflow for a message with files."""
    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, body = events_route.respond(request, time.time())
        return Response(body, status_code=status)


@app.route("/slack/commands", methods=["POST"], content_types=["application/x-www-form-urlencoded"])
def slack_commands() -> Response:
    """What Slack calls for `/docs`: finds documents."""
    from chalicelib import commands

    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, body = commands.respond(request, time.time())
        return Response(body, status_code=status)


@app.route("/documents/{ticket}", methods=["GET", "HEAD"])
def open_document(ticket: str) -> Response:
    """What the links in the answers to `/docs` lead to: redirects to the archived copy."""
    from chalicelib import opening

    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, headers, body = opening.respond(request, ticket, time.time())
        return Response(body, status_code=status, headers=headers)


@app.route("/slack/actions", methods=["POST"], content_types=["application/x-www-form-urlencoded"])
def slack_actions() -> Response:
    """What Slack calls for a click, a search in Home, and the shortcut *Archive files*."""
    began = time.monotonic()  # loading what answers takes a part of Slack's three seconds, too
    from chalicelib import actions_route

    request: Any = app.current_request
    with log.about(request_id=_request_id(app.lambda_context)):
        status, body = actions_route.respond(request, time.time(), began)
        return Response(body or "", status_code=status)


@app.on_sqs_message(queue=PARKING, batch_size=1)
def start_parked(event: SQSEvent) -> None:
    """What the route could not start ► started now, or delivered again by the queue, one at a time."""
    from chalicelib import parking

    context: Any = event.context
    with log.about(request_id=_request_id(context)):
        parking.start_all(event.to_dict()["Records"])


@app.lambda_function()
def fetch_file(event: dict[str, Any], context: Any) -> "FetchResult":
    """FetchFile of the workflow: {team, execution, file} ► the file in S3."""
    from chalicelib.archive import Archive
    from chalicelib.fetch import fetch
    from chalicelib.slack import Slack

    team, file = event["team"], event["file"]
    with log.about(request_id=_request_id(context), execution=event["execution"], file=file["id"]):
        app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
        archive, slack = Archive(clients.s3(), app_settings.bucket), Slack(clients.http(), app_settings)
        seconds = context.get_remaining_time_in_millis() / 1000
        return fetch(team, file, app_settings, archive, slack, seconds)


@app.lambda_function()
def save_metadata(event: Any, context: Any) -> "FileResult | None":
    """SaveMetadata and FollowMessage of the workflow: {execution} and `records.Step` ► the records in S3."""
    from chalicelib.archive import Archive
    from chalicelib.records import save

    file = event["fetched"] and event["fetched"]["file"]["id"]
    with log.about(request_id=_request_id(context), execution=event["execution"], file=file):
        app_settings, now = settings.load("BUCKET"), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return save(event, now, Archive(clients.s3(), app_settings.bucket), app_settings.keep_after_days)


@app.on_sns_message(topic=TOPIC)
def notify(event: SNSEvent) -> None:
    """What the topic says ► a reply in Slack."""
    from chalicelib.archive import Archive
    from chalicelib.notifier import deliver
    from chalicelib.slack import Slack

    texts = [record["Sns"]["Message"] for record in event.to_dict()["Records"]]
    context: Any = event.context
    with log.about(request_id=_request_id(context)):
        app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
        archive, slack = Archive(clients.s3_in_haste(), app_settings.bucket), Slack(clients.http(), app_settings)
        seconds = context.get_remaining_time_in_millis() / 1000
        deliver(texts, archive, slack, time.time(), seconds)


@app.on_cw_event(DIED)
def ended(event: CloudWatchEvent) -> None:
    """What EventBridge says of an execution that died without an outcome ► the topic."""
    from chalicelib import endings

    context: Any = event.context
    detail = event.detail
    with log.about(request_id=_request_id(context), execution=detail["name"]):
        endings.publish(detail, settings.load("SLACK_INTEGRATOR_SNS").topic)


@app.lambda_function()
def read_history(event: Any, context: Any) -> "Order":
    """ReadPage and SayStopped of the history's workflow: {execution, order, error} ► the next turn's order."""
    from chalicelib import history

    with log.about(request_id=_request_id(context), execution=event["execution"]):
        app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL", "SLACK_INTEGRATOR_SF")
        stage = history.stage(app_settings)
        if event["error"]:
            return history.stop(event["order"], event["error"], stage, time.time())
        return history.turn(event["order"], stage, time.time(), context.get_remaining_time_in_millis() / 2_000)


def _request_id(context: Any) -> str | None:
    """Return the id under which Lambda logs the invocation; `chalice local` has none."""
    return getattr(context, "aws_request_id", None)
