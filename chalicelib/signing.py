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


def is_signed(secret: str, timestamp: str | None, given: str | None, body: bytes, now: float) -> bool:
    """Tell whether *given* is Slack's signature and *timestamp* at most 300 seconds from *now*.

    Stricter than Slack's own SDK in two ways: a timestamp has ASCII digits only (no sign, blank or underscore),
    and whatever is malformed is refused rather than an exception.
    """
    if not timestamp or not given or not _TIMESTAMP.fullmatch(timestamp):
        return False
    if abs(now - int(timestamp)) > FRESH_SECONDS:
        return False
    return _same(signature(secret, timestamp, body), given)


def is_token(expected: str, given: object) -> bool:
    """Tell whether *given*, the body's legacy `token`, is the *expected* one."""
    return isinstance(given, str) and _same(expected, given)


def _same(expected: str, given: str) -> bool:
    """Compare in constant time; what is not UTF-8 equals nothing."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
