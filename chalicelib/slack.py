"""Slack's Web API, and which addresses the token may go to.

https://docs.slack.dev/apis/web-api: most errors come as HTTP 200 with `ok: false` and a word in `error`.
"""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from chalicelib import files, log
from chalicelib.errors import (
    AccessRefused,
    FileGone,
    HostRefused,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
    TokenRejected,
)
from chalicelib.settings import Settings
from chalicelib.time_limit import TimeLimit

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

LONGEST_SLEEP = 20.0
"""Seconds of Retry-After that are slept here; what is longer the workflow waits out."""
ASK_OPERATOR = "Please tell whoever runs the archive"
INVITE = "Invite the app to this conversation; if it is here already, please tell whoever runs the archive"
_MOST_SLEEPS = 3
_TIMEOUT = (3.05, 10)

# The whole address is matched, and nothing but these characters may stand before the first slash: no user, no
# other port, no look-alike. Parsers disagree about odd addresses; about one of this form they cannot.
_PATH = r"(?:/[^\s\\\x00-\x1f\x7f]*)?"
_SLACK = re.compile(
    r"https://(?:[a-z0-9-]+\.)*(?:slack\.com|slack-files\.com|slack-edge\.com|slack-gov\.com)(?::443)?" + _PATH,
    re.ASCII | re.IGNORECASE,
)
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}" + _PATH, re.ASCII)

_GONE = {"file_not_found", "file_deleted"}
_HIDDEN = {"missing_scope", "not_visible", "access_denied", "no_permission", "not_allowed_token_type"}
_TOKEN = {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "org_login_required"}
_BUSY = {"internal_error", "service_unavailable", "request_timeout", "fatal_error", "team_added_to_org"}
_LIMITED = {"ratelimited", "rate_limited"}

T = TypeVar("T")


class Slack:
    """Slack as the app reaches it: by *http*, with the token and the address that *settings* have.

    Files are downloaded with *export_token* in place of the app's, where that is given.
    """

    def __init__(self, http: "Session", settings: Settings, export_token: str = "") -> None:
        self.http, self.settings, self._export_token = http, settings, export_token

    def call(
        self, method: str, arguments: dict[str, Any], *, form: bool = False, timeout: tuple[float, float] = _TIMEOUT
    ) -> dict[str, Any]:
        """Return Slack's answer to the Web API's *method*, which was `ok`; raises by what `error` says.

        *form*: methods that only read take their arguments form-encoded and not as JSON.
        """
        return web_api_answer(self.post(self.api_url(method), arguments, timeout=timeout, form=form))

    def file_info(self, file_id: str) -> files.File:
        """Return the whole of a file that an event brought in part (https://docs.slack.dev/apis/slack-connect)."""
        file = self.call("files.info", {"file": file_id}, form=True).get("file")
        if not isinstance(file, dict) or file.get("id") != file_id:
            raise SlackUnavailable("Slack described another file than the one it was asked about.")
        return files.file(file)

    def post(
        self,
        url: str,
        body: dict[str, Any],
        *,
        timeout: tuple[float, float] = _TIMEOUT,
        form: bool = False,
        with_token: bool = True,
    ) -> "Response":
        """Send *body* to *url*, if that is Slack's; redirects are not followed."""
        if not self.owns(url):
            log.error("not Slack's address", host=host(url))
            raise HostRefused(f"The archive is not set up. {ASK_OPERATOR} (SLACK_URL is not Slack's).")
        content: dict[str, Any] = {"data": body} if form else {"json": body}
        limit = TimeLimit(sum(timeout))
        return self._request("POST", url, limit, with_token=with_token, timeout=timeout, **content)

    def download(self, url: str, *, timeout: tuple[float, float], limit: TimeLimit) -> "Response":
        """Request the file at *url*, and return before its body is read; redirects are not followed.

        The *limit* holds for the body, too; whoever reads it ends the limit.
        """
        if not self.owns(url):
            log.warning("not Slack's address", host=host(url))
            raise HostRefused("Slack does not keep this file itself, so it is not archived. Please upload it.")
        limit.keep()
        options: dict[str, Any] = {"timeout": timeout, "headers": {"Accept-Encoding": "identity"}, "stream": True}
        if not self._export_token:
            return self._request("GET", url, limit, with_token=True, **options)
        parameters = {"t": self._export_token}
        try:
            return self._request("GET", url, limit, with_token=False, params=parameters, **options)
        except SlackUnavailable as error:
            raise SlackUnavailable(str(error)) from None  # the cause names the address, with the token

    def _request(self, verb: str, url: str, limit: TimeLimit, *, with_token: bool, **options: Any) -> "Response":
        from requests import RequestException

        auth = bearer(self.settings.access_token) if with_token else None
        start = time.monotonic()
        try:
            with limit:
                response = self.http.request(verb, url, auth=auth, allow_redirects=False, **options)
        except RequestException as error:
            log.call("slack", _operation(url), type(error).__name__, start)
            raise SlackUnavailable(f"Slack could not be reached ({type(error).__name__}).") from error
        log.call("slack", _operation(url), response.status_code, start)
        if limit.is_up:  # headers that end early look like headers
            limit.end()
            response.close()
            raise SlackUnavailable("Slack answers too slowly.")
        return response

    def api_url(self, method: str) -> str:
        """Return the address of *method* at the Slack that SLACK_URL belongs to (slack.com, slack-gov.com)."""
        parts = urlsplit(self.settings.slack_url)
        return f"{parts.scheme}://{parts.netloc.removeprefix('hooks.')}/api/{method}"

    def owns(self, url: str) -> bool:
        """Return True if *url* is https and one of Slack's hosts (or, when the settings allow it, this machine)."""
        return bool(_SLACK.fullmatch(url)) or (self.settings.slack_loopback and bool(_LOOPBACK.fullmatch(url)))


def _operation(url: str) -> str:
    """Return what a request to *url* is for: the rest of the address is secret, or somebody's file name."""
    path = urlsplit(url).path
    if path.startswith("/api/"):
        return path.removeprefix("/api/")
    return "webhook" if is_webhook(url) else "file"


def host(url: str) -> str:
    """Return the host that *url* names, for a message about it."""
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def is_webhook(url: str) -> bool:
    """Return True for an incoming webhook (hooks.slack.com/services/…), False for the Web API (slack.com/api/…)."""
    return urlsplit(url).path.startswith("/services/")


def web_api_answer(response: "Response") -> dict[str, Any]:
    """Return the Web API's answer in *response* if it is `ok`."""
    check_status(response)
    try:
        answer = response.json()
    except ValueError as error:
        raise SlackUnavailable("Slack gave an answer that is no JSON.") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        raise SlackUnavailable("Slack gave an answer that makes no sense.")
    if not answer["ok"]:
        refuse(str(answer.get("error")), answer)
    return answer


def check_status(response: "Response") -> None:
    """Raise for 429 and 5xx, which pass."""
    if response.status_code == 429:
        raise SlackRateLimited("Slack asks for fewer requests.", retry_after(response))
    if response.status_code >= 500:
        raise SlackUnavailable(f"Slack has a problem of its own ({response.status_code}).")


def retry_after(response: "Response") -> float:
    """Return the seconds of Retry-After; a minute when Slack does not say, or not in seconds."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if re.fullmatch(r"[0-9]{1,6}", seconds, re.ASCII) else 60.0


def refuse(error: str, answer: dict[str, Any]) -> NoReturn:
    """Raise what the Web API's *error* means."""
    if error in _LIMITED:
        raise SlackRateLimited("Slack asks for fewer requests.", 60.0)
    if error in _BUSY:
        raise SlackUnavailable(f"Slack has a problem of its own ({error}).")
    if error in _GONE:
        raise FileGone(
            f"Slack does not find the file: it was deleted, or the app is not in this conversation ({error})."
        )
    if error == "missing_scope":
        log.warning("missing scope", needed=str(answer.get("needed")))
        raise AccessRefused(f"Slack does not let the app do this. {ASK_OPERATOR} (missing_scope).")
    if error in _HIDDEN:
        raise AccessRefused(f"Slack does not let the app see this. {INVITE} ({error}).")
    if error in _TOKEN:
        raise TokenRejected(f"Slack does not accept the app any more. {ASK_OPERATOR} ({error}).")
    raise SlackRefused(f"Slack refused. {ASK_OPERATOR} ({error}).", error)


def wait_when_limited(action: Callable[[], T]) -> T:
    """Return what *action* returns, sleeping through up to three short Retry-After."""
    for _ in range(_MOST_SLEEPS):
        try:
            return action()
        except SlackRateLimited as limited:
            if limited.retry_after > LONGEST_SLEEP:
                raise
            time.sleep(limited.retry_after)
    return action()


def bearer(token: str) -> Callable[["PreparedRequest"], "PreparedRequest"]:
    """Return the authorisation by *token*; as `auth`, so that a .netrc on the laptop does not replace it."""

    def authorise(request: "PreparedRequest") -> "PreparedRequest":
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorise
