"""The app's message in a conversation whose past it archives: posted once, kept up to date, and its end.

It is updated, since an update notifies nobody: with the greeting, an invitation makes two messages of the app.
"""

from typing import Any

from chalicelib import history_notices, layout, log
from chalicelib.archive import Archive, JsonObject
from chalicelib.conversation import PAGE
from chalicelib.errors import AccessRefused, ArchiveUnavailable, Final, SlackRefused
from chalicelib.history_run import POSTING, Run, history_of
from chalicelib.slack import Slack, is_webhook

SECONDS_BETWEEN_UPDATES = 20.0
GONE = {"not_in_channel", "channel_not_found"}
"""Slack's words for a conversation that the app is not in any more."""

Json = dict[str, Any]


class RunRecord:
    """The record of *run* at *key*, replaced on condition that nobody else has replaced *current*."""

    def __init__(self, archive: Archive, key: str, current: JsonObject[Run] | None, run: Run) -> None:
        self._archive, self._key, self._current, self.run = archive, key, current, run

    def save(self, now: float) -> None:
        """Write it. Raise ArchiveUnavailable if somebody else has."""
        self.run["at"] = now
        self._current = self._archive.write(self._key, self.run, over=self._current)
        if self._current is None:
            raise ArchiveUnavailable("Another turn of the same conversation was faster.")


class Telling:
    """What *channel* is told of the run in *record*, at *now* (epoch seconds)."""

    def __init__(self, slack: Slack, channel: str, record: RunRecord, now: float) -> None:
        self._slack, self._channel, self._record, self._now = slack, channel, record, now
        self._run = record.run

    def tell(self, state: str) -> None:
        """Bring the message up to date with *state*, if the conversation is to be told of the run at all."""
        run = self._run
        if run["notice"] == "" or (run["notice"] is None and not self._has_something_to_tell(state)):
            return
        if is_webhook(self._slack.settings.slack_url):
            run["notice"] = ""
            return
        try:
            self._tell({**run, "state": state})
        except (SlackRefused, AccessRefused) as error:  # archived, or the app may not write here
            if isinstance(error, SlackRefused) and error.error in GONE:
                raise
            log.warning("the conversation cannot be told", reason=str(error))
            run["notice"] = ""

    def stop(self, reason: str) -> None:
        """Note why the run is over, and tell the conversation if Slack lets the app. Raise Transient errors."""
        self._run["reason"] = reason
        try:
            self.tell("stopped")
        except Final as error:
            log.warning("nobody told", error=type(error).__name__, reason=str(error))
        self._run["state"] = "stopped"

    def _has_something_to_tell(self, state: str) -> bool:
        return bool(self._run["total"] or self._run["counts"]["archived"]) or state == "stopped"

    def _tell(self, run_to_show: Run) -> None:
        run, is_over = self._run, run_to_show["state"] != "running"
        text, sections = history_notices.message(run_to_show)
        if run["notice"] in (None, POSTING):
            self._post(text, sections)
        if text != run["notice_text"] and (is_over or self._now >= run["notice_at"] + SECONDS_BETWEEN_UPDATES):
            body = {"channel": self._channel, "ts": run["notice"], "text": text, "blocks": sections}
            self._slack.call("chat.update", body)
            run["notice_text"], run["notice_at"] = text, self._now

    def _post(self, text: str, sections: list[Json]) -> None:
        """Post the message, noting before that it is about to be.

        If that was noted by a turn that came no further, it may be there, with another text: it is known by its
        block's id.
        """
        run, block_id = self._run, f"{self._channel}-history"
        there = history_notices.find_ts(self._recent_messages(), block_id) if run["notice"] == POSTING else None
        if there:
            run["notice"] = there
            return
        run["notice"] = POSTING
        self._record.save(self._now)
        sections_with_id = [{**sections[0], "block_id": block_id}, *sections[1:]]
        body = {"channel": self._channel, "text": text, "blocks": sections_with_id, "unfurl_links": False}
        run["notice"] = str(self._slack.call("chat.postMessage", body)["ts"])
        run["notice_text"], run["notice_at"] = text, self._now

    def _recent_messages(self) -> list[Json]:
        """Return what was posted in the conversation since the run began."""
        span = {"oldest": f"{self._run['began'] - 60:.6f}", "latest": f"{self._now + 3_600:.6f}"}
        arguments = {"channel": self._channel, "limit": PAGE, **span}
        messages: list[Json] = self._slack.call("conversations.history", arguments, form=True)["messages"]
        return messages


def stop(execution: str, error: str, archive: Archive, slack: Slack, now: float) -> None:
    """Note that the run of *execution* is over, since the workflow could not go on, and tell the conversation.

    *error* is how the execution ended, in the words of Step Functions. A run that has ended already has told.
    """
    team, channel, name = history_of(execution)
    key = layout.history_key(team, channel)
    current: JsonObject[Run] | None = archive.read(key)
    if current is None or current.value["run"] != name or current.value["state"] != "running":
        log.info("nobody has to know")
        return
    record = RunRecord(archive, key, current, current.value)
    Telling(slack, channel, record, now).stop(f"The archive had a fault of its own ({error}).")
    record.save(now)
