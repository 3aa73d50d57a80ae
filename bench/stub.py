"""A fast stub of Slack's file host and of AWS: it stores little and checks nothing.

It is a process of its own, so that its CPU time does not count as the contenders': `python stub.py [certificate.pem
key.pem]` prints its port and serves until standard input ends. The doubles in local/ behave like Slack and AWS;
this stub is only fast, so that the figures show the contender. It counts the bytes it receives, so that a
contender that loses bytes is noticed.
"""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

SECRETS = {
    "SIGNING_SECRET": "bench-signing-secret",
    "ACCESS_TOKEN": "xoxb-bench",
    "SLACK_URL": "https://slack.com/api/chat.postMessage",
}
"""The values of SSM's parameters, by the last part of the parameter's name."""

BLOCK = bytes(range(256)) * 4096
KEPT = 64 * 1024
"""Objects up to this many bytes keep their content (records); of larger ones (documents) only the size is kept."""


AHEAD = 4096
"""Bytes to read at once while looking for the end of a line."""


@dataclass(frozen=True)
class Held:
    """An object: its size, and its content if it is small."""

    size: int
    content: bytes | None


@dataclass
class State:
    """The stub's data: objects by path, and the sizes of parts by upload."""

    objects: dict[str, Held] = field(default_factory=dict)
    uploads: dict[str, list[int]] = field(default_factory=dict)


class Connection:
    """The connection of one client, whose requests are answered one after another."""

    def __init__(self, sock: socket.socket, state: State) -> None:
        self._sock, self._state = sock, state
        self._spare = memoryview(bytearray(1024 * 1024))
        self._ahead = b""

    def serve(self) -> None:
        """Answer until the client hangs up."""
        while head := self._upto(b"\r\n\r\n"):
            first, *lines = head.decode("latin-1").split("\r\n")
            self.method, target, _ = first.split(" ")
            self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            if self.headers.get("expect"):
                self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._answer(target)

    def _upto(self, mark: bytes) -> bytes:
        """Read to *mark* and return the bytes before it, or b"" at the end of the connection."""
        while mark not in self._ahead:
            chunk = self._sock.recv(AHEAD)
            if not chunk:
                return b""
            self._ahead += chunk
        before, _, self._ahead = self._ahead.partition(mark)
        return before

    def _body(self) -> Held:
        chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        if chunked and 0 < int(self.headers.get("x-amz-decoded-content-length", 0)) <= KEPT:
            content = _dechunked(
                self._take_chunks()
            )  # aws-chunked, with a checksum at the end, inside HTTP's chunks
            return Held(len(content), content)
        if chunked:
            size = self._chunks()
            return Held(int(self.headers.get("x-amz-decoded-content-length", size)), None)
        size = int(self.headers.get("content-length") or 0)
        if size <= KEPT:
            return Held(size, self._take(size))
        self._skip(size)
        return Held(int(self.headers.get("x-amz-decoded-content-length", size)), None)

    def _take(self, size: int) -> bytes:
        while len(self._ahead) < size:
            self._ahead += self._sock.recv(AHEAD)
        chunk, self._ahead = self._ahead[:size], self._ahead[size:]
        return chunk

    def _skip(self, size: int) -> None:
        buffered = min(size, len(self._ahead))
        self._ahead, size = self._ahead[buffered:], size - buffered
        while size > 0:
            count = self._sock.recv_into(self._spare, min(size, len(self._spare)))
            if not count:
                raise ConnectionError
            size -= count

    def _chunks(self) -> int:
        total = 0
        while size := int(self._upto(b"\r\n").partition(b";")[0], 16):
            self._skip(size + len(b"\r\n"))
            total += size
        self._upto(b"\r\n")
        return total

    def _take_chunks(self) -> bytes:
        content = b""
        while size := int(self._upto(b"\r\n").partition(b";")[0], 16):
            content += self._take(size)
            self._take(len(b"\r\n"))
        self._upto(b"\r\n")
        return content

    def _answer(self, target: str) -> None:
        parts = urlsplit(target)
        path, query = unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)
        if path.startswith("/files/"):
            self._file(int(path.split("/")[2]))
        elif "x-amz-target" in self.headers:
            self._json(self.headers["x-amz-target"].partition(".")[2], json.loads(self._body().content or b"{}"))
        elif path == "/":
            self._body()
            self._send(
                200, b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
            )
        elif path.startswith("/api/"):
            self._body()
            self._send(200, b'{"ok": true, "ts": "1.000001", "channel": "C1"}', "application/json")
        else:
            self._s3(path, query)

    def _file(self, size: int) -> None:
        self._send_head(200, size, "application/octet-stream")
        for start in range(0, size, len(BLOCK)):
            self._sock.sendall(BLOCK if size - start >= len(BLOCK) else BLOCK[: size - start])

    def _json(self, operation: str, body: dict) -> None:  # type: ignore[type-arg]
        answer: object = {"executionArn": "arn:aws:states:us-east-1:123456789012:execution:m:e", "startDate": 1.0}
        if operation == "GetParameters":
            parameters = [{"Name": name, "Value": SECRETS[name.rpartition("/")[2]]} for name in body["Names"]]
            answer = {"Parameters": parameters, "InvalidParameters": []}
        if operation == "Publish":
            answer = {"MessageId": "1"}
        self._send(200, json.dumps(answer).encode(), "application/x-amz-json-1.0")

    def _s3(self, path: str, query: dict[str, list[str]]) -> None:
        objects, uploads = self._state.objects, self._state.uploads
        if path == "/-/sizes":
            sizes = {name: entry.size for name, entry in objects.items()}
            objects.clear()
            self._send(200, json.dumps(sizes).encode(), "application/json")
        elif self.method == "PUT" and "uploadId" in query:
            uploads[query["uploadId"][0]].append(self._body().size)
            self._send(200)
        elif self.method == "PUT":
            self._put(path, self._body())
        elif self.method == "POST" and "uploads" in query:
            upload = f"u{len(uploads)}"
            uploads[upload] = []
            self._send(200, f"<R><Bucket>b</Bucket><Key>k</Key><UploadId>{upload}</UploadId></R>".encode())
        elif self.method == "POST":
            self._body()
            objects[path] = Held(sum(uploads.pop(query["uploadId"][0])), None)
            self._send(200, b"<R><ETag>&quot;0-1&quot;</ETag></R>")
        elif self.method == "DELETE":
            uploads.pop(query.get("uploadId", [""])[0], None)
            self._send(204)
        else:
            self._get(path)

    def _put(self, path: str, entry: Held) -> None:
        if self.headers.get("if-none-match") == "*" and path in self._state.objects:
            self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        self._state.objects[path] = entry
        self._send(200)

    def _get(self, path: str) -> None:
        entry = self._state.objects.get(path)
        if entry is None:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif self.method == "HEAD":
            self._send_head(200, entry.size)
        else:
            self._send(200, entry.content or b"")

    def _send(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        if self.method == "HEAD":
            self._send_head(status, len(body), kind)
        else:
            self._send_head(status, len(body), kind, body)

    def _send_head(self, status: int, size: int, kind: str = "application/xml", body: bytes = b"") -> None:
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\nContent-Type: {kind}\r\n"
            'ETag: "0-1"\r\nLast-Modified: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n'
        )
        self._sock.sendall(head.encode() + body)


def _dechunked(framed: bytes) -> bytes:
    """Return the content inside S3's `aws-chunked` encoding."""
    content = b""
    while True:
        head, _, framed = framed.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            return content
        content, framed = content + framed[:size], framed[size + 2 :]


def _handle(
    sock: socket.socket, connect: Callable[[socket.socket], Connection], tls: ssl.SSLContext | None
) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with tls.wrap_socket(sock, server_side=True) if tls else sock as stream:
            connect(stream).serve()
    except OSError:  # the client hung up
        pass


def main(certificate: list[str]) -> None:
    """Serve; over TLS if *certificate* names its file and its key's."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    state = State()
    serve(lambda sock: Connection(sock, state), tls)


def serve(connect: Callable[[socket.socket], Connection], tls: ssl.SSLContext | None = None) -> None:
    """Print the port, and let each client have the connection that *connect* makes, until standard input ends."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(server.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            threading.Thread(target=_handle, args=(server.accept()[0], connect, tls), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
