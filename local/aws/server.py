"""AWS on this machine: moto's server in a thread, with functions as processes and one clock for every wait."""

import os
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)

from local.aws import moto_shims
from local.aws.account import tell_account_settings, test_single_states
from local.aws.api_gateway import ExecuteApi, import_swagger
from local.aws.async_invocations import AsyncInvocations, Dead
from local.aws.cloudwatch import Usage, watch
from local.aws.eventbridge import tell_of_ended_executions
from local.aws.executions import stop_executions
from local.aws.lambdas import ClosedError, Lambdas
from local.aws.listings import list_by_sorted_names
from local.aws.moto_cloudformation import make_stacks
from local.aws.moto_s3 import check_checksums, let_readers_finish, write_one_at_a_time
from local.aws.outages import ONLOOKER, Outages
from local.aws.packages import Packages
from local.aws.patches import Patches
from local.aws.permissions import Keys, Permissions
from local.aws.queues import Pollers
from local.aws.sandbox import FunctionSpec, Result, failure
from local.aws.shortcuts import Shortcuts
from local.aws.wsgi import WsgiServer
from local.clock import Clock

HOST = "127.0.0.1"
CONCURRENCY = 1_000
"""How many functions an account may run at once, unless it is new
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
_in_use = threading.Lock()  # moto's state belongs to the process


@cache
def _session() -> Any:
    """One for the process, since reading the services' models takes longer than all the rest of a start."""
    return boto3.session.Session()


class Aws:
    """One account in one region.

    Every function has the keys of its own role, and may do what the role permits. Its code is run from *root*, or,
    with *packages*, from its own zip under AWS's runtime client (Linux only). *log* gets (function, line) of the
    functions' logs, which *folder* keeps. Only one at a time per process. What was in it is gone after close().
    """

    region = "us-east-1"
    account = "123456789012"

    def __init__(
        self,
        clock: Clock,
        root: Path,
        port: int = 0,
        log: Callable[[str, str], None] | None = None,
        folder: Path | None = None,
        packages: Packages | None = None,
    ) -> None:
        self.clock = clock
        self.usage = Usage()
        self.concurrency = CONCURRENCY
        self._packages = packages
        self._root, self._wanted_port, self._log, self._folder = root, port, log, folder
        self._patches = Patches()
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._ending = ExitStack()

    def start(self) -> "Aws":
        """Serve until close()."""
        if not _in_use.acquire(blocking=False):
            raise RuntimeError("moto keeps its state per process: close the other Aws first")
        with ExitStack() as ending:
            ending.callback(_in_use.release)
            self._begin(ending)
            self._ending = ending.pop_all()
        return self

    def _begin(self, ending: ExitStack) -> None:
        """Start everything; *ending* will end it in the opposite order, the server's thread first."""
        self.outages = Outages(self._application())
        server = WsgiServer(self.outages, HOST, self._wanted_port)
        ending.callback(server.close)
        self._port = server.port
        self._closing = threading.Event()
        self.lambdas = Lambdas(self._root, self.environ(), log=self._log, folder=self._folder)
        self.async_invocations = AsyncInvocations(self._try, self.clock)
        self.pollers = Pollers(self._try, self.clock)
        ending.callback(_forget)
        ending.callback(self._patches.undo)
        self._patch()
        for end in (
            self._close_clients,
            self.pollers.join,
            self.async_invocations.join,
            self.lambdas.close,
            self._closing.set,
        ):
            ending.callback(end)
        ending.callback(stop_executions)
        ending.callback(self.async_invocations.close)
        ending.callback(self.pollers.close)
        server.start()
        ending.callback(server.stop)

    def _application(self) -> Any:
        """What serves the requests, as WSGI has it."""
        moto = DomainDispatcherApplication(create_backend_app)
        self.permissions = Permissions(Shortcuts(moto, self.account), self.account)
        return ExecuteApi(self.permissions, self.account, self.region, self._run)

    def _patch(self) -> None:
        patches, send = self._patches, self.async_invocations.send
        # Moto's Step Functions call Lambda and SNS at localhost:$MOTO_PORT, and must not ask a proxy for it.
        patches.item(os.environ, "MOTO_PORT", str(self._port))
        direct = [os.environ.get("no_proxy", os.environ.get("NO_PROXY", "")), "localhost", HOST]
        patches.item(os.environ, "no_proxy", ",".join(filter(None, direct)))
        moto_shims.execute_state_machines(patches)
        moto_shims.parse_once(patches)
        moto_shims.look_once_for_services(patches)
        list_by_sorted_names(patches)
        moto_shims.reuse_clients(patches)
        moto_shims.count_payloads_in_utf8(patches)
        moto_shims.run_lambdas(patches, self.invoke, send)
        moto_shims.keep_request_ids(patches)
        moto_shims.notify_lambdas(patches, send)
        moto_shims.poll_queues(patches, self.pollers, self.clock.scaled)
        moto_shims.scale_waits(patches, self._pause, self.clock.scaled)
        moto_shims.keep_aborted(patches)
        moto_shims.let_runtime_errors_through(patches)
        moto_shims.refuse_empty_messages(patches)
        moto_shims.check_executions(patches)
        import_swagger(patches)
        make_stacks(patches)
        tell_of_ended_executions(patches, send)
        watch(patches, self.usage)
        write_one_at_a_time(patches)
        check_checksums(patches)
        let_readers_finish(patches)
        tell_account_settings(patches, lambda: self.concurrency)
        test_single_states(patches)

    def _pause(self, seconds: float) -> None:
        self._closing.wait(self.clock.scaled(seconds))

    def _run(self, arn: str, event: bytes) -> Result:
        self.usage.is_api_called = True
        return self._try(arn, event, str(uuid.uuid4()))

    def _try(self, arn: str, event: bytes, request_id: str) -> Result:
        function = moto_shims.find_function(arn)
        if function is None:
            return failure("ResourceNotFoundException", f"Function not found: {arn}", request_id)
        return self.invoke(function, event, request_id)

    def invoke(self, function: FunctionSpec, event: bytes, request_id: str) -> Result:
        """Run *function* in the process pool. What still calls while everything ends gets a fault of Lambda's."""
        keys = self.keys(function.name, function.role)
        function = replace(function, environ={**keys, **function.environ})
        self.usage.functions.add(function.name)
        if self._packages:
            function = self._packages.prepared(function)
        try:
            return self.lambdas.invoke(function, event, request_id)
        except ClosedError as error:
            return failure("ServiceException", str(error), request_id)

    def keys(self, function: str, role: str) -> Keys:
        """Return the keys of *function*, as environment variables. What they permit, its *role* says."""
        return self.permissions.keys(function, role)

    @contextmanager
    def over_tls(self, context: ssl.SSLContext) -> Iterator[str]:
        """Serve the same over TLS, too, and yield that address."""
        server = WsgiServer(self.outages, HOST, context=context)
        server.start()
        try:
            yield f"https://{HOST}:{server.port}"
        finally:
            server.stop()
            server.close()

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://{HOST}:{self._port}"

    @property
    def dead(self) -> list[Dead]:
        """The asynchronous events which were given up."""
        return self.async_invocations.dead

    def environ(self) -> dict[str, str]:
        """What a process needs in its environment so that any SDK talks to this AWS and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        """A client of *service*, the same one each time, which sees through outages. Threads may share it."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = self._made_client(service)
            return self._clients[service]

    def _made_client(self, service: str) -> Any:
        return _session().client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=ONLOOKER,
            aws_secret_access_key="testing",
            config=Config(
                connect_timeout=2,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 1},  # a fault should be seen
                max_pool_connections=50,
                s3={"addressing_style": "path"},
            ),
        )

    def _close_clients(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def close(self) -> None:
        """Stop the server, executions, deliveries and functions, and forget everything."""
        self._ending.close()

    def __enter__(self) -> "Aws":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _forget() -> None:
    """As moto's own reset (moto/moto_api/_internal/models.py)."""
    BackendDict.reset()
    reset_model_data()
