"""What the tests stand on: one local stack for the whole run, at a thousand times the speed of its clock."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings

from chalicelib import clients
from chalicelib import slack as web_api
from chalicelib.archive import Archive
from chalicelib.settings import Settings
from local.clock import Clock
from local.pipeline import Pipeline
from local.slack import Slack
from local.slack.model import Channel, Message
from tests import tls
from tests.app.spoiled_s3 import SpoiledS3

settings.register_profile("project", deadline=None)  # timings are no assertions
settings.register_profile(  # `make mutants`: the same examples each time, and no search for the smallest
    "mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every command that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what starts an AWS of its own before the one that stays: there can be only one per process."""
    items.sort(key=lambda item: "pipeline" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    """Slack, the routes, AWS and the functions, started once; tests keep apart by their channels and files."""
    with Pipeline(Clock(1_000), {"DEBUG": "1"}) as system:
        yield system
        assert indiscretions(system) == []


def indiscretions(pipeline: Pipeline) -> list[str]:
    """What the functions and the routes printed and should not have.

    That is secrets, headers, what is in files, what they are called and what people wrote.
    """
    app = pipeline.slack.app
    secret = [app.bot_token, app.signing_secret, app.verification_token, app.webhook_key, "Bearer ", "v0="]
    secret += pipeline.slack.workspace.export_tokens
    contents = [file.content for file in pipeline.slack.files if isinstance(file.content, bytes)]
    foreign = [content[:40].decode("latin-1") for content in contents if len(content) > 20]
    foreign += [file.name for file in pipeline.slack.files if file.name and "." in file.name[:-1]]
    foreign += [message.text for message in pipeline.slack.messages if len(message.text) > 10]
    lines = [line for log in pipeline.folder.glob("*.log") for line in log.read_text("latin-1").splitlines()]
    return [line for line in lines if any(text in line for text in [*secret, *foreign])]


@pytest.fixture
def slack(pipeline: Pipeline) -> Iterator[Slack]:
    """The workspace, well behaved again after each test."""
    scopes = set(pipeline.slack.scopes)
    yield pipeline.slack
    pipeline.slack.behave()
    pipeline.slack.scopes.update(scopes)


@pytest.fixture
def channel(slack: Slack, request: pytest.FixtureRequest) -> Channel:
    """A public channel of the test's own."""
    return slack.add_channel(request.node.name[:60])


@pytest.fixture(scope="session")
def s3(pipeline: Pipeline) -> Iterator[Any]:
    """The archive's S3."""
    if tls.VARIABLE not in os.environ:
        yield pipeline.aws.client("s3")
    else:
        with tls.s3_over_tls(pipeline.aws) as client:
            yield client


@pytest.fixture
def bucket(pipeline: Pipeline) -> str:
    """The archive's bucket."""
    return pipeline.deployment.bucket


@pytest.fixture
def chosen(slack: Slack, bucket: str) -> Settings:
    """The settings of the functions, for a step that is called by itself."""
    return Settings(
        access_token=slack.bot_token,
        slack_url=slack.api_url,
        bucket=bucket,
        max_file_bytes=100_000_000,
        allowed_types=("*/*",),
        slack_loopback=True,
    )


@pytest.fixture
def archive(s3: Any, bucket: str) -> Archive:
    """The archive as the functions reach it."""
    return Archive(s3, bucket)


@pytest.fixture
def spoiled(pipeline: Pipeline) -> Iterator[SpoiledS3]:
    """A way to S3 on which requests can be spoilt. A test that spoils a request has to make it."""
    with SpoiledS3(pipeline.aws) as s3:
        yield s3
        assert s3.is_done


@pytest.fixture
def api(chosen: Settings) -> web_api.Slack:
    """Slack as the functions reach it."""
    return web_api.Slack(clients.http(), chosen)


@pytest.fixture
def record_of(s3: Any, bucket: str) -> Callable[[str], Any]:
    """Give the JSON object at a key, or None."""

    def record(key: str) -> Any:
        try:
            return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None

    return record


def words(reply: Message) -> str:
    """What a person reads in *reply*."""
    return "\n".join(block["text"]["text"] for block in reply.blocks if "text" in block)
