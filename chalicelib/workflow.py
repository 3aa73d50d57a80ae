"""What became of a message ► one execution of the state machine, named after it.

The name is the message's identity, so that starting twice is the same start: Slack delivers a message more than
once, in parallel, and under different event ids. What cannot be started at once waits in the parking queue
(parking.py) and is started later, under the same name.
"""

import json
import time
from typing import Any, NamedTuple

from chalicelib import log
from chalicelib.errors import NotStarted, NotUnderstood
from chalicelib.events import Change, Message
from chalicelib.files import File
from chalicelib.sigv4 import Client, ServiceError
from chalicelib.utf8 import cut

LONGEST_INPUT = 200_000
"""Bytes. Step Functions takes 262,144 per state payload; the rest is for what the states add."""
SHORT_NAME = 100
"""Bytes of a name or title in an input that would be too long otherwise."""
MOST_NAMED = 10
"""Left-out tags that are carried by name; of the others only the number is."""

_THROTTLED = {"ThrottlingException", "TooManyRequestsException"}


def execution_name(change: Change) -> str:
    """Return the name of the execution that archives a message: `T1-C1-1499081899_737651`.

    What changed it later is named after that change as well: `…-e1499081950_000100`, a deletion with a `d`. The
    deletion of a file, which is in no message, is named after the file: `T1-F1-d1499081950_000100`.
    """
    message = change.message
    if change.kind == "file_deletion":
        return f"{message['team']}-{change.removed[0]}-d{message['version']}".replace(".", "_")
    name = upload_name(message["team"], message["channel"], message["ts"])
    if message["version"] != message["ts"]:
        name += f"-{'d' if change.kind == 'deletion' else 'e'}{message['version']}"
    return name.replace(".", "_")


def upload_name(team: str, channel: str, ts: str) -> str:
    """Return the name of the execution that archives the files of the message at *ts*."""
    return f"{team}-{channel}-{ts}".replace(".", "_")


def replay_name(name: str) -> str:
    """Return the name of the next replay of the execution *name*: `…-r1`, `…-r2` and so on."""
    first, replay, number = name.partition("-r")
    return f"{first}-r{int(number) + 1 if replay else 1}"


def quiet_input(text: str) -> str:
    """Return the input *text* of an execution for a start of which nobody is told."""
    return canonical_json({**json.loads(text), "quiet": True})


def execution_input(change: Change) -> str:
    """Return the workflow's input as JSON of at most `LONGEST_INPUT` bytes.

    What is too long loses names beyond `SHORT_NAME` bytes and the addresses, which the fetcher gets again from
    `files.info`; then the end of the comment, whose tags were taken before. Raises NotUnderstood when that is not
    enough either: thousands of files, where Slack allows ten or so.
    """
    text = _as_json(change.message, change.files, change)
    if len(text.encode()) <= LONGEST_INPUT:
        return text
    files = [_shortened(file) for file in change.files]
    spare = LONGEST_INPUT - len(_as_json({**change.message, "comment": ""}, files, change).encode())
    if spare < 0:
        raise NotUnderstood(f"A message with {len(files)} files is more than one execution can carry.")
    comment = change.message["comment"]
    beginning = _longest_prefix(comment, spare)
    return _as_json({**change.message, "comment": beginning, "comment_cut": beginning != comment}, files, change)


def start(client: Client, state_machine: str, name: str, text: str, last_try: float) -> None:
    """Start the execution *name* with the input *text*, or find it started; raises NotStarted.

    One try takes up to 0.8 s. It is repeated once, if that may help and *last_try* (time.monotonic) has not passed.
    """
    failure = _try(client, state_machine, name, text)
    if failure and failure.may_pass and time.monotonic() < last_try:
        log.warning("start failed once", error=failure.error)
        failure = _try(client, state_machine, name, text)
    if failure:
        raise NotStarted(f"The archive could not begin with this ({failure.error}).")


class _Failure(NamedTuple):
    error: str
    may_pass: bool


def _try(client: Client, state_machine: str, name: str, text: str) -> _Failure | None:
    """Return None when the execution was started or has been before."""
    try:
        client.call("StartExecution", stateMachineArn=state_machine, name=name, input=text)["executionArn"]
    except KeyError:
        return _Failure("an answer without an ARN", may_pass=True)
    except ServiceError as error:
        if error.code == "ExecutionAlreadyExists":
            log.info("already started")
            return None
        return _Failure(
            error.code, may_pass=error.status in (0, 200) or error.status >= 500 or error.code in _THROTTLED
        )
    return None


def _as_json(message: Message, files: list[File], change: Change) -> str:
    """Return the workflow's input, as canonical JSON, since Step Functions compares the inputs of two starts."""
    tags, left_out = change.tags
    body = {
        "kind": change.kind,
        "message": message,
        "files": files,
        "file_ids": [file["id"] for file in files],  # the workflow picks nothing by a wildcard
        "removed": change.removed,
        "tags": tags,
        "tags_left_out": {
            "count": len(left_out),
            "first": [cut(tag, SHORT_NAME) for tag in left_out[:MOST_NAMED]],
            "links": len(change.unnamed),  # until channel_links.py knows better
        },
    }
    return canonical_json(body)


def canonical_json(body: dict[str, Any]) -> str:
    """Return *body* as JSON without spaces, its keys in order: the same object is always the same text."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _shortened(file: File) -> File:
    name, title = (value and cut(value, SHORT_NAME) for value in (file["name"], file["title"]))
    short: File = {**file, "name": name, "title": title, "url": None, "permalink": None}
    short.pop("other_url", None)
    return short


def _longest_prefix(text: str, size: int) -> str:
    """Return the longest beginning of *text* that adds at most *size* bytes to a JSON string."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(json.dumps(text[:middle], ensure_ascii=False).encode()) - len('""') <= size
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low]
