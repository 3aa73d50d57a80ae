"""What a deployment needs, checked before anything is made."""

import importlib.metadata
import re
import sys
from pathlib import Path

from botocore.exceptions import ClientError

from operations import chalice_config, stages
from operations.console import Stop
from operations.stages import LOCAL, PROJECT, Stage

PYTHONS = ((3, 11), (3, 14))
"""Oldest and newest that this project, Chalice and Lambda all run: Lambda gets the one that deploys."""
DEPRECATED = (3, 11)
"""The last one on Amazon Linux 2. AWS announced in 2025 that its runtimes end in mid-2026
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html)."""
_NEWER = f"remove .venv, then make deploy PYTHON=python3.{PYTHONS[1][1]}"
_PIP = 26, 3


def check(name: str, usage: str, project: Path = PROJECT) -> Stage:
    """Return the stage *name*, ready to be deployed or taken down, or raise Stop with what is missing."""
    check_python(sys.version_info[:2])
    check_pip()
    if name == LOCAL:
        raise Stop(f"The stage local belongs to `make local`, which deploys it on this machine: {usage}.")
    stages.check_name(name, usage)
    if name not in chalice_config.names(project):
        raise Stop(f".chalice/config.json has no stage {name}: copy the block of dev there under the name {name}.")
    return stages.find(name, usage, project)


def check_python(running: tuple[int, int]) -> None:
    """Raise Stop unless Lambda runs this Python, too."""
    oldest, newest = PYTHONS
    if not oldest <= running <= newest:
        raise Stop(
            f"Lambda would get this Python, {running[0]}.{running[1]}, which it does not run: {_NEWER} "
            f"(3.{oldest[1]} to 3.{newest[1]})."
        )


def python_that_ends(running: tuple[int, int]) -> str:
    """Return the sentence about a Python that Lambda runs, but not for long; empty for others."""
    if running > DEPRECATED:
        return ""
    return (
        f"Lambda gets this Python, 3.{running[1]}. AWS has announced the end of that runtime, and may refuse to "
        f"make functions with it. The newest that Chalice and Lambda share is 3.{PYTHONS[1][1]}: {_NEWER}."
    )


def check_pip() -> None:
    """Raise Stop unless there is a pip that Chalice can pack the functions with."""
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError as error:
        raise Stop(
            "There is no pip in .venv, with which Chalice packs: remove .venv, then run this again."
        ) from error
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= _PIP:
        raise Stop(f"Chalice does not work with pip {version}: .venv/bin/python -m pip install 'pip<26.3'.")


def check_bucket(stage: Stage) -> None:
    """Raise Stop where the archive's bucket would be somebody else's: all of AWS shares the names."""
    try:
        stage.client("s3").head_bucket(Bucket=stage.bucket, ExpectedBucketOwner=stage.account)
    except ClientError as error:
        if error.response["Error"]["Code"] == "403":
            raise Stop(
                f"The bucket {stage.bucket} is somebody else's, or closed to you: add another stage to "
                ".chalice/config.json, whose bucket has another name."
            ) from error
