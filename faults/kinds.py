"""The faults: what is answered in place of the truth, and when the truth happens all the same."""

from collections.abc import Callable
from dataclasses import dataclass

from faults.calls import Call, refusal
from local.http_server import Response, whole

HASTY = 1.6
"""Seconds, more than the route's and the notifier's clients wait for an answer."""
PATIENT = 31.0
"""Seconds, more than the other clients wait for one."""
_JSON, _TEXT = {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}


@dataclass(frozen=True)
class Fault:
    """One way to break a call.

    *response* stands in for the service's own, None for none at all: the connection is reset. *has_effect*: the
    call is carried out, and only its response is lost. *hold*: silence until the client gives up. *kills*: whose
    call it is dies.
    """

    name: str
    response: Callable[[Call], Response] | None = None
    has_effect: bool = False
    hold: bool = False
    kills: bool = False

    def fits(self, call: Call) -> bool:
        """Tell whether this fault can happen to such a call.

        Inside AWS (the workflow's calls) nothing is garbled; how a lost answer or silence is named there differs
        between AWS and its double. Where the route dies in a search Slack itself tells the asker.
        """
        if self is NOT_THERE_YET:
            return call.point in YOUNG
        if call.caller == "workflow":
            return self.response is not None and self is not GARBAGE
        return not self.kills or call.point not in SEARCHES


SEARCHES = {
    "route users.info",
    "route users.conversations",
    "route conversations.info",
    "route ListObjectsV2 recent/",
    "route ListObjectsV2 tags/",
    "route ListObjectsV2 words/",
    "route GetObject metadata/",
}


YOUNG = {"fetch_file download", "fetch_file files.info", "start_parked files.info"}
"""Where Slack may not know of a file yet, or no longer."""


def is_hasty(point: str) -> bool:
    """Tell whether the client that calls at *point* gives up within seconds."""
    return point.split()[0] in ("route", "notify", "start_parked")


def _refuse(call: Call) -> Response:
    if call.service == "slack":
        method = call.target.rpartition("/")[2]
        error = {"files.info": b"file_not_found", "users.info": b"user_not_found"}.get(method, b"channel_not_found")
        return whole(b'{"ok": false, "error": "%b"}' % error, 200, _JSON)
    if call.service == "files":
        return whole(b"no", 403, _TEXT)
    codes = {"s3": "AccessDenied", "query": "AuthorizationError"}
    return refusal(call, 400 if call.service == "json" else 403, codes.get(call.service, "AccessDeniedException"))


def _not_there_yet(call: Call) -> Response:
    """What Slack answers about a file that is new, or gone."""
    if call.service == "files":
        return whole(b"<!DOCTYPE html><html><title>Sign in</title></html>", 200, {"Content-Type": "text/html"})
    return whole(b'{"ok": false, "error": "file_not_found"}', 200, _JSON)


def _error(call: Call) -> Response:
    if call.service in ("slack", "files"):
        return whole(b"try again", 503, _TEXT)
    codes = {"s3": "InternalError", "lambda": "ServiceException"}
    return refusal(call, 500, codes.get(call.service, "InternalFailure"))


def _throttled(call: Call) -> Response:
    if call.service in ("slack", "files"):
        return whole(b'{"ok": false, "error": "ratelimited"}', 429, {**_JSON, "Retry-After": "30"})
    codes = {
        "s3": (503, "SlowDown"),
        "lambda": (429, "TooManyRequestsException"),
        "query": (400, "Throttling"),
        "json": (400, "ThrottlingException"),
    }
    return refusal(call, *codes[call.service])


def _garbage(call: Call) -> Response:
    """Success without what makes one; S3's successful writes have no body, so an empty one is the worse lie."""
    if call.service == "s3" and call.method == "PUT":
        return whole(b"")
    return whole(b"\xff\x00 a proxy's page </html>", 200, _TEXT)


REFUSED = Fault("refused", _refuse)
ERROR = Fault("error", _error)
LOST = Fault("lost answer", has_effect=True)
TIMEOUT = Fault("timeout", hold=True)
THROTTLED = Fault("throttled", _throttled)
GARBAGE = Fault("garbage", _garbage)
NOT_THERE_YET = Fault("not there", _not_there_yet)
KILLED_BEFORE = Fault("killed before", kills=True)
KILLED_AFTER = Fault("killed after", has_effect=True, kills=True)

ANSWERS = (REFUSED, ERROR, LOST, TIMEOUT, THROTTLED, GARBAGE, NOT_THERE_YET)
DEATHS = (KILLED_BEFORE, KILLED_AFTER)
EVER = 10**9
TIMES = {"once": 1, "twice": 2, "ever": EVER}


@dataclass(eq=False)
class Rule:
    """*fault* at *point* of the uploads with *ids*, the first *times* times."""

    point: str
    fault: Fault
    times: int
    ids: frozenset[str]
    happened: int = 0
