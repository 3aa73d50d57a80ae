"""The bench's own arithmetic and text. Its measurements are tried by running it: `make bench QUICK=1`."""

import json
from typing import Any

import pytest

from bench import payloads, targets, text
from bench.acknowledge import BOLT, BOLT_PLAIN, OURS_PLAIN, OURS_UPLOAD, SIGNED
from bench.counting import operation
from bench.stub import SECRETS
from bench.transfer import LIMIT, OURS, shares
from chalicelib import signing
from local.pipeline import PROJECT


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.144, "0.14"), (1.0, "1.00"), (12.34, "12.3"), (2984.6, "2,985")],
)
def test_a_number_is_shown_with_the_digits_that_mean_something(value: float | None, shown: str) -> None:
    assert text.number(value) == shown


def test_a_bar_stands_where_its_time_was() -> None:
    first, second = text.bars([("a", 0.0, 1.0), ("later", 1.0, 4.0)], "s").splitlines()
    quarter = text.WIDTH // 4
    assert first == f"a      {'█' * quarter}{'·' * 3 * quarter}  1.00 s"
    assert second == f"later  {'·' * quarter}{'█' * 3 * quarter}  3.00 s"


@pytest.mark.parametrize(
    ("method", "path", "target", "body", "name"),
    [
        ("POST", "/", "AWSStepFunctions.StartExecution", b"{}", "StartExecution"),
        ("POST", "/", None, b"Action=Publish&Message=x", "Publish"),
        ("GET", "/archive?list-type=2&prefix=tags%2FT1%2F", None, b"", "S3 LIST tags/"),
        ("PUT", "/archive/metadata/T1/F1.json", None, b"{}", "S3 PUT metadata/"),
    ],
    ids=["JSON", "query", "listing", "object"],
)
def test_a_request_is_counted_under_what_it_asks_for(
    method: str, path: str, target: str | None, body: bytes, name: str
) -> None:
    assert operation(method, path, target, body) == name


def test_the_events_that_are_measured_are_signed_as_slack_signs() -> None:
    event = payloads.signed("upload")
    headers, body = event["headers"], event["body"].encode()
    timestamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
    assert signing.is_signed(SECRETS["SIGNING_SECRET"], timestamp, signature, body, float(timestamp))


def test_the_transfer_that_is_measured_has_the_input_of_the_workflow() -> None:
    definition = json.loads((PROJECT / "stepfunctions" / "slack-integrator.asl.json").read_text(encoding="utf-8"))
    payload = definition["States"]["ArchiveFiles"]["ItemProcessor"]["States"]["FetchFile"]["Parameters"]["Payload"]
    event = payloads.transfer("https://files.slack.com/files/1/large.bin", 1)
    assert event.keys() == {name.removesuffix(".$") for name in payload}


STEPS = shares(1, {"read": 2, "hashed": 5, "parted": 9, "sent": 10, "all": 20}, crc=3)


def test_a_step_of_the_transfer_takes_what_it_adds() -> None:
    assert list(STEPS.values()) == [1, 2, 3, 3, 1, 10, 1]
    assert sum(STEPS.values()) == 1 + 20


def results(ours: dict[str, float]) -> dict[str, Any]:
    """Return just what the targets look at: others take 100 of everything, the limit moves 100 MB/s."""
    other: dict[str, float] = {
        "answered": 100,
        "start": 1,
        "import": 1,
        "first": 1,
        "p50": 100,
        "rate": 50,
        "call": 50,
        "cpu": 5,
    }
    mine = {**other, "peak": 100, **ours}
    transfers = {OURS: mine, "requests.content, put_object": other, LIMIT: {**other, "rate": 100}}
    acknowledged = {BOLT.title: other, BOLT_PLAIN.title: other, SIGNED.title: other}
    acknowledged |= {OURS_PLAIN.title: mine, OURS_UPLOAD.title: mine}
    story = {"seconds": ours["seconds"]}
    return {
        "cold": {"ways": {"deployed": acknowledged}},
        "warm": {"ways": {"HTTP": acknowledged}},
        "transfer": {"ways": {"TLS": {"1 MB": transfers, "1 GiB": transfers}}, "steps": STEPS},
        "endtoend": {"1 file of 1 MB, first upload": story, "1 file of 1 MB, functions warm": story},
    }


@pytest.mark.parametrize(
    ("ours", "reached"),
    [
        ({"answered": 10, "p50": 9, "rate": 90, "call": 60, "cpu": 4, "seconds": 1.5}, {True}),
        ({"answered": 26, "p50": 41, "rate": 49, "call": 49, "cpu": 6, "seconds": 2.5, "peak": 201}, {False}),
    ],
    ids=["all reached", "none reached"],
)
def test_targets_are_judged_by_the_figures(ours: dict[str, float], reached: set[bool]) -> None:
    assert {line.reached for line in targets.lines(results(ours))} == reached
