"""The archive's tests once more, over TLS, with the newest botocore and the oldest that can serve the app."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib import transfer
from chalicelib.archive import Archive
from local.pipeline import PROJECT
from tests.tls import VARIABLE

IS_INSIDE = VARIABLE in os.environ
OLDEST = ("boto3==1.35.69", "botocore==1.35.69", "s3transfer==0.10.4")
"""The first that knows IfMatch for PutObject, on which every record stands. Lambda's runtimes bring newer ones."""
TESTS = (
    "tests/operations/test_over_tls.py",
    "tests/operations/test_aws_facts.py",
    "tests/app/test_archive.py",
    "tests/app/test_interleaving.py",
)


@pytest.mark.skipif(not IS_INSIDE, reason="the tests of the deployment run this one over TLS")
@pytest.mark.parametrize("size", [1, transfer.PART + 1])
def test_a_document_is_stored_whole(archive: Archive, size: int) -> None:
    content = random.Random(size).randbytes(size)
    key = f"documents/T1/FTLS{size}/a.bin"
    document = transfer.store(archive, key, [content[:5], content[5:]], size, None)
    body = archive.s3.get_object(Bucket=archive.bucket, Key=key)["Body"].read()
    assert (body == content, document.sha256) == (True, hashlib.sha256(content).hexdigest())


@pytest.mark.skipif(not IS_INSIDE, reason="the tests of the deployment run this one over TLS")
def test_a_checksum_that_botocore_computes_comes_behind_the_body(s3: Any, bucket: str) -> None:
    """So what is tested here are the bytes that S3 gets from Lambda."""
    requests: list[Any] = []
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: requests.append(request))
    s3.put_object(Bucket=bucket, Key="tests/trailer", Body=b"trailer", ChecksumAlgorithm="CRC32")
    assert requests[0].url.startswith("https://")
    headers = {name.lower(): str(value) for name, value in requests[0].headers.items()}
    assert "aws-chunked" in headers["content-encoding"]
    assert "x-amz-checksum-crc32" in headers["x-amz-trailer"]


@pytest.mark.skipif(not IS_INSIDE, reason="the tests of the deployment run this one over TLS")
def test_a_wrong_checksum_behind_the_body_is_refused(s3: Any, bucket: str) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.body = [chunk.replace(b"first", b"other") for chunk in iter(lambda: request.body.read(1024), b"")]

    s3.meta.events.register("before-send.s3.PutObject", spoil)
    with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Bucket=bucket, Key="tests/wrong", Body=b"first", ChecksumAlgorithm="CRC32")
    s3.meta.events.unregister("before-send.s3.PutObject", spoil)


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the oldest botocore."""
    folder = tmp_path_factory.mktemp("oldest")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *OLDEST]
    process = subprocess.run(install, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.skip(f"{', '.join(OLDEST)} cannot be installed here: {process.stderr.strip()[-200:]}")
    return folder


@pytest.mark.deploy
@pytest.mark.skipif(IS_INSIDE, reason="once is enough")
@pytest.mark.parametrize("which", ["newest", "oldest"])
def test_the_archive_holds_over_tls(which: str, request: pytest.FixtureRequest) -> None:
    environ = {**os.environ, VARIABLE: "1"}
    if which == "oldest":
        environ["PYTHONPATH"] = str(request.getfixturevalue("oldest"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    process = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout
    print(process.stdout.splitlines()[-1])
