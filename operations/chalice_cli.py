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
from operations.preflight import Ground

_PROOF_SECONDS = 60
"""How long a new API and its first function may take to answer."""


def chalice(ground: Ground, project: Path, command: str) -> None:
    """Run Chalice's own *command* for the stage, in the region that was checked.

    A Ctrl-C reaches this process alone, and ends Chalice before anything else goes on.
    """
    program = [str(Path(sys.executable).with_name("chalice")), command, "--stage", ground.stage]
    python = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # what it says is shown as it happens
    environ = {**os.environ, "AWS_DEFAULT_REGION": ground.region, **python}
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


def keep_notices(ground: Ground, project: Path, queue: str) -> None:
    """Let *queue* keep the notices that would be dropped.

    By Lambda, when notify has failed on one three times; by SNS, when there is no notify that it may invoke
    (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
    """
    ground.session.client("lambda").put_function_event_invoke_config(
        FunctionName=f"{ground.name}-notify",
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    ground.session.client("sns").set_subscription_attributes(
        SubscriptionArn=chalice_state.subscription(project, ground.stage, "notify"),
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps({"deadLetterTargetArn": queue}),
    )
    say(f"notices that fail three times, or reach no function, go to {queue.rpartition(':')[2]}")


def restart(ground: Ground, project: Path) -> None:
    """Have every function read the secrets again: it does so once per process, and a change starts it anew."""
    client = ground.session.client("lambda")
    told = f"Secrets as of {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC"
    for one in chalice_state.remembered(project, ground.stage):
        if one["resource_type"] == "lambda_function":
            client.get_waiter("function_updated_v2").wait(FunctionName=one["lambda_arn"])
            client.update_function_configuration(FunctionName=one["lambda_arn"], Description=told)
    say("the functions restart with the renewed secrets")


def api_url(ground: Ground, project: Path) -> str:
    """Return the deployed API's address, without a last slash.

    Behind an endpoint of one's own (AWS_ENDPOINT_URL: a double of AWS) it is below /_aws/execute-api.
    """
    api = chalice_state.rest_api_id(project, ground.stage)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"{endpoint}/_aws/execute-api/{api}/{ground.stage}"
    return f"https://{api}.execute-api.{ground.region}.amazonaws.com/{ground.stage}"


def prove(url: str, signing_secret: str) -> None:
    """Send the request that Slack sends when the address is entered, until it is answered rightly."""
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
                f"{url} does not answer as it should ({said}). See: chalice logs --stage … --name api_handler"
            )
        time.sleep(2)
