"""A document's bytes into S3: streamed in parts, checked, whole or not at all."""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from chalicelib import clients, log
from chalicelib.archive import Archive, etag_of, s3_errors

if TYPE_CHECKING:
    from concurrent.futures import Future

PART = 8 * 1024 * 1024
"""Bytes held at a time, times the parts in flight. S3 takes 10,000 parts: up to 78 GB."""
PARTS_IN_FLIGHT = 3
_MIME_TYPE = re.compile(r"[a-z0-9.+_-]+/[a-z0-9.+_-]+", re.ASCII | re.IGNORECASE)


class Stored(NamedTuple):
    """The bytes that are in S3 now: how many, and their SHA-256 in hex."""

    size: int
    sha256: str


def store(archive: Archive, key: str, pieces: Iterable[bytes], size: int, mimetype: str | None) -> Stored:
    """Write *pieces*, *size* bytes in all, as the object *key*, and return what is stored.

    What is small and there already, stays: of a snippet that somebody edits while two messages fetch it, each
    would store another text, and only one of them could be the one that the record describes.

    S3 compares what it got with a CRC-32 of what was read. Memory stays at a few parts however long the object is.
    When *pieces* raises, or S3 does, nothing is left behind: an upload that is not whole is aborted, never
    completed.
    """
    digest = hashlib.sha256()
    headers: Any = {
        "ContentType": mimetype if mimetype and _MIME_TYPE.fullmatch(mimetype) else "application/octet-stream",
        "ContentDisposition": disposition(key.rpartition("/")[2]),
    }
    if size > PART:
        upload = Multipart(archive, key, headers)
        upload.send(parts(pieces, size, digest.update, upload.spare))
    else:
        [part] = parts(pieces, size, digest.update, [])
        if not _put_new(archive, key, part, headers):
            return _read_back(archive, key)
    return Stored(size, digest.hexdigest())


def _put_new(archive: Archive, key: str, part: "Part", headers: Any) -> bool:
    """Write the object if there is none, and return whether it was written."""
    with s3_errors("storing the document"):
        try:
            answer = archive.s3.put_object(
                Bucket=archive.bucket,
                Key=key,
                Body=part.body,
                ChecksumCRC32=part.crc32,
                IfNoneMatch="*",
                **headers,
            )
        except archive.s3.exceptions.ClientError as error:
            if clients.error_code(error) != "PreconditionFailed":
                raise
            return False
        etag_of(answer)
        return True


def _read_back(archive: Archive, key: str) -> Stored:
    with s3_errors("reading the document"):
        body = archive.s3.get_object(Bucket=archive.bucket, Key=key)["Body"].read()
    return Stored(len(body), hashlib.sha256(body).hexdigest())


def disposition(name: str) -> str:
    """Return the Content-Disposition that downloads an object under *name* (RFC 6266), never shows it in place."""
    return "attachment; filename*=UTF-8''" + quote(name, safe="")


class Part(NamedTuple):
    """What S3 gets in one request, and its CRC-32 in base64, which S3 compares with the bytes that arrive.

    Computed here, while the bytes are in the CPU cache. Given the checksum and a bytearray, botocore sends the body
    as it is: a third less CPU per part (docs/performance.md).
    """

    body: Any  # a bytearray, which botocore takes and its stubs do not know
    crc32: str


def parts(
    pieces: Iterable[bytes], size: int, on_piece: Callable[[bytes], object], spare: list[bytearray]
) -> Iterator[Part]:
    """Gather *pieces*, *size* bytes in all, in parts of exactly `PART` bytes, the last one shorter; at least one.

    *on_piece* is called with each piece. *spare* is memory to use again: new memory has to be cleared by the kernel
    first.
    """
    body, length, crc = bytearray(min(PART, size)), 0, 0
    for piece in pieces:
        on_piece(piece)
        while piece:
            if length == PART:
                yield _part(body, crc)
                body, length, crc = spare.pop() if spare else bytearray(PART), 0, 0
            fitting, piece = piece[: PART - length], piece[PART - length :]
            body[length : length + len(fitting)] = fitting
            crc = zlib.crc32(fitting, crc)
            length += len(fitting)
    del body[length:]
    yield _part(body, crc)


def _part(body: bytearray, crc: int) -> Part:
    return Part(body, base64.b64encode(crc.to_bytes(4, "big")).decode())


class Multipart:
    """One multipart upload: parts are sent by a few threads while the next one is read."""

    def __init__(self, archive: Archive, key: str, headers: dict[str, str]) -> None:
        self._s3 = archive.s3
        self._headers: Any = headers
        self._target: Any = {"Bucket": archive.bucket, "Key": key}
        self.spare: list[bytearray] = []
        """The memory of parts that were sent."""

    def send(self, parts: Iterator[Part]) -> None:
        """Send *parts* and complete the upload; abort it when anything raises."""
        from concurrent.futures import ThreadPoolExecutor

        with s3_errors("storing the document"):
            answer = self._s3.create_multipart_upload(**self._target, **self._headers, ChecksumAlgorithm="CRC32")
            upload_id = answer["UploadId"]
        try:
            with ThreadPoolExecutor(PARTS_IN_FLIGHT) as pool, s3_errors("storing the document"):
                etags = self._send_all(upload_id, parts, pool.submit)
                whole: Any = {"UploadId": upload_id, "MultipartUpload": {"Parts": etags}}
                etag_of(self._s3.complete_multipart_upload(**self._target, **whole))
        except BaseException:
            self._abort(upload_id)  # after the pool is empty: a part that arrives later would stay, and cost
            raise

    def _send_all(
        self, upload_id: str, parts: Iterator[Part], submit: Callable[..., "Future[Any]"]
    ) -> list[dict[str, Any]]:
        etags: list[Any] = []
        in_flight: list[Future[Any]] = []
        for number, part in enumerate(parts, 1):
            if len(in_flight) == PARTS_IN_FLIGHT:
                etags.append(in_flight.pop(0).result())
            in_flight.append(submit(self._send, upload_id, number, part))
        return etags + [future.result() for future in in_flight]

    def _send(self, upload_id: str, number: int, part: Part) -> dict[str, Any]:
        answer = self._s3.upload_part(
            **self._target, UploadId=upload_id, PartNumber=number, Body=part.body, ChecksumCRC32=part.crc32
        )
        self.spare.append(part.body)
        return {"PartNumber": number, "ETag": etag_of(answer), "ChecksumCRC32": part.crc32}

    def _abort(self, upload_id: str) -> None:
        """Drop the parts. If that fails as well, the bucket's lifecycle rule does it a day later."""
        try:
            self._s3.abort_multipart_upload(**self._target, UploadId=upload_id)
        except clients.aws_errors() as error:
            log.warning("upload not aborted", error=clients.error_code(error))
