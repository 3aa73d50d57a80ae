"""What the CloudFormation stack and `chalice deploy` make on AWS, made through the local AWS's own APIs."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws.server import Aws

HANDLERS = Path(__file__).with_name("handlers.py")
PARKED_SECONDS = 60  # from one try to start what is parked to the next: the parking queue's visibility timeout
PARKED_TRIES = 200  # then it goes to the dead letters


@dataclass(frozen=True)
class Deployed:
    """What was made; *functions* maps the handlers' names to ARNs, *environ* is every function's environment."""

    bucket: str
    topic_arn: str
    parking_url: str
    state_machine_arn: str
    functions: Mapping[str, str]
    environ: Mapping[str, str]


def chalice_handlers(project: Path, stage: str) -> dict[str, Any]:
    """The application's name and handlers, read from the project by Chalice itself in a fresh process."""
    command = [sys.executable, "-B", str(HANDLERS), stage]
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "en_US.UTF-8"}
    found = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{project} cannot be deployed:\n{found.stderr}")
    listing: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])  # after what the import may print
    return listing


def placeholder(handler: str) -> str:
    """The name under which a definition knows a function: `FetchFileArn` for `fetch_file`."""
    return "".join(word.capitalize() for word in handler.split("_")) + "Arn"


def filled(definition: str, values: Mapping[str, str]) -> str:
    """*definition* with each `${Name}` replaced, as CloudFormation's Fn::Sub does; unknown ones are refused."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"nothing is called {match[0]} here; there are {', '.join(sorted(values))}")
        return values[match[1]]

    return re.sub(r"\$\{([^}!]*)\}", value, definition)


def _stand_in() -> bytes:
    """A zip for CreateFunction, which asks for one; the code runs from the project's folder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("README", "The functions' code is run from the project's folder.")
    return archive.getvalue()


def _make_role(aws: Aws, prefix: str) -> str:
    role = aws.client("iam").create_role(RoleName=prefix, AssumeRolePolicyDocument="{}")
    arn: str = role["Role"]["Arn"]
    return arn


def _function_arns(aws: Aws, prefix: str, handlers: list[dict[str, Any]]) -> dict[str, str]:
    """Known beforehand, so that functions can name the state machine and the state machine the functions."""
    start = f"arn:aws:lambda:{aws.region}:{aws.account}:function:{prefix}"
    return {handler["name"]: start + handler["suffix"] for handler in handlers}


def _make_functions(
    aws: Aws, prefix: str, role: str, handlers: list[dict[str, Any]], environ: Mapping[str, str]
) -> None:
    code = _stand_in()
    for handler in handlers:
        aws.client("lambda").create_function(
            FunctionName=prefix + handler["suffix"],
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Role=role,
            Handler=handler["handler"],
            Code={"ZipFile": code},
            Timeout=handler["timeout"],
            MemorySize=handler["memory"],
            Environment={"Variables": dict(environ)},
        )


def _make_parking(aws: Aws, prefix: str) -> str:
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName=f"{prefix}-parking-dead")["QueueUrl"]
    target = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": PARKED_TRIES})
    attributes = {"VisibilityTimeout": str(PARKED_SECONDS), "RedrivePolicy": redrive}
    url: str = sqs.create_queue(QueueName=f"{prefix}-parking", Attributes=attributes)["QueueUrl"]
    return url


def _subscribe(aws: Aws, topic: str, parking: str, handlers: list[dict[str, Any]], arns: Mapping[str, str]) -> None:
    queue = f"arn:aws:sqs:{aws.region}:{aws.account}:{parking.rpartition('/')[2]}"
    for handler in handlers:
        arn = arns[handler["name"]]
        if handler["topic"] is not None:
            aws.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
        if handler["queue"] is not None:
            aws.client("lambda").create_event_source_mapping(
                EventSourceArn=queue, FunctionName=arn, BatchSize=handler["batch_size"]
            )


def _make_state_machine(aws: Aws, name: str, role: str, file: Path, values: Mapping[str, str]) -> str:
    definition = filled(file.read_text(encoding="utf-8"), values)
    made = aws.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)
    arn: str = made["stateMachineArn"]
    return arn


def deploy(aws: Aws, project: Path, stage: str = "local", environ: Mapping[str, str] | None = None) -> Deployed:
    """Make all that *project* stands on, and its functions and subscriptions. Once per start of *aws*."""
    listing = chalice_handlers(project, stage)
    handlers, prefix = listing["handlers"], f"{listing['app_name']}-{stage}"
    bucket = f"{prefix}-{aws.account}-{aws.region}"
    aws.client("s3").create_bucket(Bucket=bucket)
    topic = aws.client("sns").create_topic(Name=prefix)["TopicArn"]
    role = _make_role(aws, prefix)
    arns = _function_arns(aws, prefix, handlers)
    values = {placeholder(name): arn for name, arn in arns.items()} | {"TopicArn": topic}
    asl = Path(project, "stepfunctions", f"{listing['app_name']}.asl.json")
    machine = _make_state_machine(aws, prefix, role, asl, values)
    parking = _make_parking(aws, prefix)
    names = {
        "BUCKET": bucket,
        "SLACK_INTEGRATOR_SNS": topic,
        "SLACK_INTEGRATOR_SF": machine,
        "SLACK_INTEGRATOR_PARKING": parking,
    }
    variables = aws.environ() | names | dict(environ or {})
    _make_functions(aws, prefix, role, handlers, variables)
    _subscribe(aws, topic, parking, handlers, arns)
    return Deployed(bucket, topic, parking, machine, arns, variables)
