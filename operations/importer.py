"""An export, read on and archived: which executions its messages start, at which pace, and how far it is.

A message starts what its event would have started, under the same name and quietly, so that nothing doubles with
events, with histories or with an earlier import. What the archive knows better stays: an export is older.
"""

import secrets
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, TypedDict

from chalicelib import layout, mending, workflow
from chalicelib.archive import Archive, JsonObject
from chalicelib.conversation import channel_type
from chalicelib.errors import NotStarted, NotUnderstood, SlackRefused
from chalicelib.events import Change
from chalicelib.executions import WITHOUT_SUCCESS, Executions, Outcome
from chalicelib.fetch import skipped_because
from chalicelib.history import MOST_FILES_AT_ONCE, MOST_STARTED, SLOW_AFTER
from chalicelib.history_run import Problem, Started
from chalicelib.layout import MessageRecord
from chalicelib.settings import Settings
from chalicelib.slack import Slack, wait_when_limited
from operations.console import Stop
from operations.export_tokens import Tokens
from operations.slack_export import Conversation, Day, Export

MOST_PROBLEMS = 1_000
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_SAVES = 5.0
CLOCKS_DIFFER_BY = 5.0
"""Seconds, at most, between this machine's clock and AWS's."""
_PAUSES = (1, 2, 5, 10, 20)
"""Seconds between the tries to start an execution."""
COUNTED = ("messages", "archived", "unchanged", "skipped", "failed", "not_understood")

Json = dict[str, Any]


class Target(NamedTuple):
    """Where an export is imported to: the workspace *team*, whose app is *bot_user*, in one stage."""

    slack: Slack
    archive: Archive
    executions: Executions
    settings: Settings
    team: str
    bot_user: str


class Progress(TypedDict):
    """How far an import is: the file of messages that is read, and how many of its *messages* are dealt with.

    *owner* is the command that works on it, *began* is epoch seconds, *started* are the executions that are waited
    for, *tokens* where SSM keeps the export's. *state* is running or done.
    """

    version: int
    owner: str
    state: str
    entry: str
    messages: int
    began: float
    counts: dict[str, int]
    problems: list[Problem]
    started: list[Started]
    tokens: list[str]


class Importer:
    """The import of *export* to *target*. *progress* goes on from where an earlier one was interrupted."""

    def __init__(
        self, target: Target, export: Export, tokens: Tokens, pause: float = SECONDS_BETWEEN_LOOKS
    ) -> None:
        self._target, self._export, self._tokens, self._pause = target, export, tokens, pause
        self._key = layout.import_key(target.team, export.fingerprint())
        self._object: JsonObject[Progress] | None = target.archive.read(self._key)
        before = self._object.value if self._object else None
        self.progress: Progress = before if before and before["state"] == "running" else _beginning()
        self.progress["owner"] = secrets.token_hex(8)
        tokens.names = self.progress["tokens"]
        self._channel_types: dict[str, str] = {}
        self._save_time = 0.0

    def run(self) -> Iterator[float]:
        """Import all that is left; yield, after each step, which part of the export is read.

        To stop reading on is safe after each step, if `save` is called.
        """
        days = self._export.days()
        first = next((n for n, day in enumerate(days) if day.entry == self.progress["entry"]), 0)
        whole, behind = sum(day.size for day in days), sum(day.size for day in days[:first])
        self.save()
        for day in days[first:]:
            if self.progress["entry"] != day.entry:
                self.progress["entry"], self.progress["messages"] = day.entry, 0
            for _ in self._read(day):
                yield behind / whole
            behind += day.size
        while self.progress["started"]:
            self._look()
            yield 1.0
        self.progress["state"] = "done"
        self.save()

    def save(self) -> None:
        """Write down how far it is; raises Stop where another command has taken over."""
        new = self._target.archive.write(self._key, self.progress, over=self._object)
        if new is None:  # or the answer to this command's last write was lost
            current: JsonObject[Progress] | None = self._target.archive.read(self._key)
            if current is None or current.value["owner"] != self.progress["owner"]:
                raise Stop("The same export is imported by another command right now: that one goes on.")
            new = self._target.archive.write(self._key, self.progress, over=current)
        self._object, self._save_time = new, time.monotonic()

    def _read(self, day: Day) -> Iterator[None]:
        start = self.progress["messages"]
        for number, message in enumerate(self._export.messages(day)):
            if number < start:
                continue
            yield from self._take(message, day.conversation)
            self.progress["messages"] = number + 1
            self.progress["counts"]["messages"] += 1
            if time.monotonic() - self._save_time > SECONDS_BETWEEN_SAVES:
                self.save()
            yield

    # --- a message

    def _take(self, message: Json, conversation: Conversation) -> Iterator[None]:
        """Start what *message* asks for, when there is room for it."""
        try:
            change = self._change(message, conversation)
        except NotUnderstood:
            self.progress["counts"]["not_understood"] += 1
            return
        if change is None:
            return
        while not self._has_room(len(change.files)):
            yield
            self._look()
        name, text = self._free_name(change), workflow.quiet_input(workflow.execution_input(change))
        self._start(name, text)
        if not any(execution["name"] == name for execution in self.progress["started"]):
            ts = change.message["ts"]
            self.progress["started"].append({"name": name, "ts": ts, "files": len(change.files), "at": time.time()})

    def _start(self, name: str, text: str) -> None:
        """Start an execution, and wait while Step Functions takes no more."""
        executions = self._target.executions
        for pause in _PAUSES:
            try:
                return workflow.start(executions.client, executions.state_machine, name, text, time.monotonic())
            except NotStarted:
                time.sleep(pause)
        return workflow.start(executions.client, executions.state_machine, name, text, time.monotonic() + 10)

    def _change(self, message: Json, conversation: Conversation) -> Change | None:
        """Return what *message* starts; None if it is nothing that the archive does not have."""
        team, bot_user = self._target.team, self._target.bot_user
        place = mending.Place(team, conversation.id, conversation.channel_type, bot_user)
        fresh = mending.change(place, message, None, "")
        if fresh is None:
            return None
        place = place._replace(channel_type=self._channel_type(conversation))
        ts, root = fresh.message["ts"], fresh.message["thread_ts"] or fresh.message["ts"]
        record = self._record(conversation, root if fresh.kind == "reply" else ts)
        if fresh.kind == "reply":
            reply_record = record["replies"].get(ts) if record else None
            edited_at = reply_record and mending.edited_after(message, reply_record["version"])
            is_known = reply_record is not None and not edited_at
            return None if is_known else mending.reply_change(place, message, record, edited_at or "")
        if record is None or record["version"] == mending.NOTHING_KNOWN:
            return self._with_files(mending.change(place, message, None, ""), is_new=True)
        if record["deleted"]:
            return None
        edited_at = mending.edited_after(message, record["version"])
        edit = mending.change(place, message, record, edited_at) if edited_at else None
        if edit:
            return self._without_tokens(edit)
        return self._with_files(mending.change(place, message, None, ""), is_new=False)

    def _with_files(self, change: Change | None, *, is_new: bool) -> Change | None:
        """Return *change* if there is anything to fetch for it; what there is not, is counted."""
        if change is None:
            return None
        reasons = {file["id"]: skipped_because(file, self._target.settings) for file in change.files}
        file_ids = [file_id for file_id, reason in reasons.items() if reason is None]
        documents = {file_id: self._document(file_id) for file_id in file_ids} if not is_new else {}
        if file_ids and (is_new or not all(documents.values())):
            return self._without_tokens(change)
        for file in change.files:
            self._count(
                change.message["ts"], file["id"], file["name"], *self._status(file["id"], reasons, documents)
            )
        return None

    def _status(self, file_id: str, reasons: dict[str, str | None], documents: dict[str, Any]) -> tuple[str, str]:
        reason = reasons[file_id]
        if reason:
            return "skipped", reason
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.progress["began"]))
        return ("unchanged" if documents[file_id]["archived_at"] < began else "archived"), ""

    def _without_tokens(self, change: Change) -> Change:
        return change._replace(files=[self._tokens.hide(file) for file in change.files])

    def _record(self, conversation: Conversation, ts: str) -> MessageRecord | None:
        record = self._target.archive.read(layout.message_key(self._target.team, conversation.id, ts))
        return record.value if record else None

    def _document(self, file_id: str) -> Any:
        record = self._target.archive.read(layout.metadata_key(self._target.team, file_id))
        return record and record.value

    def _channel_type(self, conversation: Conversation) -> str:
        """Return the kind of *conversation*: public if Slack says so now, too. It may have become private."""
        if conversation.channel_type != "channel":
            return conversation.channel_type
        if conversation.id not in self._channel_types:
            self._channel_types[conversation.id] = self._asked_type(conversation.id)
        return self._channel_types[conversation.id]

    def _asked_type(self, channel: str) -> str:
        arguments = {"channel": channel}
        slack = self._target.slack
        try:
            answer = wait_when_limited(lambda: slack.call("conversations.info", arguments, form=True))
        except SlackRefused as refused:
            if refused.error != "channel_not_found":
                raise
            return "group"
        return channel_type(answer["channel"])

    # --- executions

    def _free_name(self, change: Change) -> str:
        """Return the name of the execution, or of its next replay where one ended before this import began."""
        name = workflow.execution_name(change)
        while (outcome := self._target.executions.outcome(name)) and self._is_earlier(outcome):
            name = workflow.replay_name(name)
        return name

    def _is_earlier(self, outcome: Outcome) -> bool:
        return outcome.began < self.progress["began"] - CLOCKS_DIFFER_BY

    def _has_room(self, files: int) -> bool:
        executions, now = self.progress["started"], time.time()
        busy = sum(execution["files"] or 1 for execution in executions if now - execution["at"] < SLOW_AFTER)
        return len(executions) < MOST_STARTED and (not busy or busy + files <= MOST_FILES_AT_ONCE)

    def _look(self) -> None:
        """Wait a moment, then see what became of the executions that were started."""
        time.sleep(self._pause * max(1.0, len(self.progress["started"]) / 10))
        for execution in list(self.progress["started"]):
            outcome = self._target.executions.outcome(execution["name"])
            if outcome:
                self._account(execution, outcome)
            elif time.time() - execution["at"] > SLOW_AFTER and not self._target.executions.is_running(
                execution["name"]
            ):
                self._count_failure(execution, "Step Functions knows nothing of its execution any more.")

    def _account(self, execution: Started, outcome: Outcome) -> None:
        if outcome.status in WITHOUT_SUCCESS and not outcome.files:
            self._count_failure(execution, f"Archiving it ended ({outcome.status}).")
            return
        self.progress["started"].remove(execution)
        for file in outcome.files:
            reason = str(file.get("reason") or "")
            self._count(execution["ts"], str(file.get("id")), file.get("name"), str(file["status"]), reason)

    def _count_failure(self, execution: Started, reason: str) -> None:
        self.progress["started"].remove(execution)
        self.progress["counts"]["failed"] += max(1, execution["files"]) - 1
        self._count(execution["ts"], None, None, "failed", reason)

    def _count(self, ts: str, file: str | None, name: str | None, status: str, reason: str) -> None:
        counts, problems = self.progress["counts"], self.progress["problems"]
        counts[status] = counts.get(status, 0) + 1
        if status in ("skipped", "failed") and len(problems) < MOST_PROBLEMS:
            problems.append({"ts": ts, "file": file, "name": name, "status": status, "reason": reason[:300]})


def _beginning() -> Progress:
    return {
        "version": 1,
        "owner": "",
        "state": "running",
        "entry": "",
        "messages": 0,
        "began": time.time(),
        "counts": dict.fromkeys(COUNTED, 0),
        "problems": [],
        "started": [],
        "tokens": [],
    }
