"""POST /slack/commands: answers `/docs` to the asker alone, within Slack's three seconds.

https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import time
from typing import Any

from chalicelib import answers, authentication, clients, installation, log, opening, questions, settings
from chalicelib.answers import Link, Links
from chalicelib.authentication import HttpResponse
from chalicelib.bucket import Bucket
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError, NotUnderstood, Refused, SecretsUnreadable, SettingsWrong
from chalicelib.fields import identifier
from chalicelib.forms import form
from chalicelib.listings import Listings
from chalicelib.questions import Place
from chalicelib.slack import Slack

SECONDS = 2.2
"""For the whole answer, of Slack's three: the rest is the network's, and a cold start's before the first line."""


def respond(request: Any, now: float) -> HttpResponse:
    """Return the response to Chalice's *request*, which came at *now* (epoch seconds)."""
    end = time.monotonic() + SECONDS
    try:
        body = authentication.raw_body(request)
        if (form(body[: authentication.LONGEST_BODY]) or {}).get("ssl_check") == "1":
            return 200, {}  # Slack looks whether the address has a certificate; it asks for nothing else
        fields = authentication.authenticate(body, request.headers, now, form)
    except (Refused, SecretsUnreadable, SettingsWrong) as error:
        return authentication.refusal(error)
    return 200, _answer(fields, end, lambda ticket: opening.link(request, ticket, now))


def _answer(fields: dict[str, Any], end: float, link: Link) -> answers.Answer:
    """Return the answer, also to what goes wrong: at an HTTP error Slack would show the asker an error code."""
    text = fields.get("text", "")
    try:
        return questions.without_search(text) or _search(text, fields, end, link)
    except IntegratorError as error:
        log.error("not searched", error=type(error).__name__, reason=str(error))
        return answers.failure(error)


def _search(text: str, fields: dict[str, Any], end: float, link: Link) -> answers.Answer:
    place = _place(fields)
    app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    slack = Slack(clients.http(), app_settings)
    with Deadline(end) as deadline:
        listings = Listings(Bucket(app_settings.bucket, clients.s3_for_answers()), deadline)
        return questions.answer(text, place, slack, listings, Links(slack.owns, link))


def _place(fields: dict[str, Any]) -> Place:
    """Return who asks, and where; the team is found as for events (installation.py)."""
    ids = {"team_id": installation.team(fields)}
    ids |= {name: identifier(fields.get(name)) for name in ("user_id", "channel_id")}
    for name, value in ids.items():
        if value is None:
            raise NotUnderstood(f"Slack's request has no valid {name}.")
    return Place(*map(str, ids.values()))
