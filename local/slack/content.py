"""What a file holds: bytes, or bytes made on the way out, so that a file of gigabytes costs no memory."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = 1 << 20


@dataclass(frozen=True)
class Generated:
    """*size* bytes that look random and are always the same for the same *seed*."""

    size: int
    seed: int = 0

    def chunks(self) -> Iterator[bytes]:
        """The content from its beginning, at most 1 MiB at a time."""
        block = random.Random(self.seed).randbytes(BLOCK)
        for number, start in enumerate(range(0, self.size, BLOCK)):
            # The number in front keeps the blocks of one file apart: a lost or repeated block shows in the hash.
            yield (number.to_bytes(8, "big") + block[8:])[: self.size - start]


Content = bytes | Generated


def chunks_of(content: Content) -> Iterator[bytes]:
    """*content* in pieces of at most 1 MiB."""
    if isinstance(content, Generated):
        yield from content.chunks()
    else:
        yield from (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))


def size_of(content: Content) -> int:
    """How many bytes *content* has."""
    return content.size if isinstance(content, Generated) else len(content)


def sha256_of(content: Content) -> str:
    """The SHA-256 of *content*, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks_of(content):
        digest.update(chunk)
    return digest.hexdigest()
