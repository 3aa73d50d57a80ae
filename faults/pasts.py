"""The past of a channel under faults: every call of the function that reads it is broken once, in every way.

The end has to be the same each time: every document whole, with one share, and one message of the app that says so.
Where a service refuses for good, the end has to be a truthful one.
"""

import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import notices
from chalicelib.history_run import order
from faults.harness import Harness
from faults.kinds import ANSWERS, DEATHS, GARBAGE, KILLED_AFTER, LOST, REFUSED, THROTTLED, TIMEOUT, Fault, Rule
from local.slack.model import Channel, Message

FACTOR, AT_ONCE = 300.0, 6
SECONDS = 180
QUICK = (REFUSED, LOST, THROTTLED, GARBAGE, KILLED_AFTER)
SAME, STOPPED, LEFT, WRONG = "=tlX"
LEGEND = {
    SAME: "the end is the same as without a fault",
    STOPPED: "refused for good: the app's message says that it has stopped, and why; the execution has failed",
    LEFT: "Slack said that the app is not in the conversation: nothing more can be said there",
    WRONG: "a broken promise",
}


@dataclass(eq=False)
class Past:
    """A channel's past, archived while *fault* befalls the call at *point* once."""

    point: str = ""
    fault: Fault | None = None
    channel: Channel = field(init=False)
    uploads: list[Message] = field(init=False)
    rule: Rule | None = None
    verdict: str = ""
    why: str = ""

    def start(self, harness: Harness) -> None:
        """Share files, in a thread too, of which no event tells; then invite the app."""
        slack = harness.pipeline.slack
        self.channel = slack.add_channel(f"past-{len(slack.channels)}", bot_is_member=False)
        root = slack.say(self.channel, slack.users[0], "The minutes?", deliver=False)
        threads = (None, None, root.ts)
        files = [(f"{name}.txt", name.encode() * 99, "text/plain") for name in ("one", "two", "three")]
        self.uploads = [
            slack.upload(self.channel, slack.users[1], [file], "#past", thread_ts=thread, deliver=False)
            for file, thread in zip(files, threads, strict=True)
        ]
        slack.say(self.channel, slack.users[0], "#more", thread_ts=self.uploads[0].ts, deliver=False)
        if self.fault:
            ids = frozenset({self.channel.id, *(upload.files[0].id for upload in self.uploads)})
            self.rule = Rule(self.point, self.fault, 1, ids)
            harness.apply([self.rule])
        slack.invite(self.channel, slack.users[0])

    def finish(self, harness: Harness) -> None:
        """Wait for the end, and judge it."""
        end = time.monotonic() + SECONDS
        while not self._is_over(harness):
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        self.verdict, self.why = self._judge(harness)

    def _is_over(self, harness: Harness) -> bool:
        record = self._record(harness)
        return record is not None and record["state"] != "running" and not _going(harness, self.channel)

    def _record(self, harness: Harness) -> Any:
        key = f"history/{harness.pipeline.slack.team_id}/{self.channel.id}.json"
        return _json(harness, key)

    def _judge(self, harness: Harness) -> tuple[str, str]:
        record, texts = self._record(harness), self._texts(harness)
        if self.rule and not self.rule.happened:
            return WRONG, "the fault did not happen"
        if record is None or record["state"] == "running":
            return WRONG, f"it goes on: {record}"
        if len(texts) > 1:
            return WRONG, f"{len(texts)} messages: {texts}"
        if record["state"] == "left":
            return (LEFT, "") if self.fault is REFUSED and _is_slacks(self.point) else (WRONG, "it left")
        if record["state"] == "stopped":
            is_told = bool(texts) and "has stopped" in texts[0] and "make catchup" in texts[0]
            return (STOPPED, "") if self.fault is REFUSED and is_told else (WRONG, f"{record['reason']}: {texts}")
        problems = [problem for upload in self.uploads for problem in self._problems(harness, upload)]
        if not texts or not texts[0].startswith("✅") or "3 files" not in texts[0]:
            problems.append(f"it is told: {texts}")
        return (WRONG, "; ".join(problems)) if problems else (SAME, "")

    def _texts(self, harness: Harness) -> list[str]:
        slack = harness.pipeline.slack
        own = [
            message for message in slack.messages if message.channel is self.channel and "bot_id" in message.body
        ]
        return [message.text for message in own if message.text != notices.GREETING]

    def _problems(self, harness: Harness, upload: Message) -> Iterator[str]:
        """Yield what is not as it should be of an upload."""
        team, file = harness.pipeline.slack.team_id, upload.files[0]
        record = _json(harness, f"metadata/{team}/{file.id}.json")
        if record is None or len(record["shares"]) != 1:
            yield f"{file.name} has the record {record}"
            return
        body = harness.pipeline.aws.client("s3").get_object(
            Bucket=harness.pipeline.deployment.bucket, Key=record["document"]
        )
        if hashlib.sha256(body["Body"].read()).hexdigest() != file.sha256:
            yield f"{file.name} is not whole"
        tags = ["more", "past"] if upload is self.uploads[0] else ["past"]
        if record["tags"] != tags:
            yield f"{file.name} has the tags {record['tags']}"


def _is_slacks(point: str) -> bool:
    return "." in point


def _json(harness: Harness, key: str) -> Any:
    """Return the JSON object at *key*; None if there is none, or moto's S3 fails as it replaces it."""
    s3 = harness.pipeline.aws.client("s3")
    try:
        answer = s3.get_object(Bucket=harness.pipeline.deployment.bucket, Key=key)
        return json.loads(answer["Body"].read())
    except ClientError:
        return None


def _going(harness: Harness, channel: Channel) -> bool:
    """Return True while an execution that reads the channel's past runs."""
    machine = harness.pipeline.deployment.state_machine_arn + "-history"
    client = harness.pipeline.aws.client("stepfunctions")
    running = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    begin = order(harness.pipeline.slack.team_id, channel.id, "", "0", tell=True)["run"]
    return any(execution["name"].startswith(begin) for execution in running)


def run(is_full: bool, only: str = "") -> bool:
    """Break every call, print what came of it, and return True if no promise is broken."""
    start = time.monotonic()
    with Harness(FACTOR) as harness:
        honest = Past()
        honest.start(harness)
        honest.finish(harness)
        if honest.verdict != SAME:
            raise RuntimeError(f"without a fault it came to {honest.why}")
        ids = frozenset({honest.channel.id, *(upload.files[0].id for upload in honest.uploads)})
        calls = {
            point: of_point[0]
            for point, of_point in harness.calls_by_point.items()
            if _is_of_history(point) and any(call.is_about(ids) for call in of_point)
        }
        cases = [
            Past(point, fault)
            for point, call in sorted(calls.items())
            for fault in (*ANSWERS, *DEATHS)
            if fault.fits(call) and (is_full or fault in QUICK) and only in point
        ]
        _run_all(harness, cases)
    _print(cases, time.monotonic() - start)
    return not any(case.verdict == WRONG for case in cases)


def _is_of_history(point: str) -> bool:
    return point.startswith("read_history ") or point == "workflow Invoke read_history"


def _run_all(harness: Harness, cases: list[Past]) -> None:
    """Run *cases* a few at a time; those in which the function dies alone, for its idle processes die with it."""
    alive = sorted((case for case in cases if not case.fault or not case.fault.kills), key=_is_long)
    batches = [alive[start : start + AT_ONCE] for start in range(0, len(alive), AT_ONCE)]
    for batch in batches + [[case] for case in cases if case not in alive]:
        for case in batch:
            case.start(harness)
        for case in batch:
            case.finish(harness)
        print("".join(case.verdict for case in batch), end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def _is_long(case: Past) -> bool:
    return case.fault is TIMEOUT


def _print(cases: list[Past], seconds: float) -> None:
    table: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for case in cases:
        table[case.point][case.fault.name if case.fault else ""] += case.verdict
    faults = [fault.name for fault in (*ANSWERS, *DEATHS)]
    print(" " * 48 + " ".join(f"{name:>13}" for name in faults))
    for point, row in sorted(table.items()):
        print(f"{point:48}" + " ".join(f"{row[name] or '·':>13}" for name in faults))
    count = Counter(case.verdict for case in cases)
    print(f"\nThe past of a channel, each fault once: {len(cases)} cases in {seconds:.0f} s.")
    for verdict in LEGEND:
        if count[verdict]:
            print(f"  {verdict}  {count[verdict]:>4}  {LEGEND[verdict]}")
    for case in cases:
        if case.verdict == WRONG and case.fault:
            print(f"\n{WRONG} {case.point}: {case.fault.name}: {case.why[:1500]}")
