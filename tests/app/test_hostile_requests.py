"""The route as Lambda calls it: who is let in, and that nothing that anybody sends makes it stumble.

Requests are API Gateway's events, given to the app's own handler. AWS is a listener that counts what it is asked.
"""

import base64
import hashlib
import hmac
import json
import string
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from faults.route_client import SECRET, post, route_environment, signed
from local.http_server import Request
from tests.payloads import payload

UPLOAD = json.dumps(payload("file_share_modern")).encode()


@pytest.fixture(scope="module")
def aws() -> Iterator[list[Request]]:
    """What the route asked of AWS."""
    with route_environment() as requests:
        yield requests


def sent(body: bytes, headers: dict[str, str]) -> int:
    """The same with a body that API Gateway took for binary."""
    return post(base64.b64encode(body).decode(), headers, is_base64=True)


bodies = st.one_of(
    st.text(max_size=200),
    st.text(alphabet=st.characters(categories=["Cs", "L", "P"]), max_size=50),
    st.sampled_from(
        ["", "{}", "[]", "null", "1", '"x"', "{" * 5_000, "[" * 100_000, "x" * 2_000_000, UPLOAD.decode()]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    ).map(json.dumps),
)
names = st.one_of(
    st.sampled_from(
        ["Content-Type", "X-Slack-Signature", "x-slack-signature", "X-Slack-Request-Timestamp", "Host"]
    ),
    st.text(alphabet=string.ascii_letters + "-", min_size=1, max_size=20),
)
values = st.one_of(
    st.sampled_from(
        ["application/json", "text/html", "v0=", "v0=é", "9" * 5_000, "-1", "1e9", str(int(time.time()))]
    ),
    st.text(max_size=50),
)


@pytest.mark.long
@settings(max_examples=600)
@given(
    body=st.none() | bodies, headers=st.none() | st.dictionaries(names, values, max_size=5), is_base64=st.booleans()
)
@example(body="a", headers={"Content-Type": "application/json"}, is_base64=True)
@example(body="é", headers={"Content-Type": "application/json"}, is_base64=True)
@example(body="\ud800", headers={"Content-Type": "application/json"}, is_base64=False)
def test_nothing_unsigned_gets_in_or_makes_the_route_stumble(
    aws: list[Request], body: str | None, headers: dict[str, str] | None, is_base64: bool
) -> None:
    before = len(aws)
    assert post(body, headers, is_base64) in (400, 401, 413, 415)
    assert len(aws) == before


@pytest.mark.long
@settings(max_examples=600)
@given(body=bodies)
def test_nothing_that_is_signed_makes_the_route_stumble(aws: list[Request], body: str) -> None:
    content = body.encode("utf-8", "surrogatepass")
    assert sent(content, signed(content)) in (200, 400, 413)


wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a payload something stands."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """The payload with another value at that place."""
    if not path:
        return by
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = replaced(value[key], tuple(rest), by)
    return copy


SHAPES = (
    "file_share_modern",
    "file_share_legacy_2017",
    "message_changed_edit",
    "file_share_bot",
    "app_rate_limited",
)


@pytest.mark.long
@settings(max_examples=600)
@given(data=st.data(), name=st.sampled_from(SHAPES), by=wild)
def test_slacks_payloads_with_anything_anywhere_are_acknowledged(
    aws: list[Request], data: Any, name: str, by: Any
) -> None:
    whole = payload(name)
    content = replaced(whole, data.draw(st.sampled_from(list(places(whole)))), by)
    body = json.dumps(content).encode()
    assert sent(body, signed(body)) == (200 if isinstance(content, dict) else 400)


@pytest.mark.parametrize("secret", ["another", SECRET.upper(), SECRET[:-1]])
def test_an_upload_signed_with_another_secret_starts_nothing(aws: list[Request], secret: str) -> None:
    before = len(aws)
    assert sent(UPLOAD, signed(UPLOAD, secret)) == 401
    assert len(aws) == before


def test_an_upload_that_is_signed_starts_one_execution(aws: list[Request]) -> None:
    before = len(aws)
    assert sent(UPLOAD, signed(UPLOAD)) == 200
    assert len(aws) == before + 1


timestamps = st.one_of(
    st.integers(-290, 290).map(lambda age: str(int(time.time()) - age)),
    st.integers(-9_000, 9_000).map(lambda age: str(int(time.time()) - age)),
    st.sampled_from(["+{}", " {}", "{} ", "{}.0", "0{}", "{}_0"]).map(lambda form: form.format(int(time.time()))),
    st.sampled_from(["", "-1", "abc", "٣", "１" * 10, "1_7", "inf"]),
)
changes = st.sampled_from(
    [
        lambda s: s,
        lambda s: s,
        str.upper,
        lambda s: s[3:],
        lambda s: s + " ",
        lambda s: s[:-1],
        lambda s: "v1" + s[2:],
    ]
)


def theirs(body: bytes, timestamp: str, given_signature: str) -> bool:
    """What Slack's own SDK says; it raises where it does not understand."""
    try:
        return bool(SignatureVerifier(SECRET).is_valid(body, timestamp, given_signature))
    except (ValueError, TypeError):
        return False


@pytest.mark.long
@settings(max_examples=2_000)
@given(
    text=st.text(max_size=20),
    timestamp=timestamps,
    secret=st.sampled_from([SECRET, SECRET, SECRET, "another"]),
    change=changes,
)
def test_whom_slacks_verifier_lets_in_gets_in_and_nobody_else(
    aws: list[Request], text: str, timestamp: str, secret: str, change: Any
) -> None:
    """We are stricter in one: a timestamp has ASCII digits only, where Python's int takes blanks and signs."""
    body = json.dumps({"type": "hello", "text": text}).encode()
    base = b"v0:" + timestamp.encode() + b":" + body
    given_signature = change(_digest(secret, base))
    headers = {
        "Content-Type": "application/json",
        "x-slack-request-timestamp": timestamp,
        "X-SLACK-SIGNATURE": given_signature,
    }
    is_in = post(body.decode(), headers) == 200
    is_plain = timestamp.isascii() and timestamp.isdecimal()
    assert is_in == (theirs(body, timestamp, given_signature) and is_plain)


def _digest(secret: str, base: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
