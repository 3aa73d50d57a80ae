"""The file host's misbehaviours: each turns an honest answer into one that has been seen, or must be feared."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from urllib.parse import parse_qs, quote

from local.http_server import Request, Response, plain, redirect
from local.slack.identity import Address
from local.slack.signin import sign_in_page


def login_redirect(request: Request, address: Address) -> Response:
    """Off to the sign-in page; the header was reported together with the redirect."""
    return redirect(f"{address.url}/?redir={quote(request.path, safe='')}", x_slack_meta="?;acl_fail")


def cross_host_redirect(request: Request, address: Address) -> Response:
    """Enterprise workspaces: the bytes are on files-origin, which asks for the token again."""
    return redirect(address.origin + request.path)


def foreign_redirect(request: Request, address: Address) -> Response:
    """Off to a host that is not Slack's and must never see the token."""
    return redirect(address.foreign + request.path)


def redirect_loop(request: Request, address: Address) -> Response:
    """The same URL again and again; the number makes each look new."""
    hop = int(parse_qs(request.query).get("hop", ["0"])[0])
    return redirect(f"{address.url}{request.path}?hop={hop + 1}")


def login_page(answer: Response) -> Response:
    """The sign-in page, whatever the token."""
    return sign_in_page()


def not_found(answer: Response) -> Response:
    """404, as for a file that was deleted meanwhile."""
    return plain("not found", 404)


def forbidden(answer: Response) -> Response:
    """403."""
    return plain("forbidden", 403)


def gone(answer: Response) -> Response:
    """410, seen for some old files."""
    return plain("gone", 410)


def rate_limited(answer: Response, retry_after: int) -> Response:
    """429 with Retry-After."""
    return plain("rate limited", 429, Retry_After=str(retry_after))


def server_error(answer: Response, status: int) -> Response:
    """5xx."""
    return plain("internal error", status)


def slow(answer: Response, seconds: float, chunk: int) -> Response:
    """The body in drips of *chunk* bytes, *seconds* before each."""
    return replace(answer, body=_sliced(answer.body, chunk), pace=seconds)


def silent(answer: Response, seconds: float) -> Response:
    """Nothing at all for *seconds*, then the connection is reset."""
    return replace(answer, silence=seconds, is_dropped=True)


def truncated(answer: Response, missing: int) -> Response:
    """The length as promised, but the connection closes *missing* bytes early."""
    return replace(answer, body=_first(answer.body, (answer.length or 0) - missing))


def short(answer: Response, missing: int) -> Response:
    """*missing* bytes fewer than the file has, and a length that says so."""
    length = max(0, (answer.length or 0) - missing)
    return replace(answer, body=_first(answer.body, length), length=length)


def over_long(answer: Response, extra: int) -> Response:
    """*extra* bytes more than the file has, and a length that says so."""
    return replace(answer, body=chain(answer.body, (b"+" * extra,)), length=(answer.length or 0) + extra)


def no_length(answer: Response) -> Response:
    """No Content-Length: the body ends with the connection."""
    return replace(answer, length=None)


def chunked(answer: Response) -> Response:
    """No Content-Length: the body comes in HTTP chunks."""
    return replace(answer, length=None, chunked=True)


def compressed(answer: Response) -> Response:
    """Content-Encoding: gzip, though nobody asked for it."""
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, headers=headers, body=_gzipped(answer.body), length=None, chunked=True)


def dropped(answer: Response) -> Response:
    """The connection is reset before any answer."""
    return replace(answer, is_dropped=True)


def _first(body: Iterable[bytes], count: int) -> Iterator[bytes]:
    for piece in body:
        if count <= 0:
            return
        yield piece[:count]
        count -= len(piece)


def _sliced(body: Iterable[bytes], size: int) -> Iterator[bytes]:
    for piece in body:
        yield from (piece[start : start + size] for start in range(0, len(piece), size))


def _gzipped(body: Iterable[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for piece in body:
        if squeezed := squeeze.compress(piece):
            yield squeezed
    yield squeeze.flush()


REDIRECTS: dict[str, Callable[[Request, Address], Response]] = {
    spoiler.__name__: spoiler for spoiler in (login_redirect, cross_host_redirect, foreign_redirect, redirect_loop)
}
SPOILERS: dict[str, Callable[..., Response]] = {
    spoiler.__name__: spoiler
    for spoiler in (
        *(login_page, not_found, forbidden, gone, rate_limited, server_error),
        *(slow, silent, truncated, short, over_long, no_length, chunked, compressed, dropped),
    )
}
