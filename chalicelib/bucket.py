"""The archive's bucket without botocore: for somebody who waits, and for reading every record.

botocore takes longer to load than all else that a search does after a cold start, and ten times as long as this
module to read a page of a listing.
"""

import re
import time
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlsplit

from chalicelib import log, sigv4
from chalicelib.archive import JsonObject, etag_of, json_object, trouble
from chalicelib.sigv4 import Account, Answer, Connections, ServiceError

_CODE = re.compile(rb"<Code>(\w{1,80})</Code>")


class Entry(NamedTuple):
    """An object in a listing; *modified* is when it was written, ISO 8601 in UTC."""

    key: str
    modified: str


class Page(NamedTuple):
    """A page of a listing: the objects, the folders, and whether it is the last."""

    entries: list[Entry]
    folders: list[str]
    is_last: bool


class Bucket:
    """The bucket *name*, over *connections*. Region, keys and endpoint are those of *account*."""

    def __init__(self, name: str, connections: Connections, account: Account | None = None) -> None:
        self._name, self._connections, self._account = name, connections, account or Account()

    def read(self, key: str) -> JsonObject[Any] | None:
        """Return the JSON object at *key*, or None where there is none."""
        answer = self.ask("GET", key, "reading a record")
        return answer and json_object(answer.content, answer.headers.get("etag", ""))

    def page(self, prefix: str, after: str = "", most: int = 1_000, delimiter: str = "") -> Page:
        """Return the first *most* of the keys that begin with *prefix* and come after *after*.

        Keys with *delimiter* behind the prefix are folded into folders.
        """
        fields = {"list-type": "2", "prefix": prefix, "start-after": after, "delimiter": delimiter}
        query = {name: value for name, value in fields.items() if value}
        doing = "searching"
        answer = self.ask("GET", "", doing, {**query, "max-keys": str(most), "encoding-type": "url"})
        if answer is None:
            raise trouble(doing, "NoSuchKey")
        return _page(answer.content, doing)

    def put_empty(self, key: str) -> None:
        """Write an object without content at *key*."""
        answer = self.ask("PUT", key, "indexing a document")
        etag_of({"ETag": answer and answer.headers.get("etag")})

    def delete(self, key: str) -> None:
        """Delete the object at *key*, if there is one."""
        self.ask("DELETE", key, "indexing a document")

    def ask(self, verb: str, key: str, doing: str, fields: dict[str, str] | None = None) -> Answer | None:
        """Return S3's answer about *key*, or with *fields* in the query about the bucket; None for no such key.

        Raises ArchiveRefused or ArchiveUnavailable, in which *doing* says what is not done.
        """
        start, operation = time.monotonic(), f"{verb} {'object' if key else 'listing'}"
        try:
            answer = self._exchange(verb, key, fields)
        except ServiceError as error:
            log.call("s3", operation, error.code, start)
            raise trouble(doing, error.code) from error
        log.call("s3", operation, answer.status, start)
        if answer.status in (200, 204):
            return answer
        code = _CODE.search(answer.content)
        if code and code[1] == b"NoSuchKey":
            return None
        raise trouble(doing, code[1].decode() if code else str(answer.status))

    def _exchange(self, verb: str, key: str, fields: dict[str, str] | None) -> Answer:
        url = sigv4.object_url(self._name, key, self._account)
        text = sigv4.query(fields or {})
        url = f"{url}?{text}" if text else url
        region, credentials = self._account.region(), self._account.credentials()
        headers = sigv4.s3_headers(verb, url, region, credentials, time.time())
        parts = urlsplit(url)
        return self._connections.exchange(url, verb, parts.path + (f"?{text}" if text else ""), headers)


def _page(content: bytes, doing: str) -> Page:
    """Return the page that *content* is. Elements found by their names cost half of looking at each."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise trouble(doing, "NoSense") from error
    space = root.tag[: root.tag.find("}") + 1]  # S3's answers have a namespace
    end = root.find(f"{space}IsTruncated")
    if end is None:  # an answer that is not a listing's
        raise trouble(doing, "NoSense")
    key, modified, prefix = f"{space}Key", f"{space}LastModified", f"{space}Prefix"
    entries = [
        Entry(unquote_plus(item.findtext(key, "")), item.findtext(modified, ""))
        for item in root.iterfind(f"{space}Contents")
    ]
    folders = [unquote_plus(item.findtext(prefix, "")) for item in root.iterfind(f"{space}CommonPrefixes")]
    return Page(entries, folders, end.text != "true")
