"""An S3 for large transfers: real HTTP, no content kept, every byte checked.

Moto keeps each object in memory and does not compare checksums; a transfer of a gigabyte wants the opposite.
Path-style addresses over plain http (where SDKs send checksums as headers, not as trailers). Conditional writes
as in https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
"""

import threading
import uuid
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from local.aws.parts import CHUNK, NAMESPACE, Part, S3Error, listed_parts, received
from local.aws.uploads import MOST_PARTS, Stored, Upload

KEPT_HEADERS = ("content-type", "content-disposition", "cache-control", "x-amz-tagging")


class Discard:
    """The double: any bucket exists. Names are "bucket/key"."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, Upload] = {}  # open ones, by upload id
        self.aborted: list[Upload] = []
        self.lock = threading.Lock()
        self._server: _Server | None = None

    def start(self) -> "Discard":
        """Serve until close()."""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    @property
    def url(self) -> str:
        """The endpoint."""
        assert self._server is not None, "not started"
        return f"http://127.0.0.1:{self._server.server_port}"

    def check(self, name: str, chunks: Iterable[bytes]) -> None:
        """Raise ValueError unless object *name* was exactly the bytes of *chunks*."""
        self.objects[name].check(chunks)

    def store(self, name: str, stored: Stored, conditions: Mapping[str, str]) -> None:
        """Make an object, if the conditions of the request allow it."""
        with self.lock:
            self.refuse(name, conditions)
            self.objects[name] = stored

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
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> "Discard":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, s3: Discard) -> None:
        self.s3 = s3
        super().__init__(("127.0.0.1", 0), _Requests)


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def _serve(self) -> None:
        self.s3, self.sent = self.server.s3, {name.lower(): value for name, value in self.headers.items()}
        parts = urlsplit(self.path)
        self.name = unquote(parts.path).lstrip("/")
        self.query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.unread = int(self.sent.get("content-length", 0))
        try:
            self._answer_request()
        except ConnectionError:  # the client was killed or gave up; what it sent in part counts for nothing
            self.close_connection = True

    def _answer_request(self) -> None:
        try:
            self._operation()()
        except S3Error as error:
            self._drain()
            body = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
            self._answer(error.status, body.encode())

    def _drain(self) -> None:
        """Read what the client still sends, for it listens only afterwards."""
        while self.unread > 0:
            self.unread -= len(self.rfile.read(min(self.unread, CHUNK))) or self.unread

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _operation(self) -> Any:
        if "aws-chunked" in self.sent.get("content-encoding", ""):
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
            return operations[self.command, frozenset(marks)]
        except KeyError as error:
            raise S3Error("NotImplemented", 501, self.command) from error

    def _part(self) -> Part:
        size, self.unread = self.unread, 0
        return received(self.rfile, size, self.sent)  # type: ignore[arg-type]  # a buffered reader

    def _kept_headers(self) -> dict[str, str]:
        return {n: v for n, v in self.sent.items() if n in KEPT_HEADERS or n.startswith("x-amz-meta-")}

    def _put_object(self) -> None:
        part = self._part()
        stored = Stored((part,), self._kept_headers())
        self.s3.store(self.name, stored, self.sent)
        self._answer(200, headers={"ETag": stored.etag, **part.checksums})

    def _create_upload(self) -> None:
        upload_id = uuid.uuid4().hex
        self.s3.uploads[upload_id] = Upload(self.name, self._kept_headers())
        bucket, _, key = self.name.partition("/")
        self._answer_xml("InitiateMultipartUploadResult", Bucket=bucket, Key=key, UploadId=upload_id)

    def _upload_part(self) -> None:
        upload, number = self.s3.upload(self.query["uploadId"]), int(self.query["partNumber"])
        if not 1 <= number <= MOST_PARTS:
            raise S3Error("InvalidArgument", message=f"Part number must be between 1 and {MOST_PARTS}")
        part = self._part()
        upload.parts[number] = part
        self._answer(200, headers={"ETag": part.etag, **part.checksums})

    def _complete_upload(self) -> None:
        body = self.rfile.read(self.unread)
        self.unread = 0
        stored = self.s3.upload(self.query["uploadId"]).completed(listed_parts(body))
        self.s3.store(self.name, stored, self.sent)
        del self.s3.uploads[self.query["uploadId"]]
        bucket, _, key = self.name.partition("/")
        self._answer_xml("CompleteMultipartUploadResult", Bucket=bucket, Key=key, ETag=stored.etag)

    def _abort_upload(self) -> None:
        upload = self.s3.upload(self.query["uploadId"])
        del self.s3.uploads[self.query["uploadId"]]
        self.s3.aborted.append(upload)
        self._answer(204)

    def _get_object(self) -> None:
        stored = self.s3.objects.get(self.name)
        if stored is None:
            raise S3Error("NoSuchKey", 404)
        headers = {"ETag": stored.etag, **stored.headers}
        if self.command == "HEAD":
            self._answer(200, headers={**headers, "Content-Length": str(stored.size)})
        elif stored.content is None:
            raise S3Error("NotImplemented", 501, "the content was not kept")
        else:
            self._answer(200, stored.content, headers)

    def _answer_xml(self, root: str, **fields: str) -> None:
        document = ElementTree.Element(root, xmlns=NAMESPACE.strip("{}"))
        for name, value in fields.items():
            ElementTree.SubElement(document, name).text = value
        self._answer(200, ElementTree.tostring(document))

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
