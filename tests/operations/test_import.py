"""Importing an export of Slack's: into the local stage, end to end."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chalicelib import clients, layout
from chalicelib.archive import Archive
from chalicelib.executions import Executions
from chalicelib.settings import Settings
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack as SlackClient
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel
from operations import import_export, importer
from operations.console import Stop
from operations.export_tokens import Tokens, split
from operations.importer import Importer, Progress, Target
from operations.slack_export import Export
from tests.operations.exports import entries, message, of_workspace, write
from tests.operations.test_stages import run
from tests.waiting import eventually

Run = Callable[..., Progress]
Records = Callable[[str], Any]
STAGE = "local"


@pytest.fixture
def target(pipeline: Pipeline, chosen: Settings, archive: Archive, slack: Slack) -> Iterator[Target]:
    with closing(Client(STEP_FUNCTIONS, 5, 5, pipeline.aws.environ())) as client:
        executions = Executions(client, pipeline.deployment.state_machine_arn)
        api = SlackClient(clients.http(), chosen)
        yield Target(api, archive, executions, chosen, slack.team_id, slack.bot_user_id)


@pytest.fixture
def tokens(pipeline: Pipeline) -> Iterator[Tokens]:
    store = Tokens(pipeline.aws.client("ssm"), STAGE)
    yield store
    store.forget()


@pytest.fixture
def imported(target: Target, tokens: Tokens, tmp_path: Path) -> Run:
    """Import the files of an export, to the end or to so many *steps*."""

    def importing(files: dict[str, Any], steps: int = 1_000_000) -> Progress:
        with Export(write(tmp_path / "export.zip", files)) as export:
            one_run = Importer(target, export, tokens, pause=0.05)
            for number, _ in enumerate(one_run.run(), 1):
                if number == steps:
                    one_run.save()
                    break
            return one_run.progress

    return importing


def counts(progress: Progress) -> dict[str, int]:
    return {name: count for name, count in progress["counts"].items() if count}


def state_of(archive: Archive, slack: Slack, channel: Channel) -> dict[str, bytes]:
    """Everything in the archive that is about *channel*, by key."""
    contents: dict[str, bytes] = {}
    for page in archive.s3.get_paginator("list_objects_v2").paginate(Bucket=archive.bucket):
        for entry in page.get("Contents", []):
            key = entry["Key"]
            body = archive.s3.get_object(Bucket=archive.bucket, Key=key)["Body"].read()
            if not key.startswith(("imports/", "notices/")) and (channel.id in key or channel.id.encode() in body):
                contents[key] = body
    return contents


def filled(slack: Slack, channel: Channel) -> None:
    """Messages that no event told of: uploads, a thread, a tag in a reply, an external file, small talk."""
    mira, tomas = slack.users[0], slack.users[1]
    slack.upload(
        channel, mira, [("a.txt", b"a", "text/plain"), ("b.txt", b"b", "text/plain")], "#one", deliver=False
    )
    root = slack.upload(channel, mira, [("c.txt", b"c", "text/plain")], "The lease", deliver=False)
    slack.say(channel, tomas, "#tagged later", thread_ts=root.ts, deliver=False)
    slack.upload(channel, tomas, [("d.txt", b"d", "text/plain")], thread_ts=root.ts, deliver=False)
    slack.upload(channel, mira, [slack.add_file("plan", b"", mode="external")], deliver=False)
    slack.say(channel, tomas, "Nothing to see", deliver=False)


def let_a_second_pass() -> None:
    """What is archived in the second in which an import begins counts as archived by it."""
    time.sleep(1.05 - time.time() % 1)


@pytest.mark.long
def test_an_export_is_imported_twice_with_one_result_and_nobody_in_slack_is_told(
    slack: Slack, channel: Channel, imported: Run, archive: Archive, record_of: Records
) -> None:
    filled(slack, channel)
    files = of_workspace(slack, channel)
    assert counts(imported(files)) == {"messages": 6, "archived": 4, "skipped": 1}
    first = state_of(archive, slack, channel)
    c = next(file for file in slack.files if file.name == "c.txt" and channel.id in file.shares)
    record = record_of(f"metadata/{slack.team_id}/{c.id}.json")
    assert (record["tags"], record["shares"][0]["channel_type"]) == (["tagged"], "channel")
    let_a_second_pass()
    assert counts(imported(files)) == {"messages": 6, "unchanged": 4, "skipped": 1}
    assert state_of(archive, slack, channel) == first
    assert [m for m in slack.messages if m.channel is channel and m.user == slack.bot_user_id] == []


@pytest.mark.long
def test_what_events_have_archived_is_there_before_and_what_they_say_later_stays(
    slack: Slack, channel: Channel, imported: Run, record_of: Records
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], "#first")
    slack.wait_for_replies(channel, upload.ts, timeout=60)
    files = of_workspace(slack, channel)
    slack.edit(upload, "#second")
    key = f"messages/{slack.team_id}/{channel.id}/{upload.ts}.json"
    assert eventually(lambda: record_of(key)["tags"] == ["second"])
    let_a_second_pass()
    assert counts(imported(files))["unchanged"] == 1
    assert record_of(key)["tags"] == ["second"]


@pytest.mark.long
def test_a_reply_that_was_edited_since_the_export_keeps_its_later_tags(
    slack: Slack, channel: Channel, imported: Run, record_of: Records
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")])
    slack.wait_for_replies(channel, upload.ts, timeout=60)
    reply = slack.say(channel, slack.users[1], "#early", thread_ts=upload.ts)
    key = f"metadata/{slack.team_id}/{upload.files[0].id}.json"
    assert eventually(lambda: record_of(key)["tags"] == ["early"])
    files = of_workspace(slack, channel)
    slack.edit(reply, "#late")
    assert eventually(lambda: record_of(key)["tags"] == ["late"])
    assert "not_understood" not in counts(imported(files))
    assert record_of(key)["tags"] == ["late"]


@pytest.mark.long
def test_what_a_person_has_deleted_since_the_export_is_not_archived_again(
    slack: Slack, channel: Channel, imported: Run, record_of: Records
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")])
    slack.wait_for_replies(channel, upload.ts, timeout=60)
    files = of_workspace(slack, channel)
    slack.delete(upload)
    metadata = f"metadata/{slack.team_id}/{upload.files[0].id}.json"
    assert eventually(lambda: record_of(metadata)["shares"][0]["deleted"])
    before = record_of(metadata)
    assert counts(imported(files)).keys() == {"messages"}
    assert record_of(metadata) == before


@pytest.mark.long
def test_a_file_that_the_app_may_not_see_is_fetched_with_the_exports_token_which_stands_nowhere(
    slack: Slack, imported: Run, tokens: Tokens, pipeline: Pipeline, record_of: Records
) -> None:
    board = slack.add_channel("board-of-old", "group", bot_is_member=False)
    token = slack.allow_export()
    slack.upload(board, slack.users[0], [("lease.txt", b"the lease", "text/plain")], deliver=False)
    files = of_workspace(slack, board, token=token)
    assert token in json.dumps(files)
    assert counts(imported(files)) == {"messages": 1, "archived": 1}
    [lease] = [file for file in slack.files if board.id in file.shares]
    record = record_of(f"metadata/{slack.team_id}/{lease.id}.json")
    assert record["shares"][0]["channel_type"] == "group"
    stepfunctions = pipeline.aws.client("stepfunctions")
    machine = pipeline.deployment.state_machine_arn
    arns = [
        execution["executionArn"]
        for execution in stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    ]
    inputs = "".join(stepfunctions.describe_execution(executionArn=arn)["input"] for arn in arns if board.id in arn)
    assert "export_token" in inputs
    assert token not in inputs
    logs = "".join(log.read_text(encoding="utf-8") for log in pipeline.folder.glob("*.log"))
    assert token not in logs
    [name] = tokens.names
    ssm = pipeline.aws.client("ssm")
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == token
    tokens.forget()
    assert ssm.get_parameters(Names=[name])["Parameters"] == []


def test_a_file_whose_type_the_export_does_not_say_is_fetched_without_the_apps_right_to_see_it(
    slack: Slack, imported: Run
) -> None:
    board = slack.add_channel("board-of-old", "group", bot_is_member=False)
    file = slack.add_file("odd.txt", b"odd", "text/plain")
    file.overrides["mimetype"] = ""
    slack.upload(board, slack.users[0], [file], deliver=False)
    assert counts(imported(of_workspace(slack, board, token=slack.allow_export())))["archived"] == 1


def test_with_a_token_that_is_revoked_the_apps_own_is_taken(slack: Slack, channel: Channel, imported: Run) -> None:
    slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
    assert counts(imported(of_workspace(slack, channel, token="xoxe-revoked")))["archived"] == 1


@pytest.mark.long
def test_an_import_that_was_interrupted_goes_on_where_it_was(
    slack: Slack, channel: Channel, imported: Run, record_of: Records
) -> None:
    filled(slack, channel)
    files = of_workspace(slack, channel)
    before = imported(files, steps=2)
    assert (before["state"], before["messages"]) == ("running", 2)
    after = imported(files)
    assert (after["state"], after["began"]) == ("done", before["began"])
    assert counts(after) == {"messages": 6, "archived": 4, "skipped": 1}


@pytest.mark.long
def test_a_document_that_is_there_gets_the_share_of_which_no_event_told(
    slack: Slack, channel: Channel, imported: Run, record_of: Records
) -> None:
    file = slack.add_file("a.txt", b"a", "text/plain")
    first = slack.upload(channel, slack.users[0], [file], "#first")
    slack.wait_for_replies(channel, first.ts, timeout=60)
    second = slack.upload(channel, slack.users[1], [file], "#second", deliver=False)
    imported(of_workspace(slack, channel))
    record = record_of(layout.metadata_key(slack.team_id, file.id))
    assert [share["ts"] for share in record["shares"]] == [first.ts, second.ts]
    assert record["tags"] == ["first", "second"]


def test_the_bar_moves_with_the_days_that_are_read(
    slack: Slack, channel: Channel, target: Target, tokens: Tokens, tmp_path: Path
) -> None:
    slack.say(channel, slack.users[0], "Nothing to see", deliver=False)
    files = of_workspace(slack, channel)
    files[f"{channel.name}/2024-01-01.json"] = [message("1704100000.000100")]
    with Export(write(tmp_path / "export.zip", files)) as export:
        parts = list(Importer(target, export, tokens, pause=0.05).run())
    assert parts[0] == 0
    assert parts == sorted(parts)
    assert any(0 < part < 1 for part in parts)


@pytest.mark.long
def test_what_an_import_that_died_has_archived_counts_as_archived_by_it(
    slack: Slack, channel: Channel, target: Target, tokens: Tokens, imported: Run, tmp_path: Path
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
    files = of_workspace(slack, channel)
    with Export(write(tmp_path / "export.zip", files)) as export:
        next(Importer(target, export, tokens, pause=0.05).run())
    record = layout.metadata_key(slack.team_id, upload.files[0].id)
    assert eventually(lambda: target.archive.read(record) is not None)
    assert counts(imported(files)) == {"messages": 1, "archived": 1}


@pytest.mark.long
def test_what_has_failed_since_an_import_began_is_not_tried_again_by_it(
    pipeline: Pipeline,
    slack: Slack,
    channel: Channel,
    target: Target,
    tokens: Tokens,
    imported: Run,
    tmp_path: Path,
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
    slack.misbehave("forbidden", only=upload.files[0].id)
    files = of_workspace(slack, channel)
    with Export(write(tmp_path / "export.zip", files)) as export:
        one_run = Importer(target, export, tokens, pause=0.05)
        next(one_run.run())
    (execution,) = one_run.progress["started"]
    assert eventually(lambda: target.executions.outcome(execution["name"]) is not None, 60)
    assert counts(imported(files)) == {"messages": 1, "failed": 1}
    client, machine = pipeline.aws.client("stepfunctions"), pipeline.deployment.state_machine_arn
    names = [
        each["name"] for each in client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]
    ]
    assert [name for name in names if upload.ts.replace(".", "_") in name] == [execution["name"]]


def test_of_two_commands_with_one_export_the_later_goes_on_and_the_earlier_stops(
    slack: Slack, channel: Channel, target: Target, tokens: Tokens, tmp_path: Path
) -> None:
    filled(slack, channel)
    path = write(tmp_path / "export.zip", of_workspace(slack, channel))
    with Export(path) as first, Export(path) as other:
        earlier = Importer(target, first, tokens, pause=0.05)
        earlier.save()
        later = Importer(target, other, tokens, pause=0.05)
        later.save()
        with pytest.raises(Stop, match="another command"):
            earlier.save()
        later.save()


@pytest.mark.long
def test_no_more_files_are_on_their_way_than_the_accounts_lambda_takes(
    slack: Slack, channel: Channel, target: Target, tokens: Tokens, tmp_path: Path
) -> None:
    for number in range(9):
        upload = [(f"{number}-{n}.txt", b"x", "text/plain") for n in range(2)]
        slack.upload(channel, slack.users[0], upload, deliver=False)
    most = 0
    with Export(write(tmp_path / "export.zip", of_workspace(slack, channel))) as export:
        one_run = Importer(target, export, tokens, pause=0.05)
        for _ in one_run.run():
            most = max(most, sum(execution["files"] for execution in one_run.progress["started"]))
    assert (most, one_run.progress["counts"]["archived"]) == (4, 18)


@pytest.mark.long
def test_what_failed_before_is_tried_again_and_what_fails_is_told_with_the_reason(
    slack: Slack, channel: Channel, imported: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
    fault = slack.misbehave("forbidden", only=upload.files[0].id)
    files = of_workspace(slack, channel)
    progress = imported(files)
    assert counts(progress) == {"messages": 1, "failed": 1}
    assert "403" in progress["problems"][0]["reason"]
    fault.stop()
    monkeypatch.setattr(importer, "CLOCKS_DIFFER_BY", -60)
    assert counts(imported(files)) == {"messages": 1, "archived": 1}


def test_a_channel_that_has_become_private_since_the_export_is_archived_as_private(
    slack: Slack, imported: Run, record_of: Records
) -> None:
    channel = slack.add_channel("once-open", bot_is_member=False)
    token = slack.allow_export()
    upload = slack.upload(channel, slack.users[0], [("a.txt", b"a", "text/plain")], deliver=False)
    files = of_workspace(slack, channel, token=token)
    channel.kind = "group"
    assert counts(imported(files))["archived"] == 1
    record = record_of(f"metadata/{slack.team_id}/{upload.files[0].id}.json")
    assert record["shares"][0]["channel_type"] == "group"


@pytest.mark.long
def test_messages_of_2014_and_nonsense_are_taken_as_they_are(slack: Slack, channel: Channel, imported: Run) -> None:
    old = slack.add_file("old.txt", b"old", "text/plain", created=1_400_000_000)
    shape = {**old.object(), "initial_comment": {"comment": "#then"}}
    listing = {"channels.json": [{"id": channel.id, "name": "general"}]}
    days = {
        "general/2014-05-13.json": [
            message("1400000000.000002", subtype="file_share", file=shape),
            message("nonsense", files=[old.object()]),
            message("1400000001.0", files="no list"),
            message("1400000002.0", files=[{"name": "without an id"}]),
            message("1400000003.0", edited={"user": "U1", "ts": "x"}),
        ]
    }
    assert counts(imported(entries(**listing, **days))) == {"messages": 5, "archived": 1, "not_understood": 3}


@pytest.mark.parametrize(
    ("of_people", "answer", "says"),
    [
        ({"T1"}, "", None),
        ({"T1", "T2"}, "T1", None),
        (set(), "T1", None),
        ({"T1", "T2"}, "", "TEAM=T1"),
        ({"T2"}, "", "TEAM=T1"),
        (set(), "", "TEAM=T1"),
        ({"T1"}, "T2", "belongs into a stage whose app is installed in T2"),
        ({"T1"}, "acme", "no workspace's id"),
    ],
)
def test_which_workspace_it_is_of_is_asked_unless_all_its_people_are_of_the_stages(
    of_people: set[str], answer: str, says: str | None
) -> None:
    if says is None:
        import_export.check_team(of_people, "T1", answer)
        return
    with pytest.raises(Stop, match=says):
        import_export.check_team(of_people, "T1", answer)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://files.slack.com/a.pdf?t=xoxe-1", ("https://files.slack.com/a.pdf", "xoxe-1")),
        ("https://files.slack.com/a.pdf?x=1&t=xoxe-1", ("https://files.slack.com/a.pdf?x=1", "xoxe-1")),
        ("https://files.slack.com/a.pdf?pub=1", ("https://files.slack.com/a.pdf?pub=1", "")),
        ("https://files.slack.com/a.pdf", ("https://files.slack.com/a.pdf", "")),
        ("http://[", ("http://[", "")),
    ],
)
def test_a_links_token_is_taken_off(url: str, expected: tuple[str, str]) -> None:
    assert split(url) == expected


def test_links_with_a_token_each_are_no_exports(tokens: Tokens) -> None:
    linked: list[Any] = [{"url": f"https://x.example/a?t=xoxe-{number}"} for number in range(11)]
    for file in linked[:10]:
        tokens.hide(file)
    with pytest.raises(Stop, match="more than 10 tokens"):
        tokens.hide(linked[10])


@pytest.mark.long
def test_the_command_says_what_came_of_it(
    pipeline: Pipeline, slack: Slack, channel: Channel, tmp_path: Path
) -> None:
    filled(slack, channel)
    files = of_workspace(slack, channel, token=slack.allow_export())
    path = write(tmp_path / "export.zip", files | {"left/2024-03-01.json": [message("1.0")]})
    process = run(pipeline, "import", "STAGE=local", f"EXPORT={path}")
    assert process.returncode == 0, process.stderr
    *_, last_bar = re.findall(r"^\[[# ]{30}\]", process.stdout, re.MULTILINE)
    assert last_bar == "[" + "#" * 30 + "]"
    assert (
        "Done: 4 files archived, 0 there before, 1 skipped, 0 failed, 0 messages not understood." in process.stdout
    )
    assert "plan: Slack only links to it" in process.stdout
    assert "… and" not in process.stdout
    assert "Left out, since no list of the export names them: left." in process.stdout
    answer = pipeline.aws.client("ssm").get_parameters_by_path(Path="/slack-integrator/local/EXPORT_TOKEN")
    assert answer["Parameters"] == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Say which export: make import STAGE=dev EXPORT=export.zip."),
        (["EXPORT=none.zip"], "none.zip cannot be read"),
        (["EXPORT=README.md"], "This is no zip file, or only a part of one."),
    ],
)
def test_without_an_export_it_ends_in_a_sentence(pipeline: Pipeline, arguments: list[str], says: str) -> None:
    process = run(pipeline, "import", "STAGE=local", *arguments)
    assert process.returncode == 1
    assert says in process.stderr
    assert "Traceback" not in process.stderr
