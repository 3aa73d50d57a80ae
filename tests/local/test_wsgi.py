"""The server under the local AWS: a connection serves one request after the other, whatever became of the last."""

import http.client
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from local.aws.wsgi import WsgiServer


def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Say what was asked; /unread leaves the body where it is, /broken has a mistake, /pieces knows no length."""
    path = environ["PATH_INFO"]
    if path == "/broken":
        raise KeyError(path)
    body = b"" if path == "/unread" else environ["wsgi.input"].read()
    pieces = [f"{environ['REQUEST_METHOD']} {path} ".encode(), body]
    length = [] if path == "/pieces" else [("Content-Length", str(len(b"".join(pieces))))]
    start_response("204 No Content" if path == "/nothing" else "200 OK", length if path != "/nothing" else [])
    return pieces if path != "/nothing" else []


@pytest.fixture
def server() -> Iterator[WsgiServer]:
    server = WsgiServer(answer, "127.0.0.1")
    server.start()
    yield server
    server.stop()
    server.close()


@pytest.fixture
def connection(server: WsgiServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.connect()
    yield connection
    connection.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **more: Any) -> bytes:
    connection.request(method, path, body, **more)
    return connection.getresponse().read()


@pytest.mark.parametrize(
    ("method", "path", "body", "answered"),
    [
        ("GET", "/", None, b"GET / "),
        ("PUT", "/read", b"x" * 100_000, b"PUT /read " + b"x" * 100_000),
        ("PUT", "/unread", b"x" * 100_000, b"PUT /unread "),
        ("POST", "/pieces", b"x", b"POST /pieces x"),
        ("HEAD", "/", None, b""),
        ("DELETE", "/nothing", None, b""),
    ],
)
def test_the_next_request_comes_over_the_same_connection(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, answered: bytes
) -> None:
    port = connection.sock.getsockname()[1]
    for _ in range(2):
        assert ask(connection, method, path, body) == answered
    assert ask(connection, "GET", "/last") == b"GET /last "
    assert connection.sock.getsockname()[1] == port


def test_a_client_that_asks_whether_to_go_on_may(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "PUT", "/", b"x", headers={"Expect": "100-continue"}) == b"PUT / x"
    assert ask(connection, "GET", "/last") == b"GET /last "


@pytest.mark.parametrize(("path", "answered"), [("/read", b"PUT /read xy"), ("/unread", b"PUT /unread ")])
def test_a_body_may_be_chunked(connection: http.client.HTTPConnection, path: str, answered: bytes) -> None:
    assert ask(connection, "PUT", path, iter([b"x", b"y"]), encode_chunked=True) == answered
    assert ask(connection, "GET", "/last") == b"GET /last "


def test_a_mistake_is_a_500_and_told(
    connection: http.client.HTTPConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.request("GET", "/broken")
    response = connection.getresponse()
    assert (response.status, response.getheader("Connection")) == (500, "close")
    response.read()
    assert "KeyError: '/broken'" in capsys.readouterr().err
    assert ask(connection, "GET", "/last") == b"GET /last "


def test_who_stops_answers_nobody_any_more(server: WsgiServer, connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/") == b"GET / "
    server.stop()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(connection, "GET", "/")
