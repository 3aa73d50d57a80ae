"""`make local` with a real workspace, whose tokens are in `.env`; AWS stays on this machine.

Its events come by Socket Mode, or through a tunnel of the person's own to the routes.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from local.slack import App
from local.socketmode import SocketMode

API = "https://slack.com/api/chat.postMessage"
MANIFEST = "slack-manifest-local.yaml"
# xapp-1-A012AB3CD-…: an app-level token says whose it is.
APP_TOKEN = re.compile(r"xapp-\d-(?P<app>A\w+)-.+", re.ASCII)
HINTS = {
    "not_allowed_token_type": "SLACK_APP_TOKEN has to be an app-level token (xapp-…) with connections:write.",
    "missing_scope": "The app-level token lacks connections:write: make a new one.",
}


class CannotConnectError(Exception):
    """Says why not, and what to do."""


class RealWorkspace:
    """A workspace of Slack's; *environ* is laid over the app's settings. No *app_token*: a tunnel leads here."""

    def __init__(self, name: str, app_token: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = environ
        self._app_token = app_token

    @property
    def is_tunnelled(self) -> bool:
        """Whether its events come over HTTP, by a tunnel."""
        return not self._app_token

    def connect(self, routes: str, ending: ExitStack, log: Callable[[str, str], None]) -> None:
        """Hand its events to *routes* (a URL) until *ending* does; raises CannotConnectError."""
        if self.is_tunnelled:
            return
        secret, api = self.environ["SIGNING_SECRET"], _base(self.environ["SLACK_URL"])
        socket = SocketMode(self._app_token, routes, secret, api, lambda line: log("socket mode", line))
        ending.callback(socket.close)
        try:
            socket.connect()
        except SlackApiError as error:
            word = error.response.get("error")
            raise CannotConnectError(f"Slack does not open a connection ({word}). {HINTS.get(word, '')}") from error
        except URLError as error:
            raise CannotConnectError(f"Slack could not be reached ({error.reason}).") from error


def from_environ(environ: Mapping[str, str], take_over: str) -> RealWorkspace | None:
    """The workspace that *environ* names, None when it names none. *take_over* is an app's id; see `_check`."""
    app_token = environ.get("SLACK_APP_TOKEN", "")
    if not app_token:
        return None
    app = APP_TOKEN.fullmatch(app_token)
    if app is None:
        raise CannotConnectError("SLACK_APP_TOKEN is no app-level token: it begins with xapp-.")
    settings = _settings(environ)
    user, team = _who(settings["ACCESS_TOKEN"], settings["SLACK_URL"])
    _check(app["app"], user, team, take_over)
    # Nothing is signed on a WebSocket: the secret is between this program and the routes, which may be those
    # of a deployed stage (--deliver-to) and then have one of their own.
    secret = environ.get("SIGNING_SECRET") or App().signing_secret
    return RealWorkspace(f"{team}, as {user}", app_token, {**settings, "SIGNING_SECRET": secret})


def tunnelled(environ: Mapping[str, str]) -> RealWorkspace:
    """The workspace whose app has a tunnel to the routes as its Request URL."""
    settings = _settings(environ)
    secret = environ.get("SIGNING_SECRET")
    if not secret:
        raise CannotConnectError("SIGNING_SECRET is missing: with it Slack signs what comes through the tunnel.")
    user, team = _who(settings["ACCESS_TOKEN"], settings["SLACK_URL"])
    return RealWorkspace(f"{team}, as {user}", "", {**settings, "SIGNING_SECRET": secret})


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    if not environ.get("ACCESS_TOKEN"):
        raise CannotConnectError(
            "ACCESS_TOKEN is missing: the bot token (xoxb-…) of the same app fetches the files."
        )
    return {
        "ACCESS_TOKEN": environ["ACCESS_TOKEN"],
        "SLACK_URL": environ.get("SLACK_URL") or API,
        "SLACK_LOOPBACK": environ.get("SLACK_LOOPBACK", ""),
    }


def _check(app: str, user: str, team: str, take_over: str) -> None:
    """An app made from the local manifest has "local" in its name; of any other, one has to name the id as well."""
    if "local" in user.lower() or take_over == app:
        return
    raise CannotConnectError(
        f"The tokens are those of {user} in {team}, which was not made from {MANIFEST}. While Socket Mode is on, "
        f"Slack sends that app nothing over HTTP: a deployed stage of it would hear nothing any more. Make a "
        f"second app from {MANIFEST}; or, if no stage uses this one: make local ARGS=--take-over={app}"
    )


def _who(token: str, url: str) -> tuple[str, str]:
    try:
        who = WebClient(token=token, base_url=_base(url)).auth_test()
    except SlackApiError as error:
        word = error.response.get("error")
        raise CannotConnectError(f"Slack does not accept ACCESS_TOKEN ({word}).") from error
    except URLError as error:
        raise CannotConnectError(f"Slack could not be reached ({error.reason}).") from error
    return str(who["user"]), str(who["team"])


def _base(url: str) -> str:
    """Where the Web API is, given one of its methods."""
    return url.rpartition("/")[0] + "/"
