"""An S3 for large transfers: real HTTP, no content kept, every byte checked.

Moto keeps each object in memory and does not compare checksums; a transfer of a gigabyte wants the opposite.
Path-style addresses over plain http (where SDKs send checksums as headers, not as trailers). Conditional writes
as in https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from local.aws.parts import NAMESPACE, S3Error, listed_parts, receive
from local.aws.uploads import MOST_PARTS, Stored, Upload
from local.http_server import HttpServer, Request, Response, whole

KEPT_HEADERS = ("content-type", "content-disposition", "cache-control", "x-amz-tagging")


class Discard:
    """The double: any bucket exists. Names are "bucket/key"."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Upload] = {}  # open ones, by upload id
        self.aborted: list[Upload] = []
        self.lock = threading.Lock()
        self._server: HttpServer | None = None

    def start(self) -> "Discard":
        """Serve until close()."""
        self._server = HttpServer(self._respond, streams=True)
        return self

    @property
    def url(self) -> str:
        """The endpoint."""
        assert self._server is not None, "not started"
        return self._server.url

    def check(self, name: str, chunks: Iterable[bytes]) -> None:
        """Raise ValueError unless object *name* was exactly the bytes of *chunks*."""
        self.objects[name].check(chunks)

    def store(self, name: str, new: Stored, conditions: Mapping[str, str]) -> None:
        """Make an object, if the conditions of the request allow it."""
        with self.lock:
            self.refuse(name, conditions)
            self.objects[name] = new

    def refuse(self, name: str, conditions: Mapping[str, str]) -> None:
        """Raise S3's error if a condition does not hold."""
        there = self.objects.get(name)
        if "if-none-match" in conditions and there is not None:
            raise S3Error("PreconditionFailed", 412)
        if "if-match" in conditions:
            if there is None:
                raise S3Error("NoSuchKey", 404)
            if conditions["if-match"].strip('"') != there.etag.strip('"'):
                raise S3Error("PreconditionFailed", 412)

    def upload(self, upload_id: str) -> Upload:
        """The open upload of that id."""
        if upload_id not in self.uploads:
            raise S3Error("NoSuchUpload", 404)
        return self.uploads[upload_id]

    def close(self) -> None:
        """Stop serving. What was recorded stays."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _respond(self, request: Request) -> Response:
        return _Exchange(self, request).response()

    def __enter__(self) -> "Discard":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Exchange:
    """One request to *s3*, and the response to it."""

    def __init__(self, s3: Discard, request: Request) -> None:
        self.s3, self.method, self.stream = s3, request.method, request.stream
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.name = unquote(request.path).lstrip("/")
        self.query = dict(parse_qsl(request.query, keep_blank_values=True))

    def response(self) -> Response:
        try:
            operation: Callable[[], Response] = self._operation()
            return operation()
        except S3Error as error:
            body = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
            return whole(body.encode(), error.status)

    def _operation(self) -> Any:
        if "aws-chunked" in self.headers.get("content-encoding", ""):
            raise S3Error("NotImplemented", 501, "checksums in trailers")
        marks = {"uploads", "uploadId"} & self.query.keys()
        operations = {
            ("PUT", frozenset()): self._put_object,
            ("PUT", frozenset({"uploadId"})): self._upload_part,
            ("POST", frozenset({"uploads"})): self._create_upload,
            ("POST", frozenset({"uploadId"})): self._complete_upload,
            ("DELETE", frozenset({"uploadId"})): self._abort_upload,
            ("HEAD", frozenset()): self._get_object,
            ("GET", frozenset()): self._get_object,
        }
        try:
            return operations[self.method, frozenset(marks)]
        except KeyError as error:
            raise S3Error("NotImplemented", 501, self.method) from error

    def _kept_headers(self) -> dict[str, str]:
        return {n: v for n, v in self.headers.items() if n in KEPT_HEADERS or n.startswith("x-amz-meta-")}

    def _put_object(self) -> Response:
        part = receive(self.stream, self.headers)
        new = Stored((part,), self._kept_headers())
        self.s3.store(self.name, new, self.headers)
        return whole(b"", headers={"ETag": new.etag, **part.checksums})

    def _create_upload(self) -> Response:
        upload_id = uuid.uuid4().hex
        self.s3.uploads[upload_id] = Upload(self.name, self._kept_headers())
        bucket, _, key = self.name.partition("/")
        return _xml("InitiateMultipartUploadResult", Bucket=bucket, Key=key, UploadId=upload_id)

    def _upload_part(self) -> Response:
        upload, number = self.s3.upload(self.query["uploadId"]), int(self.query["partNumber"])
        if not 1 <= number <= MOST_PARTS:
            raise S3Error("InvalidArgument", message=f"Part number must be between 1 and {MOST_PARTS}")
        part = receive(self.stream, self.headers)
        upload.parts[number] = part
        return whole(b"", headers={"ETag": part.etag, **part.checksums})

    def _complete_upload(self) -> Response:
        new = self.s3.upload(self.query["uploadId"]).completed(listed_parts(self.stream.read()))
        self.s3.store(self.name, new, self.headers)
        del self.s3.uploads[self.query["uploadId"]]
        bucket, _, key = self.name.partition("/")
        return _xml("CompleteMultipartUploadResult", Bucket=bucket, Key=key, ETag=new.etag)

    def _abort_upload(self) -> Response:
        upload = self.s3.upload(self.query["uploadId"])
        del self.s3.uploads[self.query["uploadId"]]
        self.s3.aborted.append(upload)
        return whole(b"", 204)

    def _get_object(self) -> Response:
        found_object = self.s3.objects.get(self.name)
        if found_object is None:
            raise S3Error("NoSuchKey", 404)
        headers = {"ETag": found_object.etag, **found_object.headers}
        if self.method == "HEAD":
            return Response(200, headers, length=found_object.size)
        if found_object.content is None:
            raise S3Error("NotImplemented", 501, "the content was not kept")
        return whole(found_object.content, headers=headers)


def _xml(root: str, **fields: str) -> Response:
    document = ElementTree.Element(root, xmlns=NAMESPACE.strip("{}"))
    for name, value in fields.items():
        ElementTree.SubElement(document, name).text = value
    return whole(ElementTree.tostring(document))
