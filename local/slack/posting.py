"""One attempt to hand an event to the app: three seconds, at most two redirects."""

import json
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import parse_qs, urljoin, urlsplit

TIME_LIMIT = 3.0
MOST_REDIRECTS = 2


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt. *reason* is None after a success, else Slack's word for the failure."""

    status: int | None
    reason: str | None
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: Mapping[str, str] = field(default_factory=dict)
    at: float = field(default_factory=time.time)
    """When it ended, and the headers that went out with it."""

    @property
    def succeeded(self) -> bool:
        """Whether any 2xx came in time."""
        return self.reason is None

    @property
    def problem(self) -> str:
        """The last line of an error that was answered in plain text, such as a traceback's."""
        is_text = self.headers.get("content-type", "").startswith("text/plain")
        if not is_text or self.status is None or self.status < 500:
            return ""
        return self.body.decode(errors="replace").strip().rpartition("\n")[2]

    @property
    def forbids_retries(self) -> bool:
        """Whether the app asked not to be sent this event again, which counts with a refusal only."""
        return self.reason == "http_error" and self.headers.get("x-slack-no-retry") == "1"

    def echoes(self, challenge: str) -> bool:
        """Whether the answer is *challenge* in one of the three forms of the URL verification."""
        text = self.body.decode(errors="replace")
        if self.headers.get("content-type", "").startswith("application/json"):
            try:
                answer = json.loads(text)
            except ValueError:
                return False
            return isinstance(answer, dict) and answer.get("challenge") == challenge
        return text.strip() == challenge or parse_qs(text).get("challenge") == [challenge]


class TooManyRedirectsError(Exception):
    """The app redirected more often than Slack follows."""


def post(url: str, body: bytes, headers: Mapping[str, str], limit: float = TIME_LIMIT) -> Attempt:
    """POST *body* to *url*; a failure is told by the attempt, never raised."""
    start = time.monotonic()

    def failure(reason: str) -> Attempt:
        return Attempt(None, reason, time.monotonic() - start)

    try:
        status, headers_of_answer, text = _follow(url, body, headers, start + limit)
    except TooManyRedirectsError:
        return failure("too_many_redirects")
    except TimeoutError:
        return failure("http_timeout")
    except ssl.SSLError:
        return failure("ssl_error")
    except (OSError, HTTPException):
        return failure("connection_failed")
    reason = None if 200 <= status < 300 else "http_error"
    return Attempt(status, reason, time.monotonic() - start, headers_of_answer, text)


def _follow(url: str, body: bytes, headers: Mapping[str, str], end: float) -> tuple[int, dict[str, str], bytes]:
    for _ in range(MOST_REDIRECTS + 1):
        status, headers_of_answer, text = _once(url, body, headers, end)
        if status not in (301, 302) or "location" not in headers_of_answer:
            return status, headers_of_answer, text
        url = urljoin(url, headers_of_answer["location"])
    raise TooManyRedirectsError(url)


def _once(url: str, body: bytes, headers: Mapping[str, str], end: float) -> tuple[int, dict[str, str], bytes]:
    target = urlsplit(url)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    with closing(kind(target.netloc, timeout=_seconds_left(end))) as connection:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        headers_of_answer = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers_of_answer, _body(connection, response, end)


def _body(connection: HTTPConnection, response: HTTPResponse, end: float) -> bytes:
    """The answer's body, read in pieces so that the time limit holds for the whole of it."""
    pieces = []
    while piece := response.read1(65536):
        pieces.append(piece)
        if connection.sock:
            connection.sock.settimeout(_seconds_left(end))
    return b"".join(pieces)


def _seconds_left(end: float) -> float:
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
