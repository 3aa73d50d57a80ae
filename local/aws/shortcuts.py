"""S3's most frequent requests, answered from moto's memory without moto's web layers, which take most of the time.

A search lists dozens of prefixes and reads dozens of records, and `make reindex` writes millions of empty objects.
These three, in their plain forms, are answered here, and the tests compare the answers with moto's. Everything else
goes on to the application.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from moto.s3.models import FakeKey, S3Backend, s3_backends

from local.aws.listings import list_page
from local.aws.parts import NAMESPACE

Wsgi = Callable[[Any, Any], Iterable[bytes]]
Headers = dict[str, str]
_IS_S3 = re.compile(r"Credential=[^/]+/\d+/[\w-]+/s3/")
_PATH = re.compile(r"/([a-z0-9][a-z0-9.-]+)/?(.*)", re.DOTALL)
_LISTING = {"list-type", "prefix", "start-after", "delimiter", "max-keys", "encoding-type"}
_SIGNED = {"HTTP_X_AMZ_DATE", "HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_X_AMZ_CONTENT_SHA256"}
_ASKING = ("HTTP_X_AMZ_", "HTTP_IF_", "HTTP_RANGE", "HTTP_TRANSFER", "HTTP_CONTENT")
"""What the headers begin with that ask for more than the plain thing, unless they are of the signature."""
_LONGEST = 1_000_000


class Shortcuts:
    """A WSGI application before *application*, for the buckets of *account*."""

    def __init__(self, application: Wsgi, account: str) -> None:
        self._application, self._account = application, account

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ) if _IS_S3.search(environ.get("HTTP_AUTHORIZATION", "")) else None
        if answer is None:
            return self._application(environ, start)
        headers, body = answer
        start("200 OK", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: Any) -> tuple[Headers, bytes] | None:
        """Return headers and body of the answer to one of the three in its plain form; None for all else."""
        path = _PATH.fullmatch(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
        backend = s3_backends[self._account]["aws"]
        bucket = backend.buckets.get(path[1]) if path else None
        if path is None or bucket is None or bucket.policy or bucket.logging or _asks_for_more(environ):
            return None
        verb, key, query = environ["REQUEST_METHOD"], path[2], environ.get("QUERY_STRING", "")
        if verb == "GET" and not key:
            fields = dict(parse_qsl(query, keep_blank_values=True))
            is_plain = fields.get("list-type") == "2" and fields.keys() <= _LISTING
            return _page(backend, bucket, fields) if is_plain else None
        if query or not key:
            return None
        if verb == "GET":
            return _content(backend.get_object(bucket.name, key))
        is_empty = environ.get("CONTENT_LENGTH") in ("0", "", None) and not environ.get("CONTENT_TYPE")
        return _written(backend, bucket, key) if verb == "PUT" and is_empty else None


def _asks_for_more(environ: Any) -> bool:
    return any(name.startswith(_ASKING) and name not in _SIGNED for name in environ)


def _content(key: FakeKey | None) -> tuple[Headers, bytes] | None:
    """Return a small object that is there."""
    if key is None or key.size > _LONGEST or key.storage_class != "STANDARD":
        return None
    return {**_headers(key), **key.metadata, "Accept-Ranges": "bytes"}, key.value


def _written(backend: S3Backend, bucket: Any, name: str) -> tuple[Headers, bytes] | None:
    """Write an empty object, unless the bucket locks what is written."""
    if bucket.object_lock_enabled:
        return None
    key = backend.put_object(bucket.name, name, b"")
    key.set_acl(bucket.acl)
    key.set_metadata({})
    return _headers(key), b""


def _headers(key: FakeKey) -> Headers:
    return {name: str(value) for name, value in key.response_dict.items() if name != "content-length"}


def _page(backend: S3Backend, bucket: Any, fields: dict[str, str]) -> tuple[Headers, bytes]:
    prefix, delimiter, after = (fields.get(name, "") for name in ("prefix", "delimiter", "start-after"))
    most, coding = int(fields.get("max-keys", "1000")), fields.get("encoding-type", "")
    page, is_truncated, token = list_page(backend, bucket, prefix, delimiter, None, after, most)
    coded = quote if coding == "url" else escape
    about = {"IsTruncated": str(is_truncated).lower(), "Name": bucket.name, "Prefix": coded(prefix)}
    more = {
        "Delimiter": escape(delimiter),
        "MaxKeys": str(most),
        "EncodingType": coding,
        "KeyCount": str(len(page)),
    }
    more |= {"NextContinuationToken": token or "", "StartAfter": escape(after)}
    about |= {name: value for name, value in more.items() if value}
    lines = [f"<{name}>{value}</{name}>" for name, value in about.items()]
    lines += [
        f"<CommonPrefixes><Prefix>{coded(entry)}</Prefix></CommonPrefixes>"
        if isinstance(entry, str)
        else _entry(entry, coded(entry.name))
        for entry in page
    ]
    body = f'<ListBucketResult xmlns="{NAMESPACE[1:-1]}">{"".join(lines)}</ListBucketResult>'
    return {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()


def _entry(key: FakeKey, name: str) -> str:
    at = f"{key.last_modified.isoformat(timespec='seconds')}.000Z"
    checksum = f"<ChecksumAlgorithm>{key.checksum_algorithm}</ChecksumAlgorithm>" if key.checksum_algorithm else ""
    return (
        f"<Contents><Key>{name}</Key><LastModified>{at}</LastModified><ETag>{escape(key.etag)}</ETag>"
        f"<Size>{key.size}</Size><StorageClass>{key.storage_class}</StorageClass>{checksum}</Contents>"
    )
