"""The workflow's first step for each file: out of Slack, into the archive."""

import hashlib
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, TypedDict, TypeVar

from chalicelib import blocks, canvas, filehost, layout, log, transfer
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import (
    LONGEST_MESSAGE,
    AccessRefused,
    FileGone,
    FileNotReady,
    SignInPage,
    TransferBroken,
)
from chalicelib.files import ODD, YOUNG_SECONDS, File, is_canvas
from chalicelib.layout import DocumentRecord
from chalicelib.settings import Settings, export_token
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
    "post": "It is a post of Slack's former editor, and posts are not archived.",
    "space": "It is a post of Slack's former editor, and posts are not archived.",
    "list": "It is a list made in Slack, and lists are not archived.",
    ODD: "Slack described it in a way that this archive does not understand.",
}
_NOT_SHOWN = "It was forwarded from a conversation that the app is not in, or it was deleted."

T = TypeVar("T")


class FetchResult(TypedDict):
    """What the step hands on: *status* is `archived`, `unchanged` or `skipped`."""

    status: str
    file: File
    document: str | None
    sha256: str | None
    reason: str | None


def fetch(
    team: str, file: File, settings: Settings, archive: Archive, slack: Slack, seconds_left: float
) -> FetchResult:
    """Bring *file* into the archive unless it is there, or Slack holds no bytes of it, or they are not wanted.

    *seconds_left* is the time that the function has. Raises Transient and Final errors.
    """
    record = _archived_record(team, file["id"], archive) if file["mode"] != ODD else None
    if record and not (is_canvas(file) or record["file"].get("snapshot")):
        return _result("unchanged", file)
    deadline = time.monotonic() + seconds_left - SPARE_SECONDS
    creation_time, is_forwarded = file["created"], file.get("forwarded")
    try:
        if skipped_because(file, settings) is None and _is_partial(file):
            file = _complete(file, slack)
            creation_time = file["created"]
            is_forwarded = False  # the app may see it
        if is_canvas(file):
            return _snapshot(team, file, settings, archive, slack, deadline)
        return _fetch(team, file, settings, archive, slack, deadline)
    except canvas.REFUSALS as error:
        if isinstance(error, (FileGone, SignInPage)) and time.time() - creation_time < YOUNG_SECONDS:
            raise FileNotReady(str(error)) from error
        if is_forwarded and isinstance(error, FileGone):
            return _result("skipped", file, reason=_NOT_SHOWN)
        if not is_canvas(file):
            raise
        return _without_snapshot(team, file, archive, f"It is a canvas that Slack did not hand out. {error}")


def _snapshot(
    team: str, file: File, settings: Settings, archive: Archive, slack: Slack, deadline: float
) -> FetchResult:
    """Archive the canvas *file* as it is now, unless that is what was archived last."""
    reason = skipped_because(file, settings)
    if reason:
        return _without_snapshot(team, file, archive, reason)
    page, most = canvas.as_page(file), min(canvas.LARGEST, settings.max_file_bytes)
    snapshot_time = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    content = _by_any_token(file, slack, lambda way: canvas.content(file, most, way, deadline))
    if len(content) > most:
        return _without_snapshot(team, file, archive, f"It is a canvas of more than {blocks.size(most)}.")
    sha256 = hashlib.sha256(content).hexdigest()
    record = _archived_record(team, file["id"], archive)
    if record and record["file"]["sha256"] == sha256:
        return _result("unchanged", page)
    key = layout.snapshot_key(team, file["id"], page["name"], sha256)
    transfer.store(archive, key, [content], len(content), page["mimetype"])
    log.info("canvas stored", size=len(content), sha256=sha256)
    snapshot: File = {**page, "size": len(content), "snapshot": snapshot_time}
    return _result("archived", snapshot, document=key, sha256=sha256)


def _without_snapshot(team: str, file: File, archive: Archive, reason: str) -> FetchResult:
    """Return the result for a canvas that is not archived now: what was archived of it before, stays."""
    if _archived_record(team, file["id"], archive):
        log.info("canvas not archived again", reason=reason)
        return _result("unchanged", canvas.as_page(file))
    return _result("skipped", file, reason=reason[:LONGEST_MESSAGE])


def _fetch(
    team: str, file: File, settings: Settings, archive: Archive, slack: Slack, deadline: float
) -> FetchResult:
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


def _archived_record(team: str, file_id: str, archive: Archive) -> DocumentRecord | None:
    """Return the document's record if its bytes are there, too: a record alone promises what nobody can open."""
    record: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(team, file_id))
    if record is None:
        return None
    document = record.value["document"]
    if document is None or not archive.has(document):
        log.warning("record without its document")
        return None
    return record.value


def skipped_because(file: File, settings: Settings) -> str | None:
    """Return why *file* is not archived, for the person who shared it; None if it is."""
    is_page = is_canvas(file)  # of which Slack states some size
    mode, size = file["mode"], file["size"]
    mimetype = canvas.PAGE_TYPE if is_page else (file["mimetype"] or "").lower()
    if mode in _NOT_HELD:
        return _NOT_HELD[mode]
    if file["file_access"] == "file_not_found":
        return _NOT_HELD["tombstone"]
    if file["file_access"] != _STUB and mode not in _HELD and not is_page:
        return f"It is of a kind that this archive does not know ({mode})."
    if size is not None and size > settings.max_file_bytes and not is_page:
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
    is_whole = file["file_access"] != _STUB and bool(file["url"]) and (file["size"] is not None or is_canvas(file))
    return is_whole and not file.get("forwarded")


def _complete(file: File, slack: Slack) -> File:
    try:
        whole = _with_type(wait_when_limited(lambda: slack.file_info(file["id"])))
        return {**whole, "export_token": file["export_token"]} if "export_token" in file else whole
    except (FileGone, AccessRefused) as error:
        if not _can_be_fetched(file) or (isinstance(error, AccessRefused) and "export_token" not in file):
            raise
        return _with_type(file)  # the file host decides; only the type was asked for


def _with_type(file: File) -> File:
    """Return *file* with the type that its name tells, where Slack does not know one yet."""
    if file["mimetype"] or not file["url"]:
        return file
    from mimetypes import guess_type

    return {**file, "mimetype": guess_type(file["name"] or "")[0] or "application/octet-stream"}


def _transfer(team: str, file: File, archive: Archive, slack: Slack, deadline: float) -> FetchResult:
    url, size = file["url"], file["size"]
    if file["file_access"] == "access_denied":
        raise AccessRefused(f"Slack does not let the app see the file. {INVITE} (access_denied).")
    if not url or size is None or file["file_access"] == _STUB:
        raise FileNotReady("Slack has not finished processing the file.")
    key = layout.document_key(team, file["id"], file["name"])

    def store(way: Slack) -> transfer.Stored:
        with filehost.download(way, file, url, size, deadline) as pieces:
            return transfer.store(archive, key, pieces, size, file["mimetype"])

    result = _by_any_token(file, slack, store)
    log.info("document stored", size=result.size, sha256=result.sha256)
    return _result("archived", {**file, "size": result.size}, document=key, sha256=result.sha256)


def _by_any_token(file: File, slack: Slack, action: Callable[[Slack], T]) -> T:
    """Return what *action* returns with the token of the export that named *file*, or else with the app's."""
    token = export_token(file["export_token"]) if "export_token" in file else None
    if token:
        try:
            return action(Slack(slack.http, slack.settings, token))
        except canvas.REFUSALS as error:
            log.info("not by the export's token", error=type(error).__name__)
    return action(slack)


def _result(status: str, file: File, **more: Any) -> FetchResult:
    return {"status": status, "file": file, "document": None, "sha256": None, "reason": None, **more}  # type: ignore[typeddict-item]
