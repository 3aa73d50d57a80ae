"""The message shortcut *Archive files* ► the execution that the message's event would have started, and a sentence.

It is for what the app was not there to see. The execution has the same name and input as the event's, so nothing
doubles. Slack offers a shortcut in every conversation of a person, also in those that the app is not in; there it
looks first whether it can see the files.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib import blocks, events, layout, log, workflow
from chalicelib.actions import Shortcut
from chalicelib.bucket import Bucket
from chalicelib.conversation import channel_type
from chalicelib.deadline import Deadline
from chalicelib.errors import AccessRefused, FileGone, IntegratorError, NotStarted, NotUnderstood, SlackRefused
from chalicelib.events import Change
from chalicelib.executions import Executions
from chalicelib.sigv4 import Client
from chalicelib.slack import Slack

NO_FILES = "There are no files in this message, so there is nothing to archive."
NOT_UNDERSTOOD = "I don't understand this message, so I can't archive its files. Please share them in a new one."
NOT_THERE = (
    "I can't see these files: I'm not in this conversation. Invite me with `/invite` and choose *Archive files* "
    "again. Where nobody can be invited, share the file in a channel that I'm in, or send it to me."
)
STARTED = "I'm archiving {files}. My reply in the thread will say how it went."
STARTED_UNHEARD = "I'm archiving {files}. In a minute you can find {them} with `/docs`."
RUNNING = "I'm already archiving {files}. In a minute you can find {them} with `/docs`."
THERE_ALREADY = "I have {files} in the archive already. You can find {them} with `/docs`."
LATER = "I can't archive {files} right now. I've noted it, and will as soon as I can."
_TIMEOUT = (0.4, 0.9)
_SECOND_TRY = 0.9
"""Seconds after which a start is not tried again; one takes up to 0.8."""
_MOST_REPLAYS = 9
_MOST_RECORDS = 20


class Stage(NamedTuple):
    """What the shortcut works with; *park* keeps a start for later, by name, input and links to channels."""

    slack: Slack
    bucket: Bucket
    stepfunctions: Client
    state_machine: str
    park: Callable[[str, str, Iterable[str]], None]


def archive_files(shortcut: Shortcut, stage: Stage, deadline: Deadline) -> str:
    """Start archiving the message's files, if that is still to be done, and return what to say about it.

    Raises what `Slack.call` does, NotStarted, and NotParked.
    """
    try:
        if _upload(shortcut, None) is None:
            return NO_FILES
        conversation = _conversation(shortcut.channel, stage.slack)
        if conversation is None:
            return NOT_THERE
        change = _upload(shortcut, channel_type(conversation))
    except NotUnderstood as error:
        log.warning("shortcut not understood", reason=str(error))
        return NOT_UNDERSTOOD
    assert change is not None, "the channel's type does not take the files off"
    is_member = conversation.get("is_member") is True or bool(conversation.get("is_im"))
    if not is_member and not _shows(change, stage.slack):
        return NOT_THERE
    if _is_archived(change, stage.bucket, deadline):
        return _sentence(THERE_ALREADY, change)
    return _sentence(_start(change, is_member, stage), change)


def failure(error: IntegratorError) -> dict[str, Any]:
    """Return that it did not work, in the words of *error*."""
    return {"response_type": "ephemeral", "text": blocks.failure("I couldn't archive this.", error)}


def _upload(shortcut: Shortcut, channel_type: str | None) -> Change | None:
    """Return the upload that the message is; None where it shows no files, or the app has posted it."""
    event = {**shortcut.envelope["event"], "channel_type": channel_type}
    return events.upload({**shortcut.envelope, "event": event}, event)


def _conversation(channel: str, slack: Slack) -> Mapping[str, Any] | None:
    """Return what Slack says of the conversation, None where it hides it from the app."""
    try:
        conversation = slack.call("conversations.info", {"channel": channel}, form=True, timeout=_TIMEOUT).get(
            "channel"
        )
    except (SlackRefused, AccessRefused):
        return None
    return conversation if isinstance(conversation, dict) and conversation.get("id") == channel else None


def _shows(change: Change, slack: Slack) -> bool:
    """Return True if Slack shows the app the message's first file, and so all of them."""
    try:
        slack.call("files.info", {"file": change.files[0]["id"]}, form=True, timeout=_TIMEOUT)
    except (FileGone, AccessRefused, SlackRefused):
        return False
    return True


def _is_archived(change: Change, bucket: Bucket, deadline: Deadline) -> bool:
    """Return True if every file has its record, with a share in this message."""
    message, files = change.message, change.files[:_MOST_RECORDS]
    keys = [layout.metadata_key(message["team"], file["id"]) for file in files]
    records = [entry and entry.value for entry in deadline.map(bucket.read, keys)]
    return len(files) == len(change.files) and all(
        record is not None
        and any(
            (share["channel"], share["ts"], share["deleted"]) == (message["channel"], message["ts"], False)
            for share in record["shares"]
        )
        for record in records
    )


def _start(change: Change, is_member: bool, stage: Stage) -> str:
    """Start the execution, or the next replay of one that has ended, and return the sentence."""
    first, text = workflow.execution_name(change), workflow.execution_input(change)
    name, status = next(
        (pair for pair in _statuses(first, stage) if pair[1] in (None, "RUNNING")), (first, "RUNNING")
    )
    if status == "RUNNING":
        return RUNNING
    with log.about(execution=name):
        if change.unnamed:
            stage.park(name, text, change.unnamed)
            return STARTED if is_member else STARTED_UNHEARD
        try:
            last_try = time.monotonic() + _SECOND_TRY
            workflow.start(stage.stepfunctions, stage.state_machine, name, text, last_try)
        except NotStarted as error:
            log.warning("parked", reason=str(error))
            stage.park(name, text, ())
            return LATER
        log.info("started by the shortcut")
    return STARTED if is_member else STARTED_UNHEARD


def _statuses(first: str, stage: Stage) -> Iterator[tuple[str, str | None]]:
    """Yield the name and status of the message's execution, then of its replays, as `make replay` numbers them."""
    executions = Executions(stage.stepfunctions, stage.state_machine)
    for number in range(_MOST_REPLAYS + 1):
        name = f"{first}-r{number}" if number else first
        yield name, executions.status(name)


def _sentence(text: str, change: Change) -> str:
    number = len(change.files)
    if number == 1:
        return text.format(files="this file", them="it")
    return text.format(files=f"these {number} files", them="them")
