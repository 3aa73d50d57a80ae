"""files.slack.com: hands out the bytes of files to who has the token, and a sign-in page to everybody else.

Slack's own answers carry no 401 or 403 for a bad token: that a download can be a web page with status 200 is what
most tools trip over, see https://github.com/slackapi/bolt-js/issues/2585.
"""

import re
from dataclasses import replace
from urllib.parse import parse_qs, quote

from local.http_server import Request, Response, plain, redirect
from local.slack import spoiling
from local.slack.content import chunks_of
from local.slack.faults import Faults
from local.slack.files import File
from local.slack.signin import sign_in_page
from local.slack.workspace import Workspace

PATH = re.compile(r"/files-pri/(?P<team>\w+)-(?P<file>\w+)/(?P<download>download/)?(?P<name>[^/]+)")


class FileHost:
    """Answers downloads, misbehaviours included. As *origin* it is the second host that redirects lead to."""

    def __init__(self, workspace: Workspace, faults: Faults) -> None:
        self.workspace = workspace
        self.faults = faults
        self.sign_in_redirects = False

    def respond(self, request: Request, origin: bool = False) -> Response:
        """The answer to a request whose path starts with /files-pri/."""
        match = PATH.fullmatch(request.path)
        if match is None:
            return plain("not found", 404)
        if not origin and (elsewhere := self._redirected(request, match["file"])):
            return elsewhere
        if self.faults.one_of(["too_young"], match["file"]):
            return self._sign_in(request)
        if match["download"] and self.faults.one_of(["no_canvas_download"], match["file"]):
            return self._sign_in(request)
        answer = self._honest(request, match["file"], download=bool(match["download"]))
        for fault in self.faults.happening(spoiling.SPOILERS.keys(), match["file"]):
            answer = spoiling.SPOILERS[fault.name](answer, **fault.options)
        return replace(answer, length=None) if answer.chunked else answer

    def _redirected(self, request: Request, file_id: str) -> Response | None:
        fault = self.faults.one_of(spoiling.REDIRECTS, file_id)
        return spoiling.REDIRECTS[fault.name](request, self.workspace.address) if fault else None

    def _honest(self, request: Request, file_id: str, download: bool) -> Response:
        file = self.workspace.file(file_id)
        if not self._is_allowed(request, file):
            return self._sign_in(request)
        if file is None or file.deleted:
            return plain("not found", 404)
        if file.mimetype == "application/pdf" and not download:
            # Measured in https://github.com/curie-eng/curie/issues/2715: only the download URL gives a PDF.
            return redirect(f"{self.workspace.address.origin}/{file.team_id}-{file.id}")
        return self._content(file, download)

    def _is_allowed(self, request: Request, file: File | None) -> bool:
        """Return True for the app's token, or the one that an export has in its links."""
        if self.workspace.export_tokens.intersection(parse_qs(request.query).get("t", [])):
            return True
        token = request.header("Authorization") == f"Bearer {self.workspace.app.bot_token}"
        has_scope = "files:read" in self.workspace.scopes
        return token and has_scope and (file is None or self.workspace.app_can_see(file))

    def _sign_in(self, request: Request) -> Response:
        if self.sign_in_redirects:
            return spoiling.login_redirect(request, self.workspace.address)
        return sign_in_page()

    def _content(self, file: File, download: bool) -> Response:
        headers = {"Content-Type": content_type(file)}
        if download:
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name or file.url_name)}"
        return Response(200, headers, chunks_of(file.content), file.size)


def content_type(file: File) -> str:
    """What the file host calls *file*: its type, except that a canvas is delivered as a web page."""
    kind = "text/html" if file.is_canvas else file.mimetype
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
