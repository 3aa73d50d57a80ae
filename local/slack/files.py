"""A file in Slack, and the objects that Slack describes it with.

Fields: https://docs.slack.dev/reference/objects/file-object
"""

import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from local.slack.content import Content, sha256_of, size_of
from local.slack.identity import Address

Json = dict[str, Any]

CANVAS_MODES = ("canvas", "quip", "docs")
CANVAS_TYPE = "application/vnd.slack-docs"
TYPE_UNKNOWN = {"mimetype": "", "filetype": "", "pretty_type": ""}
PROCESSED = ("url_private", "url_private_download", "mimetype", "filetype", "pretty_type")


def with_overrides(shape: Json, overrides: Json) -> Json:
    """*shape* with *overrides* laid over it; the value ``...`` removes a field, None is JSON's null."""
    fields = {**shape, **overrides}
    return {name: value for name, value in fields.items() if not isinstance(value, types.EllipsisType)}


@dataclass(eq=False)
class File:
    """One uploaded file. *mode* is Slack's own word for its kind, or ``file_not_found`` for that stub."""

    id: str
    name: str | None
    content: Content
    mimetype: str
    user: str
    title: str | None
    mode: str
    created: int
    team_id: str
    address: Address
    overrides: Json = field(default_factory=dict)
    is_public: bool = True
    deleted: bool = False
    shares: dict[str, list[str]] = field(default_factory=dict)
    """Channel id to the timestamps of the messages that show the file there."""

    @property
    def size(self) -> int:
        """The true number of bytes, whatever an override says."""
        return size_of(self.content)

    @property
    def is_canvas(self) -> bool:
        """True for a document made in Slack, of which a download is a page."""
        return self.mode in CANVAS_MODES or self.mimetype == CANVAS_TYPE

    @cached_property
    def sha256(self) -> str:
        """The content's SHA-256, worked out when first asked for."""
        return sha256_of(self.content)

    def object(self) -> Json:
        """The file as an event shows it. Overrides never reach a stub: a stub has what Slack leaves in it."""
        stub = STUBS.get("tombstone" if self.deleted else self.mode)
        return stub(self) if stub else self.full()

    def info(self) -> Json:
        """The file as files.info shows it: whole where the event carried only Slack Connect's stub."""
        return self.object() if self.mode != "file_access" or self.deleted else self.full()

    def unprocessed(self) -> Json:
        """The file while Slack still scans it: nothing to download, no type yet."""
        return {name: value for name, value in self.object().items() if name not in PROCESSED}

    def typeless(self) -> Json:
        """The file before Slack has looked what it is: with its size and addresses, without a type."""
        return self.object() | TYPE_UNKNOWN

    def full(self) -> Json:
        """The whole object, overrides included."""
        kind = KINDS.get(self.mode)
        return with_overrides(_hosted(self), (kind(self) if kind else {}) | self.overrides)

    @property
    def url_name(self) -> str:
        """The last segment of the file's URLs: the name lower-cased and underscored, so never the name itself."""
        return re.sub(r"[^a-z0-9._-]+", "_", (self.name or "file").lower()).strip("_") or "file"

    @property
    def filetype(self) -> str:
        """Slack's short type, here simply the extension."""
        return PurePosixPath(self.name or "").suffix.lstrip(".").lower() or "binary"


def _hosted(file: File) -> Json:
    base = f"{file.address.url}/files-pri/{file.team_id}-{file.id}"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.filetype,
        "pretty_type": file.filetype.upper(),
        "user": file.user,
        "user_team": file.team_id,
        "editable": False,
        "size": file.size,
        "mode": "hosted" if file.mode == "file_access" else file.mode,
        "is_external": False,
        "external_type": "",
        "is_public": file.is_public,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{base}/{file.url_name}",
        "url_private_download": f"{base}/download/{file.url_name}",
        "media_display_type": "unknown",
        "permalink": f"{file.address.url}/files/{file.user}/{file.id}/{file.url_name}",
        "permalink_public": f"{file.address.url}/{file.team_id}-{file.id}-0000000000",
        "is_starred": False,
        "has_rich_preview": False,
        "file_access": "visible",
    }


def _snippet(file: File) -> Json:
    text = file.content.decode(errors="replace") if isinstance(file.content, bytes) else ""
    lines = text.splitlines()
    edit_link = f"{file.address.url}/files/{file.user}/{file.id}/{file.url_name}/edit"
    return {
        "editable": True,
        "edit_link": edit_link,
        "preview": "\n".join(lines[:5]),
        "lines": len(lines),
        "lines_more": max(0, len(lines) - 5),
    }


def _external(file: File) -> Json:
    elsewhere = f"{file.address.foreign}/external/{file.id}"
    links = {"external_url": elsewhere, "url_private": elsewhere, "url_private_download": ...}
    return {"is_external": True, "external_type": "gdrive", "size": 0, **links}


def _canvas(file: File) -> Json:
    """The size is of what Slack keeps, and not of the page that it makes of that."""
    about = {"filetype": "quip", "pretty_type": "Canvas", "editable": True}
    return {"mimetype": CANVAS_TYPE, "size": file.size // 2 + 1, **about}


def connect_stub(file: File) -> Json:
    """All that events of a Slack Connect channel tell. https://docs.slack.dev/apis/slack-connect"""
    unknown = {"created": 0, "timestamp": 0, "user": ""}
    return {"id": file.id, "mode": "file_access", "file_access": "check_file_info", **unknown}


def _missing_stub(file: File) -> Json:
    unknown = {"created": 0, "timestamp": 0}
    return {"id": file.id, "file_access": "file_not_found", **unknown, "user": file.user, "filetype": file.filetype}


def _tombstone(file: File) -> Json:
    return {"id": file.id, "mode": "tombstone"}


def _hidden_by_limit(file: File) -> Json:
    return {"id": file.id, "mode": "hidden_by_limit", "channels": list(file.shares), "groups": [], "ims": []}


Shape = Callable[[File], Json]
KINDS: dict[str, Shape] = {
    "snippet": _snippet,
    "external": _external,
    **dict.fromkeys(CANVAS_MODES, _canvas),
}
STUBS: dict[str, Shape] = {
    "file_access": connect_stub,
    "file_not_found": _missing_stub,
    "tombstone": _tombstone,
    "hidden_by_limit": _hidden_by_limit,
}
