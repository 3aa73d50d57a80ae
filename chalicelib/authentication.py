"""Is a request Slack's? Whoever asks for anything passes here first.

Whatever is configured of SIGNING_SECRET and VERIFICATION_TOKEN must hold, and with neither nobody is let in.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import log, settings, signing
from chalicelib.errors import IntegratorError, Refused

LONGEST_BODY = 6 * 1024 * 1024
"""Bytes: Lambda is never invoked with more. An edit has its 40,000 characters as text and in blocks, twice each,
and an emoji takes twelve bytes in Slack's JSON: 2 MB are possible, and what Slack signs is followed or reported."""
HttpResponse = tuple[int, dict[str, Any]]
"""HTTP status and JSON body."""


def raw_body(request: Any) -> bytes:
    """Return the body of Chalice's *request*; raises Refused for what cannot be decoded.

    (Chalice decodes base64, or what API Gateway made of bytes that are no UTF-8.)
    """
    try:
        body: bytes = request.raw_body
    except ValueError as error:
        raise Refused(400, "The body cannot be decoded.") from error
    return body


def authenticate(
    body: bytes, headers: Mapping[str, str], now: float, parse: Callable[[bytes], dict[str, Any] | None]
) -> dict[str, Any]:
    """Return what *parse* makes of the *body* of a request of Slack's; *headers* are case-insensitive.

    Raises Refused, also where *parse* returns None; SecretsUnreadable when the secrets cannot be had.
    """
    if len(body) > LONGEST_BODY:
        raise Refused(413, "The body is over 6 MB.")
    secrets = settings.load(optional=("SIGNING_SECRET", "VERIFICATION_TOKEN"))
    secret, token = secrets.signing_secret, secrets.verification_token
    if not secret and not token:
        raise Refused(401, "Neither SIGNING_SECRET nor VERIFICATION_TOKEN is set.")
    timestamp, signature = headers.get("X-Slack-Request-Timestamp"), headers.get("X-Slack-Signature")
    if secret and not signing.is_signed(secret, timestamp, signature, body, now):
        raise Refused(401, "The signature does not hold.")
    content = parse(body)
    if content is None:
        raise Refused(401 if token else 400, "The body is not a JSON object, or not a form.")
    if token and not signing.is_token(token, content.get("token")):
        raise Refused(401, "The token is not the app's.")
    return content


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that *body* is, or None if it is none."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def refusal(error: IntegratorError) -> HttpResponse:
    """Return the response to a request that ended in *error*: a status and no detail.

    503 is for what is no fault of the request: Slack delivers it again.
    """
    if isinstance(error, Refused):
        log.warning("refused", status=error.status, reason=str(error))
        return error.status, {"ok": False}
    log.error("not able to answer", error=type(error).__name__, reason=str(error))
    return 503, {"ok": False}
