"""Conditional writes of the local S3: of those who name the same condition at one moment, one succeeds."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.pipeline import Pipeline
from tests.local.test_listings import new_bucket

WRITERS = 8
ROUNDS = 40

Write = Callable[[Any, str, str, str], None]
"""Writes at the key of the bucket, if the ETag is still there, or nothing when it is empty."""


def put(s3: Any, bucket: str, key: str, etag: str) -> None:
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    s3.put_object(Bucket=bucket, Key=key, Body=b"new", **condition)


def complete(s3: Any, bucket: str, key: str, etag: str) -> None:
    about = {"Bucket": bucket, "Key": key}
    upload = {**about, "UploadId": s3.create_multipart_upload(**about)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"new")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("is_versioned", [True, False])
@pytest.mark.parametrize(("write", "is_there"), [(put, True), (put, False), (complete, False)])
def test_one_of_several_conditional_writes_succeeds(
    pipeline: Pipeline, write: Write, is_there: bool, is_versioned: bool
) -> None:
    s3 = pipeline.aws.client("s3")
    bucket = new_bucket(s3, is_versioned)
    start = threading.Barrier(WRITERS)

    def code(key: str, etag: str) -> str:
        start.wait(timeout=30)
        try:
            write(s3, bucket, key, etag)
        except s3.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "written"

    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(ROUNDS):
            key = f"record-{number}"
            etag = s3.put_object(Bucket=bucket, Key=key, Body=b"old")["ETag"] if is_there else ""
            codes = sorted(pool.map(code, [key] * WRITERS, [etag] * WRITERS))
            assert codes == ["PreconditionFailed"] * (WRITERS - 1) + ["written"]
