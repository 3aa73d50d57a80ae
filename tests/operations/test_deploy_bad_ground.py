"""A deployment that something is in the way of, or that is broken off: the next run finishes it.

Each test goes on from where the one before it left the stage.
"""

import json
import re
import sys
from collections.abc import Iterator

import pytest

from faults.calls import Call
from faults.kinds import KILLED_AFTER, Fault
from faults.proxy import Proxy
from tests.operations.deployment import NAME, STAGE, Deployment, Terminal, undeployed

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime client is for Linux"),
]
CTRL_C = "\x03"
SOMEBODY = "999999999999"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A stage that nobody has deployed yet."""
    with undeployed(tmp_path_factory.mktemp("bad-ground")) as directory:
        yield directory


def interrupted(terminal: Terminal) -> None:
    """A sentence is all that follows Ctrl-C."""
    assert terminal.end() == 130, terminal.shown
    assert terminal.shown.endswith("\nInterrupted. Running the same command again goes on from here.\n")
    assert not re.search("Traceback|Aborted|Error", terminal.shown), terminal.shown


def interrupted_after(stage: Deployment, text: str, said: str) -> None:
    """Press Ctrl-C when *said* is shown and the call that begins with *text* is carried out, but not answered."""
    calls: list[Call] = []

    def judge(call: Call) -> Fault | None:
        is_it = not calls and text in f"{call.method} {call.target} {call.body[:200].decode('latin-1')}"
        calls.extend([call] if is_it else [])
        return KILLED_AFTER if is_it else None

    def press(_: Call) -> None:
        while said not in terminal.shown and not terminal.has_ended(0.01):
            pass
        terminal.type(CTRL_C)
        assert terminal.has_ended(30)

    proxy = Proxy("developer", judge, press, lambda _: 0.0, lambda *_: None)
    proxy.upstream = stage.aws.url
    terminal = stage.at_terminal(AWS_ENDPOINT_URL=proxy.url)
    interrupted(terminal)
    proxy.close()
    assert calls
    assert said in terminal.shown


def test_a_bucket_of_somebody_elses_is_named_before_anything_is_made(stage: Deployment) -> None:
    from moto.s3.models import s3_backends

    before = stage.config()
    s3_backends[SOMEBODY]["aws"].create_bucket(stage.bucket, stage.aws.region)
    output = stage.deploy(succeeds=False)
    s3_backends[SOMEBODY]["aws"].delete_bucket(stage.bucket)
    assert f"The bucket {stage.bucket} is somebody else's, or closed to you: add another stage" in output
    assert "Traceback" not in output
    assert stage.aws.client("cloudformation").describe_stacks()["Stacks"] == []
    assert stage.aws.client("ssm").describe_parameters()["Parameters"] == []
    assert stage.config() == before


def test_a_name_that_is_taken_is_told_with_cloudformations_reason(stage: Deployment) -> None:
    sqs = stage.aws.client("sqs")
    queue_url = sqs.create_queue(QueueName=f"{NAME}-parking", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    output = stage.make("deploy", f"STAGE={STAGE}", succeeds=False)
    sqs.delete_queue(QueueUrl=queue_url)
    text = (
        "The stack could not be changed (ROLLBACK_COMPLETE). The first reason: Parking: The specified queue already"
    )
    assert f"{text} exists. When that is mended, run this again." in output
    assert "Traceback" not in output


def test_a_change_in_progress_is_waited_for_and_the_waiting_can_be_broken_off(stage: Deployment) -> None:
    stage.leave_stack_in("CREATE_IN_PROGRESS")
    terminal = stage.at_terminal()
    terminal.wait_for("a change is in progress (CREATE_IN_PROGRESS): waiting until it is done")
    terminal.type(CTRL_C)
    interrupted(terminal)


def test_what_the_change_came_to_is_dealt_with(stage: Deployment) -> None:
    terminal = stage.at_terminal()
    terminal.wait_for("a change is in progress (CREATE_IN_PROGRESS): waiting until it is done")
    stage.stack().status = "ROLLBACK_FAILED"
    assert terminal.end() == 1
    assert f"The stack {NAME} is in ROLLBACK_FAILED, which only a person can resolve" in terminal.shown
    stage.stack().status = "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("Action=CreateChangeSet", "an earlier attempt left it in ROLLBACK_COMPLETE: removing that first"),
        ("Action=ExecuteChangeSet", "an earlier attempt left it in REVIEW_IN_PROGRESS: removing that first"),
        ("POST /2015-03-31/functions ", f"Creating lambda function: {NAME}-"),
        ("POST /2015-03-31/event-source-mappings", f"Subscribing {NAME}-start_parked to SQS queue"),
        ("Action=Subscribe", f"Subscribing {NAME}-notify to SNS topic"),
        ("POST /restapis?", "Creating Rest API"),
        ("Action=SetSubscriptionAttributes", "Updating rest API"),  # the one that was made before
    ],
)
def test_a_deployment_is_broken_off_with_a_sentence(stage: Deployment, call: str, said: str) -> None:
    interrupted_after(stage, call, said)


def test_a_question_is_broken_off_with_a_sentence(stage: Deployment) -> None:
    terminal = stage.at_terminal()
    terminal.wait_for("SIGNING_SECRET: ")
    terminal.type(CTRL_C)
    interrupted(terminal)


def test_the_next_run_finishes_it_with_secrets_that_nobody_sees(stage: Deployment) -> None:
    terminal = stage.at_terminal()
    secrets = {"SIGNING_SECRET": stage.slack.signing_secret, "ACCESS_TOKEN": stage.slack.bot_token}
    wrong = {"SIGNING_SECRET": "of the wrong form", "ACCESS_TOKEN": "xoxb-of-nobody"}
    for name, secret in secrets.items():
        terminal.wait_for(f"{name}: ")
        terminal.type(f"{wrong[name]}\n")
        terminal.wait_for(f"Please paste it again, or press Ctrl-C.\n  {name}: ")
        terminal.type(f"{secret}\n")
    assert terminal.end() == 0, terminal.shown
    assert f"{stage.api_url()}/slack/events answers" in terminal.shown
    assert not [secret for secret in (*secrets.values(), *wrong.values()) if secret in terminal.shown]
    ssm = stage.aws.client("ssm")
    for name, secret in secrets.items():
        parameter = ssm.get_parameter(Name=f"/slack-integrator/{STAGE}/{name}", WithDecryption=True)["Parameter"]
        assert (parameter["Value"], parameter["Type"]) == (secret, "SecureString")


def test_what_was_broken_off_and_finished_is_there_once_and_works(stage: Deployment) -> None:
    assert len(stage.aws.client("apigateway").get_rest_apis()["items"]) == 1
    assert len(stage.aws.client("sns").list_subscriptions()["Subscriptions"]) == 1
    assert len(stage.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]) == 1
    stage.slack.request_url = f"{stage.api_url()}/slack/events"
    stage.aws.client("stepfunctions").list_state_machines()  # whose first use in moto takes long
    _, reply = stage.upload(("a.txt", b"a", "text/plain"))
    assert reply.startswith("✅ 1 file in the archive.")


def test_a_stage_of_which_this_machine_knows_but_a_part_is_taken_down_whole(stage: Deployment) -> None:
    memory = stage.project / ".chalice" / "deployed" / f"{STAGE}.json"
    state = json.loads(memory.read_text())
    state["resources"] = [
        resource for resource in state["resources"] if resource["resource_type"] == "lambda_function"
    ]
    memory.write_text(json.dumps(state))
    stage.make("destroy", f"STAGE={STAGE}", CONFIRM=STAGE)
    assert stage.aws.client("apigateway").get_rest_apis()["items"] == []
    assert stage.aws.client("sns").list_subscriptions()["Subscriptions"] == []
    assert stage.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
