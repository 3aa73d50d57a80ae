"""The local S3's shortcuts answer as moto does, which a header or a field that asks for nothing leads to."""

import time
from http.client import HTTPConnection
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from chalicelib import sigv4
from local.pipeline import Pipeline
from tests.local.test_listings import new_bucket

NAMES = ["a/plain", "a/é 🎉 &<b>.txt", "a/b/c", "b", "c/+%25"]
AGAIN = {"x-amz-request-payer": "requester"}
"""What moto does not look at, and the shortcuts do not know."""
MOTOS_OWN = {"Date", "Connection", "Server", "server", "x-amzn-requestid", "Access-Control-Allow-Origin"}

Answer = tuple[int, dict[str, str], bytes]


def answer(
    pipeline: Pipeline,
    verb: str,
    path: str,
    fields: dict[str, str] | None = None,
    more: dict[str, str] | None = None,
) -> Answer:
    """Send one request, signed as the app signs."""
    query = sigv4.query(fields or {})
    target = f"/{quote(path)}" + (f"?{query}" if query else "")
    account = sigv4.Account(pipeline.aws.environ())
    signature = sigv4.s3_headers(
        verb, pipeline.aws.url + target, account.region(), account.credentials(), time.time()
    )
    connection = HTTPConnection(pipeline.aws.url.removeprefix("http://"))
    connection.request(verb, target, headers={**signature, **(more or {})})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    headers = {name.lower(): value for name, value in response.getheaders() if name not in MOTOS_OWN}
    return response.status, headers, body


@pytest.fixture(params=[True, False], ids=["versioned", "plain"])
def bucket(pipeline: Pipeline, request: pytest.FixtureRequest) -> str:
    s3 = pipeline.aws.client("s3")
    name = new_bucket(s3, is_versioned=request.param)
    for number, key in enumerate(NAMES):
        s3.put_object(Bucket=name, Key=key, Body=b"x" * number, ContentType="application/json", Metadata={"a": "b"})
    return name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prefix": "a/"},
        {"prefix": "a/", "delimiter": "/"},
        {"prefix": "a/", "start-after": "a/b/c"},
        {"prefix": "a/é 🎉 &<", "encoding-type": "url"},
        {"encoding-type": "url", "delimiter": "/", "start-after": "a/"},
        {"max-keys": "0"},
        {"prefix": "nothing"},
    ],
    ids=str,
)
def test_a_page_is_what_moto_makes_of_it(pipeline: Pipeline, bucket: str, fields: dict[str, str]) -> None:
    plain = {"list-type": "2", **fields}
    short, moto = answer(pipeline, "GET", bucket, plain), answer(pipeline, "GET", bucket, {**plain, "x-id": "List"})
    assert short[0] == moto[0] == 200
    assert elements(short[2]) == elements(moto[2])


def elements(body: bytes) -> list[str]:
    """The elements of a page: folders before keys, since moto puts them elsewhere. Tokens are made up."""
    root = ElementTree.fromstring(body)
    return sorted(ElementTree.tostring(child).decode() for child in root if "NextContinuation" not in child.tag)


@pytest.mark.parametrize("name", NAMES)
def test_an_object_is_what_moto_says_of_it(pipeline: Pipeline, bucket: str, name: str) -> None:
    short, moto = (answer(pipeline, "GET", f"{bucket}/{name}", more=more) for more in ({}, AGAIN))
    assert short == moto
    assert short[2] == b"x" * NAMES.index(name)


def test_an_empty_object_is_written_as_moto_writes_it(pipeline: Pipeline, bucket: str) -> None:
    s3, looks = pipeline.aws.client("s3"), []
    for name, more in (("short/é &", {}), ("moto/é &", AGAIN)):
        status, headers, body = answer(pipeline, "PUT", f"{bucket}/{name}", more=more)
        assert (status, body, headers.pop("content-type", "")[:4]) in ((200, b"", ""), (200, b"", "text"))
        look = s3.head_object(Bucket=bucket, Key=name)
        versions = s3.list_object_versions(Bucket=bucket, Prefix=name)["Versions"]
        looks.append((sorted(headers), look["ContentLength"], look["ETag"], look.get("ContentType"), len(versions)))
    assert looks[0] == looks[1]


@pytest.mark.parametrize(
    ("verb", "name", "more"),
    [
        ("PUT", "a/plain", {"if-none-match": "*"}),
        ("GET", "a/b/c", {"range": "bytes=0-0"}),
        ("GET", "nothing", {}),
        ("GET", "a/b/c", {"if-match": '"0"'}),
    ],
    ids=["only if it is not there", "a part", "what is not there", "only if it is another"],
)
def test_whatever_asks_for_more_is_left_to_moto(
    pipeline: Pipeline, bucket: str, verb: str, name: str, more: dict[str, str]
) -> None:
    assert answer(pipeline, verb, f"{bucket}/{name}", more=more)[0] != 200
