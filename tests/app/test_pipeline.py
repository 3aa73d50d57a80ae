"""The whole path: what a Slack user does, what then lies in S3, and what the user is told.

Everything runs: signed HTTP into `chalice local`, the workflow's own ASL, the functions as processes, S3, SNS,
and Slack's file host and Web API.
"""

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests.conftest import words
from tests.payloads import payload

Records = Callable[[str], Any]
PDF = b"%PDF-1.4 " + bytes(range(256)) * 40


def reply_to(slack: Slack, message: Message) -> str:
    """The one reply in the message's thread."""
    (reply,) = slack.wait_for_replies(message.channel, message.thread_ts or message.ts)
    return words(reply)


def executions(pipeline: Pipeline, message: Message) -> list[str]:
    """The statuses of the message's executions."""
    machine = pipeline.deployment.state_machine_arn
    items = pipeline.aws.client("stepfunctions").list_executions(stateMachineArn=machine, maxResults=1000)
    name = message.ts.replace(".", "_")
    return [execution["status"] for execution in items["executions"] if name in execution["name"]]


def ended(pipeline: Pipeline, message: Message) -> str:
    """The status of the message's one execution, when it is no longer running."""
    for _ in range(200):
        (status,) = executions(pipeline, message)
        if status != "RUNNING":
            return status
        time.sleep(0.02)
    return "RUNNING"


@pytest.mark.long
def test_files_are_archived_recorded_and_replied_to(
    pipeline: Pipeline, slack: Slack, channel: Channel, s3: Any, bucket: str, record_of: Records
) -> None:
    files = [
        ("q3 report.pdf", PDF, "application/pdf"),
        ("数据.csv", b"a;b\n", "text/csv"),
        ("zero", b"", "text/plain"),
    ]
    message = slack.upload(channel, slack.users[0], files, text="Q3 numbers #finance #2026")
    assert reply_to(slack, message) == (
        "✅ 3 files in the archive with #2026 #finance.\n"
        "• q3 report.pdf (10 KB)\n• 数据.csv (4 bytes)\n• zero (0 bytes)"
    )
    for file, (name, content, mimetype) in zip(message.files, files, strict=True):
        document = s3.get_object(Bucket=bucket, Key=f"documents/{slack.team_id}/{file.id}/{name}")
        assert document["Body"].read() == content
        assert document["ContentType"] == mimetype
        assert document["ContentDisposition"].startswith("attachment; filename*=UTF-8''")
        record = record_of(f"metadata/{slack.team_id}/{file.id}.json")
        assert record["file"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert record["file"]["name"] == name
        assert (record["tags"], record["shares"][0]["comment"]) == (["2026", "finance"], message.text)
    message_record = record_of(f"messages/{slack.team_id}/{channel.id}/{message.ts}.json")
    assert message_record["files"] == [file.id for file in message.files]
    assert ended(pipeline, message) == "SUCCEEDED"


def test_a_shell_can_have_the_environment_of_the_routes(pipeline: Pipeline) -> None:
    path = pipeline.write_environ()
    output = subprocess.run(
        ["sh", "-c", f". {path} && env -0"], env={}, capture_output=True, text=True, check=True
    ).stdout
    variables = dict(line.split("=", 1) for line in output.split("\0") if line)
    assert variables.items() >= pipeline.deployment.environ.items()
    assert path.stat().st_mode & 0o077 == 0


def test_each_step_leaves_a_line_with_the_executions_name(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message = slack.upload(channel, slack.users[0], [("logged.txt", b"l", "text/plain")])
    reply_to(slack, message)
    logs = [log.read_text(encoding="utf-8") for log in pipeline.folder.glob("*.log")]
    lines = [json.loads(line) for log in logs for line in log.splitlines() if message.ts.replace(".", "_") in line]
    steps = {"started", "document stored", "record saved"}
    assert steps <= {line["step"] for line in lines}


@pytest.mark.long
def test_what_a_partner_shares_in_a_channel_of_slack_connect_is_ours_and_its_record_names_their_workspace(
    slack: Slack, record_of: Records
) -> None:
    channel, partner = slack.add_channel("partners", is_ext_shared=True), slack.add_user("ana", team_id="T0PARTNER")
    message = slack.upload(channel, partner, [("ours.txt", b"ours", "text/plain")], "#joint")
    assert "with #joint" in reply_to(slack, message)
    (share,) = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"]
    assert (share["team"], share["sender_team"]) == (slack.team_id, "T0PARTNER")
    assert record_of(f"metadata/T0PARTNER/{message.files[0].id}.json") is None
    assert "ours.txt" in slack.command(channel, slack.users[0], "/docs", "#joint").text


def test_an_upload_in_a_thread_is_answered_in_that_thread(slack: Slack, channel: Channel) -> None:
    root = slack.say(channel, slack.users[1], "The minutes, please")
    upload = slack.upload(channel, slack.users[0], [("m.txt", b"m", "text/plain")], thread_ts=root.ts)
    assert reply_to(slack, upload).startswith("✅ 1 file in the archive.")


@pytest.mark.parametrize("kind", ["group", "im", "mpim"])
def test_private_conversations_are_archived_too(slack: Slack, kind: str, record_of: Records) -> None:
    conversation = slack.add_channel(f"private-{kind}", kind)
    message = slack.upload(conversation, slack.users[0], [("p.txt", b"p", "text/plain")])
    assert "in the archive" in reply_to(slack, message)
    record = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")
    assert record["shares"][0]["channel_type"] == kind


def test_the_shape_of_2017_is_archived(slack: Slack, channel: Channel, record_of: Records) -> None:
    message = slack.legacy_upload(channel, slack.users[0], ("old.txt", b"old", "text/plain"), "From then #archive")
    assert "with #archive" in reply_to(slack, message)
    share = record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"][0]
    assert (share["comment"], share["channel_type"]) == ("From then #archive", None)


def test_one_message_delivered_many_times_is_archived_and_answered_once(
    pipeline: Pipeline, slack: Slack, channel: Channel, record_of: Records
) -> None:
    message = slack.upload(channel, slack.users[0], [("once.txt", b"1", "text/plain")], "#once", deliver=False)
    copies = [message.envelope, message.envelope, *({**message.envelope, "event_id": f"Ev{n}"} for n in range(6))]
    threads = [threading.Thread(target=slack.deliver, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reply_to(slack, message)
    assert slack.deliver({**message.envelope, "event_id": "EvLater"}).acknowledged
    assert ended(pipeline, message) == "SUCCEEDED"
    assert len(slack.replies(channel, message.ts)) == 1
    assert len(record_of(f"metadata/{slack.team_id}/{message.files[0].id}.json")["shares"]) == 1


@pytest.mark.long
def test_two_messages_that_share_a_new_file_at_once_lose_nothing(
    slack: Slack, channel: Channel, record_of: Records
) -> None:
    file = slack.add_file("shared.txt", b"both", "text/plain")
    messages = [slack.upload(channel, slack.users[n % 2], [file], f"#tag{n}") for n in range(6)]
    for message in messages:
        assert "in the archive" in reply_to(slack, message)
    record = record_of(f"metadata/{slack.team_id}/{file.id}.json")
    assert [share["ts"] for share in record["shares"]] == [message.ts for message in messages]
    assert record["tags"] == [f"tag{n}" for n in range(6)]


@pytest.mark.long
def test_a_document_shared_again_is_not_fetched_again(slack: Slack, channel: Channel, record_of: Records) -> None:
    file = slack.add_file("again.txt", b"again", "text/plain")
    first = slack.upload(channel, slack.users[0], [file], "#first")
    reply_to(slack, first)
    second = slack.upload(channel, slack.users[1], [file], "#second")
    assert "• again.txt was in the archive already" in reply_to(slack, second)
    assert len(slack.requests_to(f"{slack.team_id}-{file.id}")) == 1
    assert len(record_of(f"metadata/{slack.team_id}/{file.id}.json")["shares"]) == 2


@pytest.mark.long
def test_one_files_failure_costs_no_other(pipeline: Pipeline, slack: Slack, channel: Channel) -> None:
    files = [slack.add_file(f"{n}.txt", b"x", "text/plain") for n in range(3)]
    slack.misbehave("gone", only=files[1].id)
    message = slack.upload(channel, slack.users[0], files)
    assert reply_to(slack, message) == (
        "❌ 1 file could not be archived, 2 files in the archive.\n"
        "• 1.txt: The file is no longer there: it was deleted in Slack before it could be archived.\n"
        "• 0.txt (1 byte)\n• 2.txt (1 byte)"
    )
    assert ended(pipeline, message) == "FAILED"


@pytest.mark.parametrize(
    ("misbehaviour", "options"),
    [
        ("server_error", {}),
        ("dropped", {}),
        ("truncated", {}),
        ("short", {}),
        ("over_long", {}),
        ("rate_limited", {"retry_after": 1}),
        ("rate_limited", {"retry_after": 3_600}),
    ],
    ids=lambda value: str(value),
)
def test_trouble_that_passes_is_waited_out(
    slack: Slack, channel: Channel, misbehaviour: str, options: dict[str, Any], s3: Any, bucket: str
) -> None:
    file = slack.add_file("patience.bin", PDF, "application/octet-stream")
    slack.misbehave(misbehaviour, times=2, only=file.id, **options)
    message = slack.upload(channel, slack.users[0], [file])
    assert "• patience.bin (10 KB)" in reply_to(slack, message)
    key = f"documents/{slack.team_id}/{file.id}/patience.bin"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PDF


@pytest.mark.deploy  # six hours of retries take 20 s
def test_trouble_that_does_not_pass_is_told_in_the_end(slack: Slack, channel: Channel, record_of: Records) -> None:
    file = slack.add_file("never.bin", PDF)
    slack.misbehave("server_error", only=file.id)
    message = slack.upload(channel, slack.users[0], [file])
    (reply,) = slack.wait_for_replies(channel, message.ts, timeout=60)
    assert "• never.bin: Slack has a problem of its own (500)." in words(reply)
    assert record_of(f"metadata/{slack.team_id}/{file.id}.json") is None


def test_a_missing_scope_is_told_with_the_way_out(slack: Slack, channel: Channel) -> None:
    slack.scopes.discard("files:read")
    message = slack.upload(channel, slack.users[0], [("secret.txt", b"s", "text/plain")])
    reply = reply_to(slack, message)
    assert "Invite the app to this conversation" in reply
    assert "(sign-in page)" in reply


@pytest.mark.long
def test_a_fault_in_a_function_is_told_without_its_insides(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    """The workflow catches what no error of ours names: here a function that is ended while it runs."""
    file = slack.add_file("fatal.bin", PDF)
    slack.misbehave("silent", only=file.id, seconds=20.0)
    message = slack.upload(channel, slack.users[0], [file])
    functions = pipeline.aws.lambdas
    for _ in range(400):
        functions.kill("slack-integrator-local-fetch_file")
        if slack.replies(channel, message.ts):
            break
        time.sleep(0.05)
    fault = "The archive had a fault of its own. Please tell whoever runs it (exit_error)."
    assert f"• fatal.bin: {fault}" in reply_to(slack, message)


@pytest.mark.deploy  # it takes 20 s
def test_a_hundred_files_with_long_names_and_a_long_comment_are_all_archived(
    slack: Slack, channel: Channel, record_of: Records
) -> None:
    name = "語" * 85 + ".txt"
    files = [slack.add_file(name, str(n).encode(), "text/plain") for n in range(100)]
    message = slack.upload(channel, slack.users[0], files, "語" * 39_990 + " #long")
    (reply,) = slack.wait_for_replies(channel, message.ts, timeout=90)
    assert words(reply) == "✅ 100 files in the archive with #long."
    records = [record_of(f"metadata/{slack.team_id}/{file.id}.json") for file in files]
    assert {record["file"]["name"] for record in records} == {name}
    assert {record["file"]["permalink"] for record in records} == {file.full()["permalink"] for file in files}
    assert records[0]["shares"][0]["comment"] == message.text


def test_an_event_that_cannot_be_understood_is_told_where_it_happened(slack: Slack, channel: Channel) -> None:
    message = slack.say(channel, slack.users[0], "Look", deliver=False)
    event = {**message.envelope["event"], "files": [{"name": "no id"}]}
    assert slack.deliver(slack.envelope(event)).acknowledged
    assert "A file of the message has no id." in reply_to(slack, message)


@pytest.mark.parametrize(
    "name",
    ["message_plain", "message_changed_unfurl", "channel_join", "file_shared_event", "own_post"],
)
def test_what_concerns_no_document_starts_nothing(pipeline: Pipeline, slack: Slack, name: str) -> None:
    machine, client = pipeline.deployment.state_machine_arn, pipeline.aws.client("stepfunctions")
    before = len(client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"])
    assert slack.deliver(payload(name)).acknowledged
    assert len(client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]) == before


def test_no_upload_is_left_unfinished_and_no_token_went_astray(slack: Slack, s3: Any, bucket: str) -> None:
    """Last in this file on purpose: it looks at what all the others left."""
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert [request for request in slack.foreign_requests if request.header("Authorization")] == []


@pytest.mark.long
def test_with_debug_each_call_of_aws_and_slack_is_in_the_logs_with_its_time_and_status(
    pipeline: Pipeline, slack: Slack, channel: Channel
) -> None:
    message = slack.upload(channel, slack.users[0], [("calls.txt", b"words", "text/plain")])
    reply_to(slack, message)
    lines = [line for log in pipeline.folder.glob("*.log") for line in log.read_text("utf-8").splitlines()]
    calls = [json.loads(line) for line in lines if '"step": "called"' in line]
    assert all(isinstance(call["milliseconds"], int) for call in calls)
    assert {
        ("states", "StartExecution", 200),
        ("s3", "GetObject", 404),
        ("s3", "PutObject", 200),
        ("slack", "file", 200),
        ("slack", "chat.postMessage", 200),
    } <= {(call["service"], call["operation"], call["status"]) for call in calls}
