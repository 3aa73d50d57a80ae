"""One JSON line a step."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import clients, log
from local.pipeline import Pipeline


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_the_step_its_fields_and_those_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({})
    with log.about(request_id="r1", execution="e1"), log.about(file="F1"):
        log.info("document stored", size=5)
    log.info("after")
    first, second = lines(capsys)
    assert {key: first[key] for key in ("level", "step", "request_id", "execution", "file", "size")} == {
        "level": "INFO",
        "step": "document stored",
        "request_id": "r1",
        "execution": "e1",
        "file": "F1",
        "size": 5,
    }
    assert set(second) == {"time", "level", "step"}


def test_what_is_not_ascii_can_be_read_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({})
    log.info("reason", text="é漢")
    assert '"é漢"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["INFO", "WARNING", "ERROR"]),
        ({"DEBUG": "1"}, ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ({"ERROR": "1"}, ["ERROR"]),
        ({"DEBUG": "1", "ERROR": "1"}, ["DEBUG", "INFO", "WARNING", "ERROR"]),
    ],
    ids=str,
)
def test_the_articles_variables_choose_the_detail(
    environ: dict[str, str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(environ)
    for write in (log.debug, log.info, log.warning, log.error):
        write("step")
    assert [line["level"] for line in lines(capsys)] == expected


def test_libraries_detail_stays_out_for_it_holds_headers(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({"DEBUG": "1"})
    logging.getLogger("botocore").debug("Authorization: secret")
    logging.getLogger("botocore").warning("heard")
    assert [line["step"] for line in lines(capsys)] == ["heard"]


def test_a_handler_of_the_runtime_prints_no_line_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().addHandler(logging.StreamHandler())
    log.configure({})
    log.info("once")
    captured = capsys.readouterr()
    assert (captured.out.count("once"), captured.err) == (1, "")


def test_a_traceback_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({})
    try:
        raise ValueError("why")
    except ValueError:
        log.error("failed", traceback=True)
    (line,) = lines(capsys)
    assert "ValueError: why" in line["traceback"]


def test_an_error_is_one_line_without_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({})
    try:
        raise ValueError("why")
    except ValueError:
        log.error("failed")
    (line,) = lines(capsys)
    assert not line.get("traceback")


@pytest.mark.parametrize(("environ", "operations"), [({"DEBUG": "1"}, ["HeadBucket"]), ({}, [])])
def test_calls_that_botocore_makes_are_logged_for_who_debugs(
    pipeline: Pipeline,
    bucket: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    operations: list[str],
) -> None:
    for name, value in pipeline.aws.environ().items():
        monkeypatch.setenv(name, value)
    log.configure(environ)
    clients.s3.__wrapped__().head_bucket(Bucket=bucket)
    assert [line["operation"] for line in lines(capsys) if line["step"] == "called"] == operations


def test_a_call_is_logged_with_its_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure({"DEBUG": "1"})
    log.call("s3", "GetObject", 200, time.monotonic() - 60)
    (line,) = lines(capsys)
    assert 60_000 <= line["milliseconds"] < 60_500
