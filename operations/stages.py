"""One stage: where it is on AWS, what its resources are called, and the clients that ask there.

Nothing of it has to be in this clone: names follow from the stage's name, account and region, and everything else
is read from AWS. Where .chalice/config.json says where the stage was deployed, credentials of another place are
refused.
"""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from operations import chalice_config
from operations.console import Stop

if TYPE_CHECKING:
    from chalicelib.settings import Settings

APP = "slack-integrator"
PROJECT = Path(__file__).parents[1]
LOCAL = "local"
"""The stage of `make local`, whose AWS is on this machine."""
LOCAL_ENDPOINT = "http://127.0.0.1:8002"
"""Where `make local` has its AWS, unless AWS_ENDPOINT_URL says otherwise."""
_LOCAL_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
"""The local AWS takes any."""
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
_SSM_SECONDS = 10
_ANY_REGION = "us-east-1"
_SET_REGION = "export AWS_DEFAULT_REGION=eu-central-1, or whichever is yours. (Chalice does not read AWS_REGION.)"


class Stage:
    """The stage *name* in *account* and *region*, asked through boto3's *session*.

    *endpoint* is that of an AWS on this machine.
    """

    def __init__(self, name: str, account: str, region: str, session: Any, endpoint: str | None = None) -> None:
        self.name, self.account, self.region = name, account, region
        self._session, self._endpoint = session, endpoint
        self._clients: dict[str, Any] = {}

    @property
    def prefix(self) -> str:
        """The name of the stack, the state machine and the topic; all other names begin with it."""
        return f"{APP}-{self.name}"

    @property
    def bucket(self) -> str:
        """The archive's bucket."""
        return f"{self.prefix}-{self.account}-{self.region}"

    @property
    def state_machine(self) -> str:
        """The workflow's ARN."""
        return self.arn("states", f"stateMachine:{self.prefix}")

    @property
    def place(self) -> str:
        """Account and region, in words."""
        return f"account {self.account}, region {self.region}"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of the stage."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def api_url(self, api: str) -> str:
        """Return the address of the deployed *api*, by its id, without a last slash.

        Behind an endpoint of one's own (AWS_ENDPOINT_URL: a double of AWS) it is below /_aws/execute-api.
        """
        endpoint = self._endpoint or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            return f"{endpoint}/_aws/execute-api/{api}/{self.name}"
        return f"https://{api}.execute-api.{self.region}.amazonaws.com/{self.name}"

    def client(self, service: str) -> Any:
        """Return a client of *service* in the stage's region, the same each time."""
        if service not in self._clients:
            where = {"region_name": self.region, "endpoint_url": self._endpoint}
            # Some calls have a host of their own, which a double of AWS at one address has not.
            is_double = bool(self._endpoint or os.environ.get("AWS_ENDPOINT_URL"))
            config = Config(inject_host_prefix=not is_double)
            self._clients[service] = self._session.client(service, config=config, **where)
        return self._clients[service]

    def resource(self, service: str) -> Any:
        """Return boto3's resource of *service* in the stage's region."""
        return self._session.resource(service, region_name=self.region, endpoint_url=self._endpoint)

    @cached_property
    def variables(self) -> dict[str, str]:
        """The functions' variables, read from Lambda; raises Stop where the stage is not deployed."""
        try:
            about = self.client("lambda").get_function_configuration(FunctionName=f"{self.prefix}-fetch_file")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise self.not_deployed() from error
        variables: dict[str, str] = about.get("Environment", {}).get("Variables", {})
        if "SLACK_INTEGRATOR_SF" not in variables:  # not made by `make deploy`, or by one that was interrupted
            raise self.not_deployed()
        return variables

    def settings(self, *names: str) -> "Settings":
        """Return the deployed stage's settings, secrets resolved."""
        # Here, since `make local` shows a mistake in chalicelib, and imports this module before it can.
        from chalicelib import settings
        from chalicelib.sigv4 import SSM, Client

        return settings.load(*names, environ=self.variables, ssm=lambda: Client(SSM, 5, _SSM_SECONDS, self.environ))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a process, or of a signer, that asks AWS where the stage is."""
        where = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        endpoint = {"AWS_ENDPOINT_URL": self._endpoint, **_LOCAL_KEYS} if self._endpoint else {}
        return {**os.environ, **where, **endpoint}

    def has_bucket(self) -> bool:
        """Return True if the archive's bucket exists; it outlives a stage that was destroyed."""
        try:
            self.client("s3").head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return False
        return True

    def check_bucket(self) -> None:
        """Raise Stop where the stage has no archive."""
        if not self.has_bucket():
            raise self.not_deployed()

    def signing_environ(self) -> dict[str, str]:
        """Return `environ` with the keys as they are now: for a signer that may be in another process."""
        keys = self._session.get_credentials().get_frozen_credentials()
        signing = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        return {**self.environ, **signing, "AWS_SESSION_TOKEN": keys.token or ""}

    def not_deployed(self) -> Stop:
        """Return the sentence for a stage of which AWS has nothing, or only a part."""
        if self.name == LOCAL:
            return Stop("The local AWS has no stage: start it with `make local`, and keep that running.")
        return Stop(
            f"Stage {self.name} is not deployed, or only in part, in {self.place}: make deploy STAGE={self.name}, "
            "or use the credentials and the region of where it is."
        )


def find(name: str, usage: str, project: Path = PROJECT) -> Stage:
    """Return the stage *name*, or raise Stop with what is missing; *usage* is the command as it is typed."""
    check_name(name, usage)
    if name == LOCAL:
        return _local_stage()
    config_place = chalice_config.place(project, name)
    session = _session()
    region = _region(session, config_place)
    stage = Stage(name, _account(session, region), region, session)
    _check_place(stage, config_place)
    return stage


def check_name(name: str, usage: str) -> None:
    """Raise Stop unless *name* can be a stage's."""
    if not _NAME.fullmatch(name):
        raise Stop(f"Say which stage: {usage}. Its name is lower-case letters and digits, 16 at most.")


def check_region(name: str) -> str:
    """Return the region in which the stage *name* is looked for, or raise Stop."""
    if name == LOCAL:
        return _local_stage().region
    return _region(_session(), chalice_config.place(PROJECT, name))


def check_credentials(name: str) -> str:
    """Return the account of the credentials, or raise Stop; that takes no region."""
    if name == LOCAL:
        return _local_stage().account
    session = _session()
    return _account(session, session.region_name or _ANY_REGION)


def _region(session: Any, config_place: tuple[str, str] | None) -> str:
    region: str | None = session.region_name or (config_place and config_place[1])
    if region is None:
        raise Stop(f"No AWS region is set: {_SET_REGION}")
    _check_partition(session, region)
    return region


def _local_stage() -> Stage:
    endpoint = os.environ.get("AWS_ENDPOINT_URL", LOCAL_ENDPOINT)
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    session: Any = boto3.session.Session("testing", "testing", region_name=region)
    return Stage(LOCAL, _account(session, region, endpoint), region, session, endpoint)


def _session() -> Any:
    try:
        return boto3.session.Session()
    except ProfileNotFound as error:
        raise Stop(f"{error}: AWS_PROFILE names a profile that ~/.aws/config does not have.") from error


def _check_partition(session: Any, region: str) -> None:
    """Raise Stop outside of AWS's main partition: others have other domains, and other service names."""
    try:
        partition = session.get_partition_for_region(region)
    except BotoCoreError as error:
        raise Stop(f"AWS has no region {region}: {_SET_REGION}") from error
    if partition != "aws":
        raise Stop(
            f"The region {region} belongs to the partition {partition} of AWS, which has other domains and service "
            "names: Slack Integrator runs in the partition aws only. Nothing was made."
        )


def _account(session: Any, region: str, endpoint: str | None = None) -> str:
    """Return the account of the credentials."""
    try:
        client = session.client("sts", region_name=region, endpoint_url=endpoint)
        account: str = client.get_caller_identity()["Account"]
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Stop(
            "No AWS credentials were found: aws configure, or export AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ) from error
    except EndpointConnectionError as error:
        if endpoint:
            raise Stop(
                f"Nothing answers at {endpoint}: start the local AWS with `make local`. If that runs with "
                "PORT=9000, export AWS_ENDPOINT_URL=http://127.0.0.1:9002."
            ) from error
        raise Stop(
            f"AWS could not be reached in the region {region}: is that its name, and is there a network?"
        ) from error
    except ClientError as error:
        reason = error.response["Error"]["Code"]
        raise Stop(f"AWS does not accept the credentials ({reason}): renew them, then run this again.") from error
    except BotoCoreError as error:  # a sign-on that has expired, a proxy that refuses
        raise Stop(f"AWS could not be asked who you are: {error}") from error
    return account


def _check_place(stage: Stage, config_place: tuple[str, str] | None) -> None:
    """Refuse credentials of another account or region than the stage was deployed to from this clone."""
    if config_place and config_place != (stage.account, stage.region):
        account, region = config_place
        raise Stop(
            f"Stage {stage.name} is in account {account}, region {region} (.chalice/config.json), and these "
            f"credentials are of {stage.place}. Use those of the stage."
        )
