"""The Slack double as a file host: who gets the bytes, who gets a web page, and every way to go wrong."""

import gzip
import time
from collections.abc import Iterator

import pytest
import requests

from local.slack import File, Generated, Slack

CONTENT = b"0123456789" * 1000


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


@pytest.fixture
def file(slack: Slack) -> File:
    return slack.add_file("Q3 numbers.csv", CONTENT, "text/csv")


def get(
    slack: Slack, file: File, url: str = "url_private_download", token: str | None = None, timeout: float = 5
) -> requests.Response:
    """GET a file's URL without following redirects."""
    headers = {
        "Authorization": f"Bearer {slack.bot_token if token is None else token}",
        "Accept-Encoding": "identity",
    }
    return requests.get(file.full()[url], headers=headers, allow_redirects=False, timeout=timeout)


def is_sign_in_page(response: requests.Response) -> bool:
    html = response.headers["Content-Type"].startswith("text/html")
    return html and response.status_code == 200 and response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("url", ["url_private_download", "url_private"])
def test_the_token_gets_the_bytes_with_length_and_type(slack: Slack, file: File, url: str) -> None:
    response = get(slack, file, url)
    assert response.content == CONTENT
    assert response.headers["Content-Length"] == str(len(CONTENT)) == str(file.size)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_an_empty_file_is_an_empty_answer(slack: Slack) -> None:
    response = get(slack, slack.add_file("empty", b""))
    assert (response.content, response.headers["Content-Length"]) == (b"", "0")


def test_generated_content_arrives_as_its_hash_says(slack: Slack) -> None:
    file = slack.add_file("big.bin", Generated(size=20_000_003, seed=3))
    response = get(slack, file)
    assert len(response.content) == file.size
    assert slack.add_file("copy", response.content).sha256 == file.sha256


@pytest.mark.parametrize("token", ["", "xoxb-wrong"], ids=["none", "wrong"])
def test_a_bad_token_gets_the_sign_in_page(slack: Slack, file: File, token: str) -> None:
    assert is_sign_in_page(get(slack, file, token=token))


def test_a_missing_scope_gets_the_sign_in_page(slack: Slack, file: File) -> None:
    slack.scopes.discard("files:read")
    assert is_sign_in_page(get(slack, file))


def test_a_file_in_a_channel_without_the_bot_gets_the_sign_in_page(slack: Slack, file: File) -> None:
    slack.upload(slack.add_channel("board", "group", bot_is_member=False), slack.users[0], [file])
    assert is_sign_in_page(get(slack, file))


def test_signing_in_can_be_a_redirect(slack: Slack, file: File) -> None:
    slack.sign_in_redirects = True
    response = get(slack, file, token="xoxb-wrong")
    assert response.status_code == 302
    assert is_sign_in_page(requests.get(response.headers["Location"], timeout=5))


def test_a_deleted_file_is_not_found(slack: Slack, file: File) -> None:
    slack.delete_file(file, deliver=False)
    assert get(slack, file).status_code == 404


def test_a_canvas_is_delivered_as_a_web_page(slack: Slack) -> None:
    canvas = slack.add_file("Notes", b"<html>", mode="canvas")
    assert canvas.object()["mimetype"] == "application/vnd.slack-docs"
    assert get(slack, canvas).headers["Content-Type"].startswith("text/html")


def test_an_uploaded_web_page_is_a_file_like_any_other(slack: Slack) -> None:
    page = slack.add_file("page.html", b"<html>mine", "text/html")
    assert get(slack, page).content == b"<html>mine"


def test_the_private_url_of_a_pdf_leads_elsewhere(slack: Slack) -> None:
    pdf = slack.add_file("a.pdf", b"%PDF", "application/pdf")
    response = get(slack, pdf, "url_private")
    assert response.headers["Location"].startswith(slack.origin_url)
    assert is_sign_in_page(requests.get(response.headers["Location"], timeout=5))
    assert get(slack, pdf).content == b"%PDF"


def test_downloads_are_recorded(slack: Slack, file: File) -> None:
    get(slack, file)
    [request] = slack.requests_to(f"{slack.team_id}-{file.id}")
    assert (request.method, request.status) == ("GET", 200)
    assert request.header("authorization") == f"Bearer {slack.bot_token}"


def test_the_login_page_comes_whatever_the_token(slack: Slack, file: File) -> None:
    slack.misbehave("login_page")
    assert is_sign_in_page(get(slack, file))


def test_the_login_redirect_names_the_file_and_the_reason(slack: Slack, file: File) -> None:
    slack.misbehave("login_redirect")
    response = get(slack, file)
    assert (response.status_code, response.headers["x-slack-meta"]) == (302, "?;acl_fail")
    assert response.headers["Location"].startswith(f"{slack.url}/?redir=%2Ffiles-pri%2F")


def test_the_origin_host_wants_the_token_again(slack: Slack, file: File) -> None:
    slack.misbehave("cross_host_redirect")
    location = get(slack, file).headers["Location"]
    assert location.startswith(slack.origin_url)
    assert is_sign_in_page(requests.get(location, timeout=5))
    token = {"Authorization": f"Bearer {slack.bot_token}"}
    assert requests.get(location, headers=token, timeout=5).content == CONTENT


def test_the_foreign_host_remembers_whether_the_token_came(slack: Slack, file: File) -> None:
    slack.misbehave("foreign_redirect")
    location = get(slack, file).headers["Location"]
    assert location.startswith(slack.foreign_url)
    requests.get(location, timeout=5)
    requests.get(location, headers={"Authorization": "Bearer oops"}, timeout=5)
    assert [r.header("Authorization") for r in slack.foreign_requests] == [None, "Bearer oops"]


def test_a_redirect_loop_never_ends(slack: Slack, file: File) -> None:
    slack.misbehave("redirect_loop")
    with pytest.raises(requests.TooManyRedirects):
        requests.get(file.full()["url_private_download"], timeout=5)


@pytest.mark.parametrize(
    ("name", "status"), [("not_found", 404), ("forbidden", 403), ("gone", 410), ("server_error", 500)]
)
def test_a_refusal_has_its_status(slack: Slack, file: File, name: str, status: int) -> None:
    slack.misbehave(name)
    assert get(slack, file).status_code == status


def test_a_server_error_can_have_another_status(slack: Slack, file: File) -> None:
    slack.misbehave("server_error", status=503)
    assert get(slack, file).status_code == 503


def test_a_rate_limit_tells_when_to_come_again(slack: Slack, file: File) -> None:
    slack.misbehave("rate_limited", retry_after=7)
    response = get(slack, file)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_a_slow_file_takes_its_time(slack: Slack, file: File) -> None:
    slack.misbehave("slow", seconds=0.05, chunk=2500)
    start = time.monotonic()
    assert get(slack, file).content == CONTENT
    assert time.monotonic() - start >= 0.2


def test_a_silent_host_says_nothing_and_hangs_up(slack: Slack, file: File) -> None:
    slack.misbehave("silent", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        get(slack, file, timeout=0.1)
    with pytest.raises(requests.ConnectionError):
        get(slack, file, timeout=5)


def test_a_truncated_file_breaks_its_promise(slack: Slack, file: File) -> None:
    slack.misbehave("truncated", missing=10)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(slack, file)


def test_a_short_file_looks_complete(slack: Slack, file: File) -> None:
    slack.misbehave("short", missing=10)
    response = get(slack, file)
    assert response.content == CONTENT[:-10]
    assert response.headers["Content-Length"] == str(file.size - 10)


def test_an_over_long_file_looks_complete(slack: Slack, file: File) -> None:
    slack.misbehave("over_long", extra=10)
    response = get(slack, file)
    assert len(response.content) == file.size + 10 == int(response.headers["Content-Length"])


def test_a_file_without_length_ends_with_the_connection(slack: Slack, file: File) -> None:
    slack.misbehave("no_length")
    response = get(slack, file)
    assert response.content == CONTENT
    assert response.headers["Connection"] == "close"
    assert not {"Content-Length", "Transfer-Encoding"} & response.headers.keys()


def test_a_chunked_file_has_no_length(slack: Slack, file: File) -> None:
    slack.misbehave("chunked")
    response = get(slack, file)
    assert response.content == CONTENT
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in response.headers


def test_a_compressed_file_was_not_asked_for(slack: Slack, file: File) -> None:
    slack.misbehave("compressed")
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Accept-Encoding": "identity"}
    url = file.full()["url_private_download"]
    with requests.get(url, headers=headers, stream=True, timeout=5) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(response.raw.read(decode_content=False)) == CONTENT


def test_a_dropped_connection_has_no_answer(slack: Slack, file: File) -> None:
    slack.misbehave("dropped")
    with pytest.raises(requests.ConnectionError):
        get(slack, file)
    assert slack.requests[0].status is None


def test_misbehaviours_can_be_combined(slack: Slack, file: File) -> None:
    slack.misbehave("over_long", extra=5)
    slack.misbehave("no_length")
    response = get(slack, file)
    assert len(response.content) == file.size + 5
    assert "Content-Length" not in response.headers


def test_a_misbehaviour_happens_as_often_as_asked(slack: Slack, file: File) -> None:
    fault = slack.misbehave("server_error", times=2)
    assert [get(slack, file).status_code for _ in range(3)] == [500, 500, 200]
    assert (fault.happened, fault.active) == (2, False)


def test_a_misbehaviour_can_be_limited_to_one_file(slack: Slack, file: File) -> None:
    slack.misbehave("gone", only=file.id)
    other = slack.add_file("other", b"x")
    assert [get(slack, each).status_code for each in (file, other)] == [410, 200]


def test_a_misbehaviour_can_be_stopped(slack: Slack, file: File) -> None:
    slack.misbehave("gone").stop()
    assert get(slack, file).status_code == 200


def test_all_misbehaviours_can_be_stopped_at_once(slack: Slack, file: File) -> None:
    slack.misbehave("gone")
    slack.misbehave("cross_host_redirect")
    slack.behave()
    assert get(slack, file).status_code == 200


def test_closing_ends_a_silence(slack: Slack, file: File) -> None:
    slack.misbehave("silent", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        get(slack, file, timeout=0.1)
    start = time.monotonic()
    slack.close()
    assert time.monotonic() - start < 5
