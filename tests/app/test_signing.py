"""Is this request from Slack, and fresh?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from chalicelib.signing import is_signed, is_token, signature

SECRET = "0123456789abcdef0123456789abcdef"
NOW = 1_700_000_000


class Stopped(Clock):
    """A clock that stands still."""

    def now(self) -> float:
        return NOW


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "a5b43b014ed473febe5f6cc6ec6d9feed6b12bd87f831b83d37733c38cf4c51c"),
        (
            b'{"type":"url_verification","token":"t","challenge":"abc"}',
            "54dd242124a933da70e0b218aa1fd9e9db004eeab1a984b356bca2d3f71b7f13",
        ),
        (
            '{"event":{"text":"café #résumé"}}'.encode(),
            "ad0f7d932f5cc75006e6434187979a71c398533886c30cbaa87ac869c1058236",
        ),
    ],
    ids=["empty", "challenge", "unicode"],
)
def test_known_signatures_are_computed(body: bytes, expected: str) -> None:
    assert signature(SECRET, str(NOW), body) == f"v0={expected}"


@pytest.mark.parametrize(
    ("age", "holds"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)], ids=str
)
def test_five_minutes_either_way_are_fresh(age: int, holds: bool) -> None:
    timestamp = str(NOW - age)
    assert is_signed(SECRET, timestamp, signature(SECRET, timestamp, b"x"), b"x", NOW) is holds


@pytest.mark.parametrize(
    "timestamp", [None, "", "abc", "1.5", "+1700000000", " 1700000000", "1_700_000_000", "１７"]
)
def test_a_timestamp_has_ascii_digits_only(timestamp: Any) -> None:
    assert not is_signed(SECRET, timestamp, "v0=" + "0" * 64, b"x", NOW)


@pytest.mark.parametrize("change", [str.upper, lambda s: s[3:], lambda s: s + "0", lambda s: "v0=é", lambda s: ""])
def test_only_the_signature_to_the_letter_holds(change: Any) -> None:
    given_signature = change(signature(SECRET, str(NOW), b"x"))
    assert not is_signed(SECRET, str(NOW), given_signature, b"x", NOW)


@pytest.mark.long
@given(
    body=st.text().map(str.encode),
    age=st.integers(-400, 400),
    secret=st.sampled_from([SECRET, "another"]),
    tampered=st.booleans(),
)
def test_agrees_with_slacks_own_verifier(body: bytes, age: int, secret: str, tampered: bool) -> None:
    timestamp = str(NOW - age)
    given_signature = signature(secret, timestamp, body)
    sent_body = body + b" " if tampered else body
    theirs = SignatureVerifier(SECRET, Stopped()).is_valid(sent_body, timestamp, given_signature)
    assert is_signed(SECRET, timestamp, given_signature, sent_body, NOW) is theirs


@pytest.mark.parametrize("given_token", [None, 7, ["t"], {}, "", "tokem", "tökén", "\ud800"])
def test_a_wrong_token_is_refused_whatever_its_type(given_token: object) -> None:
    assert not is_token("token", given_token)


def test_the_right_token_is_taken() -> None:
    assert is_token("tökén", "tökén")
