"""The workflow's first step for each file: out of Slack, into the archive."""

import time
from fnmatch import fnmatchcase
from typing import Any, TypedDict

from chalicelib import blocks, filehost, layout, log, transfer
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import AccessRefused, FileGone, FileNotReady, SignInPage, TransferBroken
from chalicelib.files import ODD, File
from chalicelib.layout import DocumentRecord
from chalicelib.settings import Settings
from chalicelib.slack import INVITE, Slack, wait_when_limited

SPARE_SECONDS = 15.0
"""What is left of the function's time when a slow transfer is given up, to abort the upload in an orderly way."""

YOUNG_SECONDS = 300.0
"""So long after a file's creation Slack's word that it is gone, or not for the app, is not yet believed: Slack's
parts learn of a new file one after the other (https://github.com/slackapi/node-slack-sdk/issues/242)."""

_HELD = {None, "hosted", "snippet", "email"}
"""The modes of files whose bytes Slack holds (https://docs.slack.dev/reference/objects/file-object)."""
_STUB = "check_file_info"
_NOT_HELD = {
    "external": "Slack only links to it: the file itself is kept elsewhere.",
    "tombstone": "It was deleted in Slack.",
    "hidden_by_limit": "Slack hides it: it is beyond the limit of the workspace's plan.",
    "canvas": "It is a canvas, and canvases are not archived yet.",
    "quip": "It is a canvas, and canvases are not archived yet.",
    "docs": "It is a canvas, and canvases are not archived yet.",
    "post": "It is a post written in Slack: Slack has no file of it.",
    "space": "It is a post written in Slack: Slack has no file of it.",
    "list": "It is a list made in Slack: Slack has no file of it.",
    ODD: "Slack described it in a way that this archive does not understand.",
}
_NOT_SHOWN = "It was forwarded from a conversation that the app is not in, or it was deleted."
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
    if file["mode"] != ODD and _is_there(team, file["id"], archive):
        return _result("unchanged", file)
    deadline = time.monotonic() + seconds_left - SPARE_SECONDS
    created, is_forwarded = file["created"], file.get("forwarded")
    try:
        if skipped_because(file, settings) is None and _is_partial(file):
            file = _complete(file, slack)
            created = file["created"]
            is_forwarded = False  # the app may see it
        return _fetch(team, file, settings, archive, slack, deadline)
    except (FileGone, SignInPage) as error:
        if time.time() - created < YOUNG_SECONDS:
            raise FileNotReady(str(error)) from error
        if is_forwarded and isinstance(error, FileGone):
            return _result("skipped", file, reason=_NOT_SHOWN)
        raise


def _fetch(team: str, file: File, settings: Settings, archive: Archive, slack: Slack, deadline: float) -> Fetched:
    reason = skipped_because(file, settings)
    if reason:
        return _result("skipped", file, reason=reason)
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
    if mimetype and not any(fnmatchcase(mimetype, pattern) for pattern in settings.allowed_types):
        return f"This archive does not take files of the type {mimetype}."
    return None


def _is_partial(file: File) -> bool:
    """Return True if files.info has to complete *file*: where it can be fetched, for its type alone."""
    return not (_can_be_fetched(file) and file["mimetype"])


def _can_be_fetched(file: File) -> bool:
    """Return False if only files.info knows enough.

    Slack Connect sends stubs, a file still being processed has no address, large inputs are cut, and of a forwarded
    file nobody knows whether the app may see it.
    """
    is_whole = file["file_access"] != _STUB and bool(file["url"]) and file["size"] is not None
    return is_whole and not file.get("forwarded")


def _complete(file: File, slack: Slack) -> File:
    try:
        return _with_type(wait_when_limited(lambda: slack.file_info(file["id"])))
    except FileGone:
        if not _can_be_fetched(file):
            raise
        return _with_type(file)  # the file host decides; only the type was asked for


def _with_type(file: File) -> File:
    """Return *file* with the type that its name tells, where Slack does not know one yet."""
    if file["mimetype"] or not file["url"]:
        return file
    from mimetypes import guess_type

    return {**file, "mimetype": guess_type(file["name"] or "")[0] or "application/octet-stream"}


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
