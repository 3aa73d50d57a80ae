"""Parts of a discarding S3: read from the socket, summed, checked, and (unless they are small) forgotten."""

import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from local.http_server import BodyStream

CHUNK = 1024 * 1024
KEPT_BYTES = 1024 * 1024  # objects up to this size keep their content
CHECKSUM = "x-amz-checksum-"
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"

Listed = tuple[int, str, Mapping[str, str]]  # a part as CompleteMultipartUpload names it: number, tag, checksums


class S3Error(Exception):
    """An error answer of S3."""

    def __init__(self, code: str, status: int = 400, message: str = "") -> None:
        super().__init__(code)
        self.code, self.status, self.message = code, status, message


@dataclass(frozen=True)
class Part:
    """One part, or the only one. *checksums* are those which the client sent and which were found right."""

    size: int
    sha256: bytes
    content: bytes | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Not the MD5, which S3 does not promise either, and which would cost more than the rest."""
        return f'"{self.sha256.hex()[:32]}"'


def receive(body: BodyStream, headers: Mapping[str, str]) -> Part:
    """Read *body*, and refuse it if a checksum among *headers* is wrong.

    Always into the same memory: a new buffer for each portion would cost as much as the sums.
    """
    size = body.remaining
    digests = {"sha256": hashlib.sha256()}
    if "content-md5" in headers:
        digests["md5"] = hashlib.md5(usedforsecurity=False)
    view = memoryview(bytearray(min(size, CHUNK)))
    portions, crc = [], 0
    while body.remaining:
        count = body.readinto(view)
        if not count:
            raise ConnectionError("the client left in the middle of a part")
        portion = view[:count]
        for digest in digests.values():
            digest.update(portion)
        crc = zlib.crc32(portion, crc)
        if size <= KEPT_BYTES:
            portions.append(bytes(portion))
    sums = {name: digest.digest() for name, digest in digests.items()} | {"crc32": crc.to_bytes(4, "big")}
    content = b"".join(portions) if size <= KEPT_BYTES else None
    return Part(size, sums["sha256"], content, _check(headers, sums))


def _check(headers: Mapping[str, str], sums: Mapping[str, bytes]) -> dict[str, str]:
    """The checksums which came as headers, all of them right."""
    if "content-md5" in headers and headers["content-md5"] != _base64(sums["md5"]):
        raise S3Error("BadDigest")
    checksums = {name: value for name, value in headers.items() if name.startswith(CHECKSUM)}
    checksums = {name: value for name, value in checksums.items() if not name.endswith(("-algorithm", "-type"))}
    for name, value in checksums.items():
        kind = name.removeprefix(CHECKSUM)
        if kind not in sums:
            raise S3Error("NotImplemented", 501, f"{kind} is not computed here")
        if value != _base64(sums[kind]):
            raise S3Error("BadDigest")
    return checksums


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def listed_parts(body: bytes) -> list[Listed]:
    """Number, tag and checksums of each part in the body of a CompleteMultipartUpload."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML") from error
    return [_listed_part(part) for part in root]


def _listed_part(part: ElementTree.Element) -> Listed:
    fields = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in part}
    if not {"PartNumber", "ETag"} <= fields.keys():
        raise S3Error("MalformedXML")
    sums = {name: value for name, value in fields.items() if name.startswith("Checksum")}
    checksums = {CHECKSUM + name.removeprefix("Checksum").lower(): value for name, value in sums.items()}
    return int(fields["PartNumber"]), fields["ETag"], checksums
