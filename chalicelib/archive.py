"""The archive's bucket: JSON objects that are changed under conditions, and empty objects.

Several functions change the same record at the same moment. Each reads it, and writes it only if it is still what
was read (S3's conditional writes); who comes too late reads again.
"""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from chalicelib import clients
from chalicelib.errors import ArchiveRefused, ArchiveUnavailable, IntegratorError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_ATTEMPTS = 20
_NO_RIGHT = {"AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "AllAccessDisabled", "InvalidBucketName"}
_TOO_LATE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}

T = TypeVar("T")


class JsonObject(NamedTuple, Generic[T]):
    """A JSON object in S3, with the *etag* that a conditional write names."""

    value: T
    etag: str


class Archive:
    """The *bucket* that holds the archive, reached through the client *s3*."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self.s3, self.bucket = s3, bucket

    def read(self, key: str) -> JsonObject[Any] | None:
        """Return the JSON object at *key*, or None where there is none."""
        with s3_errors("reading a record"):
            try:
                answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            except self.s3.exceptions.NoSuchKey:
                return None
            body = answer["Body"].read()
        if not answer.get("ETag"):
            raise ArchiveUnavailable("The archive's storage gave an answer without an ETag: a proxy's, not S3's.")
        return json_object(body, answer["ETag"])

    def write(self, key: str, value: T, *, over: JsonObject[Any] | None) -> JsonObject[T] | None:
        """Write *value* at *key* if *over* is still there (None: nothing is there); return None if it is not.

        The object is one line, as Athena reads it.
        """
        condition: Any = {"IfMatch": over.etag} if over else {"IfNoneMatch": "*"}
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with s3_errors("writing a record"):
            try:
                answer = self.s3.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **condition
                )
            except self.s3.exceptions.ClientError as error:
                if clients.error_code(error) not in _TOO_LATE:
                    raise
                return None
            return JsonObject(value, etag_of(answer))

    def change(self, key: str, edit: Callable[[T | None], T]) -> T:
        """Replace the record at *key* by what *edit* makes of it, and return that.

        Others may change it at the same moment: then *edit* is called again, with what they wrote. A record that
        stays as it is, is not written.
        """
        for _ in attempts():
            current = self.read(key)
            value = edit(current and current.value)
            if current and value == current.value:
                return value
            if self.write(key, value, over=current):
                return value
        raise AssertionError("attempts() ends by raising")

    def has(self, key: str) -> bool:
        """Return True if there is an object at *key*."""
        with s3_errors("reading"):
            try:
                self.s3.head_object(Bucket=self.bucket, Key=key)
            except self.s3.exceptions.ClientError as error:
                if clients.error_code(error) not in ("404", "NoSuchKey"):
                    raise
                return False
        return True

    def names(self, prefix: str) -> list[str]:
        """Return the keys that begin with *prefix*, a thousand at most."""
        with s3_errors("searching"):
            answer = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def put_empty(self, key: str) -> None:
        """Write an object without content at *key*."""
        with s3_errors("indexing a document"):
            etag_of(self.s3.put_object(Bucket=self.bucket, Key=key, Body=b""))

    def delete(self, key: str) -> None:
        """Delete the object at *key*, if there is one."""
        with s3_errors("indexing a document"):
            self.s3.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def s3_errors(doing: str) -> Iterator[None]:
    """Turn what S3 raises while *doing* into ArchiveRefused (no right, no bucket) or ArchiveUnavailable."""
    try:
        yield
    except clients.aws_errors() as error:
        raise trouble(doing, clients.error_code(error)) from error


def trouble(doing: str, code: str) -> IntegratorError:
    """Return what S3's *code* means for who is *doing* something."""
    if code in _NO_RIGHT:
        return ArchiveRefused(
            f"The archive's storage refuses {doing}. Please tell whoever runs the archive ({code})."
        )
    return ArchiveUnavailable(f"The archive's storage had trouble {doing} ({code}).")


def json_object(body: bytes, etag: str) -> JsonObject[Any]:
    """Return the record that *body* is."""
    try:
        return JsonObject(json.loads(body), etag)
    except ValueError as error:
        raise ArchiveUnavailable("A record in the archive is damaged: it is no JSON.") from error


def etag_of(answer: Any) -> str:
    """Return the ETag by which S3 says that it has the bytes; a success without one is a proxy's, not S3's."""
    if not answer.get("ETag"):
        raise ArchiveUnavailable("The archive's storage did not say that it stored anything.")
    return str(answer["ETag"])


def attempts() -> Iterator[int]:
    """Number the attempts to change what others change too, with pauses between them; raise after the last."""
    for number in range(_MOST_ATTEMPTS):
        yield number
        time.sleep(random.uniform(0, 0.05 * (number + 1)))
    raise ArchiveUnavailable("Too many others changed the same record at the same moment.")
