"""The workflow's first step for each file: out of Slack, into the archive."""

import time
from fnmatch import fnmatchcase
from typing import Any, TypedDict

from chalicelib import blocks, filehost, layout, log, transfer
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import AccessRefused, FileNotReady, TransferBroken
from chalicelib.events import File
from chalicelib.layout import DocumentRecord
from chalicelib.settings import Settings
from chalicelib.slack import INVITE, Slack, wait_when_limited

SPARE_SECONDS = 15.0
"""What is left of the function's time when a slow transfer is given up, to abort the upload in an orderly way."""

_HELD = {None, "hosted", "snippet", "email"}
"""The modes of files whose bytes Slack holds (https://docs.slack.dev/reference/objects/file-object)."""
_STUB = "check_file_info"
_NOT_HELD = {
    "external": "Slack only links to it: the file itself is kept elsewhere.",
    "tombstone": "It was deleted in Slack.",
    "hidden_by_limit": "Slack hides it: it is beyond the limit of the workspace's plan.",
    "canvas": "It is a canvas: Slack has no file of it.",
    "quip": "It is a canvas: Slack has no file of it.",
    "docs": "It is a canvas: Slack has no file of it.",
    "post": "It is a post written in Slack: Slack has no file of it.",
    "space": "It is a post written in Slack: Slack has no file of it.",
    "list": "It is a list made in Slack: Slack has no file of it.",
}
_CANVAS_TYPE = "application/vnd.slack-docs"


class Fetched(TypedDict):
    """What the step hands on: *status* is `archived`, `unchanged` or `skipped`."""

    status: str
    file: File
    document: str | None
    sha256: str | None
    reason: str | None


def fetch(
    team: str, file: File, settings: Settings, archive: Archive, slack: Slack, seconds_left: float
) -> Fetched:
    """Bring *file* into the archive unless it is there, or Slack holds no bytes of it, or they are not wanted.

    *seconds_left* is the time that the function has. Raises Transient and Final errors.
    """
    if _is_there(team, file["id"], archive):
        return _result("unchanged", file)
    if skipped_because(file, settings) is None and _is_partial(file):
        file = wait_when_limited(lambda: slack.file_info(file["id"]))
    reason = skipped_because(file, settings)
    if reason:
        return _result("skipped", file, reason=reason)
    deadline = time.monotonic() + seconds_left - SPARE_SECONDS
    try:
        return _transfer(team, file, archive, slack, deadline)
    except TransferBroken:
        # A snippet that was edited since has another size. If Slack says so too, that is the document now.
        fresh = wait_when_limited(lambda: slack.file_info(file["id"]))
        if fresh["size"] == file["size"] or skipped_because(fresh, settings):
            raise
        log.info("size changed in Slack", before=file["size"], after=fresh["size"])
        return _transfer(team, fresh, archive, slack, deadline)


def _is_there(team: str, file_id: str, archive: Archive) -> bool:
    """Return True if the document has a record and its bytes: a record alone promises what nobody can open."""
    stored: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(team, file_id))
    if stored is None:
        return False
    document = stored.value["document"]
    is_whole = document is not None and archive.has(document)
    if not is_whole:
        log.warning("record without its document")
    return is_whole


def skipped_because(file: File, settings: Settings) -> str | None:
    """Return why *file* is not archived, for the person who shared it; None if it is."""
    mode, size, mimetype = file["mode"], file["size"], (file["mimetype"] or "").lower()
    if mode in _NOT_HELD:
        return _NOT_HELD[mode]
    if mimetype == _CANVAS_TYPE:
        return _NOT_HELD["canvas"]
    if file["file_access"] == "file_not_found":
        return _NOT_HELD["tombstone"]
    if file["file_access"] != _STUB and mode not in _HELD:
        return f"It is of a kind that this archive does not know ({mode})."
    if size is not None and size > settings.max_file_bytes:
        limit = blocks.size(settings.max_file_bytes)
        return f"It is larger than this archive takes: {blocks.size(size)} of at most {limit}."
    if not mimetype and not _is_partial(file):
        mimetype = "application/octet-stream"
    if mimetype and not any(fnmatchcase(mimetype, pattern) for pattern in settings.allowed_types):
        return f"This archive does not take files of the type {mimetype}."
    return None


def _is_partial(file: File) -> bool:
    """Slack Connect sends stubs, a file still being processed has no address, and large inputs are cut."""
    return file["file_access"] == _STUB or not file["url"] or file["size"] is None


def _transfer(team: str, file: File, archive: Archive, slack: Slack, deadline: float) -> Fetched:
    url, size = file["url"], file["size"]
    if file["file_access"] == "access_denied":
        raise AccessRefused(f"Slack does not let the app see the file. {INVITE} (access_denied).")
    if not url or size is None or file["file_access"] == _STUB:
        raise FileNotReady("Slack has not finished processing the file.")
    key = layout.document_key(team, file["id"], file["name"])
    with filehost.download(slack, file, url, size, deadline) as pieces:
        stored = transfer.store(archive, key, pieces, size, file["mimetype"])
    log.info("document stored", size=stored.size, sha256=stored.sha256)
    return _result("archived", {**file, "size": stored.size}, document=key, sha256=stored.sha256)


def _result(status: str, file: File, **more: Any) -> Fetched:
    return {"status": status, "file": file, "document": None, "sha256": None, "reason": None, **more}  # type: ignore[typeddict-item]
