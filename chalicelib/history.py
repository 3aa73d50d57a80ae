"""The past of a conversation, archived: one turn of the workflow stepfunctions/history.asl.json.

A turn looks what became of the executions that were started, reads on in the conversation as far as Slack's limits
and the account's Lambda allow, starts the same executions that events would have started, and says how long to
wait for the next turn. How far it is stands in one object of the archive, which is replaced on condition that
nobody else has: a turn that is repeated, or runs twice, repeats nothing. A later invitation takes over.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib import channel_links, clients, history_run, history_telling, layout, log, mending, workflow
from chalicelib.archive import Archive, JsonObject, s3_errors
from chalicelib.conversation import Conversation, Item, Json, beginning, channel_type, moment
from chalicelib.errors import (
    AccessRefused,
    Final,
    NotStarted,
    NotUnderstood,
    SlackRateLimited,
    SlackRefused,
    SlackUnavailable,
    TokenRejected,
)
from chalicelib.events import Change
from chalicelib.executions import WITHOUT_SUCCESS, Executions, Outcome
from chalicelib.history_run import Order, Run, Started, machine
from chalicelib.history_telling import RunRecord, Telling
from chalicelib.settings import Settings
from chalicelib.slack import Slack

MOST_TURNS = 2_000
"""Of one execution. A turn makes nine of its 25,000 events; what is left over is for repeated tries."""
CALLS_A_TURN = 5
SECONDS_A_CALL = 1.3
"""conversations.history, conversations.replies and files.list allow 50 calls a minute each, to all conversations
together (https://docs.slack.dev/apis/web-api/rate-limits)."""
MOST_FILES_AT_ONCE = 5
"""Files on their way: a new account's Lambda runs ten functions at a time, which answer Slack, too."""
MOST_STARTED = 300
"""Executions that are waited for, at most; each is some 60 bytes of the record."""
SLOW_AFTER = 600.0
"""Seconds after which an execution, which may try again for hours, holds up no others."""
SAME_INVITATION = 10
LONGEST_WAIT = 86_400
MOST_DELAYS = 200
"""In a row, some five days; then the workflow tries for some hours more, and stops."""
MOST_PROBLEMS = 100
SAME_MESSAGE = 86_400.0
"""Seconds after which an invitation is told in a message of its own, though the run before it did not end well."""


class Stage(NamedTuple):
    """What a turn works with: *workflow* are the executions that archive, *histories* those of this workflow."""

    slack: Slack
    archive: Archive
    workflow: Executions
    histories: Executions


def stage(settings: Settings) -> Stage:
    """Return what the function works with."""
    executions = Executions(clients.stepfunctions(), settings.state_machine)
    histories = Executions(clients.stepfunctions(), machine(settings.state_machine))
    slack = Slack(clients.http(), settings)
    return Stage(slack, Archive(clients.s3(), settings.bucket), executions, histories)


class _Enough(Exception):
    """Slack was asked often enough in this turn."""


def turn(order: Order, stage: Stage, now: float, seconds: float) -> Order:
    """Do one turn, for at most *seconds*, and return the order for the next. *now* is epoch seconds.

    Raises Transient errors, for the workflow to try again, and Final ones, after which it stops.
    """
    key = layout.history_key(order["team"], order["channel"])
    current: JsonObject[Run] | None = stage.archive.read(key)
    if current and _is_for_another(current.value, order):
        is_own = current.value["run"] == order["run"]
        return {**order, "state": _state(current.value) if is_own else "ended"}
    try:
        one_turn = _Turn(order, stage, now, time.monotonic() + seconds, key, current)
    except SlackRateLimited as limited:  # at the beginning, of which there is no record yet
        return _later(order, limited.retry_after)
    return one_turn.do()


def _later(order: Order, seconds: float) -> Order:
    """Return the order for a turn that many seconds later."""
    return {**order, "turns": order["turns"] + 1, "wait": max(1, min(LONGEST_WAIT, round(seconds)))}


def stop(order: Order, error: str, stage: Stage, now: float) -> Order:
    """Note that the run is over because the workflow could not go on, and tell the conversation."""
    history_telling.stop(order["run"], error, stage.archive, stage.slack, now)
    return {**order, "state": "stopped"}


def _is_for_another(run: Run, order: Order) -> bool:
    """Return True if the conversation's *run* is a later one, of the same invitation, or this one and over.

    Of one invitation Slack tells twice, at nearly the same time.
    """
    if run["run"] == order["run"]:
        return run["state"] != "running"
    later = moment(order["latest"])[0] - moment(run["latest"])[0]
    is_same_invitation = order["tell"] and 0 <= later <= SAME_INVITATION and run["state"] in ("running", "done")
    return is_same_invitation or moment(run["latest"]) > moment(order["latest"])


def _state(run: Run) -> str:
    """Return the order's word for the state of a *run* that is over: a run that has stopped is one that failed."""
    return "stopped" if run["state"] == "stopped" else "ended"


def _message_of(before: Run | None, order: Order, now: float) -> str | None:
    """Return the message in which *order* goes on: that of a run *before* which did not come to its end."""
    if before is None or before["state"] == "done":
        return None
    is_near = not order["tell"] or now < before["at"] + SAME_MESSAGE
    return before["notice"] if is_near else None


class _Turn:
    """One turn of *order*, from the record *current* at *key* on."""

    def __init__(
        self, order: Order, stage: Stage, now: float, deadline: float, key: str, current: JsonObject[Run] | None
    ) -> None:
        self._order, self._stage, self._now, self._deadline = order, stage, now, deadline
        self._calls = 0
        self._roots: dict[str, Any] = {}
        is_same_run = current is not None and current.value["run"] == order["run"]
        self._run = current.value if current and is_same_run else self._new_run(current and current.value)
        self._run["part"] = order["part"]
        self._record_of_run = RunRecord(stage.archive, key, current, self._run)
        self._telling = Telling(stage.slack, order["channel"], self._record_of_run, now)
        self._place = mending.Place(
            order["team"], order["channel"], self._run["channel_type"], self._run["bot_user"]
        )
        self._archived = _ArchivedMessages(stage.archive, order["team"], order["channel"], self._root)
        self._conversation = Conversation(self._limited_call, order["channel"], self._archived)

    def do(self) -> Order:
        """Do it, note how far it is, and return the order for the next turn."""
        run = self._run
        try:
            self._telling.tell("running")  # before anything that Slack may delay for long
            self._follow_started()
            self._read()
            if run["position"]["part"] == "end" and not run["started"]:
                self._telling.tell("done")
                run["state"] = "done"
            wait, run["delays"] = self._wait(), 0
        except SlackRateLimited as limited:
            wait = limited.retry_after
        except (SlackUnavailable, NotStarted) as error:
            if run["delays"] >= MOST_DELAYS:
                raise
            log.warning("history waits", error=type(error).__name__, reason=str(error))
            run["delays"] += 1
            wait = 2.0 * 2 ** min(run["delays"], 10)
        except (TokenRejected, AccessRefused, SlackRefused) as refused:
            return self._after_refusal(refused)
        return self._next(wait)

    def _after_refusal(self, refusal: Final) -> Order:
        if isinstance(refusal, SlackRefused) and refusal.error in history_telling.GONE:
            log.info("the app has left the conversation")
            self._run["state"] = "left"
            return self._next(0)
        log.error("history stopped", error=type(refusal).__name__, reason=str(refusal))
        self._telling.stop(str(refusal))
        return self._next(0)

    def _next(self, wait: float) -> Order:
        order = _later(self._order, wait)
        is_over = self._run["state"] != "running"
        if not is_over and order["turns"] >= MOST_TURNS:
            return self._continued(order)
        self._record_of_run.save(self._now)
        return {**order, "state": _state(self._run)} if is_over else order

    def _continued(self, order: Order) -> Order:
        """Go on in an execution of its own: this one has had nearly as many events as it may have."""
        following: Order = {**order, "part": order["part"] + 1, "turns": 0}
        self._run["part"] = following["part"]
        self._record_of_run.save(self._now)
        name = history_run.execution(order["run"], following["part"])
        histories = self._stage.histories
        workflow.start(histories.client, histories.state_machine, name, json.dumps(following), time.monotonic() + 2)
        return {**order, "state": "continued"}

    # --- the beginning

    def _new_run(self, before: Run | None) -> Run:
        order, slack = self._order, self._stage.slack
        me = slack.call("auth.test", {})
        details = slack.call("conversations.info", {"channel": order["channel"]}, form=True)["channel"]
        span = {"channel": order["channel"], "ts_from": order["since"], "count": 1}
        first_file = slack.call("files.list", span, form=True)
        since = max(float(details.get("created") or 0), float(order["since"]))
        message = _message_of(before, order, self._now)
        return {
            "version": 1,
            "run": order["run"],
            "part": order["part"],
            "state": "running",
            "reason": None,
            "latest": order["latest"],
            "since": order["since"],
            "since_shown": since,
            "began": self._now,
            "channel_type": channel_type(details),
            "bot_user": me["user_id"],
            "position": beginning(order["latest"]),
            "started": [],
            "counts": dict.fromkeys(
                ("messages", "archived", "unchanged", "skipped", "failed", "not_understood"), 0
            ),
            "problems": [],
            "total": int((first_file.get("paging") or {}).get("total") or 0),
            "notice": message or (None if order["tell"] else ""),
            "notice_text": "",
            "notice_at": 0.0,
            "delays": 0,
            "idle": 0,
            "at": self._now,
        }

    # --- what became of what was started

    def _follow_started(self) -> None:
        waiting = []
        for execution in self._run["started"]:
            outcome = self._stage.workflow.outcome(execution["name"])
            again = self._account(execution, outcome) if outcome else execution
            waiting += [again] if again else []
        is_idle = self._run["position"]["part"] == "end" and len(waiting) == len(self._run["started"])
        self._run["idle"] = self._run["idle"] + 1 if is_idle else 0
        self._run["started"] = waiting

    def _account(self, execution: Started, outcome: Outcome) -> Started | None:
        """Count the files of an execution that has ended; one that failed before this run is started again."""
        is_earlier = outcome.began < self._run["began"] - 5
        if outcome.status in WITHOUT_SUCCESS and is_earlier:
            name = workflow.replay_name(execution["name"])
            self._start(name, workflow.quiet_input(outcome.input))
            return {**execution, "name": name, "at": self._now}
        for file in outcome.files:
            self._count(execution, file, is_earlier)
        if outcome.status in WITHOUT_SUCCESS and not outcome.files:
            self._run["counts"]["failed"] += execution["files"]
            self._note(execution["ts"], None, None, "failed", f"Archiving it ended ({outcome.status}).")
        return None

    def _count(self, execution: Started, file: Json, is_earlier: bool) -> None:
        if any(
            (problem["ts"], problem["file"]) == (execution["ts"], file["id"]) for problem in self._run["problems"]
        ):
            return  # a reply that was read twice
        status = "unchanged" if file["status"] == "archived" and is_earlier else str(file["status"])
        self._run["counts"][status] = self._run["counts"].get(status, 0) + 1
        if status in ("skipped", "failed"):
            self._note(execution["ts"], file.get("id"), file.get("name"), status, str(file.get("reason") or ""))

    def _note(self, ts: str, file: str | None, name: str | None, status: str, reason: str) -> None:
        if len(self._run["problems"]) < MOST_PROBLEMS:
            self._run["problems"].append(
                {"ts": ts, "file": file, "name": name, "status": status, "reason": reason[:300]}
            )

    # --- reading on

    def _read(self) -> None:
        run = self._run
        try:
            for item in self._conversation.read(run["position"], run["since"]):
                if time.monotonic() > self._deadline or not self._take(item):
                    return
                run["position"] = item.next
                run["counts"]["messages"] += item.kind == "message"
        except _Enough:
            return
        run["position"] = {**run["position"], "part": "end"}

    def _limited_call(self, method: str, arguments: Json) -> Json:
        if self._calls >= CALLS_A_TURN:
            raise _Enough
        self._calls += 1
        return self._stage.slack.call(method, arguments, form=True)

    def _take(self, item: Item) -> bool:
        """Start what *item* asks for; return False if there is no room for it yet."""
        try:
            change = self._change(item)
        except NotUnderstood as error:
            log.warning("not understood", ts=item.ts, reason=str(error))
            self._run["counts"]["not_understood"] += 1
            return True
        if change is None:
            return True
        if not self._has_room(len(change.files)):
            return False
        name = workflow.execution_name(change)
        if any(execution["name"] == name for execution in self._run["started"]):
            return True
        text = channel_links.add_tags(workflow.execution_input(change), change.unnamed, self._stage.slack)
        self._start(name, workflow.quiet_input(text))
        self._run["started"].append(
            {"name": name, "ts": change.message["ts"], "files": len(change.files), "at": self._now}
        )
        return True

    def _has_room(self, files: int) -> bool:
        executions = self._run["started"]
        busy = [execution["files"] or 1 for execution in executions if self._now - execution["at"] < SLOW_AFTER]
        return len(executions) < MOST_STARTED and (not busy or sum(busy) + files <= MOST_FILES_AT_ONCE)

    def _start(self, name: str, text: str) -> None:
        executions = self._stage.workflow
        workflow.start(executions.client, executions.state_machine, name, text, time.monotonic() + 2)

    # --- what an item asks for

    def _change(self, item: Item) -> Change | None:
        if item.kind == "moved":
            return None
        if item.message is None:
            return self._missing(item)
        message = item.message
        if message.get("subtype") == "tombstone":
            return self._deletion(item.ts, self._record(item.ts))
        if message.get("files") or message.get("file") or item.ts in self._archived.timestamps:
            return self._of_files(item, message)
        root = message.get("thread_ts")
        if root and root != item.ts:
            return mending.reply_change(self._place, message, self._root(root), self._now_ts())
        return None

    def _of_files(self, item: Item, message: Json) -> Change | None:
        record = self._record(message["ts"])
        change = mending.change(self._place, message, record, self._now_ts())
        if change or record is None or record["deleted"]:
            return change
        files = record["files"]
        keys = [layout.metadata_key(self._order["team"], file_id) for file_id in files]
        documents = [self._stage.archive.read(key) for key in keys]
        if not all(documents):
            return mending.change(self._place, message, None, self._now_ts())
        if self._is_counted_here(item, message):
            self._count_documents([document.value["archived_at"] for document in documents if document])
        return None

    def _is_counted_here(self, item: Item, message: Json) -> bool:
        """Return True at one of the places where *message* is read, which may be several.

        A reply is counted where its thread is read, unless it was sent to the channel as well. The thread of a root
        that shows files is read with the root, if that is not too old; the second part finds its files once more.
        """
        root = message.get("thread_ts")
        is_in_channel = root in (None, message["ts"]) or message.get("subtype") == "thread_broadcast"
        if is_in_channel or not item.thread:
            return is_in_channel and not item.thread
        if item.next["part"] != "files" or moment(item.thread) <= moment(self._run["since"]):
            return True
        record = self._root(item.thread)
        return record is None or not record["files"]

    def _count_documents(self, archived_at: list[str]) -> None:
        """Count documents that are there; a turn that was killed may have archived them."""
        began = datetime.fromtimestamp(self._run["began"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = sum(moment < began for moment in archived_at)
        self._run["counts"]["unchanged"] += before
        self._run["counts"]["archived"] += len(archived_at) - before

    def _missing(self, item: Item) -> Change | None:
        """What Slack does not show may stand in a thread, be deleted, or have been left out: it is asked for."""
        if item.thread:
            root = self._root(item.thread)
            if self._is_old(item.ts) or root is None or self._conversation.message(item.ts, item.thread):
                return None
            return mending.reply_deletion(self._place, item.ts, root, self._now_ts())
        record = self._record(item.ts)
        if record is None or record["deleted"]:
            return None
        if record["thread_ts"] and record["thread_ts"] != item.ts:
            reply = self._conversation.message(item.ts, record["thread_ts"])
            return self._of_files(item, reply) if reply else self._deletion(item.ts, record)
        if self._is_old(item.ts) or self._conversation.message(item.ts, None):
            return None
        return self._deletion(item.ts, record)

    def _deletion(self, ts: str, record: Any) -> Change | None:
        if record is None or self._is_old(ts):
            return None
        return mending.deletion(self._place, record, self._now_ts())

    def _is_old(self, ts: str) -> bool:
        """A message that is older and not shown any more may have been removed by retention: no deletion."""
        days = self._stage.slack.settings.keep_after_days
        return bool(days) and moment(ts)[0] < self._now - days * 86_400

    def _record(self, ts: str) -> Any:
        record = self._stage.archive.read(layout.message_key(self._order["team"], self._order["channel"], ts))
        return record and record.value

    def _root(self, ts: str) -> Any:
        if ts not in self._roots:
            self._roots[ts] = self._record(ts)
        return self._roots[ts]

    def _now_ts(self) -> str:
        return f"{self._now:.6f}"

    # --- pace

    def _wait(self) -> float:
        """Return the seconds until the next turn: all conversations that are read share what Slack allows."""
        if self._run["position"]["part"] == "end":
            return float(2 << min(self._run["idle"], 8))
        pace = self._calls * SECONDS_A_CALL
        return max(2.0, pace * self._stage.histories.count())


class _ArchivedMessages:
    """What the archive has of a conversation. *timestamps* are those of the messages listed so far."""

    def __init__(self, archive: Archive, team: str, channel: str, root: Callable[[str], Any]) -> None:
        self._archive, self._root = archive, root
        self._prefix = layout.message_key(team, channel, "").removesuffix(".json")
        self.timestamps: set[str] = set()

    def messages(self, oldest: str, latest: str) -> list[str]:
        """Return the timestamps of the messages on record between two others."""
        timestamps = [ts for ts in self._names_behind(oldest, latest) if moment(ts) > moment(oldest)]
        self.timestamps.update(timestamps)
        return timestamps

    def replies(self, root: str) -> list[str]:
        """Return the timestamps of the replies that tag the documents of *root*."""
        record = self._root(root)
        return [ts for ts, reply in (record or {}).get("replies", {}).items() if reply["tags"]]

    def _names_behind(self, oldest: str, latest: str) -> list[str]:
        """Timestamps have one length, so that the listing is in their order."""
        names: list[str] = []
        with s3_errors("reading the records of a conversation"):
            pages = self._archive.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._archive.bucket, Prefix=self._prefix, StartAfter=self._prefix + oldest
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    ts = entry["Key"].removeprefix(self._prefix).removesuffix(".json")
                    if moment(ts) >= moment(latest):
                        return names
                    names.append(ts)
        return names
