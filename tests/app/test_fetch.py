"""The fetcher by itself: Slack's file host as it really behaves, and S3."""

import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import requests

from chalicelib import clients, errors, events, fetch, files, layout, transfer
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from chalicelib.slack import retry_after
from local.http_server import HttpServer, Request, Response, plain, redirect
from local.slack import Generated, Slack
from local.slack.files import File
from local.slack.model import Channel

TEXT = b"Some words.\n" * 100
Fetch = Callable[[File], fetch.FetchResult]
Take = Callable[..., fetch.FetchResult]


@pytest.fixture
def take(slack: Slack, chosen: Settings, s3: Any) -> Take:
    """Fetch what an event said about a file, with other settings where wanted."""

    def run(file: files.File, seconds: float = 900.0, **other: Any) -> fetch.FetchResult:
        settings = chosen._replace(**other)
        api = Api(clients.http(), settings)
        return fetch.fetch(slack.team_id, file, settings, Archive(s3, settings.bucket), api, seconds)

    return run


@pytest.fixture
def fetched(take: Take) -> Fetch:
    """Fetch a file as the workflow would, for the event that told of it."""
    return lambda file: take(files.file(file.object()))


def stored(s3: Any, bucket: str, file: File) -> list[str]:
    """The keys under which something of *file* lies."""
    response = s3.list_objects_v2(Bucket=bucket, Prefix=f"documents/T0LOCAL01/{file.id}/")
    return [entry["Key"] for entry in response.get("Contents", [])]


@pytest.mark.parametrize("size", [0, 1, transfer.PART - 1, transfer.PART, transfer.PART + 1, 2 * transfer.PART + 5])
def test_every_size_arrives_whole(slack: Slack, fetched: Fetch, s3: Any, bucket: str, size: int) -> None:
    file = slack.add_file("sized.bin", Generated(size, seed=size))
    result = fetched(file)
    assert (result["status"], result["sha256"]) == ("archived", file.sha256)
    body = s3.get_object(Bucket=bucket, Key=result["document"])["Body"].read()
    assert hashlib.sha256(body).hexdigest() == file.sha256


@pytest.mark.parametrize("misbehaviour", ["no_length", "chunked", "compressed", "cross_host_redirect"])
def test_odd_ways_to_send_are_understood(slack: Slack, fetched: Fetch, misbehaviour: str) -> None:
    file = slack.add_file("odd.txt", TEXT, "text/plain")
    slack.misbehave(misbehaviour, only=file.id)
    assert fetched(file)["sha256"] == file.sha256


@pytest.mark.parametrize(
    ("misbehaviour", "error", "says"),
    [
        ("login_page", errors.SignInPage, "Invite the app to this conversation"),
        ("login_redirect", errors.SignInPage, "please tell whoever runs the archive (sign-in page)"),
        ("not_found", errors.FileGone, "deleted in Slack"),
        ("gone", errors.FileGone, "deleted in Slack"),
        ("forbidden", errors.AccessRefused, "Please tell whoever runs the archive (403)"),
        ("redirect_loop", errors.SlackRefused, "more than 3 times"),
        ("foreign_redirect", errors.HostRefused, "Slack does not keep this file itself"),
        ("server_error", errors.SlackUnavailable, "(500)"),
        ("dropped", errors.SlackUnavailable, "could not be reached"),
        ("truncated", errors.TransferBroken, "broke"),
        ("short", errors.TransferBroken, "less than the 1200 bytes"),
        ("over_long", errors.TransferBroken, "more than the 1200 bytes"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_stored(
    slack: Slack, fetched: Fetch, s3: Any, bucket: str, misbehaviour: str, error: type[Exception], says: str
) -> None:
    file = slack.add_file("wrong.txt", TEXT, "text/plain")
    slack.misbehave(misbehaviour, only=file.id)
    with pytest.raises(error, match=re.escape(says)):
        fetched(file)
    assert stored(s3, bucket, file) == []
    assert [request for request in slack.foreign_requests if request.header("Authorization")] == []


@pytest.mark.parametrize("misbehaviour", ["truncated", "short", "over_long"])
def test_a_large_transfer_that_breaks_is_aborted(
    slack: Slack, fetched: Fetch, s3: Any, bucket: str, misbehaviour: str
) -> None:
    file = slack.add_file("large.bin", Generated(3 * transfer.PART, seed=1))
    slack.misbehave(misbehaviour, only=file.id)
    with pytest.raises(errors.TransferBroken):
        fetched(file)
    assert stored(s3, bucket, file) == []
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_a_wrong_token_meets_the_sign_in_page(slack: Slack, take: Take) -> None:
    file = slack.add_file("t.txt", TEXT, "text/plain")
    with pytest.raises(errors.SignInPage):
        take(files.file(file.object()), access_token="xoxb-another")


def test_a_real_html_upload_is_archived(slack: Slack, fetched: Fetch) -> None:
    file = slack.add_file("page.html", b"<!doctype html><p>mine</p>", "text/html")
    assert fetched(file)["status"] == "archived"


def test_the_sign_in_page_in_place_of_an_html_upload_is_noticed_by_its_length(slack: Slack, fetched: Fetch) -> None:
    file = slack.add_file("page.html", b"<!doctype html><p>mine</p>", "text/html")
    slack.misbehave("login_page", only=file.id)
    with pytest.raises(errors.SignInPage):
        fetched(file)


@pytest.mark.long
def test_a_short_rate_limit_is_slept_through(slack: Slack, fetched: Fetch) -> None:
    file = slack.add_file("r.txt", TEXT, "text/plain")
    limit = slack.misbehave("rate_limited", times=1, only=file.id, retry_after=1)
    assert fetched(file)["status"] == "archived"
    assert limit.happened == 1


def test_a_long_rate_limit_is_left_to_the_workflow(slack: Slack, fetched: Fetch) -> None:
    file = slack.add_file("r.txt", TEXT, "text/plain")
    slack.misbehave("rate_limited", only=file.id, retry_after=21)
    with pytest.raises(errors.SlackRateLimited) as caught:
        fetched(file)
    assert caught.value.retry_after == 21
    assert len(slack.requests_to(f"{slack.team_id}-{file.id}")) == 1


def test_a_slow_transfer_is_given_up_before_lambda_ends_it(slack: Slack, take: Take, s3: Any, bucket: str) -> None:
    file = slack.add_file("slow.bin", Generated(3 * 1024**2, seed=1))
    slack.misbehave("slow", only=file.id, seconds=0.3, chunk=1024**2)
    with pytest.raises(errors.SlackUnavailable, match="too slowly"):
        take(files.file(file.object()), fetch.SPARE_SECONDS + 0.2)
    assert stored(s3, bucket, file) == []


def test_a_stub_is_looked_up_first(slack: Slack, take: Take) -> None:
    file = slack.add_file("connect.txt", TEXT, "text/plain")
    stub = {"id": file.id, "mode": "file_access", "file_access": "check_file_info", "created": 0, "user": ""}
    result = take(files.file(stub))
    assert result["file"]["name"] == "connect.txt"
    assert result["sha256"] == file.sha256


def test_a_file_still_being_processed_is_tried_again_later(slack: Slack, take: Take) -> None:
    slack.misbehave("still_processing", lookups=1)
    file = slack.upload(slack.channels[0], slack.users[0], [("p.txt", TEXT, "text/plain")], deliver=False).files[0]
    early = files.file({"id": file.id, "name": "p.txt"})
    with pytest.raises(errors.FileNotReady):
        take(early)
    assert take(early)["status"] == "archived"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("missing_scope", errors.AccessRefused),
        ("not_visible", errors.AccessRefused),
        ("file_deleted", errors.FileGone),
        ("token_revoked", errors.TokenRejected),
        ("internal_error", errors.SlackUnavailable),
        ("ratelimited", errors.SlackRateLimited),
        ("something_new", errors.SlackRefused),
    ],
)
def test_each_refusal_of_files_info_has_its_own_error(
    slack: Slack, take: Take, error: str, expected: type[Exception]
) -> None:
    file = slack.add_file("x.txt", TEXT)
    slack.misbehave("api_error", only="files.info", error=error)
    with pytest.raises(expected):
        take(files.file({"id": file.id}))


@pytest.mark.parametrize("misbehaviour", ["api_garbage", "api_server_error"])
def test_nonsense_from_files_info_is_trouble_that_passes(slack: Slack, take: Take, misbehaviour: str) -> None:
    file = slack.add_file("x.txt", TEXT)
    slack.misbehave(misbehaviour, only="files.info")
    with pytest.raises(errors.SlackUnavailable):
        take(files.file({"id": file.id}))


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"mode": "external"}, "kept elsewhere"),
        ({"mode": "tombstone"}, "deleted"),
        ({"mode": "hidden_by_limit"}, "limit of the workspace's plan"),
        ({"mode": "post"}, "posts are not archived"),
        ({"mode": "list"}, "lists are not archived"),
        ({"mode": "hologram"}, "does not know (hologram)"),
        ({"mode": "file_access", "file_access": "file_not_found"}, "deleted"),
        ({"mode": "hosted", "size": 100_000_001}, "95.4 MB of at most 95.4 MB"),
        ({"mode": "hosted", "mimetype": "video/mp4"}, "files of the type video/mp4"),
    ],
    ids=str,
)
def test_what_slack_has_no_bytes_of_or_is_not_wanted_is_skipped_without_asking(
    slack: Slack, take: Take, about: dict[str, Any], says: str
) -> None:
    file = files.file({"id": "FSKIP", "name": "s", "size": 1, "url_private": "https://x.example/s", **about})
    before = len(slack.requests)
    result = take(file, allowed_types=("text/*", "application/*"))
    assert result["status"] == "skipped"
    assert says in (result["reason"] or "")
    assert len(slack.requests) == before


def test_an_edited_snippet_is_archived_as_it_is_now(slack: Slack, take: Take) -> None:
    file = slack.add_file("snippet.py", TEXT, "text/plain")
    before = files.file({**file.object(), "size": len(TEXT) - 7})
    result = take(before)
    assert (result["file"]["size"], result["sha256"]) == (len(TEXT), file.sha256)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/x",
        "https://files.slack.com.evil.example/x",
        "https://evilslack.com/x",
        "https://files.slack.com@evil.example/x",
        "https://evil.example\\@files.slack.com/x",
        "https://evil.example#files.slack.com/x",
        "https://evil.example?.slack.com/",
        "https://files.slack.com:8443/x",
        "https://ſlack.com/x",
        "https://127.0.0.1/x",
        "http://127.0.0.2:80/x",
        "http://localhost:80/x",
        "https://[::1]/x",
        "https://[",
        "https://files.slack.com/x\r\nHost: evil.example",
        "ftp://files.slack.com/x",
        "//files.slack.com/x",
        "/files-pri/x",
    ],
)
def test_the_token_goes_to_no_address_that_is_not_slacks(slack: Slack, take: Take, url: str) -> None:
    file = files.file({"id": "FURL", "name": "u", "size": 1, "mode": "hosted", "url_private": url})
    with pytest.raises(errors.HostRefused):
        take(file)


@pytest.mark.parametrize(
    "url",
    [
        "https://slack.com/x",
        "https://files.slack.com",
        "https://files.slack.com:443/x?y",
        "https://slack-files.com/T1-F1",
        "https://a.slack-edge.com/x",
        "https://files.slack-gov.com/x",
        "HTTPS://Files.Slack.COM/x",
    ],
)
def test_an_address_of_slacks_is_known(api: Api, url: str) -> None:
    assert api.owns(url)


def test_the_sign_in_page_behind_a_redirect_is_known_too(
    slack: Slack, fetched: Fetch, s3: Any, bucket: str
) -> None:
    file = slack.add_file("behind.txt", TEXT, "text/plain")
    slack.misbehave("cross_host_redirect", only=file.id)
    slack.misbehave("login_page", only=file.id)
    with pytest.raises(errors.SignInPage):
        fetched(file)
    assert stored(s3, bucket, file) == []


def test_a_file_deleted_while_it_is_fetched_leaves_nothing(slack: Slack, take: Take, s3: Any, bucket: str) -> None:
    file = slack.add_file("going.bin", Generated(transfer.PART + 10))
    event_file = files.file(file.object())
    slack.misbehave("truncated", only=file.id, times=1)
    with pytest.raises(errors.TransferBroken):
        take(event_file)
    slack.delete_file(file)
    with pytest.raises(errors.FileGone):
        take(event_file)
    assert stored(s3, bucket, file) == []
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_what_is_recorded_is_not_fetched_again_and_what_is_only_stored_is(
    slack: Slack, fetched: Fetch, s3: Any, bucket: str
) -> None:
    file = slack.add_file("half.txt", TEXT, "text/plain")
    assert [fetched(file)["status"], fetched(file)["status"]] == ["archived", "archived"]
    document = layout.document_key(slack.team_id, file.id, "half.txt")
    record = json.dumps({"document": document, "file": {}}).encode()
    s3.put_object(Bucket=bucket, Key=layout.metadata_key(slack.team_id, file.id), Body=record)
    assert fetched(file)["status"] == "unchanged"
    assert len(slack.requests_to(f"{slack.team_id}-{file.id}")) == 2


def test_a_record_without_its_document_is_not_believed(
    slack: Slack, fetched: Fetch, archive: Archive, s3: Any, bucket: str
) -> None:
    file = slack.add_file("lost.txt", TEXT, "text/plain")
    document = layout.document_key(slack.team_id, file.id, "lost.txt")
    archive.change(layout.metadata_key(slack.team_id, file.id), lambda current: {"document": document})
    assert fetched(file)["status"] == "archived"
    assert stored(s3, bucket, file) == [document]


def test_of_a_snippet_that_is_edited_while_two_fetch_it_both_describe_what_is_stored(
    slack: Slack, take: Take, s3: Any, bucket: str
) -> None:
    file = slack.add_file("snippet.py", TEXT, "text/plain")
    first = take(files.file(file.object()))
    file.content = b"another text"
    second = take(files.file(file.object()))
    body = s3.get_object(Bucket=bucket, Key=first["document"])["Body"].read()
    for result in (first, second):
        assert (result["file"]["size"], result["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_bucket_that_is_not_there_is_said_to_be_so(slack: Slack, take: Take) -> None:
    file = slack.add_file("b.txt", TEXT, "text/plain")
    with pytest.raises(errors.ArchiveRefused, match="NoSuchBucket"):
        take(files.file(file.object()), bucket="no-such-bucket")


def young(slack: Slack, name: str = "young.txt") -> File:
    return slack.add_file(name, TEXT, "text/plain", created=int(time.time()))


@pytest.mark.parametrize("misbehaviour", ["too_young", "login_page", "not_found", "gone"])
def test_of_a_young_file_nothing_bad_is_believed_yet(slack: Slack, fetched: Fetch, misbehaviour: str) -> None:
    file = young(slack)
    slack.misbehave(misbehaviour, only=file.id, times=1)
    with pytest.raises(errors.FileNotReady, match=r"tell whoever runs|deleted in Slack"):
        fetched(file)
    assert fetched(file)["status"] == "archived"


def test_files_info_that_lags_is_not_believed_of_a_young_file(slack: Slack, take: Take) -> None:
    file = young(slack)
    slack.misbehave("too_young", only=file.id, times=1)
    partial = files.file({**file.object(), "size": None})
    with pytest.raises(errors.FileNotReady):
        take(partial)
    assert take(partial)["status"] == "archived"


def test_of_an_old_file_it_is_believed_at_once(slack: Slack, fetched: Fetch) -> None:
    file = slack.add_file("old.txt", TEXT, "text/plain", created=int(time.time() - files.YOUNG_SECONDS - 1))
    slack.misbehave("too_young", only=file.id, times=1)
    with pytest.raises(errors.SignInPage):
        fetched(file)


@pytest.mark.parametrize(
    ("seconds_ago", "error"), [(0, errors.FileNotReady), (files.YOUNG_SECONDS + 9, errors.FileGone)]
)
def test_a_stub_without_a_date_is_as_old_as_its_message(
    slack: Slack, channel: Channel, take: Take, seconds_ago: float, error: type[Exception]
) -> None:
    file = slack.add_file("stub.txt", TEXT, "text/plain")
    slack.misbehave("check_file_info", only=file.id, times=1)
    event = slack.upload(channel, slack.users[0], [file], deliver=False).envelope["event"]
    assert event["files"][0]["created"] == 0
    ts = f"{time.time() - seconds_ago:.6f}"
    change = events.change(slack.envelope({**event, "ts": ts, "event_ts": ts}))
    assert change is not None
    slack.misbehave("too_young", only=file.id, times=1)
    with pytest.raises(error):
        take(change.files[0])


@pytest.mark.parametrize(
    ("name", "lookups", "mimetype"),
    [("a.txt", 0, "text/plain"), ("b.pdf", 1, "application/pdf"), ("c", 1, "application/octet-stream")],
)
def test_a_type_that_is_empty_is_asked_for_then_taken_from_the_name(
    slack: Slack, channel: Channel, take: Take, name: str, lookups: int, mimetype: str
) -> None:
    file = slack.add_file(name, TEXT, "text/plain")
    slack.misbehave("type_unknown", only=file.id, times=1, lookups=lookups)
    event_file = slack.upload(channel, slack.users[0], [file], deliver=False).body["files"][0]
    assert event_file["mimetype"] == ""
    result = take(files.file(event_file), allowed_types=(mimetype,))
    assert (result["status"], result["file"]["mimetype"]) == ("archived", mimetype)


def test_a_type_that_slack_tells_later_is_taken_before_that_of_the_name(slack: Slack, take: Take) -> None:
    file = slack.add_file("a.txt", TEXT, "application/x-odd")
    result = take(files.file({**file.object(), "mimetype": ""}))
    assert result["file"]["mimetype"] == "application/x-odd"


def test_a_type_that_stays_unknown_is_refused_where_it_is_not_allowed(
    slack: Slack, channel: Channel, take: Take
) -> None:
    file = slack.add_file("c", TEXT, "text/plain")
    slack.misbehave("type_unknown", only=file.id, times=1)
    event_file = slack.upload(channel, slack.users[0], [file], deliver=False).body["files"][0]
    assert take(files.file(event_file), allowed_types=("text/*",))["status"] == "skipped"


def test_a_forwarded_file_that_the_app_may_not_see_is_skipped(slack: Slack, take: Take) -> None:
    secret, open_ = slack.add_channel("secret", "group", bot_is_member=False), slack.add_channel("open")
    for channel, status in ((secret, "skipped"), (open_, "archived")):
        original = slack.upload(channel, slack.users[0], [("lease.txt", TEXT, "text/plain")], deliver=False)
        forward = slack.forward(slack.add_channel("board"), slack.users[1], original, "#board", deliver=False)
        change = events.change(forward.envelope)
        assert change is not None
        result = take(change.files[0])
        assert result["status"] == status
        assert (result["reason"] or "").startswith("It was forwarded") == (status == "skipped")


def test_without_the_scope_a_forwarded_file_is_a_failure(slack: Slack, take: Take) -> None:
    file = slack.add_file("lease.txt", TEXT, "text/plain")
    slack.scopes.discard("files:read")
    with pytest.raises(errors.AccessRefused):
        take({**files.file(file.object()), "forwarded": True})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("", 60.0),
        ("soon", 60.0),
        ("1.5", 60.0),
        ("-1", 60.0),
        ("\u0663", 60.0),
        ("9" * 7, 60.0),
    ],
)
def test_slack_is_left_alone_for_a_minute_where_it_does_not_say_for_how_long(header: str, seconds: float) -> None:
    response = requests.Response()
    response.headers["Retry-After"] = header
    assert retry_after(response) == seconds


def test_an_entry_that_was_not_understood_is_skipped_without_a_question(slack: Slack, take: Take) -> None:
    before = len(slack.requests)
    odd = files.file({"id": "F0ODD", "name": "agenda.docx", "mode": files.ODD})
    assert take(odd)["reason"] == "Slack described it in a way that this archive does not understand."
    assert len(slack.requests) == before


@pytest.mark.long
def test_a_host_that_drips_is_given_up_at_the_deadline(slack: Slack, take: Take, s3: Any, bucket: str) -> None:
    file = slack.add_file("drips.txt", TEXT, "text/plain")
    slack.misbehave("slow", only=file.id, seconds=0.05, chunk=1)
    start = time.monotonic()
    with pytest.raises(errors.SlackUnavailable, match="too slowly"):
        take(files.file(file.object()), fetch.SPARE_SECONDS + 1)
    assert time.monotonic() - start < 5  # all of it would take a minute
    assert stored(s3, bucket, file) == []


@pytest.mark.long
def test_a_host_that_is_slow_has_all_of_the_time_that_is_left(slack: Slack, take: Take) -> None:
    file = slack.add_file("slow.txt", b"x" * 60, "text/plain")
    slack.misbehave("slow", only=file.id, seconds=0.05, chunk=1)
    assert take(files.file(file.object()), 2 * fetch.SPARE_SECONDS)["status"] == "archived"


class SlowHost:
    """A host of files that sends *head* a byte every 0.05 s, and then *rest* and nothing more."""

    def __init__(self, head: bytes, rest: bytes = b"") -> None:
        self._head, self._rest = head, rest
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError), self._socket.accept()[0] as connection:
            for byte in self._head:
                connection.sendall(bytes([byte]))
                if self._over.wait(0.05):
                    return
            connection.sendall(self._rest)
            self._over.wait(60)

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


LARGE = transfer.PART + 100
SLOW = {
    "headers": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Filler: " + b"x" * 1_000, b""),
    "no answer": (b"", b""),
    "silence after the headers": (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 12\r\n\r\n"),
    "silence after a part": (
        b"HTTP/1.1 200 OK\r\n",
        b"Content-Length: %d\r\n\r\n%s" % (LARGE, b"x" * transfer.PART),
    ),
    "silence in a body without a length": (b"HTTP/1.1 200 OK\r\n", b"Content-Type: text/plain\r\n\r\nx"),
    "an endless redirect": (b"HTTP/1.1 302 Found\r\nLocation: /" + b"x" * 1_000, b""),
}


@pytest.mark.long
@pytest.mark.parametrize("slow", SLOW)
def test_whatever_a_host_is_slow_with_it_is_given_up_at_the_deadline_and_the_upload_aborted(
    take: Take, s3: Any, bucket: str, slow: str
) -> None:
    with closing(SlowHost(*SLOW[slow])) as host:
        size = LARGE if slow == "silence after a part" else 12
        fields = {"id": f"FSLOW{len(slow)}", "name": "x.txt", "size": size, "mimetype": "text/plain"}
        file = files.file({**fields, "mode": "hosted", "url_private": f"{host.url}/x"})
        start = time.monotonic()
        with pytest.raises(errors.SlackUnavailable, match=r"too slowly|could not be reached"):
            take(file, fetch.SPARE_SECONDS + 1)
        assert time.monotonic() - start < fetch.SPARE_SECONDS  # the next byte would be awaited for 30 s
    prefix = f"documents/T0LOCAL01/{file['id']}/"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)


@pytest.mark.long
@pytest.mark.parametrize(
    "slow", ["headers", "no answer", "silence after the headers", "silence in a body without a length"]
)
def test_an_answer_of_the_web_api_that_drips_is_given_up(chosen: Settings, slow: str) -> None:
    with closing(SlowHost(*SLOW[slow])) as host:
        api = Api(clients.http(), chosen._replace(slack_url=f"{host.url}/api/chat.postMessage"))
        start = time.monotonic()
        with pytest.raises(errors.SlackUnavailable):
            api.call("auth.test", {}, timeout=(0.5, 1.0))
        assert time.monotonic() - start < 20  # the headers alone take 50 s


def test_a_file_that_grew_past_the_limit_is_not_archived(slack: Slack, take: Take, s3: Any, bucket: str) -> None:
    file = slack.add_file("snippet.py", TEXT, "text/plain")
    before = files.file({**file.object(), "size": len(TEXT) - 7})
    with pytest.raises(errors.TransferBroken):
        take(before, max_file_bytes=len(TEXT) - 1)
    assert stored(s3, bucket, file) == []


@pytest.mark.parametrize(("redirects", "is_followed"), [(3, True), (4, False)])
def test_three_redirects_are_followed_and_a_fourth_is_not(take: Take, redirects: int, is_followed: bool) -> None:
    def host(request: Request) -> Response:
        redirect_count = int(request.path.rpartition("/")[2])
        return redirect(f"/x/{redirect_count - 1}") if redirect_count else plain("x")

    with closing(HttpServer(host)) as slack_host:
        url = f"{slack_host.url}/x/{redirects}"
        file = files.file(
            {"id": f"FREDIR{redirects}", "name": "x", "size": 1, "mode": "hosted", "url_private": url}
        )
        if is_followed:
            assert take(file)["status"] == "archived"
        else:
            with pytest.raises(errors.SlackRefused, match="more than 3 times"):
                take(file)
