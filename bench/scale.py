"""Scale: the requests that the app sends to AWS for one more document, by the size of the archive."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from moto.s3.models import s3_backends

from bench.counting import Counting
from local.pipeline import Pipeline
from local.slack.model import Channel, Message

ARCHIVES = (0, 1_000, 10_000)
REPLY_SECONDS = 60
SEARCH = "/slack/commands"
TAG = "docs"
NAME, TEXT = "q3-report.pdf", f"The board numbers for you #finance #{TAG}"
"""What is uploaded: two hashtags and, with them and the name, ten words."""


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by the number of documents in the archive, the requests of one upload and of one search.

    And those of one upload in a private conversation, where the archive is small.
    """
    counts: dict[str, Any] = {}
    with Counting() as counting, Pipeline(environ={"AWS_ENDPOINT_URL": counting.url}) as pipeline:
        counting.target = pipeline.aws.url
        slack = pipeline.slack
        public, private = slack.channels[0], slack.add_channel("private", "group")
        _upload(pipeline, public)  # not counted: some requests are made once per process
        searches, there = _search(pipeline), 0
        in_private = _count(counting, lambda: _upload(pipeline, private))
        for size in ARCHIVES[: 2 if quick else 3]:
            _fill(pipeline, there, size)
            there = size
            counts[f"{size:,}"] = {"upload": _count(counting, lambda: _upload(pipeline, public))}
            if searches:
                counts[f"{size:,}"]["search"] = _count(counting, lambda: _search(pipeline))
    return {"archives": counts, "searches": searches, "private": in_private}


def _count(counting: Counting, action: Callable[[], object]) -> dict[str, int]:
    """Return the requests of *action*. The fewest of three, because on a busy machine some are retried."""
    counts: list[Counter[str]] = []
    for _ in range(3):
        counting.requests.clear()
        action()
        counts.append(counting.requests.copy())
    return dict(sorted(min(counts, key=lambda counter: counter.total()).items()))


def _search(pipeline: Pipeline) -> bool:
    """Search for documents as the slash command does; tell whether the app has one."""
    slack = pipeline.slack
    channel, user = slack.channels[0], slack.users[0]
    form = {"command": "/docs", "text": f"#{TAG}", "team_id": slack.team_id, "user_id": user.id}
    form |= {"channel_id": channel.id, "channel_name": channel.name, "api_app_id": slack.app_id}
    body = urlencode(form | {"response_url": "", "trigger_id": "1", "token": slack.verification_token}).encode()
    headers = slack.sign(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    connection = HTTPConnection(urlsplit(pipeline.routes.url).netloc)
    connection.request("POST", SEARCH, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if b"Missing Authentication Token" in text:  # what API Gateway says where there is no such route
        return False
    if answer.status != 200:
        raise RuntimeError(f"the search answered {answer.status}; see {pipeline.folder}")
    return True


def _upload(pipeline: Pipeline, channel: Channel) -> Message:
    """Upload a new document, and wait for the reply and the mark that it was posted."""
    slack = pipeline.slack
    file = slack.add_file(NAME, b"%PDF-1.4 some numbers", "application/pdf")
    message = slack.upload(channel, slack.users[0], [file], text=TEXT)
    if not slack.wait_for_replies(message.channel, message.ts, timeout=REPLY_SECONDS):
        raise RuntimeError(f"no reply within {REPLY_SECONDS} s; see {pipeline.folder}")
    _settle(pipeline)
    return message


def _settle(pipeline: Pipeline) -> None:
    """Wait until no function runs any more: the notifier marks its notice after the reply."""
    while pipeline.aws.async_invocations.pending:
        pipeline.aws.async_invocations.join(1)


def _fill(pipeline: Pipeline, first: int, last: int) -> None:
    """Put documents *first* to *last* into the archive, straight into moto's memory: over HTTP it takes minutes."""
    backend = s3_backends[pipeline.aws.account]["aws"]
    place = {"team": pipeline.slack.team_id, "channel": pipeline.slack.channels[0].id, "channel_type": "channel"}
    for number in range(first, last):
        for key, content in _objects(place, f"FX{number:08}", 1_600_000_000 + number):
            backend.put_object(pipeline.deployment.bucket, key, content)


def _objects(place: dict[str, str], file_id: str, creation: int) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and contents of an archived document with one tag, shared in a public channel."""
    team, ts = place["team"], f"{creation}.000001"
    document = f"documents/{team}/{file_id}/notes.txt"
    share: dict[str, Any] = {
        **place,
        "ts": ts,
        "thread_ts": None,
        "user": "U1",
        "comment": f"#{TAG}",
        "comment_cut": False,
    }
    share |= {"tags": [TAG], "version": ts, "event_id": "Ev1", "deleted": False}
    file: dict[str, Any] = {
        "id": file_id,
        "name": "notes.txt",
        "title": "notes.txt",
        "mimetype": "text/plain",
        "size": 11,
    }
    file |= {"sha256": "0" * 64, "created": creation, "uploader": "U1", "permalink": "https://example.slack.com/"}
    record: dict[str, Any] = {"version": 1, "document": document, "file": file, "tags": [TAG], "shares": [share]}
    message: dict[str, Any] = {"version": ts, "deleted": False, "files": [file_id], "tags": [TAG], "replies": {}}
    yield document, b"Some notes."
    yield f"metadata/{team}/{file_id}.json", json.dumps(record | {"archived_at": "2026-11-23T10:00:00Z"}).encode()
    yield f"messages/{team}/{place['channel']}/{ts}.json", json.dumps(message).encode()
    yield f"tags/{team}/public/{TAG}/{9_999_999_999 - creation}-{file_id}", b""
