"""The stubs that a measured process talks to, and its environment."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from typing import Self

from bench import prepare
from bench.stub import SECRETS

STUB = Path(__file__).with_name("stub.py")


class Stub:
    """A stub (stub.py) in a process of its own. *tls*: it speaks TLS."""

    def __init__(self, *, tls: bool) -> None:
        self.tls = tls
        certificate = [str(prepare.CERTIFICATE), str(prepare.KEY)] if tls else []
        command = [sys.executable, "-B", str(STUB), *certificate]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        """The stub's address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def sizes(self) -> dict[str, int]:
        """Return the size of every object that the stub received since the last call."""
        if self.tls:
            context = create_default_context(cafile=str(prepare.CERTIFICATE))
            connection: HTTPConnection = HTTPSConnection("127.0.0.1", self.port, context=context)
        else:
            connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/-/sizes")
        sizes: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return sizes

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Stubs:
    """Slack's file host and AWS, a process each, so that neither waits for the other."""

    def __init__(self, *, tls: bool) -> None:
        self._ending = ExitStack()
        self.slack, self.aws = (self._start(tls) for _ in range(2))
        self.tls = tls

    def _start(self, tls: bool) -> Stub:
        stub = Stub(tls=tls)
        self._ending.callback(stub.close)
        return stub

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.close()

    def file_url(self, size: int) -> str:
        """Return the address of a file of *size* bytes. Over TLS it has Slack's own host name, see `hosts`."""
        host = "https://files.slack.com" if self.tls else self.slack.url
        return f"{host}/files/{size}/large.bin"

    @property
    def hosts(self) -> dict[str, int]:
        """Slack's host names, and the local port that each of them has to lead to."""
        return {"files.slack.com": self.slack.port, "slack.com": self.slack.port} if self.tls else {}

    def environ(self, *, references: bool = False) -> dict[str, str]:
        """Return a function's whole environment; *references*: its secrets are in SSM, as deployed."""
        secrets = {name: f"ssm:/bench/{name}" for name in SECRETS} if references else dict(SECRETS)
        if not self.tls and not references:
            secrets["SLACK_URL"] = f"{self.slack.url}/api/chat.postMessage"
        bundles = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            **secrets,
            "SLACK_INTEGRATOR_SF": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
            "SLACK_INTEGRATOR_SNS": "arn:aws:sns:us-east-1:123456789012:bench",
            "SLACK_INTEGRATOR_PARKING": f"{self.aws.url}/123456789012/bench",
            "BUCKET": "archive",
            "MAX_FILE_BYTES": str(10 * 1024**3),
            "SLACK_LOOPBACK": "1",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_SESSION_TOKEN": "bench" * 60,  # Lambda's credentials have a token of some hundred characters
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **({name: str(prepare.AUTHORITIES) for name in bundles} if self.tls else {}),
        }
