"""The harness's own parts: what a call is called, which upload it is about, and what counts as a broken promise."""

import pytest

from faults.calls import Call


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
