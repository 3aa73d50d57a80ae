"""What people took back in Slack: the app's replies about it go, too.

The record of the message says what still stands. It is written before the topic gets the outcome of a deletion: so
either that finds the mark of a reply, or the reply, once it is posted, finds the deletion (replies.py).
"""

from chalicelib import log, posts, records
from chalicelib.blocks import sections
from chalicelib.layout import MessageRecord, NoticeMark
from chalicelib.marks import Marks, Place
from chalicelib.slack import Slack

TAKEN_BACK = "A file was taken back in Slack, so this reply was taken back, too."


def follow(place: Place, record: MessageRecord | None, marks: Marks, slack: Slack) -> None:
    """Take back what was posted about changes of the message at *place*, if it is deleted, or a file is gone.

    Earlier versions posted a reply of its own about an edit that brought a file.
    """
    for key in marks.archive.names(f"notices/{place.name}-"):
        name = key.removeprefix("notices/").removesuffix(".json")
        mark = marks.read(name)
        reply = mark and mark.value.get("reply")
        if mark and reply and record and _is_about_what_is_gone(mark.value, record, slack.settings.keep_after_days):
            delete(place.channel, reply, slack)
            marks.write(name, NoticeMark(state="withdrawn", at=mark.value["at"]), mark)
            log.info("reply taken back", channel=place.channel, ts=reply)


def _is_about_what_is_gone(mark: NoticeMark, record: MessageRecord, keep_after: int) -> bool:
    files = mark.get("files", [])
    return record["deleted"] or any(records.is_taken_off(record, file_id, keep_after) for file_id in files)


def delete(channel: str, ts: str, slack: Slack) -> None:
    """Delete the app's reply; where Slack refuses, as a workspace may, take the names out of it."""
    blanking = {"channel": channel, "ts": ts, "text": TAKEN_BACK, "blocks": sections([TAKEN_BACK])}
    posts.first_accepted([("chat.delete", {"channel": channel, "ts": ts}), ("chat.update", blanking)], slack)
