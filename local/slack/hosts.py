"""The hosts that the double plays: Slack itself, files-origin, and a foreign one that must never see the token."""

import re
import threading

from local.http_server import HttpServer, Request, Responder, Response, plain, redirect
from local.slack import spoiling, uploads
from local.slack.botposts import BotPosts
from local.slack.faults import Faults
from local.slack.filehost import FileHost
from local.slack.page_routes import is_for_people
from local.slack.response_urls import KINDS, ResponseUrls
from local.slack.signin import sign_in_page
from local.slack.views import Views
from local.slack.webapi import WebApi
from local.slack.webhook import Webhook
from local.slack.workspace import Workspace


class Hosts:
    """Three listeners, and what arrived at them. *page* answers people; what they ask is not kept."""

    def __init__(
        self, workspace: Workspace, faults: Faults, posts: BotPosts, uploading: uploads.Uploads, page: Responder
    ) -> None:
        self.address = workspace.address
        self.views = Views(workspace)
        self.response_urls = ResponseUrls(workspace, posts)
        self.web_api = WebApi(workspace, {**posts.methods, **uploading.methods}, self.views, faults)
        self.uploads = uploading
        self.webhook = Webhook(workspace, posts, faults, workspace.add_channel("general"))
        self.file_host = FileHost(workspace, faults)
        self._people_page = page
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._foreign_requests: list[Request] = []
        self._listeners: list[HttpServer] = []

    @property
    def requests(self) -> list[Request]:
        """What arrived at Slack and at files-origin, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def foreign_requests(self) -> list[Request]:
        """What arrived at the foreign host."""
        with self._lock:
            return list(self._foreign_requests)

    def open(self, port: int) -> None:
        """Listen; Slack itself at *port*."""
        slack = HttpServer(self._slack, self._record, port=port)
        origin = HttpServer(self._origin, self._record)
        foreign = self._foreign_listener()
        self._listeners = [slack, origin, foreign]
        self.address.slack, self.address.origin = slack.url, origin.url
        self.address.foreign = foreign.url.replace("127.0.0.1", "localhost")

    def close(self) -> None:
        """Listen no more."""
        for listener in self._listeners:
            listener.stop()
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    def _foreign_listener(self) -> HttpServer:
        try:
            return HttpServer(self._foreign, self._record_foreign, host="127.0.0.2")
        except OSError:  # macOS has only 127.0.0.1; there the other name has to do
            return HttpServer(self._foreign, self._record_foreign)

    def _record(self, request: Request) -> None:
        if is_for_people(request):
            return
        with self._lock:
            self._requests.append(request)

    def _record_foreign(self, request: Request) -> None:
        with self._lock:
            self._foreign_requests.append(request)

    def _slack(self, request: Request) -> Response:
        if request.path.startswith("/api/"):
            return self.web_api.respond(request)
        if request.path.startswith("/services/"):
            return self.webhook.respond(request)
        if request.path.startswith("/files-pri/"):
            return self.file_host.respond(request)
        if request.path.startswith(uploads.PATH):
            return self._upload(request)
        if request.path.split("/")[1] in KINDS:
            return self.response_urls.respond(request)
        if is_for_people(request):
            return self._people_page(request)
        return self._page(request)

    def _upload(self, request: Request) -> Response:
        fault = self.web_api.faults.one_of(spoiling.REDIRECTS, uploads.PATH)
        return spoiling.REDIRECTS[fault.name](request, self.address) if fault else self.uploads.respond(request)

    def _page(self, request: Request) -> Response:
        """Permalinks and the like are for people, who are signed in; an app is not, and sends no such header."""
        permalink = re.fullmatch(r"/files/\w+/(F\w+)/.*", request.path)
        if permalink and request.header("Sec-Fetch-Mode") == "navigate":
            return redirect(f"/page/files/{permalink[1]}")
        return sign_in_page()

    def _origin(self, request: Request) -> Response:
        if request.path.startswith("/files-pri/"):
            return self.file_host.respond(request, origin=True)
        return sign_in_page()

    def _foreign(self, request: Request) -> Response:
        return plain("these are not the bytes of a Slack file\n")
