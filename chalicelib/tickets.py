"""Tickets: what lets one user open one document for an hour, and nobody else.

v2.{team}.{user}.{file}.{channel}.{ground}.{expiry, epoch seconds}.{HMAC of all before}

The key is derived from the app's own secret, so that a ticket is no signature of anything else.
"""

import base64
import hmac
import re
from typing import NamedTuple

VALID = 3600
"""Seconds."""
LONGEST = 200
PUBLIC, MEMBER = "p", "m"
"""The grounds on which somebody may see what is shared in a channel: it is public, or they are in it."""
_KEY = b"slack-integrator: tickets for documents, v2"
_FORM = re.compile(
    r"(v2\.([A-Z0-9]{1,18})\.([A-Z0-9]{1,18})\.([A-Za-z0-9]{1,18})\.([A-Z0-9]{1,18})\.([pm])\.([0-9]{10}))"
    r"\.([A-Za-z0-9_-]{43})"
)


class Ticket(NamedTuple):
    """The right of *user* to open *file* of *team*, as far as they may see it at that moment.

    They saw it in *channel*, on the *ground* that Slack is asked about then: one question of Slack is enough.
    """

    team: str
    user: str
    file: str
    channel: str
    ground: str


def issue(secret: str, ticket: Ticket, now: float) -> str:
    """Return *ticket* as text, signed with *secret* and valid from *now* on (epoch seconds)."""
    text = ".".join(("v2", *ticket, str(int(now) + VALID)))
    return f"{text}.{_signature(secret, text)}"


def read(secret: str, text: str, now: float) -> Ticket | None:
    """Return the ticket that *text* is at *now*; None if it is forged, mangled or expired."""
    match = _FORM.fullmatch(text[: LONGEST + 1])
    if match is None or not secret:
        return None
    signed_text, team, user, file, channel, ground, expiry, signature = match.groups()
    is_genuine = hmac.compare_digest(_signature(secret, signed_text), signature)
    is_valid = is_genuine and 0 < int(expiry) - now <= VALID
    return Ticket(team, user, file, channel, ground) if is_valid else None


def _signature(secret: str, text: str) -> str:
    key = hmac.digest(secret.encode(), _KEY, "sha256")
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).decode().rstrip("=")
