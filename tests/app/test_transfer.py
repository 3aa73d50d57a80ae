"""Parts and their checksums, and large files: memory that does not grow with them.

`TRANSFER_MIB=1024` tries it with as many MiB.
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Iterator

import pytest

from chalicelib import clients, errors, transfer
from chalicelib.archive import Archive
from local.aws.discard import Discard
from local.pipeline import PROJECT
from local.slack import Generated, Slack
from tests.app.spoiled_s3 import SpoiledS3, without_etag

KEYS = {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing"}
MIB = 1024**2
SMALL, LARGE = 40, int(os.environ.get("TRANSFER_MIB", "104"))
LIMIT = 256 * MIB

PROGRAM = r"""
import json, re, sys
from pathlib import Path
from chalicelib import clients, fetch, files, settings
from chalicelib.archive import Archive
from chalicelib.slack import Slack
given = json.load(sys.stdin)
chosen = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
archive, slack = Archive(clients.s3(), chosen.bucket), Slack(clients.http(), chosen)
result = fetch.fetch(given["team"], files.file(given["file"]), chosen, archive, slack, 900.0)
# Not getrusage's maximum, which begins with that of the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({**result, "peak": int(peak[1]) * 1024}))
"""


@pytest.fixture
def sink() -> Iterator[Discard]:
    """An S3 that keeps nothing and checks everything."""
    with Discard() as discard:
        yield discard


def peak(slack: Slack, sink: Discard, mebibytes: int) -> int:
    """Transfer a file in a process of its own, check every byte of it, and return that process's peak RSS."""
    content = Generated(mebibytes * MIB + 1, seed=mebibytes)
    file = slack.add_file("large.bin", content)
    environ = {
        "PATH": os.environ["PATH"],
        "BUCKET": "archive",
        "ACCESS_TOKEN": slack.bot_token,
        "SLACK_URL": slack.api_url,
        "SLACK_LOOPBACK": "1",
        "MAX_FILE_BYTES": str(10 * 1024**3),
        "AWS_ENDPOINT_URL": sink.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    input_text = json.dumps({"team": slack.team_id, "file": file.object()})
    command = [sys.executable, "-c", PROGRAM]
    process = subprocess.run(
        command, input=input_text, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True
    )
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["sha256"] == file.sha256
    sink.check(f"archive/{result['document']}", content.chunks())
    return int(result["peak"])


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc; CI is Linux")
def test_memory_does_not_grow_with_the_file(slack: Slack, sink: Discard) -> None:
    small, large = peak(slack, sink, SMALL), peak(slack, sink, LARGE)
    assert large - small < (LARGE - SMALL) * MIB / 2
    assert large < LIMIT
    print(f"\n{SMALL} MiB: {small // MIB} MiB of RSS; {LARGE} MiB: {large // MIB}")


def test_downloads_get_the_name_in_any_script() -> None:
    assert transfer.disposition('Übersicht "1".pdf') == "attachment; filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf"


def test_a_document_is_stored_as_a_download_of_its_name(archive: Archive) -> None:
    key = "documents/T1/FNAMED/q3 report.pdf"
    transfer.store(archive, key, [b"x"], 1, "application/pdf")
    head = archive.s3.head_object(Bucket=archive.bucket, Key=key)
    assert head["ContentDisposition"] == "attachment; filename*=UTF-8''q3%20report.pdf"
    assert head["ContentType"] == "application/pdf"


@pytest.mark.parametrize("extra", [-1, 0, 1], ids=str)
@pytest.mark.parametrize("parts", [1, 2], ids=str)
@pytest.mark.parametrize("piece", [1024**2, 3_000_000], ids=str)
def test_parts_are_whole_but_the_last(parts: int, extra: int, piece: int) -> None:
    content = random.Random(piece).randbytes(parts * transfer.PART + extra)
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)]
    calls: list[bytes] = []
    parted = list(transfer.parts(pieces, len(content), calls.append, []))
    assert calls == pieces
    assert b"".join(part.body for part in parted) == content
    assert {len(part.body) for part in parted[:-1]} <= {transfer.PART}
    assert 0 < len(parted[-1].body) <= transfer.PART
    assert [int.from_bytes(base64.b64decode(part.crc32)) for part in parted] == [
        zlib.crc32(part.body) for part in parted
    ]


def test_memory_that_was_sent_is_used_again_and_holds_nothing_of_before() -> None:
    buffer = bytearray(b"x" * transfer.PART)
    first, second = transfer.parts([bytes(transfer.PART), b"last"], transfer.PART + 4, len, [buffer])
    assert second.body is buffer
    assert [bytes(first.body), bytes(second.body)] == [bytes(transfer.PART), b"last"]


def test_a_small_file_is_stored_in_one_request_unless_it_is_there(spoiled: SpoiledS3, bucket: str) -> None:
    archive, key = spoiled.archive(bucket), "documents/T1/F0ONCE/x"
    first = transfer.store(archive, key, [b"first"], 5, None)
    assert spoiled.methods == ["PUT"]
    assert transfer.store(archive, key, [b"later"], 5, None) == first


def test_nothing_is_one_empty_part() -> None:
    [part] = transfer.parts([], 0, len, [])
    assert part.body == b""


@pytest.mark.parametrize("size", [5, transfer.PART + 5], ids=str)
def test_s3_is_told_the_checksum_of_all_that_it_is_sent(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with Discard() as s3:
        for name, value in {"ENDPOINT_URL": s3.url, "DEFAULT_REGION": "us-east-1", **KEYS}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        archive = Archive(clients.s3.__wrapped__(), "archive")
        stored_bytes = transfer.store(archive, "documents/T1/F1/x", [bytes(size)], size, None)
        s3_object = s3.objects["archive/documents/T1/F1/x"]
    assert [sorted(part.checksums) for part in s3_object.parts] == [["x-amz-checksum-crc32"]] * len(s3_object.parts)
    assert sum(part.size for part in s3_object.parts) == size
    assert stored_bytes == (size, hashlib.sha256(bytes(size)).hexdigest())


@pytest.mark.parametrize(
    ("size", "method", "part"),
    [
        (5, "PUT", "documents/"),
        (transfer.PART + 5, "PUT", "partNumber=2"),
        (transfer.PART + 5, "POST", "uploadId="),
    ],
    ids=["whole", "part", "completion"],
)
def test_a_success_of_s3_without_an_etag_is_believed_for_no_bytes(
    archive: Archive, spoiled: SpoiledS3, size: int, method: str, part: str
) -> None:
    spoiled.spoil(method, part, without_etag)
    with pytest.raises(errors.ArchiveUnavailable):
        transfer.store(spoiled.archive(archive.bucket), f"documents/T1/FETAG{size}/x", [bytes(size)], size, None)
