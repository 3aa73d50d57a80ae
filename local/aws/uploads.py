"""What a discarding S3 keeps of uploads: sizes and SHA-256 sums of parts, and S3's rules about them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html and qfacts.html.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from local.aws.parts import Listed, Part, S3Error

SMALLEST_PART = 5 * 1024 * 1024
MOST_PARTS = 10_000


@dataclass(frozen=True)
class Stored:
    """A completed object: its parts in order, and the headers it was made with."""

    parts: tuple[Part, ...]
    headers: Mapping[str, str]
    multipart: bool = False

    @property
    def size(self) -> int:
        """The whole size."""
        return sum(part.size for part in self.parts)

    @property
    def etag(self) -> str:
        """As S3 forms it: of the parts' tags, and with their number."""
        if not self.multipart:
            return self.parts[0].etag
        whole = hashlib.sha256(b"".join(part.sha256 for part in self.parts)).hexdigest()[:32]
        return f'"{whole}-{len(self.parts)}"'

    @property
    def content(self) -> bytes | None:
        """The content, if the object is small enough to have been kept."""
        contents = [part.content for part in self.parts if part.content is not None]
        return b"".join(contents) if len(contents) == len(self.parts) else None

    def check(self, chunks: Iterable[bytes]) -> None:
        """Raise ValueError unless the object was exactly the bytes of *chunks*, compared part by part."""
        source = _Source(chunks)
        for number, part in enumerate(self.parts, 1):
            if source.sha256(part.size) != part.sha256:
                raise ValueError(f"part {number} of {len(self.parts)} differs ({part.size} bytes)")
        if source.read(1):
            raise ValueError(f"the object ends after {self.size} bytes, which is too early")


class _Source:
    """Chunks of any sizes, read in portions of other sizes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, most: int) -> memoryview:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return self._rest
            self._rest = memoryview(chunk)
        portion, self._rest = self._rest[:most], self._rest[most:]
        return portion

    def sha256(self, size: int) -> bytes:
        digest = hashlib.sha256()
        while size and (portion := self.read(size)):
            digest.update(portion)
            size -= len(portion)
        return digest.digest()


@dataclass
class Upload:
    """A multipart upload under way. A part that comes again replaces the earlier one, as on S3."""

    name: str
    headers: Mapping[str, str]
    parts: dict[int, Part] = field(default_factory=dict)

    def completed(self, listed: list[Listed]) -> Stored:
        """The object made of the *listed* parts (number, tag, checksums), or the error by which S3 refuses them."""
        if not listed:
            raise S3Error("MalformedXML")
        numbers = [number for number, _, _ in listed]
        if numbers != sorted(set(numbers)):
            raise S3Error("InvalidPartOrder")
        for number, etag, checksums in listed:
            part = self.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise S3Error("InvalidPart", message=f"part {number}")
            if any(part.checksums.get(name) != value for name, value in checksums.items()):
                raise S3Error("InvalidPart", message=f"the checksum of part {number}")
        parts = tuple(self.parts[number] for number in numbers)
        if any(part.size < SMALLEST_PART for part in parts[:-1]):
            raise S3Error("EntityTooSmall")
        return Stored(parts, self.headers, multipart=True)
