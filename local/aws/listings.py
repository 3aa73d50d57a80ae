"""S3's listings by a sorted list of names: moto goes through all keys of the bucket for each page.

As S3 does, and moto does not, a folder whose objects are all deleted is not listed. The keys of a page are written
as XML here, because moto takes a seventh of a second for a thousand. For a page of versions it copies every version
of the bucket, which takes seconds when there are many: here it copies those that begin with the prefix.
"""

import secrets
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response
from moto.s3.utils import _VersionedKeyStore

from local.aws.patches import Patches

_LAST = chr(0x10FFFF)
_lock = threading.RLock()
_versions_listed = threading.local()
"""The *prefix* of the listing of versions that this thread makes."""


def list_by_sorted_names(patches: Patches) -> None:
    """Keep the names of each bucket sorted, and list from them."""

    def set_item(store: Any, name: str, value: Any) -> None:
        with _lock:
            _note(store, name)
            set_item_before(store, name, value)

    def set_list(store: Any, name: str, values: Any) -> None:
        with _lock:
            _note(store, name)
            set_list_before(store, name, values)

    def pop(store: Any, name: str) -> None:
        with _lock:
            pop_before(store, name)
            names = _names(store)
            at = bisect_left(names, name)
            if names[at : at + 1] == [name]:
                del names[at]

    set_item_before = patches.attribute(_VersionedKeyStore, "__setitem__", set_item)
    set_list_before = patches.attribute(_VersionedKeyStore, "setlist", set_list)
    pop_before = patches.attribute(_VersionedKeyStore, "pop", pop)
    patches.attribute(S3Backend, "list_objects_v2", list_page)
    _write_pages(patches)
    _copy_only_what_is_listed(patches)


def _copy_only_what_is_listed(patches: Patches) -> None:
    """Let moto see the versions that begin with the prefix as if there were no others."""

    def list_versions(backend: Any, bucket_name: str, *arguments: Any, prefix: str = "", **options: Any) -> Any:
        _versions_listed.prefix = prefix
        try:
            return list_before(backend, bucket_name, *arguments, prefix=prefix, **options)
        finally:
            del _versions_listed.prefix

    def iterate(store: Any) -> Iterator[tuple[str, list[Any]]]:
        prefix = getattr(_versions_listed, "prefix", "")
        with _lock:
            names = _names(store)
            names_of_prefix = names[bisect_left(names, prefix) : bisect_right(names, prefix + _LAST)]
            return iter([(name, store.getlist(name)) for name in names_of_prefix])

    list_before = patches.attribute(S3Backend, "list_object_versions", list_versions)
    patches.attribute(_VersionedKeyStore, "iterlists", iterate)


def _write_pages(patches: Patches) -> None:
    """Let moto write all of a page but its keys."""

    def serialized(response: Any, answer: Any) -> Any:
        if response.data.get("Action") != "ListObjectsV2" or not isinstance(answer.result, dict):
            return serialized_before(response, answer)
        contents = answer.result.pop("Contents")
        status, headers, body = serialized_before(response, answer)
        end = "</ListBucketResult>"
        head, _, _ = body.rpartition(end)
        return status, headers, head + "".join(map(_as_xml, contents)) + end

    serialized_before = patches.attribute(S3Response, "serialized", serialized)


def _as_xml(fields: dict[str, Any]) -> str:
    return f"<Contents>{_elements(fields)}</Contents>"


def _elements(fields: dict[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in fields.items())


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return _elements(value)
    return escape(str(value[0] if isinstance(value, list) else value))


def _names(store: Any) -> list[str]:
    """The names of *store*, sorted."""
    if "sorted_names" not in vars(store):
        store.sorted_names = sorted(store)
    names: list[str] = store.sorted_names
    return names


def _note(store: Any, name: str) -> None:
    if name not in store:
        insort(_names(store), name)


def list_page(
    backend: Any,
    bucket: Any,
    prefix: str | None,
    delimiter: str | None,
    continuation_token: str | None,
    start_after: str | None,
    max_keys: int,
) -> tuple[list[Any], bool, str | None]:
    """What `S3Backend.list_objects_v2` returns: keys and folders in order, whether there are more, and a token."""
    after = backend._pagination_tokens.get(continuation_token) if continuation_token else start_after
    with _lock:
        entries = _entries(bucket.keys, prefix or "", delimiter, after or "")
        page = [entry for _, entry in zip(range(max_keys + 1), entries, strict=False)]
    if len(page) <= max_keys:
        return page, False, None
    token = secrets.token_hex(8)
    last = page[max_keys - 1] if max_keys else after or ""
    backend._pagination_tokens[token] = last if isinstance(last, str) else last.name
    return page[:max_keys], True, token


def _entries(store: Any, prefix: str, delimiter: str | None, after: str) -> Iterator[Any]:
    """The keys, and the names of the folders, that begin with *prefix* and come after *after*."""
    names = _names(store)
    at = max(bisect_left(names, prefix), bisect_right(names, after))
    if delimiter and after.endswith(delimiter) and after.startswith(prefix):  # a folder: all that is in it
        at = bisect_left(names, after + _LAST)
    while at < len(names) and names[at].startswith(prefix):
        folder = _folder(names[at], prefix, delimiter)
        if isinstance(store[names[at]], FakeDeleteMarker):
            at += 1
        elif folder:
            yield folder
            at = bisect_left(names, folder + _LAST)
        else:
            yield store[names[at]]
            at += 1


def _folder(name: str, prefix: str, delimiter: str | None) -> str | None:
    rest = name[len(prefix) :]
    return prefix + rest.partition(delimiter)[0] + delimiter if delimiter and delimiter in rest else None
