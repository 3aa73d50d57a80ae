"""`make doctor [STAGE=dev]`: all that may be in the way of a stage, looked at at once. Nothing is changed.

Each line is ok or says what to do. A check that needs what another one found wrong is left out.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import requests
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import clients, settings
from chalicelib.errors import IntegratorError
from chalicelib.slack import Slack
from operations import preflight, slack_app, stages
from operations.console import Stop
from operations.failing import for_operator
from operations.stages import Stage

USAGE = "make doctor STAGE=dev"
RIGHTS = "docs/operations.md has the policy that is needed (“Rights”)"
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "403"}
_NO_STAGE = "stage"
"""Begins the name of any stage; what it names is not there, and whoever may look gets to know that."""


class Check(NamedTuple):
    """One line: *name* of what was looked at, whether it is *good*, and what to know or to do."""

    name: str
    good: bool
    text: str


def main(arguments: Mapping[str, str]) -> None:
    """Print every check of STAGE, or, without one, of this machine; end with 1 if one is not good."""
    good = True
    for check in _checks(arguments):
        print(f"  {'ok    ' if check.good else 'NOT OK'}  {check.name:<12} {check.text}", flush=True)
        good = good and check.good
    if not arguments.get("STAGE"):
        print(f"\n  A stage, its secrets and its token are looked at with its name: {USAGE}")
    if not good:
        sys.exit(1)


def _checks(arguments: Mapping[str, str]) -> Iterator[Check]:
    name = arguments.get("STAGE", "")
    yield _check("Python", _python)
    region = _check("region", lambda: stages.check_region(name))
    credentials = _check("credentials", lambda: f"are of account {stages.check_credentials(name)}")
    yield from (region, credentials)
    variables: dict[str, str] = {}
    if region.good and credentials.good:
        yield from _checks_of(name, variables)
    slack = _slack(variables or arguments)
    yield _check("Slack", lambda: _reach(slack))
    if variables:
        yield _check("token", lambda: _token(stages.find(name, USAGE), slack))


def _checks_of(name: str, variables: dict[str, str]) -> Iterator[Check]:
    """Yield what AWS says of the stage *name*, and write its functions' *variables*."""
    result: list[Stage] = []
    place = _check("stage", lambda: _find(name, result))
    if not result:
        yield place
        return
    (stage,) = result
    yield _check("rights", lambda: _rights(stage))
    if name:
        yield _check("stage", lambda: _deployment(stage, variables))
    if variables:
        yield _check("secrets", lambda: _secrets(stage))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Stop as reason:
        return Check(name, False, str(reason))
    except IntegratorError as error:
        return Check(name, False, for_operator(error))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return Check(name, False, f"AWS refuses {error.operation_name} ({code}): {RIGHTS}.")
    except BotoCoreError as error:
        return Check(name, False, f"AWS could not be asked: {error}")


def _python() -> str:
    running = sys.version_info[:2]
    preflight.check_python(running)
    preflight.check_pip()
    return preflight.python_that_ends(running) or f"{running[0]}.{running[1]}, which Lambda runs, too"


def _find(name: str, result: list[Stage]) -> str:
    """Find the stage, or any where there is no name."""
    result.append(stages.find(name or _NO_STAGE, USAGE))
    return result[0].place


def _rights(stage: Stage) -> str:
    """Look at one thing of each service that a stage has something of; whether writing is allowed is not known."""
    name = stage.prefix
    looks: list[tuple[str, str, dict[str, Any]]] = [
        ("cloudformation", "describe_stacks", {"StackName": name}),
        ("lambda", "list_functions", {"MaxItems": 1}),
        ("apigateway", "get_rest_apis", {"limit": 1}),
        ("stepfunctions", "describe_state_machine", {"stateMachineArn": stage.state_machine}),
        ("sns", "get_topic_attributes", {"TopicArn": stage.arn("sns", name)}),
        ("sqs", "get_queue_url", {"QueueName": f"{name}-parking"}),
        ("events", "describe_rule", {"Name": f"{name}-ended-event"}),
        ("s3", "head_bucket", {"Bucket": stage.bucket}),
        ("ssm", "get_parameters", {"Names": [slack_app.path(stage.name, "ACCESS_TOKEN")]}),
        ("iam", "get_role", {"RoleName": name}),
    ]
    clients_first = [stage.client(service) for service, _, _ in looks]  # boto3 makes them one at a time
    with ThreadPoolExecutor(len(looks)) as pool:
        refusals = pool.map(_is_denied, clients_first, (look[1] for look in looks), (look[2] for look in looks))
        lacking = [look[0] for look, is_refused in zip(looks, refusals, strict=True) if is_refused]
    if lacking:
        raise Stop(f"AWS lets these credentials not even look at {', '.join(lacking)}: {RIGHTS}.")
    return f"to look at what a stage is made of; to change it takes more: {RIGHTS}"


def _is_denied(client: Any, operation: str, about: dict[str, Any]) -> bool:
    try:
        getattr(client, operation)(**about)
    except ClientError as error:  # that there is no such thing is an answer, too
        return error.response["Error"]["Code"] in _DENIED
    return False


def _deployment(stage: Stage, variables: dict[str, str]) -> str:
    variables |= stage.variables
    return f"{stage.name} is deployed in {stage.place}"


def _secrets(stage: Stage) -> str:
    if stage.name == stages.LOCAL:
        return "are those of `make local`"
    secrets = slack_app.stored_secrets(stage.client("ssm"), stage.name)
    missing_names = [name for name in slack_app.NEEDED if name not in secrets]
    if missing_names:
        raise Stop(f"SSM has no {' and no '.join(missing_names)}: make deploy STAGE={stage.name} asks for it.")
    try:
        slack_app.check_signing_secret(secrets["SIGNING_SECRET"])
    except slack_app.WrongSecret as wrong:
        raise Stop(f"SIGNING_SECRET in SSM: {wrong} make deploy STAGE={stage.name} RENEW=SIGNING_SECRET") from wrong
    return f"{' and '.join(slack_app.NEEDED)} are in SSM"


def _slack(variables: Mapping[str, str]) -> Slack:
    """Return Slack where *variables* say that it is."""
    address = variables.get("SLACK_URL", "")
    url = slack_app.POSTS if not address or address.startswith(settings.REFERENCE) else address
    loopback = variables.get("SLACK_LOOPBACK") == "1"
    return Slack(clients.http(), settings.Settings(slack_url=url, slack_loopback=loopback))


def _reach(slack: Slack) -> str:
    began = time.monotonic()
    url = slack.api_url("api.test")
    try:
        status = requests.post(url, timeout=10).status_code
    except requests.RequestException as error:
        raise Stop(
            f"{url} cannot be reached ({type(error).__name__}): is there a network, or does a proxy or a firewall "
            "stand in between?"
        ) from error
    if status >= 500:
        raise Stop(f"{url} answers {status}: Slack has a problem of its own, see https://slack-status.com.")
    return f"answers in {(time.monotonic() - began) * 1000:.0f} ms"


def _token(stage: Stage, slack: Slack) -> str:
    token = stage.settings("ACCESS_TOKEN").access_token
    url, loopback = slack.settings.slack_url, slack.settings.slack_loopback
    try:
        who = slack_app.check_token(token, url, loopback=loopback)
    except slack_app.WrongSecret as wrong:
        raise Stop(f"{wrong} Then: make deploy STAGE={stage.name} RENEW=ACCESS_TOKEN") from wrong
    return f"is that of {who}, and has every scope of slack-manifest.yaml"
