import base64
import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws.discard import Discard

MIB = 1024 * 1024
SESSION = boto3.session.Session()  # reading S3's model takes longer than most of these tests


@pytest.fixture
def discard() -> Iterator[Discard]:
    with Discard() as s3:
        yield s3


@pytest.fixture
def client(discard: Discard) -> Iterator[Any]:
    s3 = SESSION.client(
        "s3",
        endpoint_url=discard.url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"}),
    )
    yield s3
    s3.close()


def content(mebibytes: int) -> Iterator[bytes]:
    """Each MiB is another one, so that exchanged parts are found."""
    for number in range(mebibytes):
        yield number.to_bytes(4, "big") * (MIB // 4)


class Source:
    """A file that can only be read forward."""

    def __init__(self, mebibytes: int) -> None:
        self._chunks = content(mebibytes)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        portion, self._rest = self._rest[:size], self._rest[size:]
        return portion


def begin(client: Any, key: str = "big") -> dict[str, str]:
    upload = client.create_multipart_upload(Bucket="b", Key=key, ChecksumAlgorithm="CRC32")
    return {"Bucket": "b", "Key": key, "UploadId": upload["UploadId"]}


def send(client: Any, upload: dict[str, str], number: int, body: bytes) -> dict[str, Any]:
    answer = client.upload_part(**upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_large_upload_is_checked_and_not_kept(discard: Discard, client: Any) -> None:
    client.upload_fileobj(Source(64), "b", "big", Config=TransferConfig(multipart_chunksize=8 * MIB))

    entry = discard.objects["b/big"]
    assert (entry.size, len(entry.parts), entry.content) == (64 * MIB, 8, None)
    discard.check("b/big", content(64))
    assert discard.uploads == {}


def test_parts_may_arrive_in_any_order(discard: Discard, client: Any) -> None:
    upload, bodies = begin(client), [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"]
    second, last, first = (send(client, upload, number, bodies[number - 1]) for number in (2, 3, 1))

    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [first, second, last]})

    discard.check("b/big", bodies)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([b"a" * 5 * MIB, b"x"], "part 2 of 2 differs"),
        ([b"a" * 5 * MIB], "part 2 of 2 differs"),
        ([b"a" * 5 * MIB, b"bc"], "too early"),
    ],
)
def test_other_content_than_expected_is_found(
    discard: Discard, client: Any, expected: list[bytes], message: str
) -> None:
    upload = begin(client)
    parts = [send(client, upload, 1, b"a" * 5 * MIB), send(client, upload, 2, b"b")]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    with pytest.raises(ValueError, match=message):
        discard.check("b/big", expected)


def test_an_aborted_upload_leaves_no_object(discard: Discard, client: Any) -> None:
    upload = begin(client)
    send(client, upload, 1, b"a")
    client.abort_multipart_upload(**upload)

    assert [aborted.name for aborted in discard.aborted] == ["b/big"]
    assert (discard.objects, discard.uploads) == ({}, {})
    with pytest.raises(ClientError) as error:
        send(client, upload, 2, b"a" * MIB)
    assert code(error) == "NoSuchUpload"


def test_a_source_that_breaks_aborts_the_upload(discard: Discard, client: Any) -> None:
    class Breaking(Source):
        def read(self, size: int) -> bytes:
            portion = super().read(size)
            if not portion:
                raise OSError("cut")
            return portion

    with pytest.raises(OSError, match="cut"):
        client.upload_fileobj(Breaking(16), "b", "big")

    assert len(discard.aborted) == 1
    assert discard.objects == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"ChecksumCRC32": "AAAAAA=="},
        {"ChecksumSHA256": base64.b64encode(bytes(32)).decode()},
        {"ContentMD5": base64.b64encode(bytes(16)).decode()},
    ],
)
def test_a_wrong_checksum_is_refused(discard: Discard, client: Any, wrong: dict[str, str]) -> None:
    upload = begin(client)
    with pytest.raises(ClientError) as error:
        client.upload_part(**upload, PartNumber=1, Body=b"abc", **wrong)

    assert code(error) == "BadDigest"
    assert discard.uploads[upload["UploadId"]].parts == {}


def test_right_checksums_are_accepted(client: Any) -> None:
    md5 = base64.b64encode(hashlib.md5(b"abc").digest()).decode()
    sha256 = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()

    client.put_object(Bucket="b", Key="one", Body=b"abc", ContentMD5=md5)
    answer = client.put_object(Bucket="b", Key="two", Body=b"abc", ChecksumSHA256=sha256)

    assert answer["ChecksumSHA256"] == sha256


def test_a_small_part_before_the_last_is_refused(discard: Discard, client: Any) -> None:
    upload = begin(client)
    parts = [send(client, upload, number, b"a") for number in (1, 2)]

    with pytest.raises(ClientError) as error:
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    assert code(error) == "EntityTooSmall"
    assert discard.objects == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ETag": '"0"'}, "InvalidPart"),
        ({"PartNumber": 2}, "InvalidPart"),
        ({"ChecksumCRC32": "AAAAAA=="}, "InvalidPart"),
    ],
)
def test_a_part_that_was_not_sent_so_is_refused(client: Any, change: dict[str, Any], expected: str) -> None:
    upload = begin(client)
    part = {**send(client, upload, 1, b"a"), **change}

    with pytest.raises(ClientError) as error:
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})

    assert code(error) == expected


def test_parts_are_listed_in_order(client: Any) -> None:
    upload = begin(client)
    parts = [send(client, upload, number, b"a" * 5 * MIB) for number in (2, 1)]

    with pytest.raises(ClientError) as error:
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    assert code(error) == "InvalidPartOrder"


def test_there_are_at_most_ten_thousand_parts(client: Any) -> None:
    upload = begin(client)
    send(client, upload, 10_000, b"a")

    with pytest.raises(ClientError) as error:
        send(client, upload, 10_001, b"a")

    assert code(error) == "InvalidArgument"


def test_small_objects_come_back_with_their_headers(client: Any) -> None:
    client.put_object(
        Bucket="b", Key="übung/1.json", Body=b"{}", ContentType="application/json", Metadata={"a": "1"}
    )

    got = client.get_object(Bucket="b", Key="übung/1.json")
    head = client.head_object(Bucket="b", Key="übung/1.json")

    assert got["Body"].read() == b"{}"
    assert (got["ContentType"], got["Metadata"]) == ("application/json", {"a": "1"})
    assert (head["ContentLength"], head["ETag"]) == (2, got["ETag"])


def test_a_large_object_has_a_head_and_no_content(client: Any) -> None:
    client.put_object(Bucket="b", Key="big", Body=bytes(2 * MIB))

    assert client.head_object(Bucket="b", Key="big")["ContentLength"] == 2 * MIB
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket="b", Key="big")
    assert code(error) == "NotImplemented"


def test_a_missing_object_is_missing(client: Any) -> None:
    with pytest.raises(ClientError) as got:
        client.get_object(Bucket="b", Key="none")
    with pytest.raises(ClientError) as head:
        client.head_object(Bucket="b", Key="none")

    assert (code(got), code(head)) == ("NoSuchKey", "404")


def test_of_racing_writers_one_wins(client: Any) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            client.put_object(Bucket="b", Key="once", Body=b"%d" % number, IfNoneMatch="*")
            outcomes.append("written")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(outcomes) == ["PreconditionFailed"] * 7 + ["written"]


def test_an_object_changes_only_from_the_version_that_was_read(client: Any) -> None:
    etag = client.put_object(Bucket="b", Key="claim", Body=b"1")["ETag"]
    client.put_object(Bucket="b", Key="claim", Body=b"2", IfMatch=etag)

    with pytest.raises(ClientError) as error:
        client.put_object(Bucket="b", Key="claim", Body=b"3", IfMatch=etag)

    assert code(error) == "PreconditionFailed"


def test_an_upload_does_not_replace_an_object_that_must_be_new(discard: Discard, client: Any) -> None:
    client.put_object(Bucket="b", Key="big", Body=b"first")
    upload = begin(client)
    parts = [send(client, upload, 1, b"second")]

    with pytest.raises(ClientError) as error:
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")

    assert code(error) == "PreconditionFailed"
    discard.check("b/big", [b"first"])


def test_what_it_does_not_speak_is_refused(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        client.delete_object(Bucket="b", Key="big")

    assert code(error) == "NotImplemented"
