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
    AccessRefused,
    FileGone,
    HostRefused,
    SignInPage,
    SlackRefused,
    SlackUnavailable,
    TokenRejected,
    TransferBroken,
)
from chalicelib.events import File
from chalicelib.slack import Slack, bearer, check_status, host, wait_when_limited

if TYPE_CHECKING:
    from requests import Response

PIECE = 256 * 1024
MOST_REDIRECTS = 3
_TIMEOUT = (5, 30)
_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = {"text/html", "application/xhtml+xml"}
_SIGN_IN = (
    "Slack sent its sign-in page instead of the file: the app's token lacks the scope files:read, or the app is "
    "not in this channel. Invite the app to the channel; after adding a scope, reinstall the app."
)


@contextmanager
def download(slack: Slack, file: File, url: str, size: int, deadline: float) -> Iterator[Iterator[bytes]]:
    """Yield the pieces of *file* at *url*, at most `PIECE` bytes each; *size* bytes in all, or TransferBroken.

    *deadline* is a time of time.monotonic(): a file that drips on beyond it raises SlackUnavailable, so that the
    caller can clean up before Lambda ends it.
    """
    with closing(wait_when_limited(lambda: _open(slack, url))) as response:
        promised_html = (file["mimetype"] or "").lower() in _HTML
        is_html = _content_type(response) in _HTML
        if is_html and not promised_html:
            raise SignInPage(_SIGN_IN)
        yield _check_size(_pieces(response, deadline), size, is_html)


def _open(slack: Slack, url: str) -> "Response":
    """Return the answer that has the bytes, following redirects within Slack's hosts by hand."""
    for _ in range(MOST_REDIRECTS + 1):
        if not slack.owns(url):
            raise HostRefused(f"The file lies at {host(url)}, which is not Slack's: the token is not sent there.")
        response = _get(slack, url)
        if response.status_code not in _REDIRECTS:
            return _accept(response)
        response.close()
        url = _next(url, response.headers.get("Location", ""))
    raise SlackRefused(f"Slack redirects the file's address more than {MOST_REDIRECTS} times.")


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:  # such as http://[
        raise HostRefused("Slack redirects the file's address to something that is none.") from error


def _get(slack: Slack, url: str) -> "Response":
    from requests import RequestException

    try:
        return slack.http.get(
            url,
            auth=bearer(slack.settings.access_token),
            headers={"Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            allow_redirects=False,
            stream=True,
        )
    except RequestException as error:
        raise SlackUnavailable(f"Slack's file host could not be reached ({type(error).__name__}).") from error


def _accept(response: "Response") -> "Response":
    status = response.status_code
    if status == 200:
        return response
    response.close()
    check_status(response)
    if status in (404, 410):
        raise FileGone("The file is no longer there: it was deleted in Slack before it could be archived.")
    if status == 401:
        raise TokenRejected(
            "Slack's file host does not accept the app's token. Reinstall the app and renew ACCESS_TOKEN."
        )
    if status == 403:
        raise AccessRefused("Slack's file host does not show the file to the app. Invite the app to the channel.")
    raise SlackRefused(f"Slack's file host answered with status {status}.")


def _content_type(response: "Response") -> str:
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def _pieces(response: "Response", deadline: float) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    while True:
        try:
            piece = response.raw.read(PIECE, decode_content=True)
        except HTTPError as error:
            raise TransferBroken(f"The connection to Slack's file host broke ({type(error).__name__}).") from error
        if not piece:
            return
        if time.monotonic() > deadline:
            raise SlackUnavailable("Slack's file host sends the file too slowly.")
        yield piece


def _check_size(pieces: Iterator[bytes], size: int, is_html: bool) -> Iterator[bytes]:
    """Pass *pieces* on, and raise when they are more or less than *size* bytes in all."""
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > size:
            break
        yield piece
    if count != size and is_html:
        raise SignInPage(_SIGN_IN)  # an .html upload was promised, but this page has another length
    if count != size:
        more = "more" if count > size else "less"
        raise TransferBroken(f"Slack sent {more} than the {size} bytes that the file has.")
