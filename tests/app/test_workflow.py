"""Upload ► the execution's name and input."""

import json
import time
import tracemalloc
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib import events, fields, hashtags, parking, workflow
from chalicelib.errors import NotStarted, NotUnderstood
from chalicelib.sigv4 import STEP_FUNCTIONS
from local.http_server import Response
from tests.app.aws_stub import service
from tests.payloads import payload, with_event
from tests.receiver import reply

EMOJI, CONTROL = "😀", "\u0001"


def upload(comment: str = "Hello", files: int = 1, name: str = "a.pdf") -> events.Change:
    entries: list[Any] = [
        {
            "id": f"F{number}",
            "name": name,
            "title": name,
            "size": 1,
            "url_private": "https://files.slack.com/" + name,
        }
        for number in range(files)
    ]
    change = events.change(with_event("file_share_thread", text=comment, files=entries))
    assert change is not None
    return change


def test_an_execution_is_named_after_the_message() -> None:
    change = upload()
    message = change.message
    name = f"{message['team']}-{message['channel']}-{message['ts'].replace('.', '_')}"
    assert workflow.execution_name(change) == name


@pytest.mark.parametrize(
    ("name", "mark"), [("message_changed_edit", "e1764061290_746741"), ("message_deleted", "d1764061310_748761")]
)
def test_the_execution_of_a_later_change_is_named_after_both(name: str, mark: str) -> None:
    change = events.change(payload(name))
    assert change is not None
    assert workflow.execution_name(change) == f"T0LOCAL01-C0LOCAL001-1764061200_737651-{mark}"


@pytest.mark.long
@given(
    team=st.from_regex(fields.ID, fullmatch=True),
    channel=st.from_regex(fields.ID, fullmatch=True),
    ts=st.from_regex(fields.TS, fullmatch=True),
)
def test_a_name_is_one_that_step_functions_takes(team: str, channel: str, ts: str) -> None:
    message: events.Message = {**upload().message, "team": team, "channel": channel, "ts": ts, "version": ts + "9"}
    name = workflow.execution_name(upload()._replace(message=message))
    assert set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
    assert len(name) <= 80


def test_the_longest_name_is_one_that_step_functions_takes() -> None:
    longest, ts = "T" + "9" * 17, f"{10**12 - 1}.999999"
    assert (fields.identifier(longest), fields.timestamp(ts)) == (longest, ts)
    assert [fields.identifier(longest + "9"), fields.timestamp("1" + ts), fields.timestamp(ts + "9")] == [None] * 3
    places = {"team": longest, "channel": longest, "ts": ts.replace(".9", ".8"), "version": ts}
    change = upload()._replace(kind="deletion", message={**upload().message, **places})  # type: ignore[typeddict-item]
    assert len(workflow.execution_name(change)) <= 80


@pytest.mark.parametrize("letter", ["\U0001d49c", "\U0001d49c\u0301"], ids=ascii)
def test_an_edit_of_two_megabytes_takes_a_bounded_memory(letter: str) -> None:
    event = payload("message_changed_edit")["event"]
    text = letter * (1_900_000 // len(letter.encode()))
    envelope = with_event("message_changed_edit", message={**event["message"], "text": text})
    tracemalloc.start()
    change = events.change(envelope)
    assert change is not None
    assert len(workflow.execution_input(change).encode()) <= workflow.LONGEST_INPUT
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_usual_upload_is_carried_whole() -> None:
    given_upload = upload("Q3 #finance", files=3)
    carried = json.loads(workflow.execution_input(given_upload))
    assert carried == {
        "kind": "upload",
        "message": given_upload.message,
        "files": given_upload.files,
        "file_ids": ["F0", "F1", "F2"],
        "removed": [],
        "tags": ["finance"],
        "tags_left_out": {"count": 0, "first": [], "links": 0},
    }


@pytest.mark.parametrize("character", ["x", "é", "語", EMOJI, CONTROL, '"'], ids=ascii)
@pytest.mark.parametrize("files", [1, 100])
def test_the_longest_message_fits_and_loses_no_file(character: str, files: int) -> None:
    long = upload(character * 40_000 + "#end", files, name=character * 300 + ".pdf")
    text = workflow.execution_input(long)
    assert len(text.encode()) <= workflow.LONGEST_INPUT
    carried = json.loads(text)
    assert [file["id"] for file in carried["files"]] == [f"F{number}" for number in range(files)]
    assert long.message["comment"].startswith(carried["message"]["comment"])
    is_cut = carried["message"]["comment"] != long.message["comment"]
    assert carried["message"]["comment_cut"] is is_cut
    assert not is_cut or len(text.encode()) > workflow.LONGEST_INPUT - 10  # no more is lost than has to be


def test_what_is_cut_has_no_address_so_that_the_fetcher_looks_it_up() -> None:
    carried = json.loads(workflow.execution_input(upload("#tag " + EMOJI * 20_000, 100, name="語" * 300 + ".pdf")))
    assert {(file["url"], file["permalink"]) for file in carried["files"]} == {(None, None)}
    assert max(len(file["name"].encode()) for file in carried["files"]) <= workflow.SHORT_NAME


def test_tags_are_taken_before_the_comment_is_cut() -> None:
    carried = json.loads(workflow.execution_input(upload(CONTROL * 40_000 + " #end")))
    assert carried["message"]["comment_cut"] is True
    assert carried["tags"] == ["end"]


def test_left_out_tags_are_few_by_name_and_all_by_number() -> None:
    carried = json.loads(workflow.execution_input(upload(" ".join(f"#t{n}" for n in range(100)))))
    assert carried["tags_left_out"]["count"] == 100 - hashtags.MOST_TAGS
    assert len(carried["tags_left_out"]["first"]) == workflow.MOST_NAMED


def test_thousands_of_files_are_refused_in_words() -> None:
    with pytest.raises(NotUnderstood, match="5000 files"):
        workflow.execution_input(upload(files=5_000))


@given(comment=st.text())
@example(comment="SQS takes neither \ufffe nor \uffff")
def test_what_is_parked_comes_back_to_the_letter(comment: str) -> None:
    text = workflow.execution_input(upload(comment))
    body = parking.message_body("T1-C1-1_2", text)
    assert parking.name_and_input(body) == ("T1-C1-1_2", text)
    assert not {"\ufffe", "\uffff"} & set(body)
    assert min(body) >= " "


@settings(max_examples=50)
@given(comment=st.text(max_size=300).map(lambda part: part * 300), files=st.integers(1, 150))
def test_the_input_never_exceeds_its_limit(comment: str, files: int) -> None:
    text = workflow.execution_input(upload(comment, files, name="n" * 200))
    assert len(text.encode()) <= workflow.LONGEST_INPUT
    assert len(json.loads(text)["files"]) == files


ARN = b'{"executionArn": "arn:aws:states:us-east-1:1:execution:m:e", "startDate": 1}'


def failed(status: int, code: str) -> Response:
    return reply(status, json.dumps({"__type": f"com.amazonaws#{code}", "message": ""}).encode())


@pytest.mark.parametrize(
    ("first", "tries", "is_started"),
    [
        (reply(200, ARN), 1, True),
        (failed(400, "ExecutionAlreadyExists"), 1, True),
        (failed(400, "ThrottlingException"), 2, True),
        (failed(400, "TooManyRequestsException"), 2, True),
        (failed(500, "InternalFailure"), 2, True),
        (failed(503, "ServiceUnavailable"), 2, True),
        (reply(200, b"{}"), 2, True),
        (reply(200, b"<html>"), 2, True),
        (failed(400, "StateMachineDoesNotExist"), 1, False),
        (failed(400, "InvalidName"), 1, False),
        (failed(403, "AccessDeniedException"), 1, False),
        (failed(499, "UnknownError"), 1, False),
    ],
    ids=lambda value: (
        f"{value.status} {b''.join(value.body)[:60].decode()}" if isinstance(value, Response) else None
    ),
)
def test_a_start_is_tried_again_where_that_may_help(first: Response, tries: int, is_started: bool) -> None:
    with service(STEP_FUNCTIONS, first, reply(200, ARN)) as states:
        with nullcontext() if is_started else pytest.raises(NotStarted):
            workflow.start(states.client, "arn:machine", "T1-C1-1_2", "{}", time.monotonic() + 60)
        assert len(states.receiver.received) == tries


def test_a_start_is_not_tried_again_when_slack_would_wait_too_long() -> None:
    with service(STEP_FUNCTIONS, failed(500, "InternalFailure"), reply(200, ARN)) as states:
        with pytest.raises(NotStarted, match="InternalFailure"):
            workflow.start(states.client, "arn:machine", "T1-C1-1_2", "{}", time.monotonic())
        assert len(states.receiver.received) == 1
