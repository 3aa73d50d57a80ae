"""Is this request from Slack, and fresh?

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hmac
import re

FRESH_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the v0 signature that Slack puts into X-Slack-Signature: over the raw *body*, before any decoding."""
    base = b"v0:" + timestamp.encode("ascii") + b":" + body
    return "v0=" + hmac.digest(secret.encode(), base, "sha256").hex()


def is_signed(secret: str, timestamp: str | None, claim: str | None, body: bytes, now: float) -> bool:
    """Return True if *claim* is Slack's signature and *timestamp* is at most 300 seconds from *now*.

    Stricter than Slack's own SDK in two ways: a timestamp has ASCII digits only (no sign, space or underscore),
    and whatever is malformed is refused rather than an exception.
    """
    if not timestamp or not claim or not _TIMESTAMP.fullmatch(timestamp):
        return False
    if abs(now - int(timestamp)) > FRESH_SECONDS:
        return False
    return _same(signature(secret, timestamp, body), claim)


def is_token(expected: str, token: object) -> bool:
    """Return True if *token*, the body's legacy `token`, is the *expected* one."""
    return isinstance(token, str) and _same(expected, token)


def _same(expected: str, other: str) -> bool:
    """Compare in constant time; what is not UTF-8 equals nothing."""
    return hmac.compare_digest(expected.encode(), other.encode("utf-8", "replace"))
