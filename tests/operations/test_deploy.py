"""The real `make deploy`, against the local AWS, and what then runs: the deployed zip under AWS's runtime client.

One stage is deployed, used, deployed again, changed and destroyed, in this order; each test looks at one claim.
"""

import fnmatch
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests

from chalicelib import events, parking, workflow
from local.chalice_local import ChaliceLocal
from tests.conftest import words
from tests.local.socket_slack import SocketSlack
from tests.operations.deployment import DEPLOYER, NAME, STAGE, Deployment, deployer_policy, undeployed
from tests.operations.test_rights import stack_actions

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime client is for Linux"),
]
HANDLERS = ("start_parked", "fetch_file", "save_metadata", "notify", "ended", "read_history")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployed stage."""
    with undeployed(tmp_path_factory.mktemp("deployment")) as stage:
        print(stage.deploy())
        stage.slack.request_url = f"{stage.api_url()}/slack/events"
        # The first use of moto's Step Functions takes longer than the route waits for the real ones.
        stage.aws.client("stepfunctions").list_state_machines()
        yield stage


def test_an_execution_that_dies_without_an_outcome_is_told_to_the_uploader(deployment: Deployment) -> None:
    channel = deployment.slack.add_channel("stopped")
    ts = deployment.slack.say(channel, deployment.slack.users[0], "a message").ts
    name = f"{deployment.slack.team_id}-{channel.id}-{ts.replace('.', '_')}"
    machine = deployment.config()["environment_variables"]["SLACK_INTEGRATOR_SF"]
    deployment.aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input='{"kind":"upload"}'
    )
    (reply,) = deployment.slack.wait_for_replies(channel.id, ts, timeout=60)
    assert words(reply).startswith("❌ Archiving this upload ended before it was done (failed).")


def test_an_upload_to_the_deployed_api_is_archived_and_answered(deployment: Deployment) -> None:
    large = bytes(range(256)) * 40_000  # several parts
    message, reply = deployment.upload(
        ("q3.pdf", b"%PDF-1.4", "application/pdf"), ("large.bin", large, "application/zip"), text="#finance"
    )
    assert reply.startswith("✅ 2 files in the archive with #finance.")
    key = f"documents/{deployment.slack.team_id}/{message.files[1].id}/large.bin"
    document = deployment.aws.client("s3").get_object(Bucket=deployment.bucket, Key=key)
    assert document["Body"].read() == large


def test_what_was_parked_is_started_by_the_deployed_function(deployment: Deployment) -> None:
    slack = deployment.slack
    channel = slack.add_channel("parked")
    message = slack.upload(channel, slack.users[0], [("p.txt", b"p", "text/plain")], deliver=False)
    change = events.change(message.envelope)
    assert change is not None
    body = parking.message_body(workflow.execution_name(change), workflow.execution_input(change))
    queue = deployment.config()["environment_variables"]["SLACK_INTEGRATOR_PARKING"]
    deployment.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    (reply,) = slack.wait_for_replies(channel, message.ts, timeout=60)
    assert words(reply).startswith("✅ 1 file in the archive.")


def test_a_transfer_that_breaks_off_is_aborted_and_tried_again(deployment: Deployment) -> None:
    deployment.slack.misbehave("truncated", times=1)
    _, reply = deployment.upload(("broken.bin", bytes(20_000_000), "application/zip"))
    assert "1 file in the archive" in reply


def test_no_secret_is_written_down(deployment: Deployment) -> None:
    secrets = (deployment.slack.signing_secret.encode(), deployment.slack.bot_token.encode())
    for file in deployment.project.joinpath(".chalice").rglob("*"):
        if file.is_file():
            assert not [secret for secret in secrets if secret in file.read_bytes()], file
    assert (
        deployment.config()["environment_variables"]["ACCESS_TOKEN"]
        == f"ssm:/slack-integrator/{STAGE}/ACCESS_TOKEN"
    )


def test_the_deployed_command_finds_documents_and_follows_an_edit(deployment: Deployment) -> None:
    slack = deployment.slack
    message, _ = deployment.upload(("found.pdf", b"%PDF-1.4", "application/pdf"), text="#before")
    answer = slack.command(message.channel, slack.users[0], "/docs", "#before")
    assert "found.pdf" in answer.text
    link = re.search(r"<([^|>]+)\|Archived copy>", json.dumps(answer.body))
    assert link
    assert requests.get(link[1], timeout=10).content == b"%PDF-1.4"
    slack.edit(message, "#after")
    assert slack.workspace.wait_until(lambda: bool(message.reactions), 30)
    assert "found.pdf" in slack.command(message.channel, slack.users[0], "/docs", "#after").text
    assert "found.pdf" not in slack.command(message.channel, slack.users[0], "/docs", "#before").text


@pytest.fixture
def on_laptop(deployment: Deployment, tmp_path: Path) -> Iterator[ChaliceLocal]:
    """The stage's routes on a laptop, whose profile has region and keys; what the stage has set is the stage's."""
    config = f"region = {deployment.aws.region}\naws_access_key_id = x\naws_secret_access_key = x\n"
    tmp_path.joinpath("config").write_text(f"[default]\n{config}")
    environ = deployment.aws.environ()
    laptop = {name: environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_SHARED_CREDENTIALS_FILE")}
    laptop |= {"AWS_CONFIG_FILE": str(tmp_path / "config"), "SIGNING_SECRET": "of another app"}
    routes = ChaliceLocal(deployment.project, laptop, tmp_path / "routes.log", stage=STAGE)
    yield routes
    routes.close()


def test_the_routes_alone_run_on_a_laptop_against_the_stage(
    deployment: Deployment, on_laptop: ChaliceLocal
) -> None:
    slack, request_url = deployment.slack, deployment.slack.request_url
    slack.request_url = f"{on_laptop.url}/slack/events"
    try:
        message, reply = deployment.upload(("laptop.txt", b"laptop", "text/plain"), text="#laptop")
        result = slack.command(message.channel, slack.users[0], "/docs", "#laptop")
    finally:
        slack.request_url = request_url
    assert reply.startswith("✅ 1 file in the archive with #laptop.")
    assert f"documents/{slack.team_id}/{message.files[0].id}/laptop.txt" in deployment.objects()
    assert "laptop.txt" in result.text
    assert all(f'"POST {path} HTTP/1.1" 200' in on_laptop.log for path in ("/slack/events", "/slack/commands"))


@pytest.mark.parametrize("where", ["on AWS", "on the laptop"])
def test_events_of_socket_mode_are_handed_to_the_stages_routes(
    deployment: Deployment, where: str, request: pytest.FixtureRequest
) -> None:
    slack, socket = deployment.slack, SocketSlack()
    routes = deployment.api_url() if where == "on AWS" else request.getfixturevalue("on_laptop").url
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME")},
        "SLACK_APP_TOKEN": "xapp-1-A0LOCAL02-1-not-real",
        "ACCESS_TOKEN": slack.bot_token,
        "SIGNING_SECRET": slack.signing_secret,
        "SLACK_URL": socket.method_url,
    }
    local = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "local",
            "--port=0",
            f"--deliver-to={routes}/",
        ],  # with the slash that `chalice deploy` prints
        cwd=deployment.project,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        channel = slack.add_channel(f"socket {where}")
        files = [("socket.txt", b"socket", "text/plain")]
        message = slack.upload(channel, slack.users[0], files, "#socket", deliver=False)
        socket.send(socket.envelope(message.envelope, envelope_id="1"))
        answer = socket.answer()
        (reply,) = slack.wait_for_replies(channel, message.ts, timeout=60)
    finally:
        local.send_signal(signal.SIGINT)
        output, _ = local.communicate(timeout=30)
        socket.close()
    assert answer == {"envelope_id": "1"}
    assert words(reply).startswith("✅ 1 file in the archive with #socket.")
    assert f"documents/{slack.team_id}/{message.files[0].id}/socket.txt" in deployment.objects()
    assert f"Its events are handed to {routes}, and not to the routes below." in output


def test_home_and_the_shortcut_work_as_deployed(deployment: Deployment) -> None:
    slack = deployment.slack
    user, channel = slack.users[0], slack.add_channel("clicks")
    message = slack.upload(channel, user, [("old.txt", b"old", "text/plain")], "#clicks", deliver=False)
    assert slack.interactions.shortcut(user, message, "archive_files").warning == ""
    slack.wait_for_replies(channel, message.ts, timeout=60)
    assert slack.deliver(slack.open_home(user, deliver=False)).acknowledged
    assert "old.txt" in str(slack.views.home(user.id))


def test_a_file_of_which_only_file_shared_tells_is_archived_as_deployed(deployment: Deployment) -> None:
    slack = deployment.slack
    group = slack.add_channel("group", "mpim")
    slack.misbehave("file_shared_only", only=group.id)
    message = slack.upload(group, slack.users[0], [("large.txt", b"large", "text/plain")], "#large")
    (reply,) = slack.wait_for_replies(group, message.ts, timeout=60)
    assert words(reply).startswith("✅ 1 file in the archive with #large.")


def test_every_call_is_granted_by_the_role_of_the_function_that_made_it(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    permissions = deployment.aws.permissions
    before = len(permissions.calls)
    deployment.upload(("counted.txt", b"1", "text/plain"))
    slack = deployment.slack
    slack.invite(slack.channels[0], slack.users[1])
    end = time.monotonic() + 30
    while f"history/{slack.team_id}/{slack.channels[0].id}.json" not in deployment.objects():
        assert time.monotonic() < end
        time.sleep(0.1)
    callers = {call.function for call in permissions.calls}
    assert callers == {DEPLOYER, NAME, *(f"{NAME}-{name}" for name in HANDLERS)}
    assert [call for call in permissions.calls if not call.permitted] == []
    with capsys.disabled():
        print("\nAWS calls for one uploaded file:")
        for (function, action), count in Counter(
            (call.function, call.grant.action) for call in permissions.calls[before:]
        ).items():
            print(f"  {count} {action} by {function}")
        print("Granted, and not used by these tests:")
        for function, grants in permissions.unused().items():
            for grant in grants if function != DEPLOYER else ():
                print(f"  {grant.action} on {grant.resource} to {function}")


def test_a_call_without_a_grant_is_refused(deployment: Deployment) -> None:
    role = deployment.config()["lambda_functions"]["save_metadata"]["iam_role_arn"]
    keys = deployment.aws.keys("save_metadata", role)
    client = boto3.client(
        "s3",
        endpoint_url=deployment.aws.url,
        region_name=deployment.aws.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys["AWS_SESSION_TOKEN"],
    )
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.put_object(Bucket=deployment.bucket, Key="documents/T1/F1/a.pdf", Body=b"a")


def test_notices_that_fail_or_reach_no_function_are_kept(deployment: Deployment) -> None:
    queue = f"arn:aws:sqs:{deployment.aws.region}:{deployment.aws.account}:{NAME}-notices-dead"
    for function in ("notify", "ended"):
        invoke_config = deployment.aws.client("lambda").get_function_event_invoke_config(
            FunctionName=f"{NAME}-{function}"
        )
        assert invoke_config["DestinationConfig"]["OnFailure"] == {"Destination": queue}
    (target,) = deployment.aws.client("events").list_targets_by_rule(Rule=f"{NAME}-ended-event")["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": queue}
    sns = deployment.aws.client("sns")
    (subscription,) = sns.list_subscriptions()["Subscriptions"]
    about = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
    assert json.loads(about["RedrivePolicy"]) == {"deadLetterTargetArn": queue}


def test_a_notice_that_reaches_no_function_is_kept_until_there_is_one_again(deployment: Deployment) -> None:
    aws, slack = deployment.aws, deployment.slack
    channel = slack.add_channel("kept")
    ts = slack.say(channel, slack.users[0], "a message").ts
    name = f"{slack.team_id}-{channel.id}-{ts.replace('.', '_')}"
    topic = deployment.config()["environment_variables"]["SLACK_INTEGRATOR_SNS"]
    aws.client("lambda").delete_function(FunctionName=f"{NAME}-notify")
    notice = {"type": "ended", "execution": name, "status": "TIMED_OUT"}
    aws.client("sns").publish(TopicArn=topic, Message=json.dumps(notice))
    url = aws.client("sqs").get_queue_url(QueueName=f"{NAME}-notices-dead")["QueueUrl"]
    (dead_letter,) = aws.client("sqs").receive_message(QueueUrl=url)["Messages"]
    deployment.deploy()
    policy = json.loads(aws.client("lambda").get_policy(FunctionName=f"{NAME}-notify")["Policy"])
    assert [statement["Principal"] for statement in policy["Statement"]] == [{"Service": "sns.amazonaws.com"}]
    notification = {"Subject": None, "MessageAttributes": {}, **json.loads(dead_letter["Body"])}
    deployment.invoke("notify", {"Records": [{"Sns": notification}]})  # as docs/operations.md says
    (reply,) = slack.wait_for_replies(channel.id, ts, timeout=60)
    assert "ended before it was done (timed out)" in words(reply)


def test_an_execution_that_dies_while_no_function_can_be_told_is_kept(deployment: Deployment) -> None:
    aws, slack = deployment.aws, deployment.slack
    channel = slack.add_channel("untold")
    ts = slack.say(channel, slack.users[0], "a message").ts
    name = f"{slack.team_id}-{channel.id}-{ts.replace('.', '_')}"
    url = aws.client("sqs").get_queue_url(QueueName=f"{NAME}-notices-dead")["QueueUrl"]
    aws.client("sqs").purge_queue(QueueUrl=url)
    aws.client("lambda").delete_function(FunctionName=f"{NAME}-ended")
    machine = deployment.config()["environment_variables"]["SLACK_INTEGRATOR_SF"]
    aws.client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input='{"kind":"upload"}')
    body = deployment.message(url)
    deployment.deploy()
    deployment.invoke("ended", json.loads(body))  # as docs/operations.md says
    (reply,) = slack.wait_for_replies(channel.id, ts, timeout=60)
    assert "ended before it was done (failed)" in words(reply)


def test_a_second_deployment_changes_nothing(deployment: Deployment) -> None:
    before = (deployment.config(), deployment.api_url())
    output = deployment.deploy()
    assert (deployment.config(), deployment.api_url()) == before
    assert output.count("no change") == 2
    assert "\n  skipped" not in output  # the deployer's rights are enough for the proof
    assert output.count("\n  ok      ") >= 9


def test_a_plain_chalice_deploy_takes_dead_letters_away_and_the_proof_says_so(deployment: Deployment) -> None:
    command = [".venv/bin/chalice", "deploy", "--stage", STAGE]
    subprocess.run(command, cwd=deployment.project, env=deployment.environ(), check=True)
    output = deployment.make("prove", f"STAGE={STAGE}", succeeds=False)
    assert f"wrong   dead letters: no dead letters from the rule {NAME}-ended-event" in output
    assert "ok      dead letters" in deployment.deploy()


def test_a_deployment_from_another_machine_finds_the_api_again(deployment: Deployment) -> None:
    before = deployment.api_url()
    shutil.rmtree(deployment.project / ".chalice" / "deployed")
    assert "this machine does not know all of the stage, AWS does" in deployment.deploy()
    assert deployment.api_url() == before


def test_a_changed_function_is_shipped(deployment: Deployment) -> None:
    notices = deployment.project / "chalicelib" / "notices.py"
    before = notices.read_text()
    notices.write_text(before.replace("in the archive{", "kept{"))
    assert notices.read_text() != before
    deployment.deploy()
    _, reply = deployment.upload(("a.txt", b"a", "text/plain"))
    assert reply.startswith("✅ 1 file kept.")


def test_every_module_of_the_package_comes_with_its_bytecode(deployment: Deployment) -> None:
    package = deployment.package("fetch_file")
    names = package.namelist()
    modules = [Path(name) for name in names if name.endswith(".py")]
    assert {"app.py", "chalice/app.py", "chalicelib/events.py", "requests/api.py"} <= set(map(str, modules))
    for module in modules:
        name = f"__pycache__/{module.stem}.{sys.implementation.cache_tag}.pyc"
        compiled = package.read(str(module.parent / name))
        assert compiled[8:16] == importlib.util.source_hash(package.read(str(module))), module
    assert len(set(names)) == len(names)


def test_a_secret_that_cannot_be_the_apps_stops_before_anything_is_made(deployment: Deployment) -> None:
    output = deployment.deploy(ACCESS_TOKEN="xoxb-wrong", succeeds=False)
    assert "Slack does not accept this ACCESS_TOKEN (invalid_auth). It is the “Bot User OAuth Token”" in output
    output = deployment.deploy(SIGNING_SECRET=deployment.slack.verification_token, succeeds=False)
    assert "This is not a SIGNING_SECRET, which has 32 digits and letters from a to f." in output
    assert "Traceback" not in output


def test_a_renewed_secret_holds_at_once(deployment: Deployment) -> None:
    output = deployment.deploy(SIGNING_SECRET="0" * 32)
    assert "the functions restart with the renewed secrets" in output
    assert "answers" in output
    deployment.deploy()


def test_without_secrets_all_is_up_but_slack(deployment: Deployment) -> None:
    ssm = deployment.aws.client("ssm")
    ssm.delete_parameter(Name=f"/slack-integrator/{STAGE}/SIGNING_SECRET")
    output = deployment.make("deploy", f"STAGE={STAGE}", succeeds=False)
    assert "https://api.slack.com/apps?new_app=1&manifest_json=" in output
    assert "Still missing: SIGNING_SECRET." in output
    deployment.deploy()


def test_a_token_without_a_scope_is_named(deployment: Deployment) -> None:
    deployment.slack.scopes.discard("files:read")
    output = deployment.deploy(succeeds=False)
    deployment.slack.scopes.add("files:read")
    assert "The Slack app lacks files:read" in output


def test_the_operations_work_on_the_deployed_stage(deployment: Deployment) -> None:
    message, _ = deployment.upload(("erased.txt", b"e", "text/plain"), text="#erased")
    file_id = message.files[0].id
    assert "NOT OK" not in deployment.make("doctor", f"STAGE={STAGE}")
    assert "files archived" in deployment.make("catchup", f"STAGE={STAGE}", "CHANNEL=#finance")
    assert "started again" in deployment.make("replay", f"STAGE={STAGE}", "SINCE=2000-01-01")
    assert "documents" in deployment.make("reindex", f"STAGE={STAGE}")
    assert "is gone for good" in deployment.make("forget", f"STAGE={STAGE}", f"FILE={file_id}", CONFIRM=file_id)


def test_a_right_that_is_missing_is_named(deployment: Deployment) -> None:
    without_sns = json.loads(json.dumps(deployer_policy()).replace("sns:*", "sns:Publish"))
    deployment.aws.permissions.limit("AKIAOTHER", "other", without_sns)
    output = deployment.make("doctor", f"STAGE={STAGE}", succeeds=False, AWS_ACCESS_KEY_ID="AKIAOTHER")
    assert "NOT OK  rights       AWS lets these credentials not even look at sns: docs/operations.md has" in output
    assert output.count("NOT OK") == 1


def test_nothing_is_removed_unless_confirmed(deployment: Deployment) -> None:
    output = deployment.make("destroy", f"STAGE={STAGE}", succeeds=False)
    assert "Nothing was removed." in output
    assert deployment.api_url()


def test_a_destroyed_stage_leaves_its_documents_and_nothing_else(deployment: Deployment) -> None:
    before = deployment.objects()
    deployment.make("destroy", f"STAGE={STAGE}", CONFIRM=STAGE)
    leftovers = {
        "functions": deployment.aws.client("lambda").list_functions()["Functions"],
        "apis": deployment.aws.client("apigateway").get_rest_apis()["items"],
        "machines": deployment.aws.client("stepfunctions").list_state_machines()["stateMachines"],
        "topics": deployment.aws.client("sns").list_topics()["Topics"],
        "subscriptions": deployment.aws.client("sns").list_subscriptions()["Subscriptions"],
        "mappings": deployment.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "rules": deployment.aws.client("events").list_rules()["Rules"],
        "queues": deployment.aws.client("sqs").list_queues().get("QueueUrls", []),
        "roles": deployment.aws.client("iam").list_roles()["Roles"],
        "logs": deployment.aws.client("logs").describe_log_groups()["logGroups"],
        "secrets": deployment.aws.client("ssm").describe_parameters()["Parameters"],
    }
    assert {what: names for what, names in leftovers.items() if names} == {}
    assert deployment.objects() == before
    assert "environment_variables" not in deployment.config()


def test_a_stack_that_only_a_person_can_repair_is_named(deployment: Deployment) -> None:
    deployment.leave_stack_in("UPDATE_ROLLBACK_FAILED")
    assert f"The stack {NAME} is in UPDATE_ROLLBACK_FAILED" in deployment.deploy(succeeds=False)


def test_a_stack_that_never_came_up_is_made_anew(deployment: Deployment) -> None:
    deployment.leave_stack_in("ROLLBACK_COMPLETE")
    assert "an earlier attempt left it in ROLLBACK_COMPLETE" in deployment.deploy()
    deployment.make("destroy", f"STAGE={STAGE}", CONFIRM=STAGE)


def test_a_stage_that_was_destroyed_takes_its_documents_up_again(deployment: Deployment) -> None:
    before = deployment.objects()
    deployment.deploy()
    deployment.make("destroy", f"STAGE={STAGE}", CONFIRM=STAGE)
    assert deployment.objects() == before


def test_the_documents_go_when_that_is_said_in_words(deployment: Deployment) -> None:
    deployment.make("destroy", f"STAGE={STAGE}", DOCUMENTS="delete", CONFIRM=f"{STAGE} with its documents")
    assert deployment.aws.client("s3").list_buckets()["Buckets"] == []


def test_the_policy_of_the_documentation_is_enough_and_nothing_in_it_is_unused(deployment: Deployment) -> None:
    calls = [call for call in deployment.aws.permissions.calls if call.function == DEPLOYER]
    assert [call.grant for call in calls if not call.permitted] == []
    actions = {call.grant.action for call in calls} | stack_actions()
    resources = {call.grant.resource for call in calls}
    for statement in deployer_policy()["Statement"]:
        for action in statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]:
            assert fnmatch.filter(actions, action), f"{action} is not used"
        for resource in statement["Resource"] if isinstance(statement["Resource"], list) else []:
            service = resource.split(":")[2]
            is_of_stack = service in ("cloudwatch", "glue", "logs")  # CloudFormation alone calls these
            assert is_of_stack or fnmatch.filter(resources, resource), f"{resource} is not used"
