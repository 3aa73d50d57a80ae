"""A file that was shared ► the execution of the message that shows it, if that message's own event did not come.

It is looked up a minute after the event: by then the message's own event, which comes nearly always, has been
followed, and one read of the archive tells so. The execution has the name that the message's event gives it, so
nothing doubles, whichever comes first.
"""

import time
from typing import Any, NamedTuple

from chalicelib import channel_links, clients, conversation, layout, log, mending, settings, shares, workflow
from chalicelib.archive import Archive, JsonObject
from chalicelib.conversation import Conversation
from chalicelib.errors import FileGone, FileNotReady, SlackRefused
from chalicelib.events import Change
from chalicelib.executions import Executions
from chalicelib.files import YOUNG_SECONDS
from chalicelib.layout import DocumentRecord
from chalicelib.shares import Place, Share
from chalicelib.slack import Slack

_TIMEOUT = (0.5, 1.5)
"""Three calls of Slack's and what the workflow is asked have room in the function's ten seconds."""
_UNSEEN = {"channel_not_found", "not_in_channel"}


class Stage(NamedTuple):
    """What the look-up works with."""

    slack: Slack
    archive: Archive
    workflow: Executions


def stage() -> Stage:
    """Return what the function works with."""
    app_settings = settings.load("SLACK_INTEGRATOR_SF", "BUCKET", "ACCESS_TOKEN", "SLACK_URL")
    executions = Executions(clients.stepfunctions(), app_settings.state_machine)
    return Stage(
        Slack(clients.http(), app_settings), Archive(clients.s3_in_haste(), app_settings.bucket), executions
    )


def follow(share: Share, stage: Stage, now: float) -> None:
    """Start what is to be started for *share*; *now* is epoch seconds.

    Raises FileNotReady while Slack may not yet know, NotUnderstood, NotStarted, and what `Slack.call` raises.
    """
    if _is_archived(share, stage.archive):
        log.info("archived before")
        return
    try:
        for place in _places(share, stage.slack, now):
            _start(share, place, stage, now)
    except SlackRefused as refused:
        if refused.error not in _UNSEEN or _is_young(share, now):
            raise
        log.info("the app is not in the conversation")


def _is_archived(share: Share, archive: Archive) -> bool:
    """Return True if the file's document has a share in this channel that is not older than the event."""
    record: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(share["team"], share["file"]))
    return record is not None and any(
        entry["channel"] == share["channel"] and shares.is_of_this_sharing(share, entry["ts"])
        for entry in record.value["shares"]
    )


def _places(share: Share, slack: Slack, now: float) -> list[Place]:
    """Return the messages that show the file; none when it was taken back."""
    is_young = _is_young(share, now)
    try:
        file = _call(slack, "files.info", {"file": share["file"]}).get("file")
    except FileGone:
        if is_young:
            raise
        log.info("the file was deleted")
        return []
    places = shares.places(share, file) if isinstance(file, dict) else None
    if places is None or (not places and is_young):
        raise FileNotReady("Slack does not say yet in which message the file was shared.")
    if not places:
        log.info("no message shows the file any more")
    return places


def _is_young(share: Share, now: float) -> bool:
    return now - float(share["version"]) < YOUNG_SECONDS


def _start(share: Share, place: Place, stage: Stage, now: float) -> None:
    name = workflow.upload_name(share["team"], share["channel"], place.ts)
    with log.about(execution=name):
        if stage.workflow.status(name) is not None:
            log.info("already started")
            return
        change = _change(share, place, stage.slack, now)
        if change is None:
            log.info("the message is gone")
            return
        text = channel_links.add_tags(workflow.execution_input(change), change.unnamed, stage.slack)
        workflow.start(stage.workflow.client, stage.workflow.state_machine, name, text, time.monotonic())
        log.info("started by file_shared")


def _change(share: Share, place: Place, slack: Slack, now: float) -> Change | None:
    """Return what the event of the message at *place* would have started; None if there is no such message."""
    details = _call(slack, "conversations.info", {"channel": share["channel"]}).get("channel")
    kind = conversation.channel_type(details if isinstance(details, dict) else {})
    messages = Conversation(lambda method, arguments: _call(slack, method, arguments), share["channel"])
    message = messages.message(place.ts, place.thread)
    if message is None:
        return None
    where = mending.Place(share["team"], share["channel"], kind, share["bot_user"])
    return mending.change(where, message, None, f"{now:.6f}")


def _call(slack: Slack, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return slack.call(method, arguments, form=True, timeout=_TIMEOUT)
