"""The whole path of a document on one machine: Slack, the routes, AWS, and the app's functions between them."""

import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from local.aws.deploy import Deployment, deploy
from local.aws.inspector import Inspector
from local.aws.server import Aws
from local.chalice_local import ChaliceLocal
from local.clock import Clock
from local.reloading import ReloadingRoutes
from local.slack import Slack

PROJECT = Path(__file__).parent.parent
Routes = ChaliceLocal | ReloadingRoutes


class Pipeline:
    """Everything started and joined up: *slack* delivers to *routes*, which start executions in *aws*.

    *environ* is laid over the app's settings. *log* gets (function, line) of what the functions print; *folder*
    keeps it too: one of its own, unless it is given, that stays only when an exception ends the context. Ports are
    free ones unless they are given by name: aws, slack, routes.
    """

    aws: Aws
    slack: Slack
    deployment: Deployment
    routes: Routes

    def __init__(
        self,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
        *,
        reload: bool = False,
        log: Callable[[str, str], None] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self._environ = dict(environ or {})
        self._ports = dict(ports or {})
        self._reload = reload
        self._log = log
        self.folder = folder or Path(tempfile.mkdtemp(prefix="slack-integrator-"))
        self._owns_folder = folder is None
        self._started: list[Any] = []

    def start(self) -> Self:
        """Start all of it; when a part cannot, end the parts that did."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.aws = Aws(
                self.clock, PROJECT, self._ports.get("aws", 0), log=self._log, folder=self.folder
            ).start()
            self._started.append(self.aws)
            self.slack = Slack(self.clock, self._ports.get("slack", 0)).start()
            self._started.append(self.slack)
            self.deployment = deploy(self.aws, PROJECT, self._settings())
            self.slack.page.cloud = Inspector(self.aws, self.deployment)
            self.routes = self._serve_routes(self.folder / "routes.log", self._ports.get("routes", 0))
            self._started.append(self.routes)
        except BaseException:
            self.close()
            raise
        self.slack.request_url = f"{self.routes.url}/slack/events"
        return self

    def _serve_routes(self, log: Path, port: int) -> Routes:
        if not self._reload:
            return ChaliceLocal(PROJECT, self.deployment.environ, log, port)
        show = self._log or (lambda function, line: None)
        return ReloadingRoutes(PROJECT, self.deployment.environ, log, port, lambda line: show("routes", line))

    def write_environ(self) -> Path:
        """Put what the routes have in their environment into a file for a shell, and return its path."""
        path = self.folder / "environ"
        path.touch(0o600)
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.deployment.environ.items()]
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def close(self) -> None:
        """End all that was started, the last first."""
        while self._started:
            self._started.pop().close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        self.close()
        if self._owns_folder and kind is None:
            shutil.rmtree(self.folder)

    def _settings(self) -> dict[str, str]:
        return {
            "SIGNING_SECRET": self.slack.signing_secret,
            "ACCESS_TOKEN": self.slack.bot_token,
            "SLACK_URL": self.slack.api_url,
            "SLACK_LOOPBACK": "1",
            **self._environ,
        }
