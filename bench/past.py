"""`python -m bench.past [MESSAGES]`: archive the past of a conversation of a million messages, and count.

The turns are those of chalicelib/history.py, with the clock of a simulation, which goes as fast as they are done.
Slack, S3 and Step Functions are as little of themselves as a turn sees, with Slack's limits per method and minute.
One turn in a hundred is killed in the middle, and taken again as the workflow would.
"""

import json
import random
import sys
import time
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from chalicelib import history, history_run
from chalicelib.archive import JsonObject
from chalicelib.errors import SlackRateLimited
from chalicelib.executions import Executions
from chalicelib.settings import Settings
from chalicelib.sigv4 import ServiceError

Json = dict[str, Any]
MESSAGES = 1_000_000
BEGAN, EVERY = 1_600_000_000, 60
"""Epoch seconds of the first message, and seconds from one to the next."""
PER_UPLOAD, PER_THREAD = 20, 100
"""One message in so many shows a file; one in so many is the root of a thread with a file in it."""
PER_MINUTE = {"chat.postMessage": 60}
"""Calls that Slack allows a method; 50 where nothing else is said (tier 3)."""
MOST_EVENTS, MOST_STATE = 25_000, 262_144
EVENTS = {"turn": 5 + 2 + 2, "kill": 3, "end": 5 + 2 + 2 + 2}
"""Of an execution's history: a task, a choice and a wait; a try that failed; the last turn and the end."""
SECONDS = {"slack": 0.2, "aws": 0.03, "archiving": 4.0}
KILLED = 0.01


class KilledError(Exception):
    """The function was killed in the middle of a turn."""


class Simulation:
    """The clock, what was called, and the chance that the function dies at a call."""

    def __init__(self) -> None:
        self.now = float(BEGAN + 10 * 365 * 86_400)
        self.calls: Counter[str] = Counter()
        self.refusals = 0
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._chance, self.dies_at = random.Random(1), -1

    def begin_turn(self) -> None:
        """Decide whether, and at which call, this turn is killed."""
        self.dies_at = self._chance.randrange(30) if self._chance.random() < KILLED else -1

    def call(self, name: str, kind: str) -> None:
        """Count a call, let it take its time, and kill the function if it is its turn."""
        self.calls[name] += 1
        self.now += SECONDS[kind]
        self.dies_at -= 1
        if self.dies_at == 0:
            raise KilledError

    def limit(self, method: str) -> None:
        """Refuse what Slack would, which looks at the last minute."""
        recent = self._recent[method]
        while recent and recent[0] < self.now - 60:
            recent.popleft()
        if len(recent) >= PER_MINUTE.get(method, 50):
            self.refusals += 1
            raise SlackRateLimited("Slack asks to wait.", 60 - (self.now - recent[0]))
        recent.append(self.now)


def ts_of(number: int, reply: int = 0) -> str:
    """Return the ts of a message, or of a reply to it, in the seconds that follow."""
    return f"{BEGAN + number * EVERY + reply}.000000"


def _file(number: int, reply: int = 0) -> Json:
    about = {"id": f"F{number}R{reply}", "name": "plan.txt", "mode": "hosted", "size": 5, "mimetype": "text/plain"}
    share = {"ts": ts_of(number, reply)} | ({"thread_ts": ts_of(number)} if reply else {})
    creation = BEGAN + number * EVERY + reply
    return {**about, "user": "U1", "created": creation, "shares": {"public": {"C1": [share]}}}


def _has_thread(number: int) -> bool:
    return number % PER_THREAD == 1


def _message(number: int) -> Json:
    message: Json = {"type": "message", "user": "U1", "ts": ts_of(number), "text": f"message {number}"}
    if number % PER_UPLOAD == 0:
        message |= {"files": [_file(number)], "text": "Numbers #finance"}
    if _has_thread(number):
        message |= {"thread_ts": message["ts"], "reply_count": 1}
    return message


class SimulatedSlack:
    """The conversation C1, of so many *messages*."""

    def __init__(self, simulation: Simulation, messages: int) -> None:
        self.settings = Settings(slack_url="https://slack.com/api/chat.postMessage")
        self._simulation, self._messages = simulation, messages
        self.posted = Counter[str]()
        numbers = range(messages - 1, -1, -1)
        self._files = [(n, int(_has_thread(n))) for n in numbers if n % PER_UPLOAD == 0 or _has_thread(n)]

    @property
    def files(self) -> int:
        """How many files the conversation has."""
        return len(self._files)

    def call(self, method: str, arguments: Json, form: bool = False) -> Json:
        """Return what Slack would."""
        self._simulation.call(method, "slack")
        self._simulation.limit(method)
        if method.startswith("chat."):
            self.posted[method] += 1
            return {"ts": "9999999999.000000"}
        answer: Json = getattr(self, "_" + method.replace(".", "_"))(arguments)
        return answer

    def _auth_test(self, arguments: Json) -> Json:
        return {"user_id": "UBOT"}

    def _conversations_info(self, arguments: Json) -> Json:
        return {"channel": {"id": "C1", "created": BEGAN, "is_channel": True}}

    def _conversations_history(self, arguments: Json) -> Json:
        latest, oldest = float(arguments["latest"]), float(arguments.get("oldest", 0))
        newest = min(self._messages, -int(-(latest - BEGAN) // EVERY))
        first = max(0, newest - int(arguments["limit"]))
        page = [_message(number) for number in range(newest - 1, first - 1, -1)]
        messages = [message for message in page if float(message["ts"]) > oldest]
        return {"messages": messages, "has_more": first > 0 and len(messages) == len(page)}

    def _conversations_replies(self, arguments: Json) -> Json:
        number = (int(arguments["ts"].partition(".")[0]) - BEGAN) // EVERY
        reply = {"type": "message", "user": "U1", "ts": ts_of(number, 1), "thread_ts": ts_of(number)}
        return {"messages": [_message(number), reply | {"text": "#2026", "files": [_file(number, 1)]}]}

    def _files_list(self, arguments: Json) -> Json:
        until, page, count = arguments.get("ts_to"), arguments.get("page", 1), arguments["count"]
        first = bisect_left(self._files, -until, key=lambda file: -_file(*file)["created"]) if until else 0
        start = first + (page - 1) * count
        files = [_file(*file) for file in self._files[start : start + count]]
        return {"files": files, "paging": {"total": len(self._files)}}


class SimulatedArchive:
    """The records, and a listing of them: of S3 that is all that a turn uses."""

    bucket = "archive"

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.s3: Any = self
        self._objects: dict[str, tuple[str, int]] = {}
        self._keys: list[str] = []
        self.largest = 0

    def read(self, key: str) -> JsonObject[Any] | None:
        """Return the record at *key*."""
        self._simulation.call("S3", "aws")
        entry = self._objects.get(key)
        return JsonObject(json.loads(entry[0]), str(entry[1])) if entry else None

    def write(self, key: str, value: Any, *, over: JsonObject[Any] | None) -> JsonObject[Any] | None:
        """Write it if *over* is still there."""
        self._simulation.call("S3", "aws")
        entry = self._objects.get(key)
        if (over.etag if over else None) != (str(entry[1]) if entry else None):
            return None
        self.put(key, value)
        return JsonObject(value, str(self._objects[key][1]))

    def put(self, key: str, value: Any) -> None:
        """Write it as another function does, whose calls are not counted."""
        text = json.dumps(value)
        if key not in self._objects and key.startswith("messages/"):
            insort(self._keys, key)
        self._objects[key] = (text, self._objects.get(key, ("", 0))[1] + 1)
        self.largest = max(self.largest, len(text))

    def get_paginator(self, operation: str) -> Any:
        """Return what lists the messages' records."""
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str) -> Iterator[Json]:  # noqa: N803 (boto3's names)
        """Yield pages of a thousand."""
        at = bisect_left(self._keys, StartAfter + "\x00")
        while at < len(self._keys) and self._keys[at].startswith(Prefix):
            self._simulation.call("S3", "aws")
            yield {"Contents": [{"Key": key} for key in self._keys[at : at + 1_000]]}
            at += 1_000


class SimulatedStepFunctions:
    """The executions of both machines: those that archive end after some seconds, and leave their records."""

    def __init__(self, simulation: Simulation, archive: SimulatedArchive) -> None:
        self._simulation, self._archive = simulation, archive
        self.started: dict[str, Json] = {}
        self.histories: deque[tuple[str, Json]] = deque()
        self.refusals = 0
        self.most_at_once = 0

    def call(self, action: str, **arguments: Any) -> Json:
        """Return what Step Functions would."""
        self._simulation.call(action, "aws")
        if action == "ListExecutions":
            return {"executions": [{}]}
        name = arguments["name"] if action == "StartExecution" else arguments["executionArn"].rpartition(":")[2]
        return self._start(name, arguments) if action == "StartExecution" else self._describe(name)

    def _start(self, name: str, arguments: Json) -> Json:
        if name in self.started:
            self.refusals += 1
            raise ServiceError("ExecutionAlreadyExists", 400)
        self.started[name] = {"input": arguments["input"], "began": self._simulation.now, "done": False}
        if arguments["stateMachineArn"].endswith("-history"):
            self.histories.append((name, json.loads(arguments["input"])))
            return {"executionArn": name}
        going = [each for each in list(self.started.values())[-20:] if not self._is_over(each)]
        self.most_at_once = max(self.most_at_once, len(going))
        return {"executionArn": name}

    def _is_over(self, execution: Json) -> bool:
        return bool(self._simulation.now >= execution["began"] + SECONDS["archiving"])

    def _describe(self, name: str) -> Json:
        execution = self.started[name]
        if not self._is_over(execution):
            return {"status": "RUNNING", "startDate": execution["began"]}
        content = json.loads(execution["input"])
        if not execution["done"]:
            execution["done"] = True
            self._record(content["message"], content["files"])
        files = [{"id": file["id"], "status": "archived"} for file in content["files"]]
        about = {"status": "SUCCEEDED", "startDate": execution["began"], "input": execution["input"]}
        return about | {"output": json.dumps({"files": files})}

    def _record(self, message: Json, files: list[Json]) -> None:
        ids = [file["id"] for file in files]
        record = {"files": ids, "known": ids, "replies": {}, "tags": [], "deleted": False}
        self._archive.put(f"messages/T1/C1/{message['ts']}.json", {**message, **record})
        at = datetime.fromtimestamp(self._simulation.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for file in ids:
            self._archive.put(f"metadata/T1/{file}.json", {"archived_at": at})


def run(messages: int) -> Json:
    """Archive the past of a conversation of so many *messages*, and return what was counted."""
    simulation = Simulation()
    archive = SimulatedArchive(simulation)
    slack, aws = SimulatedSlack(simulation, messages), SimulatedStepFunctions(simulation, archive)
    both: Any = [Executions(aws, machine) for machine in ("arn:stateMachine:a", "arn:stateMachine:a-history")]  # type: ignore[arg-type]
    stage = history.Stage(slack, archive, *both)  # type: ignore[arg-type]
    order = history_run.order("T1", "C1", f"{simulation.now:.6f}", "0", tell=True)
    aws.histories.append((order["run"], json.loads(json.dumps(order))))
    start, began, executions = time.monotonic(), simulation.now, []
    while aws.histories:
        executions.append(_execute(aws.histories.popleft()[1], stage, simulation))
    record = archive.read("history/T1/C1.json")
    assert record
    archiving = [name for name in aws.started if not history_run.is_history(name)]
    return {
        "messages": messages,
        "files": slack.files,
        "record": {name: record.value[name] for name in ("state", "counts")},
        "executions": executions,
        "started": len(archiving),
        "started_again": aws.refusals,
        "most_at_once": aws.most_at_once,
        "calls": dict(simulation.calls),
        "refused": simulation.refusals,
        "messages_of_the_app": slack.posted["chat.postMessage"],
        "largest_record": archive.largest,
        "simulated": simulation.now - began,
        "seconds": time.monotonic() - start,
    }


def _execute(order: Any, stage: history.Stage, simulation: Simulation) -> Json:
    """Run one execution of the history's workflow, and return its turns and events."""
    counts = {"turns": 0, "killed": 0, "events": EVENTS["end"], "state": 0}
    while order["state"] == "running":
        simulation.begin_turn()
        counts["state"] = max(counts["state"], len(json.dumps(order)))
        try:
            order = history.turn(order, stage, simulation.now, 60)
        except KilledError:
            counts["killed"], counts["events"] = counts["killed"] + 1, counts["events"] + EVENTS["kill"]
            simulation.now += 10
            continue
        counts["turns"], counts["events"] = counts["turns"] + 1, counts["events"] + EVENTS["turn"]
        simulation.now += order["wait"]
    return counts


def as_text(result: Json) -> str:
    """Return what a person reads of it."""
    executions, calls = result["executions"], result["calls"]
    counts, minutes = result["record"]["counts"], result["simulated"] / 60
    per_minute = {method: count / minutes for method, count in sorted(calls.items()) if "." in method}
    speed = result["simulated"] / result["seconds"]
    return "\n".join(
        [
            f"{result['messages']:,} messages, {result['files']:,} files: {result['record']['state']}, {counts}",
            f"{len(executions)} executions of the history, {sum(each['turns'] for each in executions):,} turns, "
            f"{sum(each['killed'] for each in executions)} of them killed and taken again",
            f"at most {max(each['events'] for each in executions):,} events of an execution (of {MOST_EVENTS:,}), "
            f"{max(each['state'] for each in executions):,} bytes of state (of {MOST_STATE:,}), "
            f"{result['largest_record']:,} bytes of a record",
            f"{result['started']:,} executions archived, {result['started_again']} starts found theirs started, "
            f"at most {result['most_at_once']} at once",
            f"{result['messages_of_the_app']} message of the app, {calls['chat.update']:,} times updated",
            "calls of Slack a minute, on average: "
            + ", ".join(f"{method} {rate:.1f} ({calls[method]:,})" for method, rate in per_minute.items())
            + f"; {result['refused']} refused by a limit",
            f"{result['simulated'] / 3600:.1f} hours in {result['seconds']:.0f} s, {speed:,.0f} times the clock",
        ]
    )


if __name__ == "__main__":
    print(as_text(run(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)))
