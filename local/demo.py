"""`make demo`: a person uploads three documents, and what came of each is shown, step by step.

The third one is deleted in Slack before it can be fetched: an honest failure, which the person must be told.
"""

import hashlib
import json
import re
import time
from typing import Any, NamedTuple
from urllib.request import urlopen

from local import samples
from local.pipeline import Pipeline
from local.slack.commands import as_text
from local.slack.files import File
from local.slack.model import Message
from local.slack.sender import Delivery
from local.slack.workspace import Workspace
from local.terminal import Terminal

TEXT = "Q3 numbers #finance #2026"
REPLY_SECONDS = 30


def run(pipeline: Pipeline, terminal: Terminal) -> bool:
    """Run the demo in the started *pipeline*; tell whether everything was as it should be."""
    message, files = _upload(pipeline)
    terminal.title("1  In Slack, mira writes in #general")
    terminal.line(f'"{TEXT}"')
    terminal.rows([(file.name or "", file.mimetype, f"{file.size:,} bytes", _fate(file)) for file in files])
    try:
        replies = pipeline.slack.wait_for_replies(message.channel, message.ts, timeout=REPLY_SECONDS)
    except TimeoutError as error:
        terminal.verdict(False, f"there is no reply in the thread: {error}")
        return False
    seconds = time.time() - float(message.ts)
    _acknowledgement(pipeline, terminal, message)
    execution = _execution(pipeline, terminal, message)
    _objects(pipeline, terminal)
    _record(pipeline, terminal, files[0])
    _thread(terminal, message, replies, pipeline.slack.workspace, seconds)
    answers = _search(pipeline, terminal, message)
    is_repeat_harmless = _is_harmless_when_repeated(pipeline, message)
    opened_hash = _loss(pipeline, terminal, message)
    return _verdicts(
        pipeline, terminal, message, files, Results(execution, answers, is_repeat_harmless, opened_hash)
    )


class Results(NamedTuple):
    """What the steps came to.

    *answers* are the lines that tomas read, by what he typed; *opened_hash* is the archived copy's, None if it did
    not open.
    """

    execution: Any
    answers: dict[str, list[str]]
    is_repeat_harmless: bool
    opened_hash: str | None


def _upload(pipeline: Pipeline) -> tuple[Message, list[File]]:
    slack = pipeline.slack
    files = [
        slack.add_file("q3-report.pdf", samples.report_pdf(), "application/pdf"),
        slack.add_file("Übersicht Q3.png", samples.chart_png(), "image/png"),
        slack.add_file("salaries.csv", samples.table_csv(), "text/csv"),
    ]
    files[2].created -= 3600  # while a file is young, the app does not believe yet that it is gone
    slack.misbehave("not_found", only=files[2].id)
    return slack.upload(slack.channels[0], slack.users[0], files, text=TEXT), files


def _fate(file: File) -> str:
    return "an hour old, and deleted a moment too early" if file.name == "salaries.csv" else ""


def _deliveries(pipeline: Pipeline, message: Message) -> list[Delivery]:
    return [delivery for delivery in pipeline.slack.deliveries if delivery.envelope == message.envelope]


def _acknowledgement(pipeline: Pipeline, terminal: Terminal, message: Message) -> None:
    terminal.title("2  Slack delivers the event, signed, and is answered")
    for attempt in _deliveries(pipeline, message)[0].attempts:
        terminal.line(
            f"POST /slack/events  ►  {attempt.status} in {attempt.seconds * 1000:.0f} ms (Slack waits for 3,000)"
        )


def _execution(pipeline: Pipeline, terminal: Terminal, message: Message) -> Any:
    states = pipeline.aws.client("stepfunctions")
    name = f"{message.envelope['team_id']}-{message.channel.id}-{message.ts.replace('.', '_')}"
    machine = pipeline.deployment.state_machine_arn
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    execution = _end_of(states, arn)
    terminal.title("3  The workflow, one execution per message, has run")
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    terminal.line(f"{name}  {execution['status']} ({execution.get('error', 'no error')}) after {seconds:.1f} s")
    entered = [event["stateEnteredEventDetails"]["name"] for event in _history(states, arn)]
    terminal.line("  ".join(f"{state} ×{entered.count(state)}" for state in dict.fromkeys(entered)), "dim")
    return execution


def _end_of(states: Any, arn: str) -> Any:
    end = time.monotonic() + REPLY_SECONDS
    while (execution := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return execution


def _history(states: Any, arn: str) -> list[Any]:
    events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    return [event for event in events if "stateEnteredEventDetails" in event]


def _objects(pipeline: Pipeline, terminal: Terminal) -> None:
    terminal.title(f"4  s3://{pipeline.deployment.bucket} holds")
    entries = [
        entry["Key"] for entry in _list_objects(pipeline) if entry["Key"].startswith(("tags/", "words/", "recent/"))
    ]
    others = [entry for entry in _list_objects(pipeline) if entry["Key"] not in entries]
    terminal.rows(
        [(f"{entry['Size']:>7,} bytes", _hash(pipeline, entry["Key"])[:12], entry["Key"]) for entry in others]
    )
    terminal.line("(the second column is the beginning of the content's SHA-256)", "dim")
    terminal.line(f"and {len(entries)} empty objects, the index, such as {entries[-1]}", "dim")


def _list_objects(pipeline: Pipeline) -> list[Any]:
    contents: list[Any] = pipeline.aws.client("s3").list_objects_v2(Bucket=pipeline.deployment.bucket)["Contents"]
    return contents


def _record(pipeline: Pipeline, terminal: Terminal, file: File) -> None:
    key = f"metadata/{pipeline.slack.team_id}/{file.id}.json"
    terminal.title(f"5  {key} says")
    body = pipeline.aws.client("s3").get_object(Bucket=pipeline.deployment.bucket, Key=key)["Body"].read()
    for line in json.dumps(json.loads(body), indent=2, ensure_ascii=False).splitlines():
        terminal.line(line, "dim")


def _thread(
    terminal: Terminal, message: Message, replies: list[Message], workspace: Workspace, seconds: float
) -> None:
    terminal.title(f"6  In the thread of the upload, {seconds:.1f} s after it")
    terminal.line(f"mira              {message.text}")
    for reply in replies:
        first, *rest = as_text({"blocks": reply.blocks}, workspace).splitlines()
        terminal.line(f"slack-integrator  {first}", "cyan")
        for line in rest:
            terminal.line(f"                  {line}", "cyan")


def _search(pipeline: Pipeline, terminal: Terminal, message: Message) -> dict[str, list[str]]:
    """Ask as tomas does, once with a slip of the pen; return the lines that he reads, by what he typed."""
    slack, tomas = pipeline.slack, pipeline.slack.users[1]
    terminal.title("7  tomas looks for it, with the slash command, and only he sees the answers")
    lines = {}
    for text in ("#finance #2026", "fiance"):
        terminal.line(f"tomas             /docs {text}")
        lines[text] = slack.command(message.channel, tomas, "/docs", text).lines
        for line in lines[text]:
            terminal.line(f"slack-integrator  {line}", "cyan")
    return lines


def _is_harmless_when_repeated(pipeline: Pipeline, message: Message) -> bool:
    again = pipeline.slack.deliver(message.envelope)
    return again.acknowledged and len(pipeline.slack.replies(message.channel, message.ts)) == 1


def _loss(pipeline: Pipeline, terminal: Terminal, message: Message) -> str | None:
    """Let Slack lose the message and its files, and open the archived copy; return its SHA-256."""
    slack, tomas = pipeline.slack, pipeline.slack.users[1]
    terminal.title("8  Slack loses the message and its files, as a free plan does; tomas opens the archived copy")
    slack.expire(message)
    end = time.monotonic() + REPLY_SECONDS
    while "no longer in Slack" not in (answer := slack.command(message.channel, tomas, "/docs", "report")).text:
        if time.monotonic() > end:
            return None
        time.sleep(0.05)
    terminal.line("tomas             /docs report")
    for line in answer.lines:
        terminal.line(f"slack-integrator  {line}", "cyan")
    link = re.search(r"<([^|>]+)\|Archived copy>", json.dumps(answer.body))
    if link is None:
        return None
    with urlopen(link[1], timeout=REPLY_SECONDS) as response:
        content = response.read()
    disposition = response.headers["Content-Disposition"]
    terminal.line(f"GET /documents/…  ►  302  ►  S3: {len(content)} bytes, {disposition}")
    return hashlib.sha256(content).hexdigest()


def _verdicts(
    pipeline: Pipeline, terminal: Terminal, message: Message, files: list[File], results: Results
) -> bool:
    terminal.title("9  Is everything as it should be?")
    hashes = {file.id: _stored_hash(pipeline, file) for file in files}
    deliveries = _deliveries(pipeline, message)
    checks = {
        "Slack was answered with 200 in time": deliveries[0].attempts[0].status == 200,
        "the two documents in S3 are the ones uploaded, by their SHA-256": all(
            hashes[file.id] == file.sha256 for file in files[:2]
        ),
        "of the deleted one there is no trace in S3": hashes[files[2].id] is None,
        "the execution failed, since a file did, so that alarms would see it": results.execution["status"]
        == "FAILED",
        "the same event delivered once more changed nothing, and there is one reply": results.is_repeat_harmless,
        "the search finds what is archived, and no more": sum(
            line.startswith("• ") for line in results.answers["#finance #2026"]
        )
        == 2,
        "a slip of the pen is answered with the word that was meant": "Did you mean finance?"
        in results.answers["fiance"],
        "what Slack has lost opens from the archive, byte for byte": results.opened_hash == files[0].sha256,
        "no unfinished upload is left in S3": not _unfinished(pipeline),
    }
    for text, good in checks.items():
        terminal.verdict(good, text)
    return all(checks.values())


def _stored_hash(pipeline: Pipeline, file: File) -> str | None:
    """The SHA-256 of what lies in S3, or None where neither document nor record do."""
    keys = sorted(entry["Key"] for entry in _list_objects(pipeline) if file.id in entry["Key"])
    return _hash(pipeline, keys[0]) if keys else None  # documents/… comes before metadata/…


def _hash(pipeline: Pipeline, key: str) -> str:
    body = pipeline.aws.client("s3").get_object(Bucket=pipeline.deployment.bucket, Key=key)["Body"].read()
    return hashlib.sha256(body).hexdigest()


def _unfinished(pipeline: Pipeline) -> list[Any]:
    uploads: list[Any] = (
        pipeline.aws.client("s3").list_multipart_uploads(Bucket=pipeline.deployment.bucket).get("Uploads", [])
    )
    return uploads
