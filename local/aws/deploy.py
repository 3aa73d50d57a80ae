"""A stage on the local AWS, made by what makes one on AWS: the stack's template, then Chalice."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local.aws.server import Aws
from operations import dead_letters, stack
from operations.stages import Stage

CHALICE = Path(__file__).with_name("chalice_deploy.py")
ROUTES = "api_handler"
"""Chalice's name for the function behind all routes."""


class NotDeployedError(RuntimeError):
    """Says where in *project* is the mistake with which Chalice, or the import of the app, failed.

    *output* is all that the process printed.
    """

    def __init__(self, project: Path, output: str) -> None:
        frames = re.findall(rf'File "{re.escape(str(project))}/([^"]+)", line (\d+)', output)
        own = [f"{file}, line {line}: " for file, line in frames if not file.startswith((".venv/", "local/"))]
        last = output.rstrip().rpartition("\n")[2]
        super().__init__(f"{own[-1] if own else ''}{last}")
        self.output = output


@dataclass(frozen=True)
class Deployment:
    """What was made: *functions* maps Chalice's names to ARNs, *variables* are those that all functions have."""

    bucket: str
    topic_arn: str
    parking_url: str
    state_machine_arn: str
    functions: Mapping[str, str]
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    """What a process needs in its environment to serve the routes as their function does, with its role's keys."""


def deploy(
    aws: Aws,
    project: Path,
    variables: Mapping[str, str] | None = None,
    stage: str = "local",
    template: Callable[[str], str] = stack.render,
) -> Deployment:
    """Bring up the stack of *template* (of the bucket's name), then the functions of *project*."""
    config = json.loads(project.joinpath(".chalice", "config.json").read_text(encoding="utf-8"))
    prefix = f"{config['app_name']}-{stage}"
    bucket = f"{prefix}-{aws.account}-{aws.region}"
    with _chalice(project, aws) as deploy_functions:
        client = aws.client("cloudformation")
        outputs = stack.up(client, prefix, template(bucket), {"Stage": stage}, lambda line: None)
        own = stack.variables(outputs) | dict(variables or {})
        _configure(config["stages"][stage], own, outputs)
        resources = deploy_functions({"config": config, "stage": stage})
    if "NoticesDeadArn" in outputs:
        keys = boto3.session.Session("testing", "testing", region_name=aws.region)
        dead_letters.keep(Stage(stage, aws.account, aws.region, keys, aws.url))
    functions = {
        resource["name"]: resource["lambda_arn"]
        for resource in resources
        if resource["resource_type"] == "lambda_function"
    }
    environ = aws.environ() | aws.keys(prefix, outputs["ApiHandlerRoleArn"]) | own
    values = (outputs["BucketName"], outputs["TopicArn"], outputs["ParkingUrl"], outputs["StateMachineArn"])
    return Deployment(*values, functions, own, environ)


def _configure(block: dict[str, Any], variables: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Write into a stage's *block* of the configuration what `make deploy` writes there."""
    block["environment_variables"] = {**block.get("environment_variables", {}), **variables}
    for function, arn in stack.roles(outputs).items():
        block.setdefault("lambda_functions", {}).setdefault(function, {})["iam_role_arn"] = arn


@contextmanager
def _chalice(project: Path, aws: Aws) -> Iterator[Callable[[Any], Any]]:
    """Start Chalice, which takes a while, and yield what makes it deploy."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "en_US.UTF-8", **aws.environ()}
    pipe = subprocess.PIPE
    command = [sys.executable, "-B", str(CHALICE)]
    process = subprocess.Popen(command, cwd=project, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def deploy_functions(order: Any) -> Any:
        output, errors = process.communicate(json.dumps(order))
        if process.returncode:
            raise NotDeployedError(project, errors)
        return json.loads(output.splitlines()[-1])

    with process:
        try:
            yield deploy_functions
        finally:
            process.kill()
