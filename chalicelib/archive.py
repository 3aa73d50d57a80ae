"""S3: where things lie, documents streamed into it, records changed under conditions.

documents/{team}/{file}/{name}          the content
metadata/{team}/{file}.json             the document's record
messages/{team}/{channel}/{ts}.json     what the message says now
notices/{execution}.json                claims and marks of what was posted
"""

import base64
import hashlib
import json
import random
import re
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from chalicelib import clients, log
from chalicelib.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024
"""Bytes held at a time, times the parts in flight. S3 takes 10,000 parts: up to 78 GB."""
PARTS_IN_FLIGHT = 3
LONGEST_NAME = 200
"""Bytes of a document's name in its key; S3 allows 1,024 for the whole key."""
_TRIES = 20
_MIME_TYPE = re.compile(r"[a-z0-9.+_-]+/[a-z0-9.+_-]+", re.ASCII | re.IGNORECASE)
_UNSAFE = set("/\\{}^%~#|<>[]`\"'")
"""Separators, and what S3 advises against in keys (AmazonS3/latest/userguide/object-keys.html)."""
_NO_RIGHT = {"AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "AllAccessDisabled", "InvalidBucketName"}
_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}

Record = dict[str, Any]


class Kept(NamedTuple):
    """A JSON object as it lies in S3, with the *etag* that a conditional write names."""

    value: Record
    etag: str


def document_key(team: str, file_id: str, name: str | None) -> str:
    """Return where the content of a file called *name* lies."""
    return f"documents/{team}/{file_id}/{safe_name(name) or file_id}"


def metadata_key(team: str, file_id: str) -> str:
    """Return where the document's record lies."""
    return f"metadata/{team}/{file_id}.json"


def message_key(team: str, channel: str, ts: str) -> str:
    """Return where the message's record lies."""
    return f"messages/{team}/{channel}/{ts}.json"


def notice_key(name: str) -> str:
    """Return where the claim of a notice lies; *name* is its execution's."""
    return f"notices/{name}.json"


def safe_name(name: str | None) -> str:
    """Return *name* fit for the last part of a key: NFC, nothing unsafe or invisible, extension kept.

    May be empty.
    """
    plain = unicodedata.normalize("NFC", name or "")
    shown = "".join("_" if character in _UNSAFE else character for character in plain if _is_visible(character))
    shown = shown.strip(" .")
    stem, dot, extension = shown.rpartition(".")
    if not dot or len(extension.encode()) > LONGEST_NAME // 4:
        return _cut(shown, LONGEST_NAME)
    return _cut(stem, LONGEST_NAME - len(extension.encode()) - 1) + "." + extension


def _is_visible(character: str) -> bool:
    """Leave out control and format characters (right-to-left marks among them), surrogates, line ends."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore").strip(" .")


def disposition(name: str) -> str:
    """Return the Content-Disposition that downloads an object under *name* (RFC 6266), never shows it in place."""
    return "attachment; filename*=UTF-8''" + quote(name, safe="")


@contextmanager
def answering(doing: str) -> Iterator[None]:
    """Turn what S3 raises while *doing* into ArchiveRefused (no right, no bucket) or ArchiveUnavailable."""
    try:
        yield
    except clients.aws_errors() as error:
        code = clients.error_code(error)
        if code in _NO_RIGHT:
            raise ArchiveRefused(f"The archive's bucket refuses {doing} ({code}).") from error
        raise ArchiveUnavailable(f"The archive could not take part in {doing} ({code}).") from error


def store(s3: "S3Client", bucket: str, key: str, pieces: Iterable[bytes], size: int, mimetype: str | None) -> str:
    """Write *pieces*, *size* bytes in all, as the object *key* and return the SHA-256 of the whole, in hex.

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
        upload = _Multipart(s3, bucket, key, headers)
        upload.send(_parts(pieces, size, digest.update, upload.spare))
    else:
        [part] = _parts(pieces, size, digest.update, [])
        with answering("storing the document"):
            stored(s3.put_object(Bucket=bucket, Key=key, Body=part.body, ChecksumCRC32=part.crc32, **headers))
    return digest.hexdigest()


class _Part(NamedTuple):
    """What S3 is sent at once, and the CRC-32 in base64 by which it sees that this is what was read.

    botocore would compute it as well, but later, when the bytes have left the processor's cache, and send them in
    pieces of 16 KB; and it copies a body of `bytes` behind the headers. So, sending takes a third less.
    """

    body: Any  # a bytearray, which botocore takes and its stubs do not know
    crc32: str


def _parts(
    pieces: Iterable[bytes], size: int, seen: Callable[[bytes], object], spare: list[bytearray]
) -> Iterator[_Part]:
    """Gather *pieces*, *size* bytes in all, in parts of exactly `PART` bytes, the last one shorter; at least one.

    *spare* is memory to use again: new memory has to be cleared by the kernel first.
    """
    body, filled, crc = bytearray(min(PART, size)), 0, 0
    for piece in pieces:
        seen(piece)
        while piece:
            if filled == PART:
                yield _part(body, crc)
                body, filled, crc = spare.pop() if spare else bytearray(PART), 0, 0
            taken, piece = piece[: PART - filled], piece[PART - filled :]
            body[filled : filled + len(taken)] = taken
            crc = zlib.crc32(taken, crc)
            filled += len(taken)
    del body[filled:]
    yield _part(body, crc)


def _part(body: bytearray, crc: int) -> _Part:
    return _Part(body, base64.b64encode(crc.to_bytes(4, "big")).decode())


class _Multipart:
    """One multipart upload: parts are sent by a few threads while the next one is read."""

    def __init__(self, s3: "S3Client", bucket: str, key: str, headers: dict[str, str]) -> None:
        self._s3 = s3
        self._headers: Any = headers
        self._target: Any = {"Bucket": bucket, "Key": key}
        self.spare: list[bytearray] = []
        """The memory of parts that were sent."""

    def send(self, parts: Iterator[_Part]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with answering("storing the document"):
            begun = self._s3.create_multipart_upload(**self._target, **self._headers, ChecksumAlgorithm="CRC32")
            upload = begun["UploadId"]
        try:
            with ThreadPoolExecutor(PARTS_IN_FLIGHT) as pool, answering("storing the document"):
                tags = self._send_all(upload, parts, pool.submit)
                whole: Any = {"UploadId": upload, "MultipartUpload": {"Parts": tags}}
                stored(self._s3.complete_multipart_upload(**self._target, **whole))
        except BaseException:
            self._abort(upload)  # after the pool is empty: a part that arrives later would stay, and cost
            raise

    def _send_all(self, upload: str, parts: Iterator[_Part], submit: Callable[..., "Future[Any]"]) -> list[Any]:
        tags: list[Any] = []
        in_flight: list[Future[Any]] = []
        for number, part in enumerate(parts, 1):
            if len(in_flight) == PARTS_IN_FLIGHT:
                tags.append(in_flight.pop(0).result())
            in_flight.append(submit(self._send, upload, number, part))
        return tags + [future.result() for future in in_flight]

    def _send(self, upload: str, number: int, part: _Part) -> dict[str, Any]:
        answer = self._s3.upload_part(
            **self._target, UploadId=upload, PartNumber=number, Body=part.body, ChecksumCRC32=part.crc32
        )
        self.spare.append(part.body)
        return {"PartNumber": number, "ETag": stored(answer), "ChecksumCRC32": part.crc32}

    def _abort(self, upload: str) -> None:
        """Drop the parts. If that fails as well, the bucket's lifecycle rule does it a day later."""
        try:
            self._s3.abort_multipart_upload(**self._target, UploadId=upload)
        except clients.aws_errors() as error:
            log.warning("upload not aborted", error=clients.error_code(error), document=self._target["Key"])


def read(s3: "S3Client", bucket: str, key: str) -> Kept | None:
    """Return the JSON object at *key*, or None where there is none."""
    with answering("reading a record"):
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        body = answer["Body"].read()
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ArchiveUnavailable("A record in the archive could not be read: it is no JSON.") from error
    return Kept(value, answer["ETag"])


def write(s3: "S3Client", bucket: str, key: str, value: Record, *, over: Kept | None) -> Kept | None:
    """Write *value* at *key* if there still lies what *over* says (None: nothing); return None if not.

    One object on one line, as Athena reads it.
    """
    condition: Any = {"IfMatch": over.etag} if over else {"IfNoneMatch": "*"}
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    with answering("writing a record"):
        try:
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
        except s3.exceptions.ClientError as error:
            if clients.error_code(error) not in _LOST_RACE:
                raise
            return None
        return Kept(value, stored(answer))


def stored(answer: Any) -> str:
    """Return the ETag by which S3 says that it has the bytes; a success without one is a proxy's, not S3's."""
    if not answer.get("ETag"):
        raise ArchiveUnavailable("The archive's answer does not say that it stored anything.")
    return str(answer["ETag"])


def change(s3: "S3Client", bucket: str, key: str, changed: Callable[[Record | None], Record]) -> Record:
    """Replace the record at *key* by what *changed* makes of it, and return that.

    Others may change it at the same moment: then *changed* is asked again, about what they wrote. A record that
    stays as it is, is not written.
    """
    for attempt in range(_TRIES):
        current = read(s3, bucket, key)
        value = changed(current and current.value)
        if current and value == current.value:
            return value
        if write(s3, bucket, key, value, over=current):
            return value
        time.sleep(random.uniform(0, 0.05 * (attempt + 1)))
    raise ArchiveUnavailable("Too many others changed the same record at the same moment.")
