"""The steps of a transfer as functions. Each also does the steps before it: the difference is its own time.

Runs inside a measured process, beside the app's modules, as `app.fetch_file` does.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from chalicelib import clients, filehost, settings, transfer
from chalicelib.archive import Archive
from chalicelib.slack import Slack

ARCHIVED = {"status": "archived"}
"""The answer of a measured fetch."""


def read(event: dict[str, Any], context: object) -> dict[str, str]:
    """Read the file from Slack, and drop it."""
    with _download(event["file"]) as pieces:
        for _ in pieces:
            pass
    return ARCHIVED


def hashed(event: dict[str, Any], context: object) -> dict[str, str]:
    """Do the same, and compute the SHA-256 for the record."""
    digest = hashlib.sha256()
    with _download(event["file"]) as pieces:
        for piece in pieces:
            digest.update(piece)
    return ARCHIVED


def parted(event: dict[str, Any], context: object) -> dict[str, str]:
    """Do the same, and gather the bytes in parts, each with its CRC-32."""
    with _download(event["file"]) as pieces:
        spare: list[bytearray] = []
        for part in transfer.parts(pieces, event["file"]["size"], hashlib.sha256().update, spare):
            spare.append(part.body)
    return ARCHIVED


def sent(event: dict[str, Any], context: object) -> dict[str, str]:
    """Send to S3 only: the same part again and again."""
    [part] = transfer.parts([bytes(transfer.PART)], transfer.PART, len, [])
    count = -(-event["file"]["size"] // transfer.PART)
    transfer.Multipart(Archive(clients.s3(), "archive"), "documents/large.bin", {}).send(iter([part] * count))
    return ARCHIVED


def _download(file: Any) -> AbstractContextManager[Iterator[bytes]]:
    slack = Slack(clients.http(), settings.load("ACCESS_TOKEN", "SLACK_URL"))
    return filehost.download(slack, file, file["url"], file["size"], time.monotonic() + 900)
