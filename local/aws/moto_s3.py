"""Where moto's S3 is not as AWS: it is kinder with checksums and conditions, and loses what somebody reads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, FakeMultipart, S3Backend
from moto.s3.responses import S3Response

from local.aws.parts import CHECKSUM, NAMESPACE
from local.aws.patches import Patches

_TRAILER = re.compile(rb"\r\n(x-amz-checksum-\w+):([\w+/=]+)\r\n")
_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
}


class BadDigest(S3ClientError):
    """The bytes are not those that the checksum is of."""

    code = "BadDigest"

    def __init__(self, kind: str) -> None:
        super().__init__("BadDigest", f"The {kind} you specified did not match the calculated checksum.")


class ChecksumMissing(S3ClientError):
    """A part is listed without the checksum that the upload was begun with."""

    code = "InvalidRequest"

    def __init__(self, kind: str, part: int) -> None:
        super().__init__(
            "InvalidRequest",
            f"The upload was created using a {kind} checksum. The complete request must include the checksum for "
            f"each part. It was missing for part {part} in the request.",
        )


class WrongPart(S3ClientError):
    """A part is listed with another checksum than it came with."""

    code = "InvalidPart"

    def __init__(self) -> None:
        super().__init__("InvalidPart", "One or more of the specified parts could not be found.")


def let_readers_finish(patches: Patches) -> None:
    """Moto closes an object that is replaced or deleted while it is read. Its last reader closes it instead."""
    close = FakeKey.dispose

    def dispose(key: Any, garbage: bool = False) -> None:
        key.disposed = True
        if garbage:
            close(key, garbage)

    patches.attribute(FakeKey, "dispose", dispose)


def write_one_at_a_time(patches: Patches) -> None:
    """Moto looks at a condition, and writes later: of two that name the same ETag at one moment, both succeed."""
    patches.one_at_a_time(_WRITES)


_WRITES = [
    (S3Response, "put_object"),
    (S3Response, "delete_object"),
    (S3Response, "_key_response_post"),  # it completes an upload
    (S3Backend, "put_object"),
    (S3Backend, "delete_object"),
]


def check_checksums(patches: Patches) -> None:
    """Moto believes every checksum, asks for none when an upload is completed, and tells HEAD less than GET."""

    def put(response: Any) -> Any:
        _compare(response)
        return put_before(response)

    def upload_part(response: Any) -> Any:
        _compare(response)
        return upload_before(response)

    def list_parts(response: Any, body: bytes) -> Iterator[tuple[int, str]]:
        upload = response.backend.get_bucket(response.bucket_name).multiparts.get(
            response.querystring["uploadId"][0]
        )
        if upload:
            _compare_parts(upload, body)
        yield from listed_before(response, body)

    def head(response: Any, bucket: str, query: Any, key_name: str, headers: Any) -> Any:
        status, answer_headers, body = head_before(response, bucket, query, key_name, headers=headers)
        key = response.backend.get_object(bucket, key_name)
        for name in [
            name for name in answer_headers if name.startswith(CHECKSUM) and key.checksum_type == "COMPOSITE"
        ]:
            answer_headers[name] = f"{key.checksum_value}-{key.checksum_parts}"
            answer_headers["x-amz-checksum-type"] = key.checksum_type
        return status, answer_headers, body

    head_before = patches.attribute(S3Response, "head_object", head)
    put_before = patches.attribute(S3Response, "put_object", put)
    upload_before = patches.attribute(S3Response, "upload_part", upload_part)
    listed_before = patches.attribute(S3Response, "_complete_multipart_body", list_parts)


def _compare(response: Any) -> None:
    """Raise BadDigest unless the checksums in the headers, or behind the body, are those of the body."""
    body = response.body if isinstance(response.body, bytes) else response.body.encode()
    headers = {name.lower(): value for name, value in response.headers.items()}
    trailers = {name.decode(): value.decode() for name, value in _TRAILER.findall(_end(response))}
    for kind, digest in _DIGESTS.items():
        value = headers.get(CHECKSUM + kind) or trailers.get(CHECKSUM + kind)
        if value and value != base64.b64encode(digest(body)).decode():
            raise BadDigest(kind.upper())
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    if headers.get("content-md5") not in (None, base64.b64encode(md5).decode()):
        raise BadDigest("Content-MD5")


def _end(response: Any) -> bytes:
    """Return the end of the body as it was sent, where checksums are that were not known before it."""
    is_chunked = "STREAMING" in response.headers.get("x-amz-content-sha256", "")
    return bytes(response.raw_body[-500:]) if is_chunked else b""


def _compare_parts(upload: FakeMultipart, body: bytes) -> None:
    """Raise what S3 does where the parts in *body* lack their checksums, or have others."""
    kind = (upload.metadata.get("x-amz-checksum-algorithm") or "").lower()
    if kind not in _DIGESTS or upload.metadata.get("x-amz-checksum-type") == "FULL_OBJECT":
        return
    for part in ElementTree.fromstring(body).iter(f"{NAMESPACE}Part"):
        fields = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in part}
        number, checksum = int(fields["PartNumber"]), fields.get(f"Checksum{kind.upper()}")
        part_before = upload.parts.get(number)
        if checksum is None:
            raise ChecksumMissing(kind, number)
        if part_before and checksum != base64.b64encode(_DIGESTS[kind](part_before.value)).decode():
            raise WrongPart
