"""The harness's own parts: what a call is called, which upload it is about, and what counts as a broken promise."""

from typing import Any

import pytest

from chalicelib import events, workflow
from faults.calls import Call
from faults.harness import execution_name


@pytest.mark.parametrize(
    ("caller", "method", "target", "headers", "body", "point"),
    [
        ("fetch_file", "PUT", "/bucket/documents/T1/F1/a.pdf", {}, b"", "fetch_file PutObject documents/"),
        (
            "fetch_file",
            "POST",
            "/bucket/documents/T1/F1/a?uploads",
            {},
            b"",
            "fetch_file CreateMultipartUpload documents/",
        ),
        (
            "fetch_file",
            "PUT",
            "/b/documents/T1/F1/a?uploadId=1&partNumber=2",
            {},
            b"",
            "fetch_file UploadPart documents/",
        ),
        ("notify", "PUT", "/b/notices/x.json", {"if-none-match": "*"}, b"", "notify PutObject notices/ (new)"),
        ("notify", "PUT", "/b/notices/x.json", {"if-match": '"e"'}, b"", "notify PutObject notices/ (over)"),
        ("route", "POST", "/", {"x-amz-target": "AWSStepFunctions.StartExecution"}, b"{}", "route StartExecution"),
        ("route", "POST", "/", {}, b"Action=Publish&Message=x", "route Publish"),
        ("slack", "POST", "/api/chat.postMessage", {}, b"{}", "notify chat.postMessage"),
        (
            "route",
            "GET",
            "/bucket?list-type=2&prefix=tags%2FT1%2FC1%2Fa%2F&max-keys=5",
            {},
            b"",
            "route ListObjectsV2 tags/",
        ),
        ("save_metadata", "DELETE", "/bucket/tags/T1/C1/a/1-F1", {}, b"", "save_metadata DeleteObject tags/"),
        ("slack", "POST", "/api/users.info", {}, b"user=U1", "route users.info"),
        ("slack", "POST", "/api/reactions.add", {}, b"{}", "notify reactions.add"),
        ("slack", "GET", "/files-pri/T1-F1/download/a.pdf", {}, b"", "fetch_file download"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_a_call_is_named_after_who_makes_it_and_what_it_asks(
    caller: str, method: str, target: str, headers: dict[str, str], body: bytes, point: str
) -> None:
    assert Call(caller, method, target, headers, body).point == point


def test_a_call_is_about_the_upload_whose_id_it_names_and_no_longer_one() -> None:
    call = Call("notify", "PUT", "/b/notices/T1-C10-1_2.json", {}, b"")
    assert call.is_about({"C10"})
    assert not call.is_about({"C1"})


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"ts": "1.2"}, "T1-C1-1_2"),
        (
            {"subtype": "message_changed", "ts": "3.4", "event_ts": "3.4", "message": {"ts": "1.2"}},
            "T1-C1-1_2-e3_4",
        ),
        (
            {
                "subtype": "message_changed",
                "ts": "3.4",
                "event_ts": "3.4",
                "message": {"ts": "1.2", "subtype": "tombstone"},
            },
            "T1-C1-1_2-d3_4",
        ),
        ({"subtype": "message_deleted", "ts": "3.4", "event_ts": "3.4", "deleted_ts": "1.2"}, "T1-C1-1_2-d3_4"),
    ],
    ids=["upload", "edit", "deletion with replies", "deletion"],
)
def test_an_execution_has_the_name_that_the_app_gives_it(event: dict[str, Any], name: str) -> None:
    body: dict[str, Any] = {"user": "U1", "files": [{"id": "F1"}], "text": "#a"}
    inner = body if "subtype" not in event else {"previous_message": body | {"ts": "1.2"}}
    where = {"type": "message", "channel": "C1", "channel_type": "channel"}
    envelope = {"team_id": "T1", "event": {**where, **event, **inner}}
    change = events.change(envelope)
    assert execution_name(envelope) == name
    assert change is not None
    assert workflow.execution_name(change) == name
