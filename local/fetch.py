"""`make fetch URL=…`: the fetcher alone, on one file of a real workspace, into a local folder.

The fastest way to find out about tokens and scopes: it says who the token is, what it may do, what Slack tells of
the file, and either where the bytes are or why there are none. AWS is not asked for anything.
"""

import hashlib
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib import clients, fetch, filehost, layout, log, settings
from chalicelib.errors import FileGone, FileNotReady, IntegratorError, TokenRejected
from chalicelib.files import File
from chalicelib.settings import Settings
from chalicelib.slack import ASK_OPERATOR, Slack, wait_when_limited, web_api_answer
from local.dotenv import environment
from local.terminal import Terminal

_TOKEN_IS = "It is the “Bot User OAuth Token” on the Slack app's page “OAuth & Permissions”."
FOLDER = Path(__file__).parent.parent / ".local" / "fetched"
SECONDS = 900.0  # as long as the function has on Lambda
# files.slack.com/files-pri/T…-F…/name, or a permalink: acme.slack.com/files/U…/F…/name.
FILE_ID = re.compile(
    r"/files-(?:pri|tmb)/\w+-(?P<direct>F\w+)|/files/\w+/(?P<shared>F\w+)|^(?P<id>F\w+)$", re.ASCII
)


def main(arguments: list[str], environ: Mapping[str, str], terminal: Terminal, folder: Path = FOLDER) -> int:
    """Fetch the file at the address in *arguments*; the result is the exit status."""
    if len(arguments) != 1 or not arguments[0]:
        terminal.line(
            "Say which file: make fetch URL=https://files.slack.com/files-pri/T…-F…/name, or its link in Slack, or "
            "its id."
        )
        return 2
    if not environ.get("ACCESS_TOKEN"):
        terminal.verdict(False, f"There is no token: write ACCESS_TOKEN=xoxb-… into the file .env. {_TOKEN_IS}")
        return 1
    try:
        slack_settings = _settings(environ)
        slack = Slack(clients.http(), slack_settings)
        _tell_token(terminal, slack)
        path, size, sha256 = _fetch(terminal, slack, arguments[0], folder)
    except TokenRejected:
        terminal.verdict(False, f"TokenRejected: Slack does not accept ACCESS_TOKEN. {_TOKEN_IS}")
        return 1
    except IntegratorError as error:
        reason = str(error).replace(f". {ASK_OPERATOR}", "")
        terminal.verdict(False, f"{type(error).__name__}: {reason}")
        return 1
    terminal.verdict(True, f"{path}  {size:,} bytes, SHA-256 {sha256}")
    return 0


def _settings(environ: Mapping[str, str]) -> Settings:
    of_slack = {"SLACK_URL": "https://slack.com/api/chat.postMessage"}
    return settings.load("ACCESS_TOKEN", "SLACK_URL", environ=of_slack | dict(environ))


def _tell_token(terminal: Terminal, slack: Slack) -> None:
    """Ask Slack who the token is. Its scopes come in a header of every answer."""
    response = slack.post(slack.api_url("auth.test"), {}, timeout=(3, 10), form=True)
    who = web_api_answer(response)
    scopes = [scope.strip() for scope in response.headers.get("X-OAuth-Scopes", "").split(",")]
    terminal.rows(
        [
            ("token", f"{who.get('user')} in {who.get('team')} ({who.get('team_id')})"),
            ("scopes", ", ".join(sorted(scopes))),
        ]
    )
    if "files:read" not in scopes:
        terminal.verdict(False, "The scope files:read is missing: add it to the Slack app, then reinstall the app.")


def _fetch(terminal: Terminal, slack: Slack, address: str, folder: Path) -> tuple[Path, int, str]:
    file = _describe(slack, address)
    about = f"{file['name']}  {file['mimetype']}  {file['size']} bytes  {file['mode']}"
    terminal.line(f"file    {file['id']}  {about}")
    if reason := fetch.skipped_because(file, slack.settings):
        raise FileGone(f"Not archived. {reason}")
    url = file["url"]  # as the app does: of a PDF, only this one has the bytes
    if not url or file["size"] is None:
        raise FileNotReady("Slack is still processing the file.")
    path = folder / f"{file['id']}-{layout.safe_name(file['name']) or 'file'}"
    with filehost.download(slack, file, url, file["size"], time.monotonic() + SECONDS) as pieces:
        return path, file["size"], _store(path, pieces)


def _describe(slack: Slack, address: str) -> File:
    match = FILE_ID.search(address)
    if match is None:
        raise FileGone("The address names no Slack file: it has no part like T…-F… or /files/U…/F….")
    file_id: Any = match["direct"] or match["shared"] or match["id"]
    return wait_when_limited(lambda: slack.file_info(file_id))


def _store(path: Path, pieces: Iterator[bytes]) -> str:
    """Write *pieces* to *path*, which appears only when it is whole; the result is the SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, part = hashlib.sha256(), path.with_name(path.name + ".part")
    try:
        with part.open("wb") as output:
            for piece in pieces:
                digest.update(piece)
                output.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return digest.hexdigest()


if __name__ == "__main__":
    log.configure({"ERROR": "1"})  # the others are for Lambda's log; here the terminal tells
    sys.exit(main(sys.argv[1:], environment(), Terminal()))
