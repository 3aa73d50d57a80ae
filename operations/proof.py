"""What a proof of a stage works with, and how one of its lines fails."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

from botocore.exceptions import ClientError

from chalicelib.archive import Archive
from chalicelib.settings import Settings
from operations import chalice_state
from operations.stages import Stage

FOLDER = "proofs/"
"""Where proofs write in the archive's bucket; nothing of it stays."""
TEAM, CHANNEL = "T0PROOF", "C0PROOF"
"""The workspace and the conversation of executions that are no message's."""
_SECONDS_BETWEEN_LOOKS = 0.5

T = TypeVar("T")


class Wrong(Exception):
    """What is wrong with the stage, and what to do."""


class Remark(Exception):
    """What is not wrong, but good to know."""


class Proof:
    """A stage that is asked. *channel* is where a file is to be shared, "" for nowhere.

    *seconds* is how long the stage may take to do what it should.
    """

    def __init__(self, stage: Stage, channel: str = "", seconds: float = 120) -> None:
        self.stage, self.channel, self.seconds = stage, channel, seconds
        self.name = uuid.uuid4().hex
        """Of this run, in what it makes."""

    @cached_property
    def settings(self) -> Settings:
        """The stage's settings, secrets resolved."""
        return self.stage.settings("SIGNING_SECRET", "ACCESS_TOKEN", "SLACK_URL", "BUCKET")

    @cached_property
    def archive(self) -> Archive:
        """The stage's archive."""
        return Archive(self.stage.client("s3"), self.stage.bucket)

    @cached_property
    def url(self) -> str:
        """The address of the stage's API, without a last slash."""
        api = chalice_state.rest_api(self.stage)
        if api is None:
            raise Wrong(f"there is no API that calls {self.stage.prefix}: {self.deploy}.")
        return self.stage.api_url(api["rest_api_id"])

    @property
    def deploy(self) -> str:
        """The command that mends most of what is wrong."""
        return f"make deploy STAGE={self.stage.name}"

    def wait_for(self, look: Callable[[], T | None]) -> T | None:
        """Return what *look* returns as soon as that is not None; None when that takes too long."""
        end = time.monotonic() + self.seconds
        while (result := look()) is None and time.monotonic() < end:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return result

    def erase(self, prefix: str) -> int:
        """Delete every version of what begins with *prefix*, and unfinished uploads; return how many there were."""
        bucket = self.stage.resource("s3").Bucket(self.stage.bucket)
        versions = list(bucket.object_versions.filter(Prefix=prefix))
        for version in versions:
            version.delete()
        uploads = list(bucket.multipart_uploads.filter(Prefix=prefix))
        for upload in uploads:
            upload.abort()
        return len(versions) + len(uploads)

    @contextmanager
    def cleanup(self, prefix: str) -> Iterator[str]:
        """Yield *prefix*; what begins with it is gone afterwards, also after an interruption."""
        try:
            yield prefix
        finally:
            self.erase(prefix)


def refusal(call: Callable[..., object], **arguments: object) -> tuple[int, str]:
    """Return the status and the code by which AWS refuses *call*; 200 and "" if it does not."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, ""
