"""The stack, the stages and the manifest, without deploying them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from moto.events.models import EventPattern

from app import DIED, MACHINE, app
from chalicelib import actions
from chalicelib.parking import MOST_TRIES
from local.slack.double import SUBSCRIPTIONS
from local.slack.workspace import HISTORY_SCOPES
from operations import slack_app, stack

PROJECT = Path(__file__).parents[2]
STAGES: Any = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]
DEPLOYED = sorted(set(STAGES) - {"local"})
RENDERED = stack.render("slack-integrator-dev-123456789012-us-east-1")
ASL: Any = json.loads((PROJECT / "stepfunctions" / "slack-integrator.asl.json").read_text(encoding="utf-8"))


def closed(*required: str, **properties: Any) -> Any:
    """An object with these properties and no others: Slack refuses keys that it does not know."""
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def text(shortest: int, longest: int, pattern: str = "") -> Any:
    return {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": pattern}


def texts(longest: int, most: int) -> Any:
    return {"type": "array", "items": text(1, longest), "maxItems": most, "uniqueItems": True}


# Keys and limits are those of schemas/manifest.schema.1.0.0.json in github.com/slackapi/manifest-schema (commit
# 19557f5; no package carries it), as far as the app uses them. Beyond it: the patterns of the bot's name and of the
# colour, from https://docs.slack.dev/reference/app-manifest, and that nothing is empty or listed twice.
SWITCH = {"type": "boolean"}
WHOLE = {"type": "integer"}
MANIFEST = closed(
    "display_information",
    _metadata=closed(major_version={"const": 1}, minor_version=WHOLE),
    display_information=closed(
        "name",
        name=text(1, 35),
        description=text(1, 140),
        background_color=text(4, 7, "^#([0-9a-fA-F]{3}){1,2}$"),
    ),
    features=closed(
        app_home=closed(
            home_tab_enabled=SWITCH, messages_tab_enabled=SWITCH, messages_tab_read_only_enabled=SWITCH
        ),
        bot_user=closed("display_name", display_name=text(1, 80, "^[a-z0-9._-]+$"), always_online=SWITCH),
        slash_commands={
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": closed(
                "command",
                "description",
                command=text(2, 32, "^/"),
                url=text(1, 3_000, "^https?://"),
                description=text(1, 2_000),
                usage_hint=text(1, 1_000),
                should_escape=SWITCH,
            ),
        },
        shortcuts={
            "type": "array",
            "maxItems": 10,
            "items": closed(
                "name",
                "type",
                "callback_id",
                "description",
                name=text(1, 24),
                type={"enum": ["message", "global"]},
                callback_id=text(1, 255),
                description=text(1, 150),
            ),
        },
    ),
    oauth_config=closed(scopes=closed(bot=texts(50, 255))),
    settings=closed(
        event_subscriptions=closed(request_url=text(1, 3_500, "^https?://"), bot_events=texts(50, 100)),
        interactivity=closed("is_enabled", is_enabled=SWITCH, request_url=text(1, 3_500, "^https?://")),
        org_deploy_enabled=SWITCH,
        socket_mode_enabled=SWITCH,
        token_rotation_enabled=SWITCH,
    ),
)
LOCAL_MANIFEST: Any = yaml.safe_load((PROJECT / "slack-manifest-local.yaml").read_text(encoding="utf-8"))


class Template(yaml.SafeLoader):
    """CloudFormation's YAML: `!Ref x` is read as x."""


def plain(loader: Any, _: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True)


Template.add_multi_constructor("!", plain)

STACK: Any = yaml.load(RENDERED, Template)


def functions() -> set[str]:
    """What Chalice deploys, by its names."""
    entries: list[Any] = [*app.pure_lambda_functions, *app.event_sources]
    return {"api_handler"} | {entry.name for entry in entries}


@pytest.mark.long
def test_the_template_is_accepted_by_cfn_lint(tmp_path: Path) -> None:
    template = tmp_path / "stack.yaml"
    template.write_text(RENDERED, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(template)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout + process.stderr) == (0, "")


def test_the_template_fits_into_a_request() -> None:
    assert len(RENDERED.encode()) < stack.LONGEST


def test_the_workflow_in_the_template_is_the_workflow() -> None:
    text, values = STACK["Resources"]["StateMachine"]["Properties"]["DefinitionString"]
    assert json.loads(text) == ASL
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(values)


def test_every_function_has_a_role_a_log_and_an_alarm() -> None:
    for name in functions():
        role = "".join(word.title() for word in name.split("_"))
        assert f"{role}RoleArn" in STACK["Outputs"]
        group = "/aws/lambda/slack-integrator-${Stage}" + ("" if name == "api_handler" else f"-{name}")
        assert STACK["Resources"][f"{role}Logs"]["Properties"]["LogGroupName"] == group
        function = group.removeprefix("/aws/lambda/")
        for alarm in ("FunctionsAlarm", "ThrottlesAlarm"):
            metrics = STACK["Resources"][alarm]["Properties"]["Metrics"][1:]
            assert function in [metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for metric in metrics]


@pytest.mark.parametrize("stage", DEPLOYED)
def test_stages_differ_in_nothing_but_their_names(stage: str) -> None:
    own_keys = {"environment_variables", "api_gateway_stage"}
    settings = {name: value for name, value in STAGES[stage].items() if name not in own_keys}
    for function in settings["lambda_functions"].values():
        function.pop("iam_role_arn", None)
    assert settings == {name: value for name, value in STAGES["dev"].items() if name not in own_keys}
    assert STAGES[stage]["api_gateway_stage"] == stage


def test_what_is_parked_is_tried_as_often_as_the_app_counts() -> None:
    assert STACK["Resources"]["Parking"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == MOST_TRIES


@pytest.mark.parametrize("stage", DEPLOYED)
def test_a_parked_event_is_hidden_for_six_times_as_long_as_its_function_may_run(stage: str) -> None:
    own = STAGES[stage]["lambda_functions"].get("start_parked", {})
    timeout = own.get("lambda_timeout", STAGES[stage]["lambda_timeout"])
    assert STACK["Resources"]["Parking"]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_notices_that_reach_no_function_may_be_kept_by_the_topic_and_the_rule_and_by_nobody_else() -> None:
    policy = STACK["Resources"]["NoticesDeadPolicy"]["Properties"]
    assert policy["Queues"] == ["NoticesDead"]
    rule = (
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/slack-integrator-${Stage}-ended-event"
    )
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": "NoticesDead.Arn",
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        for service, source in (("sns.amazonaws.com", "Topic"), ("events.amazonaws.com", rule))
    ]


def test_every_queue_that_keeps_what_was_given_up_raises_the_alarm() -> None:
    queues = {name for name, alarm in STACK["Resources"].items() if alarm["Type"] == "AWS::SQS::Queue"}
    metrics = STACK["Resources"]["DeadLettersAlarm"]["Properties"]["Metrics"][1:]
    names = {alarm["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for alarm in metrics}
    assert names == {f"{name}.QueueName" for name in queues - {"Parking"}}


OWN_ERRORS = {state["Error"] for state in ASL["States"].values() if state["Type"] == "Fail"}


@pytest.mark.parametrize(
    ("ended", "is_told"),
    [
        ({"status": "TIMED_OUT", "error": None}, True),
        ({"status": "ABORTED", "error": None}, True),
        ({"status": "FAILED", "error": "States.Runtime"}, True),
        ({"status": "FAILED", "error": None}, True),
        ({"status": "FAILED"}, True),
        ({"status": "SUCCEEDED", "error": None}, False),
        ({"status": "RUNNING"}, False),
        *(({"status": "FAILED", "error": error}, False) for error in sorted(OWN_ERRORS)),
    ],
)
def test_only_executions_without_an_outcome_are_told(ended: Any, is_told: bool) -> None:
    rule = EventPattern(None, DIED)
    event: Any = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    event["detail"] = {"stateMachineArn": MACHINE, **ended}
    assert rule.matches_event(event) == is_told


@pytest.mark.parametrize("error", ["HistoryStopped", "States.Runtime"])
def test_every_execution_that_did_not_read_a_past_to_its_end_is_told(error: str) -> None:
    event: Any = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    event["detail"] = {"stateMachineArn": f"{MACHINE}-history", "status": "FAILED", "error": error}
    assert EventPattern(None, DIED).matches_event(event)


@pytest.mark.parametrize("manifest", [slack_app.manifest("https://x.test/dev"), LOCAL_MANIFEST])
def test_the_manifest_is_what_slack_takes(manifest: Any) -> None:
    assert [error.message for error in Draft7Validator(MANIFEST).iter_errors(manifest)] == []


def test_the_manifests_addresses_are_the_apps_routes() -> None:
    manifest = slack_app.manifest("https://x.test/dev")
    events = manifest["settings"]["event_subscriptions"]["request_url"]
    commands = [entry["url"] for entry in manifest["features"].get("slash_commands", [])]
    clicks = manifest["settings"]["interactivity"]["request_url"]
    assert {url.removeprefix("https://x.test/dev") for url in (events, clicks, *commands)} == set(app.routes) - {
        "/documents/{ticket}"
    }


def test_the_manifest_subscribes_to_what_the_app_understands_with_the_scopes_for_it() -> None:
    manifest = slack_app.manifest("https://x.test/dev")
    subscribed = set(manifest["settings"]["event_subscriptions"]["bot_events"])
    of_files = {"file_deleted", "file_shared"}
    assert subscribed == {
        *SUBSCRIPTIONS.values(),
        *of_files,
        "app_home_opened",
        "app_mention",
        "member_joined_channel",
    }
    scopes = {"app_mentions:read", "files:read", "chat:write", "reactions:write", "commands", "users:read"}
    scopes |= {"channels:read", "groups:read", "im:read", "mpim:read"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(HISTORY_SCOPES.values()) | scopes


def test_the_manifest_offers_what_the_actions_route_understands() -> None:
    features = slack_app.manifest("https://x.test/dev")["features"]
    assert [shortcut["callback_id"] for shortcut in features["shortcuts"]] == [actions.ARCHIVE_FILES]
    assert LOCAL_MANIFEST["features"]["shortcuts"] == features["shortcuts"]


def test_the_link_carries_the_manifest() -> None:
    from urllib.parse import parse_qs, urlsplit

    query = parse_qs(urlsplit(slack_app.link("https://x.test/dev")).query)
    assert json.loads(query["manifest_json"][0]) == slack_app.manifest("https://x.test/dev")
