"""Large files: memory that does not grow with them. `TRANSFER_MIB=1024` tries it with as many MiB."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local.aws.discard import Discard
from local.pipeline import PROJECT
from local.slack import Generated, Slack

MIB = 1024**2
SMALL, LARGE = 40, int(os.environ.get("TRANSFER_MIB", "104"))
LIMIT = 256 * MIB

PROGRAM = r"""
import json, re, sys
from pathlib import Path
from chalicelib import clients, events, fetch, settings
given = json.load(sys.stdin)
chosen = settings.load("BUCKET", "ACCESS_TOKEN", "SLACK_URL")
result = fetch.fetch(given["team"], events.file(given["file"]), chosen, clients.s3(), clients.http(), 900.0)
# Not getrusage's maximum, which begins with that of the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({**result, "peak": int(peak[1]) * 1024}))
"""


@pytest.fixture
def sink() -> Iterator[Discard]:
    """An S3 that keeps nothing and checks everything."""
    with Discard() as started:
        yield started


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
    given = json.dumps({"team": slack.team_id, "file": file.object()})
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, input=given, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["sha256"] == file.sha256
    sink.check(f"archive/{result['document']}", content.chunks())
    return int(result["peak"])


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc; CI is Linux")
def test_memory_does_not_grow_with_the_file(slack: Slack, sink: Discard) -> None:
    small, large = peak(slack, sink, SMALL), peak(slack, sink, LARGE)
    assert large - small < (LARGE - SMALL) * MIB / 2
    assert large < LIMIT
    print(f"\n{SMALL} MiB: {small // MIB} MiB of RSS; {LARGE} MiB: {large // MIB}")
