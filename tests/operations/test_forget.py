"""A document erased for good, from a bucket that keeps old versions."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import layout, notifier, records
from chalicelib.archive import Archive
from chalicelib.slack import Slack as Api
from local.pipeline import PROJECT, Pipeline
from local.slack import Slack
from local.slack.model import Channel
from operations import forget
from tests.app.test_records import NOW, fetched, step

QUEUES = ("parking", "notices")
REGION = "eu-central-1"
"""Not that of the other tests, since the bucket is named after it."""


@pytest.fixture
def kept(s3: Any) -> str:
    """A bucket of the test's own with versions, F1 and F2 from one message and F1 from another."""
    bucket = "kept-for-ninety-days"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    both = step("upload", "100.1", "a b", "F1 F2")
    edit = step("edit", "101.1", "b c", "F1 F2")
    for change in (both, edit):
        for file_id in ("F1", "F2"):
            s3.put_object(Bucket=bucket, Key=f"documents/T1/{file_id}/a.pdf", Body=b"content")
            records.save(fetched(change, file_id), NOW, Archive(s3, bucket))
    records.save(
        fetched(step("upload", "200.1", "d", "F1", ts="200.1", channel="C2"), "F1"), NOW, Archive(s3, bucket)
    )
    return bucket


def everything(s3: Any, bucket: str) -> list[str]:
    """The keys of all versions and marks."""
    page = s3.list_object_versions(Bucket=bucket)
    return sorted({version["Key"] for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]})


@pytest.mark.long
def test_nothing_is_left_of_it_in_any_version_and_others_stay(s3: Any, kept: str) -> None:
    assert forget.forget(s3, kept, "F1") > 0
    assert [key for key in everything(s3, kept) if "F1" in key or "C2" in key] == []
    assert [key for key in everything(s3, kept) if key.startswith(("documents", "metadata", "messages"))] == [
        "documents/T1/F2/a.pdf",
        "messages/T1/C1/100.1.json",
        "metadata/T1/F2.json",
    ]
    page = s3.list_object_versions(Bucket=kept, Prefix="messages/")
    bodies = [
        s3.get_object(Bucket=kept, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        for version in page["Versions"]
    ]
    assert len(bodies) == 1
    assert b"F1" not in bodies[0]
    assert forget.traces(s3, kept, "F1").versions == []


def run(pipeline: Pipeline, file_id: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "operations", "forget", "STAGE=local", f"FILE={file_id}"]
    whole = {**pipeline.aws.environ(), "PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": REGION, **environ}
    del whole["AWS_REGION"]
    return subprocess.run(command, cwd=PROJECT, env=whole, capture_output=True, text=True, check=False, input="")


@pytest.mark.long
def test_it_asks_before_it_removes_anything(pipeline: Pipeline, s3: Any) -> None:
    bucket = f"slack-integrator-local-{pipeline.aws.account}-{REGION}"
    s3.create_bucket(Bucket=bucket)
    records.save(fetched(step("upload", "100.1", "a", "F0FORGET"), "F0FORGET"), NOW, Archive(s3, bucket))
    refusal = run(pipeline, "F0FORGET")
    assert refusal.returncode == 1
    assert "Nothing was removed" in refusal.stderr
    removal = run(pipeline, "F0FORGET", CONFIRM="F0FORGET")
    assert (removal.returncode, removal.stderr) == (0, "")
    assert "metadata/T1/F0FORGET.json" in removal.stdout
    assert "gone for good" in removal.stdout
    assert "Nothing is left" in run(pipeline, "F0FORGET").stdout


@pytest.mark.long
def test_what_is_written_after_the_question_and_what_is_deleted_already_goes_too(s3: Any, kept: str) -> None:
    s3.delete_object(Bucket=kept, Key="metadata/T1/F2.json")
    for key in ("documents/T1/F1/a.pdf", "documents/T1/F2/a.pdf"):
        s3.delete_object(Bucket=kept, Key=key)
    before = forget.traces(s3, kept, "F1")
    late = fetched(step("upload", "300.1", "late", "F1", ts="300.1"), "F1")
    records.save(late, NOW, Archive(s3, kept))
    forget.forget(s3, kept, "F1")
    assert before.versions
    assert [key for key in everything(s3, kept) if "F1" in key or "300.1" in key] == []


class Meanwhile:
    """A client of S3 in whose first *operation* on a key of *prefix* somebody else does something before."""

    def __init__(self, s3: Any, operation: str, prefix: str, action: Callable[[], object]) -> None:
        self._s3, self._operation, self._prefix, self._action = s3, operation, prefix, action
        self.is_done = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._s3, name)
        return self._after_others(method) if name == self._operation else method

    def _after_others(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            if not self.is_done and arguments["Key"].startswith(self._prefix):
                self.is_done = True
                self._action()
            return method(**arguments)

        return call


@pytest.mark.long
def test_what_is_written_while_it_is_erased_goes_in_the_next_round(s3: Any, kept: str) -> None:
    late = fetched(step("upload", "300.1", "late", "F1", ts="300.1"), "F1")
    meanwhile = Meanwhile(s3, "delete_object", "tags/", lambda: records.save(late, NOW, Archive(s3, kept)))
    forget.forget(meanwhile, kept, "F1")
    assert meanwhile.is_done
    assert [key for key in everything(s3, kept) if "F1" in key or "300.1" in key] == []


@pytest.mark.long
def test_a_deletion_while_it_is_erased_is_not_undone(s3: Any, kept: str) -> None:
    deletion = step("deletion", "400.1", removed="F1 F2")
    meanwhile = Meanwhile(s3, "put_object", "messages/", lambda: records.save(deletion, NOW, Archive(s3, kept)))
    forget.forget(meanwhile, kept, "F1")
    assert meanwhile.is_done
    record = json.loads(s3.get_object(Bucket=kept, Key="messages/T1/C1/100.1.json")["Body"].read())
    assert (record["deleted"], record["known"]) == (True, ["F2"])


@pytest.mark.long
def test_a_document_of_which_only_old_versions_are_left_is_found(s3: Any) -> None:
    bucket = "only-old-versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    records.save(fetched(step("upload", "100.1", "a"), "F1"), NOW, Archive(s3, bucket))
    for key in everything(s3, bucket):
        s3.delete_object(Bucket=bucket, Key=key)
    forget.forget(s3, bucket, "F1")
    assert everything(s3, bucket) == []


@pytest.mark.long
def test_entries_of_a_document_whose_record_is_gone_go_too(s3: Any) -> None:
    bucket = "entries-without-a-record"
    s3.create_bucket(Bucket=bucket)
    archive = Archive(s3, bucket)
    s3.put_object(Bucket=bucket, Key="documents/T1/F1/a.pdf", Body=b"content")
    archive.put_empty("tags/T1/public/a/8500918102-F1")
    archive.put_empty("tags/T1/public/a/8500918102-F2")
    forget.forget(s3, bucket, "F1")
    assert everything(s3, bucket) == ["tags/T1/public/a/8500918102-F2"]


@pytest.mark.long
def test_the_marks_of_replies_and_the_replies_go_too(slack: Slack, channel: Channel, api: Api, s3: Any) -> None:
    bucket = "forgotten-replies"
    s3.create_bucket(Bucket=bucket)
    archive, message = Archive(s3, bucket), slack.say(channel, slack.users[0], "x", deliver=False)
    upload = fetched(step("upload", message.ts, "a", ts=message.ts, channel=channel.id), "F1")
    records.save(upload, NOW, archive)
    outcome = {"type": "outcome", "kind": "upload", "tags": ["a"], "team": "T1", "channel": channel.id}
    outcome |= {"execution": f"T1-{channel.id}-{message.ts.replace('.', '_')}", "ts": message.ts, "user": "U1"}
    file = {"id": "F1", "name": "a.pdf", "status": "archived", "size": 1, "reason": None}
    notifier.deliver([json.dumps({**outcome, "thread_ts": None, "files": [file]})], archive, api, 1.8e9, 30.0)
    assert len(slack.replies(channel, message.ts)) == 1
    forget.forget(s3, bucket, "F1", api)
    assert (slack.replies(channel, message.ts), everything(s3, bucket)) == ([], [])


def test_what_home_says_of_uploads_that_failed_goes_too_and_others_stay(s3: Any) -> None:
    bucket = "problems-of-people"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def problem(ts: str, *file_ids: str) -> str:
        key = layout.problem_key("T1", "U1", "C1", ts)
        files = [
            {"id": file_id, "name": f"{file_id}.pdf", "status": "failed", "reason": "x"} for file_id in file_ids
        ]
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"channel": "C1", "ts": ts, "files": files}))
        return key

    problem("1.1", "F1")
    both, others = problem("2.1", "F1", "F2"), problem("3.1", "F3")
    problem("3.1", "F1", "F3")
    problem("3.1", "F3")
    forget.forget(s3, bucket, "F1")
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert sorted(version["Key"] for version in versions) == sorted([both, others, others])
    bodies = [s3.get_object(Bucket=bucket, Key=v["Key"], VersionId=v["VersionId"])["Body"].read() for v in versions]
    assert not any(b"F1" in body for body in bodies)


@pytest.mark.long
def test_what_cannot_be_reached_is_listed(pipeline: Pipeline, slack: Slack, channel: Channel, s3: Any) -> None:
    message = slack.upload(channel, slack.users[0], [("a.txt", b"content", "text/plain")], "#a")
    slack.wait_for_replies(channel, message.ts, timeout=60)
    file_id, sqs = message.files[0].id, pipeline.aws.client("sqs")
    queues = {
        name: sqs.get_queue_url(QueueName=f"slack-integrator-local-{name}-dead")["QueueUrl"] for name in QUEUES
    }
    about = {name: json.dumps({"body": json.dumps({"files": [{"id": file_id}]})}) for name in QUEUES}
    ids = {name: sqs.send_message(QueueUrl=queues[name], MessageBody=about[name])["MessageId"] for name in QUEUES}
    for url in queues.values():
        for number in range(12):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"files": [{"id": f"{file_id}{number}"}]}))
    output = run(pipeline, file_id, CONFIRM=file_id, AWS_DEFAULT_REGION=pipeline.aws.environ()["AWS_REGION"]).stdout
    assert [line.split()[-1] for line in output.splitlines() if "-dead: message" in line] == list(ids.values())
    assert f"  {slack.team_id}-{channel.id}-{message.ts.replace('.', '_')} (succeeded)" in output.splitlines()
    again = run(pipeline, file_id, AWS_DEFAULT_REGION=pipeline.aws.environ()["AWS_REGION"]).stdout
    assert all(message_id in again for message_id in ids.values())  # they stay, and are seen again
    assert "No dead letter" not in again
    for url in queues.values():
        sqs.purge_queue(QueueUrl=url)
    last = run(pipeline, file_id, AWS_DEFAULT_REGION=pipeline.aws.environ()["AWS_REGION"]).stdout
    assert last.splitlines()[-1] == "No dead letter names it, and its messages are not known any more."
