"""POST /slack/events: starts the workflow for a message with files, and answers Slack at once.

As in the article, the answer is success for everything but a failed authentication: an error status would make
Slack deliver the same event again, and switch the app off if it went on. What cannot be started now is parked, and
started later; what cannot be understood is reported to the topic. Only when nothing could take the event is the
answer 503, so that Slack does deliver again.
"""

import time
from collections.abc import Iterable
from typing import Any

from chalicelib import authentication, clients, events, installation, log, settings
from chalicelib.authentication import HttpResponse
from chalicelib.errors import (
    NotParked,
    NotReported,
    NotStarted,
    NotUnderstood,
    Refused,
    SecretsUnreadable,
    SettingsWrong,
)

LAST_TRY_AFTER = 1.0
"""Seconds after a request's arrival. Slack waits for 3, the route answers within 2.5 (clients.py has the limits):
the last try to start begins at 1.0 at the latest and takes up to 0.8, parking takes up to 0.65, together 2.45. The
secrets of a cold start (up to 0.75) come before the first try, and leave no time for a second one that is later."""
DONE: HttpResponse = (200, {"ok": True})


def respond(request: Any, now: float) -> HttpResponse:
    """Return the response to Chalice's *request*, which came at *now* (epoch seconds)."""
    last_try = time.monotonic() + LAST_TRY_AFTER
    try:
        body = authentication.raw_body(request)
        envelope = authentication.authenticate(body, request.headers, now, authentication.json_object)
        return _dispatch(request, envelope, last_try, now)
    except (Refused, NotParked, SecretsUnreadable, SettingsWrong) as error:
        return authentication.refusal(error)


def _dispatch(request: Any, envelope: dict[str, Any], last_try: float, now: float) -> HttpResponse:
    kind = envelope.get("type")
    if kind == "url_verification":
        return 200, {"challenge": envelope.get("challenge")}
    if kind == "app_rate_limited":
        return _report(envelope, "Slack holds events back: the workspace made more than 30,000 in an hour.")
    if kind != "event_callback":
        return DONE
    if events.kind(envelope) == "app_home_opened":
        return _show_home(request, envelope, now, last_try - LAST_TRY_AFTER)
    if events.kind(envelope) == "file_shared":
        return _look_up_later(envelope)
    with log.about(event_id=events.place(envelope)["event_id"]):
        if events.joined_channel(envelope):
            _archive_the_past(envelope, last_try, now)
            _greet(envelope)
        return _follow(envelope, last_try)


def _show_home(request: Any, envelope: dict[str, Any], now: float, began: float) -> HttpResponse:
    from chalicelib import home_tab, opening  # whoever opens Home waits; a message does not wait for this

    return home_tab.publish_beginning(envelope, lambda ticket: opening.link(request, ticket, now), began)


def _look_up_later(envelope: dict[str, Any]) -> HttpResponse:
    """Park what is looked up when the message that shows the file has had its own event."""
    from chalicelib import parking, shares

    with log.about(event_id=events.place(envelope)["event_id"]):
        try:
            share = shares.share(envelope)
        except NotUnderstood as error:
            return _report(envelope, str(error))
        parking.park_share(clients.sqs(), settings.load("SLACK_INTEGRATOR_PARKING").parking, share)
        log.info("to be looked up", file=share["file"])
        return DONE


def _greet(envelope: dict[str, Any]) -> None:
    """Let the notifier say what the app does in the conversation that it was invited to; a greeting can be lost."""
    from chalicelib import reports

    try:
        reports.publish_invitation(installation.team(envelope), events.joined_channel(envelope))
    except NotReported as error:
        log.error("no greeting", error=str(error))


def _introduce(envelope: dict[str, Any]) -> HttpResponse:
    """Let the notifier say what the app does to whoever speaks to it; such an answer can be lost."""
    from chalicelib import introduction, reports

    question = introduction.question(envelope)
    if question:
        try:
            reports.publish_question(question)
        except NotReported as error:
            log.error("no answer", error=str(error))
    return DONE


def _archive_the_past(envelope: dict[str, Any], last_try: float, now: float) -> None:
    """Start what archives the past of the conversation that the app has joined, as far as HISTORY says."""
    from chalicelib import history_run, invitation

    stage = settings.load("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_PARKING")
    order = invitation.history(envelope, stage.history, now)
    if order:
        machine = history_run.machine(stage.state_machine)
        _start_or_park(machine, stage.parking, order["run"], invitation.input_text(order), last_try)


def _follow(envelope: dict[str, Any], last_try: float) -> HttpResponse:
    try:
        change = events.change(envelope)
        if change:
            return _start(change, last_try)
        return _introduce(envelope) if events.may_ask(envelope) else DONE
    except NotUnderstood as error:
        return _report(envelope, str(error))


def _start(change: events.Change, last_try: float) -> HttpResponse:
    from chalicelib import workflow  # most of what Slack sends starts nothing, and is answered without

    name, text = workflow.execution_name(change), workflow.execution_input(change)
    stage = settings.load("SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_PARKING")
    if change.unnamed:
        _park_links(stage.parking, name, text, change.unnamed)
    else:
        _start_or_park(stage.state_machine, stage.parking, name, text, last_try)
    return DONE


def _park_links(queue: str, name: str, text: str, links: Iterable[str]) -> None:
    """Park the execution, since Slack has to be asked which tags its links to channels are."""
    from chalicelib import parking

    with log.about(execution=name):
        log.info("parked", reason="the names of channels are looked up")
        parking.park(clients.sqs(), queue, name, text, links)


def _start_or_park(state_machine: str, queue: str, name: str, text: str, last_try: float) -> None:
    from chalicelib import workflow

    with log.about(execution=name):
        try:
            workflow.start(clients.stepfunctions(), state_machine, name, text, last_try)
        except NotStarted as error:
            from chalicelib import parking

            log.warning("parked", reason=str(error))
            parking.park(clients.sqs(), queue, name, text)
        else:
            log.info("started")


def _report(envelope: dict[str, Any], reason: str) -> HttpResponse:
    """Publish that this event came to nothing; 503 when that fails as well."""
    from chalicelib import reports

    try:
        reports.publish({**events.place(envelope), "error": reason})
    except NotReported as error:
        log.error("not reported either", error=str(error))
        return 503, {"ok": False}
    return DONE
