"""A copy of the project, the AWS and Slack that it is deployed to, and a terminal to do it in."""

import io
import json
import os
import re
import select
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.utils import get_backend

from local.aws.packages import Packages
from local.aws.server import Aws
from local.clock import Clock
from local.pipeline import PROJECT
from local.slack import Slack
from local.slack.model import Message
from tests.conftest import words

LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".local", ".hypothesis", ".*_cache", "__pycache__", "deployed*")
STAGE = "dev"
DEPLOYER, DEPLOYER_KEY = "deployer", "AKIADEPLOYER"
OPERATIONS = PROJECT / "docs" / "operations.md"
NAME = f"slack-integrator-{STAGE}"
SECONDS = 60  # without a word, after which a command at a terminal is thought to hang


@dataclass
class Deployment:
    """A copy of the project and the AWS and Slack that it is deployed to."""

    project: Path
    aws: Any
    slack: Slack

    @property
    def bucket(self) -> str:
        return f"{NAME}-{self.aws.account}-{self.aws.region}"

    def environ(self) -> dict[str, str]:
        variables = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k in ("PATH", "HOME", "LANG")}
        keys = {"AWS_ACCESS_KEY_ID": DEPLOYER_KEY}
        return {**variables, **self.aws.environ(), **keys, "SLACK_URL": self.slack.api_url, "SLACK_LOOPBACK": "1"}

    def make(self, *arguments: str, succeeds: bool = True, **environ: str) -> str:
        """What `make` prints."""
        process = subprocess.run(
            ["make", *arguments],
            cwd=self.project,
            env={**self.environ(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (process.returncode == 0) is succeeds, process.stdout
        return process.stdout

    def invoke(self, name: str, event: object) -> None:
        """What `chalice invoke` does with *event*."""
        command = [".venv/bin/chalice", "invoke", "--stage", STAGE, "--name", name]
        payload = json.dumps(event).encode()
        subprocess.run(command, cwd=self.project, env=self.environ(), input=payload, check=True)

    def deploy(self, **more: Any) -> str:
        secrets = {"SIGNING_SECRET": self.slack.signing_secret, "ACCESS_TOKEN": self.slack.bot_token}
        return self.make("deploy", f"STAGE={STAGE}", **{**secrets, **more})

    def at_terminal(self, **more: str) -> "Terminal":
        """The same, by itself and at a terminal, where nothing is in the environment but *more*."""
        command = [".venv/bin/python", "-m", "operations", "deploy", f"STAGE={STAGE}"]
        return Terminal(command, self.project, {**self.environ(), **more})

    def config(self) -> Any:
        return json.loads(self.project.joinpath(".chalice", "config.json").read_text())["stages"][STAGE]

    def api_url(self) -> str:
        state = json.loads(self.project.joinpath(".chalice", "deployed", f"{STAGE}.json").read_text())
        (api,) = (resource["rest_api_id"] for resource in state["resources"] if "rest_api_id" in resource)
        return f"{self.aws.url}/_aws/execute-api/{api}/{STAGE}"

    def upload(self, *files: tuple[str, bytes, str], text: str = "") -> tuple[Message, str]:
        """A message with *files* and the reply to it."""
        channel = self.slack.add_channel("finance")
        message = self.slack.upload(channel, self.slack.users[0], list(files), text=text)
        (reply,) = self.slack.wait_for_replies(message.channel, message.ts, timeout=60)
        return message, words(reply)

    def message(self, queue_url: str) -> str:
        """The message that lies in a queue, or will soon."""
        arguments = {"QueueUrl": queue_url, "WaitTimeSeconds": 20}
        (message,) = self.aws.client("sqs").receive_message(**arguments)["Messages"]
        body: str = message["Body"]
        return body

    def package(self, function: str) -> zipfile.ZipFile:
        """The zip that was deployed as the code of *function*."""
        lambda_function: Any = get_backend(self.aws.account, self.aws.region).get_function(f"{NAME}-{function}")
        return zipfile.ZipFile(io.BytesIO(lambda_function.code_bytes))

    def stack(self) -> Any:
        """The stack, in moto's memory."""
        from moto.cloudformation.models import cloudformation_backends

        (stack,) = cloudformation_backends[self.aws.account][self.aws.region].stacks.values()
        return stack

    def leave_stack_in(self, status: str) -> None:
        """A stack of the stage's name, in a state that only failures of AWS's lead to."""
        client = self.aws.client("cloudformation")
        client.delete_stack(StackName=NAME)
        client.create_stack(StackName=NAME, TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}')
        self.stack().status = status

    def objects(self) -> list[str]:
        page = self.aws.client("s3").list_objects_v2(Bucket=self.bucket)
        return [entry["Key"] for entry in page.get("Contents", [])]


def deployer_policy() -> Any:
    """What docs/operations.md gives the person who deploys."""
    (policy,) = re.findall(
        r"```json\n(\{\n  \"Version\".*?\n)```", OPERATIONS.read_text(encoding="utf-8"), re.DOTALL
    )
    return json.loads(policy)


@contextmanager
def undeployed(folder: Path) -> Iterator[Deployment]:
    """All of it, below *folder*, with nothing deployed yet."""
    project = folder / "project"
    shutil.copytree(PROJECT, project, ignore=LEFT_OUT)
    project.joinpath(".venv").symlink_to(sys.prefix)
    folder.joinpath("aws").mkdir()
    packages = Packages(folder / "aws")
    with Aws(Clock(1_000), project, folder=folder / "aws", packages=packages) as aws, Slack(Clock(1_000)) as slack:
        aws.permissions.limit(DEPLOYER_KEY, DEPLOYER, deployer_policy())
        yield Deployment(project, aws, slack)


class Terminal:
    """A command at a terminal of its own (Linux): what it shows can be read, and keys typed."""

    def __init__(self, command: Sequence[str], cwd: Path, environ: dict[str, str]) -> None:
        self._screen, inside = os.openpty()
        self.shown = ""
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], cwd=cwd, env=environ, stdin=inside, stdout=inside, stderr=inside
        )
        os.close(inside)

    def wait_for(self, text: str) -> None:
        """Return when *text* is shown, which was not before."""
        start = len(self.shown)
        while text not in self.shown[start:]:
            assert self._read(), f"{text!r} was not shown:\n{self.shown}"

    def type(self, keys: str) -> None:
        """Press *keys*, once the command waits; \x03 is Ctrl-C.

        A signal between a prompt and the read() after it would end neither.
        """
        while not self.has_ended(0.01) and self._state() != "S":
            pass
        os.write(self._screen, keys.encode())

    def _state(self) -> str:
        """What the main thread does, as /proc/[pid]/stat has it: S is asleep."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0]

    def has_ended(self, seconds: float) -> bool:
        """Wait for the end no longer than *seconds*, while somebody else reads."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def end(self) -> int:
        """Wait until the command has ended, and return its exit status."""
        while self._read():
            pass
        os.close(self._screen)
        return self._process.wait()

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], SECONDS)[0]:
            self._process.kill()
            raise TimeoutError(f"nothing more is shown:\n{self.shown}")
        try:
            text = os.read(self._screen, 65_536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            return False
        self.shown += text.decode().replace("\r\n", "\n")
        return bool(text)
