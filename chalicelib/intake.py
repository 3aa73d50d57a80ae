"""One request from Slack ► an answer: who is let in, what is started, what goes wrong.

As in the article, the answer is success for everything but a failed authentication: an error status would make
Slack deliver the same event again, and switch the app off if it went on. What cannot be started now is parked, and
started later; what cannot be understood is reported to the topic. Only when nothing could take the event is the
answer 503, so that Slack does deliver again.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib import clients, events, log, settings, signing
from chalicelib.errors import (
    NotParked,
    NotReported,
    NotStarted,
    NotUnderstood,
    Refused,
    SecretsUnreadable,
    SettingsWrong,
)

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

LONGEST_BODY = 1024 * 1024
LAST_TRY_AFTER = 1.0
"""Seconds after a request's arrival. Slack waits for 3, the route answers within 2.5 (clients.py has the limits):
the last try to start begins at 1.0 at the latest and takes up to 0.8, parking takes up to 0.65, together 2.45. The
secrets of a cold start (up to 0.75) come before the first try, and leave no time for a second one that is later."""
PARKED_TRIES = 200
"""The parking queue's maxReceiveCount: after so many tries, a minute apart, a message goes to the dead letters."""
Answer = tuple[int, dict[str, Any]]
"""HTTP status and JSON body."""

DONE: Answer = (200, {"ok": True})


def receive(body: Callable[[], bytes], headers: Mapping[str, str], now: float) -> Answer:
    """Return what Slack is told about the request whose raw *body* this is; *headers* are case-insensitive."""
    last_try = time.monotonic() + LAST_TRY_AFTER
    return guarded(lambda: _dispatch(authenticated(read(body), headers, now, json_object), last_try))


def guarded(answer: Callable[[], Answer]) -> Answer:
    """Return what *answer* does, or the refusal that it raises: a status and no detail."""
    try:
        return answer()
    except Refused as refused:
        log.warning("refused", status=refused.status, reason=str(refused))
        return refused.status, {"ok": False}
    except (NotParked, SecretsUnreadable, SettingsWrong) as error:
        log.error("not able to answer", error=type(error).__name__, reason=str(error))
        return 503, {"ok": False}


def read(body: Callable[[], bytes]) -> bytes:
    """Return what *body* gives; raises Refused for what cannot be decoded.

    (Chalice decodes base64, or what API Gateway made of bytes that are no UTF-8.)
    """
    try:
        return body()
    except ValueError as error:
        raise Refused(400, "The body cannot be decoded.") from error


def authenticated(
    body: bytes, headers: Mapping[str, str], now: float, parsed: Callable[[bytes], dict[str, Any] | None]
) -> dict[str, Any]:
    """Return what *parsed* makes of the request's body, if that is Slack's; None is a body of the wrong form.

    Whatever is configured must hold, and with nothing configured nobody is let in. Raises Refused;
    SecretsUnreadable when it cannot be told.
    """
    if len(body) > LONGEST_BODY:
        raise Refused(413, "The body is over 1 MB.")
    secrets = settings.load(optional=("SIGNING_SECRET", "VERIFICATION_TOKEN"))
    secret, token = secrets.signing_secret, secrets.verification_token
    if not secret and not token:
        raise Refused(401, "Neither SIGNING_SECRET nor VERIFICATION_TOKEN is set.")
    timestamp, signature = headers.get("X-Slack-Request-Timestamp"), headers.get("X-Slack-Signature")
    if secret and not signing.is_signed(secret, timestamp, signature, body, now):
        raise Refused(401, "The signature does not hold.")
    content = parsed(body)
    if content is None:
        raise Refused(401 if token else 400, "The body has not the form that it should.")
    if token and not signing.is_token(token, content.get("token")):
        raise Refused(401, "The token is not the app's.")
    return content


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the object that *body* is in JSON, or None if it is none."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _dispatch(envelope: dict[str, Any], last_try: float) -> Answer:
    kind = envelope.get("type")
    if kind == "url_verification":
        return 200, {"challenge": envelope.get("challenge")}
    if kind == "app_rate_limited":
        return _report(envelope, "Slack holds events back: the workspace made more than 30,000 in an hour.")
    if kind != "event_callback":
        return DONE
    with log.about(event_id=events.place(envelope)["event_id"]):
        return _take(envelope, last_try)


def _take(envelope: dict[str, Any], last_try: float) -> Answer:
    try:
        change = events.change(envelope)
        return _start(change, last_try) if change else DONE
    except NotUnderstood as error:
        return _report(envelope, str(error))


def _start(change: events.Change, last_try: float) -> Answer:
    from chalicelib import workflow  # most of what Slack sends starts nothing, and is answered without

    name, text = workflow.execution_name(change), workflow.execution_input(change)
    chosen = settings.load("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_PARKING")
    with log.about(execution=name):
        try:
            workflow.start(clients.stepfunctions(), chosen.state_machine, name, text, last_try)
        except NotStarted as error:
            log.warning("parked", reason=str(error))
            workflow.park(clients.sqs(), chosen.parking, name, text)
        else:
            log.info("started")
    return DONE


def start_parked(records: Iterable[Mapping[str, Any]]) -> None:
    """Start what *records*, of the parking queue, hold. Raises NotStarted, so that the queue delivers again later.

    The last time before a message goes to the dead letters the person is told too.
    """
    from chalicelib import workflow

    chosen = settings.load("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_SNS")
    for record in records:
        name, text = workflow.unparked(record["body"])
        with log.about(execution=name):
            try:
                workflow.start(clients.stepfunctions(), chosen.state_machine, name, text, time.monotonic())
            except NotStarted as error:
                if int(record["attributes"]["ApproximateReceiveCount"]) >= PARKED_TRIES:
                    _publish(clients.sns(), chosen.topic, _never_started(name, text, error))
                raise
            log.info("started later")


def _never_started(name: str, text: str, error: NotStarted) -> dict[str, Any]:
    """Return the report; with the execution's name, for it may have been started and only the answers lost."""
    message = json.loads(text)["message"]
    where = {field: message[field] for field in ("event_id", "team", "channel", "ts", "thread_ts")}
    return {"type": "error", **where, "execution": name, "error": str(error)}


def _report(envelope: dict[str, Any], reason: str) -> Answer:
    """Publish that this event came to nothing; 503 when that fails as well."""
    message = {"type": "error", **events.place(envelope), "error": reason}
    log.error("not archived", message=message)
    topic = settings.load("SLACK_INTEGRATOR_SNS").topic
    try:
        _publish(clients.sns(), topic, message)
    except NotReported as error:
        log.error("not reported either", error=str(error))
        return 503, {"ok": False}
    return DONE


def _publish(client: "SNSClient", topic: str, message: dict[str, Any]) -> None:
    try:
        client.publish(TopicArn=topic, Message=json.dumps(message))
    except clients.aws_errors() as error:
        raise NotReported(f"The topic did not take the report ({clients.error_code(error)}).") from error
