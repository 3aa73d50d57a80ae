"""Signs what Slack sends, and the ways in which somebody who is not Slack gets it wrong.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import time
from dataclasses import dataclass, replace

from local.slack.faults import Misbehaviour
from local.slack.identity import App


@dataclass(frozen=True)
class SignedRequest:
    """One request to the app, before it is sent."""

    body: bytes
    timestamp: str
    secret: str
    headers: dict[str, str]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of *body*."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, timestamp: str, secret: str) -> dict[str, str]:
    """Every header that Slack sends with *body*."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "*/*",
        "Accept-Encoding": "gzip,deflate",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }


def signed_request(app: App, body: bytes, faults: list[Misbehaviour]) -> SignedRequest:
    """*body* signed now, or spoiled by *faults*."""
    age = max((int(fault.options.get("age", 0)) for fault in faults), default=0)
    names = {fault.name for fault in faults}
    timestamp = "yesterday" if "garbled_timestamp" in names else str(int(time.time()) - age)
    secret = "not-" + app.signing_secret if "wrong_secret" in names else app.signing_secret
    return _spoil(SignedRequest(body, timestamp, secret, signed_headers(body, timestamp, secret)), names)


def _spoil(request: SignedRequest, names: set[str]) -> SignedRequest:
    headers = dict(request.headers)
    if "missing_signature" in names:
        del headers["X-Slack-Signature"]
    if "uppercase_signature" in names:
        headers["X-Slack-Signature"] = (
            "v0=" + signature(request.secret, request.timestamp, request.body)[3:].upper()
        )
    # Still the same JSON, so that only the signature can tell.
    body = request.body + b" " if "tampered_body" in names else request.body
    return replace(request, body=body, headers=headers)
