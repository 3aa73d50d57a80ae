"""What people took back in Slack: the app's replies about it go, too, and no new one is posted.

The record of the message says what still stands. It is written before the topic gets the outcome of a deletion: so
either that finds the mark of a reply, or the reply, once it is posted, finds the deletion.
"""

from typing import Any

from chalicelib import layout, log
from chalicelib.archive import Archive, JsonObject
from chalicelib.blocks import sections
from chalicelib.errors import AccessRefused, NoticePending, SlackRefused
from chalicelib.layout import DocumentRecord, MessageRecord, NoticeMark, Share
from chalicelib.slack import Slack

TAKEN_BACK = "A file was taken back in Slack, so this reply was taken back, too."
_TIMEOUT = (0.4, 1.2)


def may_withdraw(message: dict[str, Any]) -> bool:
    """Return True if the topic's *message* may mean that something was taken back."""
    return message.get("type") == "outcome" and message.get("kind") in ("edit", "deletion", "file_deletion")


def standing(message: dict[str, Any], archive: Archive) -> dict[str, Any] | None:
    """Return the topic's *message* without the files that were taken back; None if nothing of it stands.

    What is no outcome names no file, and stands.
    """
    record = _record(message, archive) if message.get("type") == "outcome" else None
    if record is None:
        return message
    if record["deleted"]:
        return None
    files = message.get("files")
    if not files:
        return message
    rest = [file for file in files if file["id"] not in _withdrawn(record)]
    return {**message, "files": rest} if rest else None


def follow(message: dict[str, Any], archive: Archive, slack: Slack, now: float, claim_seconds: float) -> None:
    """Take back the app's replies to the message that the topic's *message* is about, where they name what is gone.

    Raises NoticePending while one may be on its way.
    """
    if message["kind"] == "file_deletion":
        for share in _shares(message, archive):
            place = {"team": share["team"], "channel": share["channel"], "ts": share["ts"]}
            _follow(place, archive, slack, now, claim_seconds)
    else:
        _follow(message, archive, slack, now, claim_seconds)


def _shares(message: dict[str, Any], archive: Archive) -> list[Share]:
    """Return where the file was shared of whose deletion the topic's *message* tells, by its execution's name."""
    team, file_id = message["execution"].split("-")[:2]
    stored: JsonObject[DocumentRecord] | None = archive.read(layout.metadata_key(team, file_id))
    return stored.value["shares"] if stored else []


def _follow(message: dict[str, Any], archive: Archive, slack: Slack, now: float, claim_seconds: float) -> None:
    name = f"{message['team']}-{message['channel']}-{message['ts']}".replace(".", "_")
    for key in archive.names(f"notices/{name}"):
        if key != layout.notice_key(name) and not key.startswith(f"notices/{name}-"):
            continue
        mark: JsonObject[NoticeMark] | None = archive.read(key)
        if mark and mark.value["state"] == "claimed" and now - mark.value["at"] < claim_seconds:
            raise NoticePending("A reply about what was taken back is being posted.")
        if mark:
            take_back(key, mark, message, archive, slack)


def take_back(
    key: str, mark: JsonObject[NoticeMark], message: dict[str, Any], archive: Archive, slack: Slack
) -> None:
    """Delete the reply of which *mark*, at *key*, tells, or take the names out, if it names what is gone."""
    record, reply = _record(message, archive), mark.value.get("reply")
    if record is None or mark.value["state"] != "posted" or not reply:
        return
    files, withdrawn = set(mark.value.get("files", [])), _withdrawn(record)
    if record["deleted"] or (files and files <= withdrawn):
        delete(message["channel"], reply, slack)
    elif files & withdrawn:
        _blank(message["channel"], reply, slack)
    else:
        return
    archive.write(key, NoticeMark(state="withdrawn", at=mark.value["at"]), over=mark)
    log.info("reply taken back", channel=message["channel"], ts=reply)


def delete(channel: str, ts: str, slack: Slack) -> None:
    """Delete the app's reply; where Slack refuses, as a workspace may, take the names out of it."""
    _first_accepted([_deletion(channel, ts), _blanking(channel, ts)], slack)


def _blank(channel: str, ts: str, slack: Slack) -> None:
    """Take the names out of the app's reply; where Slack refuses, delete it."""
    _first_accepted([_blanking(channel, ts), _deletion(channel, ts)], slack)


def _deletion(channel: str, ts: str) -> tuple[str, dict[str, Any]]:
    return "chat.delete", {"channel": channel, "ts": ts}


def _blanking(channel: str, ts: str) -> tuple[str, dict[str, Any]]:
    return "chat.update", {"channel": channel, "ts": ts, "text": TAKEN_BACK, "blocks": sections([TAKEN_BACK])}


def _first_accepted(calls: list[tuple[str, dict[str, Any]]], slack: Slack) -> None:
    """Make the calls until Slack accepts one."""
    for method, body in calls:
        try:
            slack.call(method, body, timeout=_TIMEOUT)
        except (SlackRefused, AccessRefused) as error:  # message_not_found: deleted with its thread
            log.warning("reply not taken back", method=method, ts=body["ts"], reason=str(error))
        else:
            return


def _record(message: dict[str, Any], archive: Archive) -> MessageRecord | None:
    team, channel, ts = (message.get(name) for name in ("team", "channel", "ts"))
    if not (team and channel and ts):
        return None
    stored: JsonObject[MessageRecord] | None = archive.read(layout.message_key(team, channel, ts))
    return stored and stored.value


def _withdrawn(record: MessageRecord) -> set[str]:
    return (set(record["known"]) - set(record["files"])) | set(record.get("deleted_files", []))
