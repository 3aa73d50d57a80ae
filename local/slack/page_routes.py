"""The workspace page and what it asks for: Slack as people see it, for `make local`.

    GET  /                        the page; its files are in page/
    GET  /page/feed               server-sent events: the workspace's revision, whenever it changes
    GET  /page/state              people, channels, the messages of one channel, switches (view.py)
    GET  /page/inspect, /object   what became of a message: deliveries, workflow, archive
    GET  /page/files/F…           a file's bytes, for people: no token is asked for
    POST /page/…                  what people do (page_actions.py)
    POST /upload?name=…&text=…    the same as an upload on the page, in one line of curl

Whoever can reach the port is anybody in the workspace. Other web sites cannot: a browser sends them with their own
Origin, or under another Host.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from local.http_server import Request, Response, as_json, plain
from local.slack import page_actions, view
from local.slack.content import chunks_of
from local.slack.files import File, Json
from local.slack.model import Message

if TYPE_CHECKING:
    from local.slack.double import Slack

FOLDER = Path(__file__).with_name("page")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEARTBEAT = 15.0
# Scripts and styles are the page's own, and nothing comes from anywhere else.
POLICY = "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Cloud(Protocol):
    """What the page shows of the cloud behind the app; the double itself knows none."""

    @property
    def services(self) -> Mapping[str, str]:
        """Those that can have an outage: id and name."""

    def fates(self, messages: Iterable[Message]) -> Mapping[str, str]:
        """What became of *messages*, in a word, by channel and ts: C1-1499081899_737651."""

    def about(self, message: Message) -> Json:
        """What became of *message*: its executions, objects and records."""

    def object(self, key: str) -> Json | None:
        """What lies under *key*."""

    def down(self) -> set[str]:
        """The services that have an outage."""

    def outage(self, service: str, on: bool) -> None:
        """Begin or end the outage of a service."""


_NO_APP = (
    "the app is not connected to this workspace: it is still starting (the terminal says when it runs), or works "
    "with your own Slack"
)


def is_for_people(request: Request) -> bool:
    """Whether *request* is the page's and not the app's, which may be sent to sign in at /?redir=…."""
    if request.query.startswith("redir="):
        return False
    return request.path in ("/", "/upload", "/favicon.ico") or request.path.startswith("/page/")


class PageRoutes:
    """Answers the page's requests. *cloud* may be set at any time."""

    def __init__(self, slack: "Slack") -> None:
        self.slack = slack
        self.cloud: Cloud | None = None
        self.run = uuid.uuid4().hex
        self._closed = False

    def close(self) -> None:
        """Let the feeds end."""
        self._closed = True
        self.slack.workspace.touch()

    def respond(self, request: Request) -> Response:
        """The answer to a request that `is_for_people`."""
        if not _from_here(request):
            return as_json({"error": "the page answers only itself, at 127.0.0.1"}, 403)
        try:
            return self._post(request) if request.method == "POST" else self._got(request)
        except page_actions.CannotError as reason:
            return as_json({"error": str(reason)}, 400)

    def _post(self, request: Request) -> Response:
        name = request.path.removeprefix("/page/").removeprefix("/")
        action = page_actions.ACTIONS.get(name)
        if action is None:
            return as_json(
                {"error": f"there is no {request.path}; there are {', '.join(page_actions.ACTIONS)}"}, 404
            )
        if not self.slack.request_url:
            raise page_actions.CannotError(_NO_APP)
        return as_json({"ok": True, **action(self.slack, self.cloud, request)})

    def _got(self, request: Request) -> Response:
        arguments = dict(parse_qsl(request.query))
        name = request.path.removeprefix("/page/")
        if name == "feed":
            return Response(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}, self._feed())
        if name == "state":
            return as_json(
                view.state(self.slack, self.cloud, arguments.get("channel", ""), arguments.get("user", ""))
            )
        if name == "inspect":
            message = page_actions.message(
                self.slack, arguments.get("channel", ""), arguments.get("ts", ""), even_deleted=True
            )
            return as_json(view.inspected(self.slack, self.cloud, message))
        if name == "object":
            archived_object = self.cloud and self.cloud.object(arguments.get("key", ""))
            return (
                as_json(archived_object)
                if archived_object
                else as_json({"error": "the archive has no such object"}, 404)
            )
        if name.startswith("files/"):
            return _content(self.slack.workspace.file(name.removeprefix("files/")))
        return _static("index.html" if request.path == "/" else name)

    def _feed(self) -> Iterator[bytes]:
        revision = -1
        while not self._closed:
            now = self.slack.workspace.wait_for_revision(revision, HEARTBEAT)
            yield f"data: {now}\n\n".encode() if now != revision else b": nothing new\n\n"
            revision = now


def _from_here(request: Request) -> bool:
    host = request.header("Host") or ""
    origin = request.header("Origin")
    return urlsplit(f"//{host}").hostname in ("127.0.0.1", "localhost") and origin in (None, f"http://{host}")


def _static(name: str) -> Response:
    path = FOLDER / name
    if path.parent != FOLDER or path.suffix not in KINDS or not path.is_file():
        return plain("not found", 404)
    body = path.read_bytes()
    headers = {"Content-Type": f"{KINDS[path.suffix]}; charset=utf-8", "Cache-Control": "no-cache"}
    return Response(200, headers | {"Content-Security-Policy": POLICY}, (body,), len(body))


def _content(file: File | None) -> Response:
    """The bytes; shown in place only where they are a picture, for an uploaded page must not run as this one."""
    if file is None or file.deleted:
        return plain("not found", 404)
    is_inline = view.is_picture(file)
    name = quote(file.name or file.id)
    headers = {
        "Content-Type": file.mimetype if is_inline else "application/octet-stream",
        "Content-Disposition": f"{'inline' if is_inline else 'attachment'}; filename*=UTF-8''{name}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Response(200, headers, chunks_of(file.content), file.size)
