"""The Slack double as a sender: signatures, the time limit, retries, and the ways to get them wrong."""

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from slack_sdk.signature import SignatureVerifier

from local.clock import Clock
from local.http_server import Request, Response
from local.slack import Slack
from local.slack.files import Json
from local.slack.posting import post
from tests.receiver import Receiver, reply


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(Clock(1000)) as slack:
        yield slack


@pytest.fixture
def app(slack: Slack) -> Iterator[Receiver]:
    with Receiver() as app:
        slack.request_url = app.url
        yield app


def hello(slack: Slack) -> Json:
    return slack.say(slack.channels[0], slack.users[0], "héllo </script>", deliver=False).envelope


def genuine(slack: Slack, request: Request) -> bool:
    return SignatureVerifier(slack.signing_secret).is_valid_request(request.body, request.headers)


def header(request: Request, name: str) -> str | None:
    return request.headers.get(name)


def test_a_delivery_is_signed_as_slack_signs(slack: Slack, app: Receiver) -> None:
    envelope = hello(slack)
    assert slack.deliver(envelope).acknowledged
    assert genuine(slack, app.received[0])
    assert json.loads(app.received[0].body) == envelope


def test_a_body_is_ascii_with_escaped_slashes(slack: Slack, app: Receiver) -> None:
    slack.deliver(hello(slack))
    assert app.received[0].body.isascii()
    assert rb"<\/script>" in app.received[0].body


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (b"", "v0=a5b43b014ed473febe5f6cc6ec6d9feed6b12bd87f831b83d37733c38cf4c51c"),
        (
            b'{"type":"url_verification","token":"t","challenge":"abc"}',
            "v0=54dd242124a933da70e0b218aa1fd9e9db004eeab1a984b356bca2d3f71b7f13",
        ),
    ],
    ids=["empty", "handshake"],
)
def test_signatures_match_computed_vectors(slack: Slack, body: bytes, signature: str) -> None:
    headers = slack.sign(body, timestamp=1700000000, secret="0123456789abcdef0123456789abcdef")
    assert headers["X-Slack-Signature"] == signature


def test_sign_makes_headers_that_hold_now(slack: Slack) -> None:
    assert SignatureVerifier(slack.signing_secret).is_valid_request(b"{}", slack.sign(b"{}"))


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_is_a_success(slack: Slack, app: Receiver, status: int) -> None:
    app.replies = [reply(status)]
    delivery = slack.deliver(hello(slack))
    assert delivery.acknowledged
    assert [attempt.status for attempt in delivery.attempts] == [status]


def test_the_answer_is_kept(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(200, b"thanks", {"X-Answer": "yes"})]
    attempt = slack.deliver(hello(slack)).attempts[0]
    assert (attempt.body, attempt.headers["x-answer"]) == (b"thanks", "yes")
    assert 0 < attempt.seconds < 3


def test_a_refused_event_is_sent_four_times_with_one_id(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(500)]
    delivery = slack.deliver(hello(slack))
    assert not delivery.acknowledged
    assert [header(r, "X-Slack-Retry-Num") for r in app.received] == [None, "1", "2", "3"]
    assert [header(r, "X-Slack-Retry-Reason") for r in app.received] == [None, *["http_error"] * 3]
    assert len({json.loads(r.body)["event_id"] for r in app.received}) == 1


def test_retries_come_at_once_after_a_minute_and_after_five(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(500)]
    slack.deliver(hello(slack))
    times = [r.at for r in app.received]
    waits = [(later - earlier) * 1000 for earlier, later in pairwise(times)]
    assert waits[0] < waits[1] < waits[2]
    assert waits[1] >= 60
    assert waits[2] >= 300


def test_retries_end_with_the_first_success(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(503), reply(200)]
    delivery = slack.deliver(hello(slack))
    assert [attempt.status for attempt in delivery.attempts] == [503, 200]
    assert delivery.acknowledged


def test_a_refusal_can_forbid_retries(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(500, headers={"X-Slack-No-Retry": "1"})]
    assert len(slack.deliver(hello(slack)).attempts) == 1


def test_a_delivery_without_retries_is_one_attempt(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(500)]
    assert len(slack.deliver(hello(slack), retries=False).attempts) == 1


def test_an_answer_after_three_seconds_comes_too_late(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(200, wait=3.3), reply(200)]
    delivery = slack.deliver(hello(slack))
    assert [attempt.reason for attempt in delivery.attempts] == ["http_timeout", None]
    assert 2.9 < delivery.attempts[0].seconds < 3.3
    assert header(app.received[1], "X-Slack-Retry-Reason") == "http_timeout"


def test_the_time_limit_holds_for_the_whole_answer() -> None:
    with Receiver(reply(200, wait=0.5)) as app:
        assert post(app.url, b"{}", {}, limit=0.2).reason == "http_timeout"


def test_an_app_that_is_not_there_is_a_failed_connection(slack: Slack) -> None:
    slack.request_url = "http://127.0.0.1:9/slack/events"
    attempts = slack.deliver(hello(slack)).attempts
    assert [attempt.reason for attempt in attempts] == ["connection_failed"] * 4


def test_two_redirects_are_followed_and_a_third_is_not(slack: Slack, app: Receiver) -> None:
    hop = reply(302, headers={"Location": app.url})
    app.replies = [hop, hop, reply(200)]
    assert slack.deliver(hello(slack), retries=False).acknowledged
    app.replies = [hop]
    assert slack.deliver(hello(slack), retries=False).attempts[0].reason == "too_many_redirects"


def test_an_upload_is_delivered_in_the_background(slack: Slack, app: Receiver) -> None:
    message = slack.upload(slack.channels[0], slack.users[0], [("a.txt", b"a", "text/plain")], "#a")
    delivery, file_delivery = slack.deliveries
    assert delivery.wait(5)
    assert file_delivery.wait(5)
    assert delivery.acknowledged
    bodies = [json.loads(request.body) for request in app.received]
    assert message.envelope in bodies
    assert file_delivery.envelope["event"]["type"] == "file_shared"


@pytest.mark.parametrize(
    "reply",
    [
        reply(body=b"abc"),
        reply(body=b"challenge=abc", headers={"Content-Type": "application/x-www-form-urlencoded"}),
        reply(body=b'{"challenge": "abc"}', headers={"Content-Type": "application/json"}),
    ],
    ids=["plain", "form", "json"],
)
def test_a_challenge_may_be_echoed_in_three_forms(slack: Slack, app: Receiver, reply: Response) -> None:
    app.replies = [reply]
    assert slack.send_url_verification("abc").echoes("abc")


def test_a_challenge_that_is_not_echoed_is_noticed(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(body=b"{", headers={"Content-Type": "application/json"})]
    attempt = slack.send_url_verification("abc")
    assert not attempt.echoes("abc")
    body = json.loads(app.received[0].body)
    assert body == {"type": "url_verification", "token": slack.verification_token, "challenge": "abc"}
    assert genuine(slack, app.received[0])


def test_a_rate_limited_notice_has_no_event(slack: Slack, app: Receiver) -> None:
    assert slack.send_rate_limited().acknowledged
    body = json.loads(app.received[0].body)
    assert body.keys() == {"token", "type", "team_id", "minute_rate_limited", "api_app_id"}


@pytest.mark.parametrize(
    "name", ["wrong_secret", "stale_timestamp", "tampered_body", "missing_signature", "uppercase_signature"]
)
def test_a_spoiled_request_does_not_pass_as_slacks(slack: Slack, app: Receiver, name: str) -> None:
    slack.misbehave(name, times=1)
    slack.deliver(hello(slack), retries=False)
    slack.deliver(hello(slack), retries=False)
    assert [genuine(slack, r) for r in app.received] == [False, True]


def test_a_stale_request_is_rightly_signed_but_old(slack: Slack, app: Receiver) -> None:
    slack.misbehave("stale_timestamp", age=301)
    slack.deliver(hello(slack), retries=False)
    [request] = app.received
    stamp, signature = request.headers["X-Slack-Request-Timestamp"], request.headers["X-Slack-Signature"]
    assert SignatureVerifier(slack.signing_secret).generate_signature(timestamp=stamp, body=request.body) == (
        signature
    )
    assert 300 <= time.time() - int(stamp) < 310


def test_a_garbled_timestamp_is_no_number(slack: Slack, app: Receiver) -> None:
    slack.misbehave("garbled_timestamp")
    slack.deliver(hello(slack), retries=False)
    assert not app.received[0].headers["X-Slack-Request-Timestamp"].isdigit()


def test_a_tampered_body_is_still_json(slack: Slack, app: Receiver) -> None:
    slack.misbehave("tampered_body")
    envelope = hello(slack)
    slack.deliver(envelope, retries=False)
    assert json.loads(app.received[0].body) == envelope


def test_a_duplicate_runs_beside_the_first(slack: Slack, app: Receiver) -> None:
    app.replies = [reply(200, wait=0.3)]
    slack.misbehave("duplicate", times=1)
    delivery = slack.deliver(hello(slack))
    first, second = app.received
    assert json.loads(first.body) == json.loads(second.body)
    assert second.at - first.at < 0.3
    assert header(second, "X-Slack-Retry-Num") is None
    assert [copy.acknowledged for copy in delivery.copies] == [True]
    assert len(slack.deliveries) == 2


def test_an_event_can_come_again_under_another_id(slack: Slack, app: Receiver) -> None:
    slack.misbehave("new_event_id", times=1, copies=2)
    slack.deliver(hello(slack))
    bodies = [json.loads(r.body) for r in app.received]
    assert len({body["event_id"] for body in bodies}) == 3
    assert all(body["event"] == bodies[0]["event"] for body in bodies)
    assert not any(header(r, "X-Slack-Retry-Num") for r in app.received)


def test_a_late_event_is_overtaken(slack: Slack, app: Receiver) -> None:
    first = hello(slack)
    slack.misbehave("late", times=1, seconds=300)
    late = slack.deliver_later(first)
    slack.deliver(hello(slack))
    assert late.wait(5)
    assert json.loads(app.received[1].body) == first


def test_a_misbehaviour_can_be_limited_to_one_channel(slack: Slack, app: Receiver) -> None:
    other = slack.add_channel("other")
    slack.misbehave("wrong_secret", only=other.id)
    slack.deliver(hello(slack))
    slack.deliver(slack.say(other, slack.users[0], "hi", deliver=False).envelope, retries=False)
    assert [genuine(slack, r) for r in app.received] == [True, False]


def test_closing_ends_the_wait_for_a_retry() -> None:
    with Receiver(reply(500)) as app:
        slack = Slack(Clock(1)).start()
        slack.request_url = app.url
        delivery = slack.deliver_later(hello(slack))
        while len(delivery.attempts) < 2:
            time.sleep(0.01)
        slack.close()
        assert delivery.wait(2)
        assert not delivery.acknowledged


def test_many_events_can_be_delivered_at_once(slack: Slack, app: Receiver) -> None:
    senders = [
        threading.Thread(target=slack.say, args=(slack.channels[0], slack.users[0], str(number)))
        for number in range(20)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert all(delivery.wait(5) and delivery.acknowledged for delivery in slack.deliveries)
    assert len({json.loads(r.body)["event"]["ts"] for r in app.received}) == 20
