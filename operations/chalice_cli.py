"""The functions and their API: Chalice's own commands, what Chalice cannot set, and the proof that they answer."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import requests

from chalicelib import signing
from operations import chalice_state
from operations.console import Stop, say
from operations.stages import Stage

_PROOF_SECONDS = 60
"""How long a new API and its first function may take to answer."""


def chalice(stage: Stage, project: Path, command: str) -> None:
    """Run Chalice's own *command* for the stage, in the region that was checked.

    A Ctrl-C reaches this process alone, and ends Chalice before anything else goes on.
    """
    program = [str(Path(sys.executable).with_name("chalice")), command, "--stage", stage.name]
    # What it says is shown as it happens. To delete, it needs none of the settings that app.py would miss.
    python = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "CHALICE_UNCHECKED": "1"}
    environ = {**os.environ, "AWS_DEFAULT_REGION": stage.region, **python}
    with subprocess.Popen(
        program, cwd=project, env=environ, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            for line in process.stdout or ():
                say(line.rstrip())
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise Stop(f"chalice {command} failed, for the reason above. Running this again goes on from here.")


def keep_notices(stage: Stage, project: Path, queue: str) -> None:
    """Let *queue* keep the notices that would be dropped.

    By Lambda, when notify or ended has failed on one three times; by SNS and EventBridge, when there is no function
    that they may invoke (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
    """
    for function in ("notify", "ended"):
        stage.client("lambda").put_function_event_invoke_config(
            FunctionName=f"{stage.prefix}-{function}",
            MaximumRetryAttempts=2,
            DestinationConfig={"OnFailure": {"Destination": queue}},
        )
    stage.client("sns").set_subscription_attributes(
        SubscriptionArn=chalice_state.subscription(project, stage.name, "notify"),
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps({"deadLetterTargetArn": queue}),
    )
    rule = chalice_state.rule(stage, "ended")
    (target,) = stage.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    stage.client("events").put_targets(Rule=rule, Targets=[{**target, "DeadLetterConfig": {"Arn": queue}}])
    say(f"notices that fail three times, or reach no function, go to {queue.rpartition(':')[2]}")


def restart(stage: Stage, project: Path) -> None:
    """Have every function read the secrets again: it does so once per process, and a change starts it anew."""
    client = stage.client("lambda")
    description = f"Secrets as of {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC"
    for resource in chalice_state.remembered(project, stage.name):
        if resource["resource_type"] == "lambda_function":
            client.get_waiter("function_updated_v2").wait(FunctionName=resource["lambda_arn"])
            client.update_function_configuration(FunctionName=resource["lambda_arn"], Description=description)
    say("the functions restart with the renewed secrets")


def api_url(stage: Stage, project: Path) -> str:
    """Return the deployed API's address, without a last slash.

    Behind an endpoint of one's own (AWS_ENDPOINT_URL: a double of AWS) it is below /_aws/execute-api.
    """
    api = chalice_state.rest_api_id(project, stage.name)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"{endpoint}/_aws/execute-api/{api}/{stage.name}"
    return f"https://{api}.execute-api.{stage.region}.amazonaws.com/{stage.name}"


def prove(url: str, signing_secret: str, stage: str) -> None:
    """Send the request that Slack sends when the address is entered, until the answer is right."""
    body, end = b'{"type":"url_verification","challenge":"proof"}', time.monotonic() + _PROOF_SECONDS
    while True:
        stamp = str(int(time.time()))
        signature = signing.signature(signing_secret, stamp, body)
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
        try:
            answer = requests.post(url, body, headers={"Content-Type": "application/json", **headers}, timeout=15)
            said = f"{answer.status_code} {answer.text[:200]}"
        except requests.RequestException as error:
            said = type(error).__name__
        if said == '200 {"challenge":"proof"}':
            return say(f"{url} answers")
        if time.monotonic() > end:
            raise Stop(
                f"{url} does not answer as it should ({said}). The log says why: .venv/bin/chalice logs "
                f"--stage {stage} --name api_handler"
            )
        time.sleep(2)
