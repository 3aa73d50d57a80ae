"""GET /documents/{ticket}: opens the archived copy of a document, for the person whom the ticket names.

Who may see a document can change within a ticket's hour, so that is looked up at the moment of the click: whether
the person is still of the workspace, and whether the ground holds on which the ticket was issued. Whoever is not
let in gets one page, whatever the reason is: it does not say whether there is such a document.
"""

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from chalicelib import clients, layout, log, settings, sigv4, tickets, transfer, visibility
from chalicelib.bucket import Bucket
from chalicelib.deadline import Deadline
from chalicelib.errors import IntegratorError
from chalicelib.layout import DocumentRecord
from chalicelib.settings import Settings
from chalicelib.sigv4 import ServiceError
from chalicelib.slack import Slack
from chalicelib.tickets import Ticket
from chalicelib.visibility import Channels

SECONDS = 6.0
"""For the whole answer; a person waits, not Slack."""
VALID = 60
"""Seconds for which the address of the content is good."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII)
_PREVIEW = re.compile(r"slackbot|bot\b|crawler|spider|preview|facebookexternalhit|whatsapp", re.IGNORECASE)
"""Programs that fetch links for their previews, by their User-Agent."""
_HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width">
<title>Not open</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem }}</style>
<h1>{title}</h1>
<p>{text}</p>
"""
NOT_OPEN = _PAGE.format(
    title="This link does not open a document.",
    text="A link is good for an hour, and for as long as you may see the document. Ask again in Slack with "
    "<code>/docs</code>: its answer has new links. If this page comes again at once, try once more in a minute.",
)
WAITING = _PAGE.format(
    title="A document in the archive", text="Open this link in a browser: it is for one person, and for an hour."
)


class HttpResponse(NamedTuple):
    """The answer to a browser."""

    status: int
    headers: dict[str, str | list[str]]
    body: str


def link(request: Any, ticket: Ticket, now: float) -> str | None:
    """Return the address that opens the document of *ticket*: at the API that Chalice's *request* came to.

    None where that is not known, or no secret is set.
    """
    address = base(request.context, request.headers)
    secret = _secret()
    return f"{address}/documents/{tickets.issue(secret, ticket, now)}" if address and secret else None


def base(context: dict[str, Any], headers: Any) -> str | None:
    """Return the address of the API. API Gateway says which of its domains was asked; `chalice local` does not."""
    host = str(context.get("domainName") or headers.get("Host") or "")
    resource = str(context.get("resourcePath") or "")
    path = str(context.get("path") or resource)
    if not _HOST.fullmatch(host) or not resource or not path.endswith(resource):
        return None
    scheme = "http" if host.partition(":")[0] in ("127.0.0.1", "localhost") else "https"
    return f"{scheme}://{host}{path.removesuffix(resource)}"


def _secret() -> str:
    secrets = settings.load(optional=("SIGNING_SECRET", "VERIFICATION_TOKEN"))
    return secrets.signing_secret or secrets.verification_token


def respond(request: Any, text: str, now: float) -> HttpResponse:
    """Return the response to Chalice's *request* for the ticket *text*, which came at *now* (epoch seconds)."""
    if request.method == "HEAD" or _PREVIEW.search(request.headers.get("User-Agent", "")):
        return HttpResponse(200, _HEADERS, WAITING)
    try:
        address = _address(text, now)
    except (IntegratorError, ServiceError) as error:
        log.error("not opened", error=type(error).__name__, reason=str(error))
        address = None
    if address is None:
        return HttpResponse(404, _HEADERS, NOT_OPEN)
    return HttpResponse(302, {**_HEADERS, "Location": address}, "")


def _address(text: str, now: float) -> str | None:
    """Return the address of the content, for a person who may see it; None for everybody else."""
    ticket = tickets.read(_secret(), text, now)
    if ticket is None:
        log.warning("ticket refused")
        return None
    app_settings = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    with Deadline(time.monotonic() + SECONDS) as deadline:
        record = _visible(ticket, app_settings, deadline)
    return _presigned(record, app_settings.bucket, now) if record else None


def _visible(ticket: Ticket, app_settings: Settings, deadline: Deadline) -> DocumentRecord | None:
    """Return the document's record if the ticket's user may see it now, and log that they open it."""
    slack, bucket = Slack(clients.http(), app_settings), Bucket(app_settings.bucket, clients.s3_for_answers())
    look_ups: list[Callable[[], Any]] = [
        lambda: bucket.read(layout.metadata_key(ticket.team, ticket.file)),
        lambda: visibility.person(slack, ticket.team, ticket.user),
        lambda: _holds(ticket, slack, deadline),
    ]
    document, person, holds = deadline.map(lambda ask: ask(), look_ups)
    may_see = holds and person and not (person.is_guest and ticket.ground == tickets.PUBLIC)
    share = visibility.share_in(document.value, ticket.team, ticket.channel) if document and may_see else None
    who = {"team": ticket.team, "user": ticket.user, "file": ticket.file}
    if share is None:
        log.warning("document not opened", **who)
        return None
    log.info("document opened", **who, channel=share["channel"], ts=share["ts"])
    record: DocumentRecord = document.value
    return record


def _holds(ticket: Ticket, slack: Slack, deadline: Deadline) -> bool:
    """Return True if the ground on which the *ticket* was issued still holds, by Slack's word."""
    if ticket.ground == tickets.MEMBER:
        return visibility.is_in(slack, ticket.user, ticket.channel)
    channels = Channels(slack, ticket.team, deadline)
    channels.learn([ticket.channel])
    return channels.is_public(ticket.channel)


def _presigned(record: DocumentRecord, bucket: str, now: float) -> str:
    """Return the address under which S3 gives the content away for a minute, as a download under its name."""
    account = sigv4.Account()
    fields = {"response-content-disposition": transfer.disposition(record["file"]["name"] or record["file"]["id"])}
    url = sigv4.object_url(bucket, str(record["document"]), account)
    return sigv4.presigned(url, fields, VALID, account.region(), account.credentials(), now)
