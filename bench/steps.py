"""The steps of a transfer as functions, each with those before it: what one takes is the difference.

Runs inside a measured process, beside the app's modules, as `app.fetch_file` does.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from chalicelib import archive, clients, filehost, settings

ARCHIVED = {"status": "archived"}
"""What a measured fetch answers."""


def read(event: dict[str, Any], context: object) -> dict[str, str]:
    """Out of Slack, and dropped."""
    with _download(event["file"]) as pieces:
        for _ in pieces:
            pass
    return ARCHIVED


def hashed(event: dict[str, Any], context: object) -> dict[str, str]:
    """The same, with the SHA-256 that the record promises."""
    digest = hashlib.sha256()
    with _download(event["file"]) as pieces:
        for piece in pieces:
            digest.update(piece)
    return ARCHIVED


def parted(event: dict[str, Any], context: object) -> dict[str, str]:
    """The same, gathered in parts with a CRC-32 each."""
    with _download(event["file"]) as pieces:
        spare: list[bytearray] = []
        for part in archive._parts(pieces, event["file"]["size"], hashlib.sha256().update, spare):
            spare.append(part.body)
    return ARCHIVED


def sent(event: dict[str, Any], context: object) -> dict[str, str]:
    """Only into S3, the same part again and again."""
    [part] = archive._parts([bytes(archive.PART)], archive.PART, len, [])
    count = -(-event["file"]["size"] // archive.PART)
    archive._Multipart(clients.s3(), "archive", "documents/large.bin", {}).send(iter([part] * count))
    return ARCHIVED


def _download(file: Any) -> AbstractContextManager[Iterator[bytes]]:
    chosen = settings.load("ACCESS_TOKEN", "SLACK_URL")
    return filehost.download(clients.http(), chosen, file, file["url"], file["size"], time.monotonic() + 900)
