"""The bench's own arithmetic and text. What it measures is seen by running it: `make bench QUICK=1`."""

import json
from typing import Any

import pytest

from bench import memory, payloads, targets, text
from bench.acknowledge import BOLT, BOLT_PLAIN, OURS_PLAIN, OURS_UPLOAD, SIGNED
from bench.counting import operation
from bench.prices import lambda_cost, requests_cost
from bench.stub import SECRETS
from bench.transfer import LIMIT, OURS, shares
from chalicelib import signing
from local.pipeline import PROJECT

FETCH = payloads.transfer("https://files.slack.com/files/1/large.bin", 1)


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


def test_a_gigabyte_second_of_a_million_calls_costs_what_lambda_lists() -> None:
    assert lambda_cost(1024, 1000) * 1_000_000 == pytest.approx(16.6667 + 0.20)


def test_deletions_and_reads_cost_less_than_writes() -> None:
    assert requests_cost({"S3 DELETE tags/": 1_000, "StartExecution": 5}) == 0
    assert requests_cost({"S3 GET metadata/": 1_000, "S3 PUT metadata/": 1_000}) == pytest.approx(0.0054)


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


@pytest.mark.parametrize(
    ("state", "given"),
    [("FetchFile", FETCH), ("SaveMetadata", payloads.recording(FETCH))],
    ids=["FetchFile", "SaveMetadata"],
)
def test_the_steps_that_are_measured_get_what_the_workflow_gives(state: str, given: dict[str, Any]) -> None:
    definition = json.loads((PROJECT / "stepfunctions" / "slack-integrator.asl.json").read_text(encoding="utf-8"))
    steps = definition["States"]["ArchiveFiles"]["ItemProcessor"]["States"]
    payload = steps[state]["Parameters"]["Payload"]
    assert given.keys() == {name.removesuffix(".$") for name in payload}


STEPS = shares(1, {"read": 2, "hashed": 5, "parted": 9, "sent": 10, "all": 20}, crc=3)


def test_a_step_of_the_transfer_takes_what_it_adds() -> None:
    assert list(STEPS.values()) == [1, 2, 3, 3, 1, 10, 1]
    assert sum(STEPS.values()) == 1 + 20


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ("256", ["it fails", "300 MB do not fit", "a large file moves at 36.2 MB/s at best"]),
        ("512", ["a cold call takes 3,000 ms", "a large file moves at 72.4 MB/s at best"]),
        ("1024", []),
    ],
)
def test_a_memory_size_is_chosen_by_time_memory_and_rate(size: str, found: list[str]) -> None:
    at = {"256": None, "512": {"cold": 3000, "peak": 60}, "1024": {"cold": 1000, "peak": 60}}
    measured = {"functions": {"fetching": at}, "names": {"fetching": "fetch_file"}}
    moved = {"TLS": {"1 GiB": {OURS: {"peak": 200, "cpu": 4}}}}
    given = {"functions": measured, "transfer": {"ways": moved}}
    assert memory.lacking(given, "fetching", size) == found


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
