"""Files of gigabytes through the fetcher, in its own process, into an S3 that checks every byte and keeps none."""

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

from chalicelib import clients, fetch, files
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from chalicelib.slack import Slack as Api
from local.aws.discard import Discard
from local.slack import Generated, Slack

GIB = 1024**3
SIZES = (GIB, 5 * GIB)


def run() -> bool:
    """Fetch a file of each size, print how it went, and tell whether each arrived whole."""
    return all(_is_fetched_whole(size) for size in SIZES)


def _is_fetched_whole(size: int) -> bool:
    with Slack() as slack, Discard() as s3:
        content = Generated(size)
        file = slack.add_file("film.bin", content)
        settings = Settings(
            access_token=slack.bot_token,
            slack_url=slack.api_url,
            bucket="archive",
            max_file_bytes=size,
            allowed_types=("*/*",),
            slack_loopback=True,
        )
        spawning = multiprocessing.get_context("spawn")
        answers: Any = spawning.Queue()
        process = spawning.Process(target=_fetch, args=(slack.team_id, file.object(), settings, s3.url, answers))
        start = time.monotonic()
        process.start()
        sha256, memory = answers.get()
        seconds = time.monotonic() - start
        process.join()
        s3.check(f"archive/documents/{slack.team_id}/{file.id}/film.bin", content.chunks())
        print(
            f"{size / GIB:.0f} GiB: {seconds:.0f} s, {memory / 1024:.0f} MB of memory at most, every byte checked"
        )
        return bool(sha256 == file.sha256) and not s3.uploads


def _fetch(team: str, entry: Any, settings: Settings, url: str, answers: Any) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys, AWS_ENDPOINT_URL=url)
    archive, slack = Archive(clients.s3(), settings.bucket), Api(clients.http(), settings)
    result = fetch.fetch(team, files.file(entry), settings, archive, slack, 3_600.0)
    answers.put((result["sha256"], _peak_kilobytes()))


def _peak_kilobytes() -> int:
    """The most memory of this process (Linux); what getrusage calls its maximum begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
