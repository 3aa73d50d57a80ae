"""Slack's file host ► the bytes of a file, or a good reason why not.

Downloads are suspicious. A token without access gets Slack's sign-in page with status 200, redirects may lead to
a host where the token is needed again or to one that must never see it, and a connection may end early. What
passes here is as long as Slack says the file is.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from chalicelib.errors import (
    GONE,
    AccessRefused,
    FileGone,
    HostRefused,
    IntegratorError,
    SignInPage,
    SlackRefused,
    SlackUnavailable,
    TokenRejected,
    TransferBroken,
)
from chalicelib.files import File
from chalicelib.slack import ASK_OPERATOR, INVITE, Slack, check_status, wait_when_limited
from chalicelib.time_limit import TimeLimit

if TYPE_CHECKING:
    from requests import Response

PIECE = 256 * 1024
MOST_REDIRECTS = 3
_TIMEOUT = (5, 30)
_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = {"text/html", "application/xhtml+xml"}
SIGN_IN = f"Slack did not let the app read the file. {INVITE} (sign-in page)."


@contextmanager
def download(slack: Slack, file: File, url: str, size: int, deadline: float) -> Iterator[Iterator[bytes]]:
    """Yield the pieces of *file* at *url*, at most `PIECE` bytes each; *size* bytes in all, or TransferBroken.

    *deadline* is a time of time.monotonic(): a host that is silent or drips beyond it, be it headers, raises
    SlackUnavailable, so that the caller can clean up before Lambda ends it.
    """
    with _response(slack, url, deadline) as response:
        promised_html = (file["mimetype"] or "").lower() in _HTML
        is_html = _content_type(response) in _HTML
        if is_html and not promised_html:
            raise SignInPage(SIGN_IN)
        yield _check_size(_pieces(response, deadline), size, is_html, deadline)


def page(slack: Slack, url: str, most: int, deadline: float) -> bytes:
    """Return the HTML page at *url*; of one that is longer than *most* bytes, a beginning that is longer, too."""
    with _response(slack, url, deadline) as response:
        if _content_type(response) not in _HTML:
            raise SlackRefused(f"Slack handed out something else than a page. {ASK_OPERATOR} (no text/html).")
        content = bytearray()
        for piece in _pieces(response, deadline):
            content += piece
            if len(content) > most:
                return bytes(content)
        _check_time(deadline)  # an answer that is cut short may look whole
        return bytes(content)


@contextmanager
def _response(slack: Slack, url: str, deadline: float) -> Iterator["Response"]:
    response, limit = wait_when_limited(lambda: _open(slack, url, deadline))
    try:
        with closing(response):
            yield response
    finally:
        limit.end()


def _open(slack: Slack, url: str, deadline: float) -> tuple["Response", TimeLimit]:
    """Return the answer that has the bytes, and its limit, following redirects within Slack's hosts by hand."""
    for _ in range(MOST_REDIRECTS + 1):
        limit = TimeLimit(deadline - time.monotonic())
        response = slack.download(url, timeout=_TIMEOUT, limit=limit)
        if response.status_code not in _REDIRECTS:
            try:
                return _accept(response), limit
            except IntegratorError:
                limit.end()
                raise
        limit.end()
        response.close()
        url = _next(url, response.headers.get("Location", ""))
    raise SlackRefused(f"Slack sent the app from one address to the next, more than {MOST_REDIRECTS} times.")


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:  # such as http://[
        raise HostRefused("Slack sent the app to an address that is none.") from error


def _accept(response: "Response") -> "Response":
    status = response.status_code
    if status == 200:
        return response
    response.close()
    check_status(response)
    if status in (404, 410):
        raise FileGone(GONE)
    if status == 401:
        raise TokenRejected(f"Slack does not accept the app any more. {ASK_OPERATOR} (401).")
    if status == 403:
        raise AccessRefused(f"Slack does not let the app see the file. {ASK_OPERATOR} (403).")
    raise SlackRefused(f"Slack refused to hand out the file. {ASK_OPERATOR} ({status}).")


def _content_type(response: "Response") -> str:
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def _pieces(response: "Response", deadline: float) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        while piece := response.raw.read(PIECE, decode_content=True):  # its limit ends it, when a host drips
            _check_time(deadline)
            yield piece
    except HTTPError as error:
        _check_time(deadline)
        raise TransferBroken(
            f"The connection to Slack broke while the file was fetched ({type(error).__name__})."
        ) from error


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise SlackUnavailable("Slack sends the file too slowly.")


def _check_size(pieces: Iterator[bytes], size: int, is_html: bool, deadline: float) -> Iterator[bytes]:
    """Pass *pieces* on, and raise when they are more or less than *size* bytes in all."""
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > size:
            break
        yield piece
    if count < size:
        _check_time(deadline)
    if count != size and is_html:
        raise SignInPage(SIGN_IN)  # an .html upload was promised, but this page has another length
    if count != size:
        more = "more" if count > size else "less"
        raise TransferBroken(f"Slack sent {more} than the {size} bytes that the file should have.")
