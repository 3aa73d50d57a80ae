"""The small signer, with botocore's own as the oracle; and the client, against a server that misbehaves."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import sigv4
from chalicelib.sigv4 import Client, Credentials, ServiceError
from local.pipeline import Pipeline

KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789/+=", min_size=1, max_size=60)
HOST = st.from_regex(r"([a-z0-9]{1,9}\.){1,3}[a-z]{2,5}(:[4-9][0-9]{3})?", fullmatch=True)
NOW = 1_800_000_000.0


def botocores(
    service: sigv4.Service, host: str, region: str, body: bytes, given: dict[str, str], who: Credentials
) -> str:
    """The Authorization header that botocore computes for the request with the *given* headers."""
    request: Any = AWSRequest("POST", f"https://{host}/", data=body)
    for name, value in given.items():
        if name not in ("authorization", "host"):
            request.headers[name] = value
    request.context["timestamp"] = given["x-amz-date"]
    auth: Any = SigV4Auth(BotoCredentials(who.key, who.secret, who.token), service.prefix, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    scope = auth.scope(request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={auth.signature(text, request)}"


@pytest.mark.long
@settings(max_examples=300)
@given(
    service=st.sampled_from([sigv4.STEP_FUNCTIONS, sigv4.SSM, sigv4.SQS]),
    action=st.sampled_from(["StartExecution", "GetParameters", "SendMessage"]),
    host=HOST,
    region=st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
    body=st.binary(max_size=200),
    who=st.builds(Credentials, KEYS, KEYS, st.none() | KEYS),
    now=st.floats(0, 4e9),
)
def test_every_signature_is_botocores(
    service: sigv4.Service, action: str, host: str, region: str, body: bytes, who: Credentials, now: float
) -> None:
    given_headers = sigv4.headers(service, action, host, region, body, who, now)
    assert given_headers["authorization"] == botocores(service, host, region, body, given_headers, who)


NAMES_IN_QUERY = st.sampled_from(["list-type", "prefix", "start-after", "delimiter", "max-keys", "encoding-type"])


@pytest.mark.long
@settings(max_examples=300)
@given(
    verb=st.sampled_from(["GET", "PUT", "DELETE"]),
    key=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    fields=st.dictionaries(NAMES_IN_QUERY, st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    endpoint=st.sampled_from(["", "http://127.0.0.1:5123", "https://s3.example.com:443"]),
    who=st.builds(Credentials, KEYS, KEYS, st.none() | KEYS),
    now=st.integers(0, 4_000_000_000),
)
def test_every_signature_of_a_request_to_s3_is_botocores(
    verb: str, key: str, fields: dict[str, str], endpoint: str, who: Credentials, now: int
) -> None:
    account = sigv4.Account({"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL": endpoint})
    url = sigv4.object_url("plain", f"words/{key}" if key else "", account)
    url = f"{url}?{sigv4.query(fields)}" if fields else url
    ours = sigv4.s3_headers(verb, url, "eu-west-3", who, now)
    request: Any = AWSRequest(verb, url)
    request.context["timestamp"] = ours["x-amz-date"]
    for name in ours.keys() - {"authorization", "host"}:
        request.headers[name] = ours[name]
    auth: Any = S3SigV4Auth(BotoCredentials(who.key, who.secret, who.token), "s3", "eu-west-3")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={auth.signature(text, request)}")


REGIONS = st.sampled_from(
    ["us-east-1", "eu-central-1", "eu-west-3", "ap-southeast-7", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"]
)


@pytest.mark.long
@settings(max_examples=500)
@given(
    key=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    bucket=st.sampled_from(["slack-integrator-dev-123456789012-eu-central-1", "with.dots", "plain"]),
    disposition=st.text(max_size=40).map(
        lambda name: f"attachment; filename*=UTF-8''{quote(name, errors='replace')}"
    ),
    seconds=st.integers(1, 604_800),
    region=REGIONS,
    endpoint=st.sampled_from(["", "", "http://127.0.0.1:5123"]),
    who=st.builds(Credentials, KEYS, KEYS, st.none() | KEYS),
)
def test_every_presigned_url_is_botocores(
    key: str, bucket: str, disposition: str, seconds: int, region: str, endpoint: str, who: Credentials
) -> None:
    client = s3_client(region, endpoint)
    client._request_signer._credentials = BotoCredentials(who.key, who.secret, who.token)
    params = {"Bucket": bucket, "Key": f"documents/T1/F1/{key}", "ResponseContentDisposition": disposition}
    theirs = client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
    account = sigv4.Account({"AWS_REGION": region, "AWS_ENDPOINT_URL": endpoint})
    url, fields = sigv4.object_url(bucket, params["Key"], account), {"response-content-disposition": disposition}
    ours = sigv4.presigned(url, fields, seconds, region, who, signed_at(theirs))
    assert ours.partition("?")[0] == theirs.partition("?")[0]
    assert sorted(ours.partition("?")[2].split("&")) == sorted(theirs.partition("?")[2].split("&"))


@cache
def s3_client(region: str, endpoint: str) -> Any:
    """botocore's, which is to use each region's own host, as we do."""
    style: Any = {"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"}
    config = Config(signature_version="s3v4", s3=style)
    keys: Any = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client("s3", region_name=region, endpoint_url=endpoint or None, config=config, **keys)


def signed_at(url: str) -> float:
    return datetime.strptime(parse_qs(url)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


class Stub:
    """A server that answers what it is told to, and counts the connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.clients: list[Client] = []
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                stub.connections += 1
                super().setup()

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                (stub.answers.pop(0) if stub.answers else says(200, b"{}"))(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def client(self, read: float = 2.0) -> Client:
        environ = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.clients.append(Client(sigv4.STEP_FUNCTIONS, 1.0, read, {**environ, "AWS_ENDPOINT_URL": url}))
        return self.clients[-1]


def says(status: int, body: bytes, close: bool = False) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer so; with *close*, end the connection afterwards without having said so."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = close

    return answer


def says_it_closes(handler: BaseHTTPRequestHandler) -> None:
    """Say so, and keep the connection open all the same, as some servers do for a while."""
    handler.send_response(200)
    handler.send_header("Content-Length", "2")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"{}")
    handler.wfile.flush()
    time.sleep(1)
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def waits_for(event: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer nothing until *event*, and then nothing either."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        event.wait(5)
        handler.close_connection = True

    return answer


@pytest.fixture
def stub() -> Iterator[Stub]:
    new_stub = Stub()
    yield new_stub
    for client in new_stub.clients:
        client.close()
    new_stub.server.shutdown()
    new_stub.server.server_close()


def test_one_connection_serves_many_calls(stub: Stub) -> None:
    client = stub.client()
    for number in range(5):
        stub.answers.append(says(200, json.dumps({"n": number}).encode()))
        assert client.call("X") == {"n": number}
    assert stub.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(stub: Stub) -> None:
    client = stub.client()
    stub.answers.append(says(200, b"{}", close=True))
    client.call("X")
    assert client.call("X") == {}
    assert stub.connections == 2


def test_a_connection_that_the_answer_closes_is_not_used_again(stub: Stub) -> None:
    client = stub.client(read=0.2)
    stub.answers.append(says_it_closes)
    for _ in range(2):
        client.call("X")
    assert stub.connections == 2


def test_a_new_connection_that_is_closed_is_not_tried_again(stub: Stub) -> None:
    stub.answers.append(hangs_up)
    with pytest.raises(ServiceError, match="RemoteDisconnected"):
        stub.client().call("X")
    assert stub.connections == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"__type":"ExecutionAlreadyExists","message":"m"}', "ExecutionAlreadyExists"),
        (400, b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}', "QueueDoesNotExist"),
        (500, b"<html>", "NoSense"),
        (200, b"<html>", "NoSense"),
        (200, b"[]", "NoSense"),
        (503, b"", "NoSense"),
    ],
)
def test_an_answer_that_is_no_success_is_an_error(stub: Stub, status: int, body: bytes, code: str) -> None:
    stub.answers.append(says(status, body))
    with pytest.raises(ServiceError) as caught:
        stub.client().call("X")
    assert (caught.value.code, caught.value.status) == (code, status)


def test_silence_is_an_error_and_its_connection_is_not_used_again(stub: Stub) -> None:
    client, awake = stub.client(read=0.1), threading.Event()
    stub.answers.append(waits_for(awake))
    with pytest.raises(ServiceError, match="TimeoutError"):
        client.call("X")
    awake.set()
    assert client.call("X") == {}
    assert stub.connections == 2


def test_nobody_listening_is_an_error() -> None:
    environ = {"AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    client = Client(sigv4.SSM, 0.2, 0.2, {**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(ServiceError, match="ConnectionRefusedError"):
        client.call("GetParameters")


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which this machine keeps its profile, empty; and nothing of AWS's in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config"
    path.touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return path


@pytest.mark.usefixtures("profile")
def test_without_a_region_nothing_is_sent() -> None:
    with pytest.raises(ServiceError, match="NoRegion"):
        Client(sigv4.SSM, 1, 1, {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).call("GetParameters")


@pytest.mark.usefixtures("profile")
def test_without_keys_nothing_is_sent(pipeline: Pipeline) -> None:
    environ = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": pipeline.aws.url}
    with pytest.raises(ServiceError, match="NoCredentials"):
        Client(sigv4.SSM, 1, 1, environ).call("GetParameters")


@pytest.mark.usefixtures("profile")
def test_a_profile_that_is_not_there_is_named_as_such(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    environ = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": pipeline.aws.url}
    with pytest.raises(ServiceError, match="ProfileNotFound"):
        Client(sigv4.SSM, 1, 1, environ).call("GetParameters")


def test_a_laptops_profile_has_region_and_keys(pipeline: Pipeline, profile: Path) -> None:
    profile.write_text("[default]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n")
    client = Client(sigv4.SSM, 1, 5, {"AWS_ENDPOINT_URL": pipeline.aws.url})
    try:
        answer = client.call("GetParameters", Names=["/no/such"], WithDecryption=True)
        assert answer["InvalidParameters"] == ["/no/such"]
    finally:
        client.close()


def test_the_three_services_take_it(pipeline: Pipeline) -> None:
    ssm, states, sqs = (
        Client(service, 1, 5, pipeline.aws.environ()) for service in (sigv4.SSM, sigv4.STEP_FUNCTIONS, sigv4.SQS)
    )
    try:
        answer = ssm.call("GetParameters", Names=["/no/such"], WithDecryption=True)
        assert answer["InvalidParameters"] == ["/no/such"]
        with pytest.raises(ServiceError, match="StateMachineDoesNotExist"):
            states.call(
                "StartExecution", stateMachineArn=f"{pipeline.deployment.state_machine_arn}x", name="x", input="{}"
            )
        with pytest.raises(ServiceError, match="QueueDoesNotExist"):
            sqs.call("SendMessage", QueueUrl=f"{pipeline.aws.url}/123456789012/none", MessageBody="x")
    finally:
        for client in (ssm, states, sqs):
            client.close()
