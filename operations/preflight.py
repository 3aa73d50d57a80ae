"""The ground that a deployment stands on, checked before anything is made."""

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from operations import chalice_config
from operations.console import Stop

APP = "slack-integrator"
PYTHONS = ((3, 11), (3, 14))
"""Oldest and newest that this project, Chalice and Lambda all run: Lambda gets the one that deploys."""
_PIP = 26, 3
_STAGE = re.compile(r"[a-z][a-z0-9]{0,15}")


class Ground(NamedTuple):
    """Where the stage goes. *session* is boto3's."""

    stage: str
    account: str
    region: str
    session: Any

    @property
    def name(self) -> str:
        """The stack's and the state machine's name, and what all other names begin with."""
        return f"{APP}-{self.stage}"

    @property
    def bucket(self) -> str:
        """The archive's bucket."""
        return f"{self.name}-{self.account}-{self.region}"


def check(stage: str, project: Path) -> Ground:
    """Return where *stage* goes, or raise Stop with what is missing."""
    check_python(sys.version_info[:2])
    _check_pip()
    if not _STAGE.fullmatch(stage) or stage == "local":
        raise Stop("Say which stage: make deploy STAGE=dev. A stage is lower-case letters and digits, at most 16.")
    if stage not in chalice_config.names(project):
        raise Stop(f".chalice/config.json has no stage {stage}. Copy the block of dev there under that name.")
    try:
        session: Any = boto3.session.Session()
    except ProfileNotFound as error:
        raise Stop(f"{error}: AWS_PROFILE names a profile that ~/.aws/config does not have.") from error
    if session.region_name is None:
        raise Stop("No AWS region is set: export AWS_DEFAULT_REGION=eu-central-1, or whichever is yours.")
    ground = Ground(stage, _account(session), session.region_name, session)
    _check_place(ground, project)
    return ground


def check_python(running: tuple[int, int]) -> None:
    """Raise Stop unless Lambda runs this Python, too."""
    oldest, newest = PYTHONS
    if not oldest <= running <= newest:
        raise Stop(
            f"Lambda would get this Python, {running[0]}.{running[1]}, which it does not run: remove .venv, then "
            f"make deploy PYTHON=python3.{newest[1]} (3.{oldest[1]} to 3.{newest[1]})."
        )


def _check_pip() -> None:
    """Chalice packs the functions with pip."""
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError as error:
        raise Stop(
            "There is no pip in .venv, with which Chalice packs: remove .venv, then run this again."
        ) from error
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= _PIP:
        raise Stop(f"Chalice does not work with pip {version}: .venv/bin/python -m pip install 'pip<26.3'.")


def _account(session: Any) -> str:
    try:
        account: str = session.client("sts").get_caller_identity()["Account"]
    except NoCredentialsError as error:
        raise Stop(
            "No AWS credentials were found: aws configure, or export AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ) from error
    except ClientError as error:
        reason = error.response["Error"]["Code"]
        raise Stop(f"AWS does not accept the credentials ({reason}): renew them, then run this again.") from error
    except BotoCoreError as error:
        raise Stop(f"AWS could not be reached: {error}") from error
    return account


def check_bucket(ground: Ground) -> None:
    """Raise Stop where the archive's bucket would be somebody else's: all of AWS shares the names."""
    try:
        ground.session.client("s3").head_bucket(Bucket=ground.bucket, ExpectedBucketOwner=ground.account)
    except ClientError as error:
        if error.response["Error"]["Code"] == "403":
            raise Stop(
                f"The bucket {ground.bucket} is somebody else's, or closed to you: add another stage to "
                ".chalice/config.json, whose bucket has another name."
            ) from error


def _check_place(ground: Ground, project: Path) -> None:
    """Refuse credentials of another account or region than the stage was deployed to."""
    before = chalice_config.place(project, ground.stage)
    if before and before != (ground.account, ground.region):
        raise Stop(
            f"Stage {ground.stage} is in account {before[0]}, region {before[1]} (.chalice/config.json), and "
            f"these credentials are of account {ground.account}, region {ground.region}. Use those."
        )
