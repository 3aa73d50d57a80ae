"""The whole pipeline with a proxy at every way out: one for each function, the routes, the workflow, and Slack."""

import json
import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from faults.calls import Call
from faults.kinds import HASTY, PATIENT, Fault, Rule, is_hasty
from faults.proxy import Proxy
from local.aws.patches import Patches
from local.clock import Clock
from local.pipeline import Pipeline
from local.slack.files import Json
from local.slack.sender import Delivery

FUNCTIONS = ("fetch_file", "save_metadata", "notify", "start_parked", "read_history")
ALIKE = ("start_parked", "read_history")
"""Functions that call methods of Slack's which others call, too: they reach it by a way of their own."""
QUIET_SECONDS = 900
"""What lasts is tried for hours: twelve such cases at once take some five minutes, and longer beside other work."""
OWN_LIMIT = 0.3
"""Seconds, a little less than the route's and the notifier's clients wait at least."""


class Harness:
    """The pipeline on a clock with *factor*; *timeouts* shorten functions' time limits, in seconds."""

    def __init__(self, factor: float, timeouts: Mapping[str, int] | None = None) -> None:
        self._timeouts = dict(timeouts or {})
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._leaving = ExitStack()
        self._patches = Patches()
        self.calls_by_point: dict[str, list[Call]] = {}
        self.calls = 0
        self.leaks: list[str] = []
        self.too_slow: list[Call] = []
        names = ("route", *FUNCTIONS, "workflow", "slack", *(f"slack of {name}" for name in ALIKE))
        self._proxies = {name: Proxy(name, self._judged, self._kill, self._patience, self._took) for name in names}
        environ = {
            "AWS_ENDPOINT_URL": self._proxies["route"].url,
            "SLACK_URL": self._proxies["slack"].url + "/api/chat.postMessage",
        }
        self.pipeline = Pipeline(Clock(factor), environ)

    def __enter__(self) -> Self:
        with ExitStack() as leaving:
            for proxy in self._proxies.values():
                leaving.callback(proxy.close)
            pipeline = leaving.enter_context(self.pipeline)
            leaving.callback(self._patches.undo)
            for proxy in self._proxies.values():
                proxy.upstream = pipeline.aws.url
            for name, proxy in self._proxies.items():
                if name.startswith("slack"):
                    proxy.upstream = pipeline.slack.url
            pipeline.slack.address.slack = self._proxies["slack"].url  # the files' addresses in events
            self._patches.item(os.environ, "MOTO_PORT", self._proxies["workflow"].url.rpartition(":")[2])
            self._point_functions()
            self._leaving = leaving.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._leaving.close()

    def _point_functions(self) -> None:
        client = self.pipeline.aws.client("lambda")
        for name in FUNCTIONS:
            variables = {**self.pipeline.deployment.variables, "AWS_ENDPOINT_URL": self._proxies[name].url}
            if name in ALIKE:
                variables["SLACK_URL"] = self._proxies[f"slack of {name}"].url + "/api/chat.postMessage"
            more: dict[str, Any] = {"Timeout": self._timeouts[name]} if name in self._timeouts else {}
            client.update_function_configuration(
                FunctionName=self.pipeline.deployment.functions[name], Environment={"Variables": variables}, **more
            )

    def apply(self, rules: Iterable[Rule]) -> None:
        """Let *rules* hold, beside those that do."""
        with self._lock:
            self._rules.extend(rules)

    def _judged(self, call: Call) -> Fault | None:
        self._look_for_secrets(call)
        with self._lock:
            self.calls += 1
            self.calls_by_point.setdefault(call.point, []).append(call)
            for rule in self._rules:
                if rule.point == call.point and rule.happened < rule.times and call.is_about(rule.ids):
                    rule.happened += 1
                    return rule.fault
        return None

    def _look_for_secrets(self, call: Call) -> None:
        """The token is for Slack alone, and the signing secret for nobody."""
        app = self.pipeline.slack.app
        secrets = [app.signing_secret] if call.is_to_slack else [app.signing_secret, app.bot_token]
        text = f"{call.target} {dict(call.headers)}".encode() + call.body
        if any(secret.encode() in text for secret in secrets):
            self.leaks.append(call.point)

    def _kill(self, call: Call) -> None:
        function = call.point.split()[0]
        if function == "route":
            self.pipeline.routes.restart()
        else:
            self.pipeline.aws.lambdas.kill(f"slack-integrator-local-{function}")

    def _took(self, call: Call, seconds: float) -> None:
        """Note a call whose client may have given up although nobody broke it: this machine was too busy."""
        if is_hasty(call.point) and seconds > OWN_LIMIT:
            self.too_slow.append(call)

    def _patience(self, call: Call) -> float:
        return HASTY if is_hasty(call.point) else PATIENT

    def wait_until_quiet(self, envelopes: Collection[Json]) -> None:
        """Return when nothing moves any more for the events in *envelopes*, nor waits to."""
        end = time.monotonic() + QUIET_SECONDS
        while not all(self._is_quiet(envelope) for envelope in envelopes):
            if time.monotonic() > end:
                raise TimeoutError(f"after {QUIET_SECONDS} s it still goes on. {self.pipeline.slack.story()}")
            time.sleep(0.05)

    def _is_quiet(self, envelope: Json) -> bool:
        return (
            all(delivery.done.is_set() for delivery in self.deliveries(envelope))
            and not self.parked_count()
            and not self.pipeline.aws.pollers.busy
            and not self._is_anything_running()
            and not self.pipeline.aws.async_invocations.pending
        )

    def _is_anything_running(self) -> bool:
        client, machine = self.pipeline.aws.client("stepfunctions"), self.pipeline.deployment.state_machine_arn
        return any(
            client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
            for arn in (machine, f"{machine}-history")
        )

    def deliveries(self, envelope: Json) -> list[Delivery]:
        """Slack's deliveries of that event."""
        event_id = envelope["event_id"]
        return [
            delivery for delivery in self.pipeline.slack.deliveries if delivery.envelope.get("event_id") == event_id
        ]

    def parked_count(self, queue: str = "") -> int:
        """How many messages are in the parking queue, or with "-dead" in its dead letters."""
        about = "ApproximateNumberOfMessages"
        names = [about, f"{about}NotVisible", f"{about}Delayed"]
        url = self.pipeline.deployment.parking_url + queue
        answer = self.pipeline.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def has_stopped(self, envelope: Json) -> bool:
        """Tell whether the history that the app's joining started is over before its end, and how is on record."""
        team, channel, ts = envelope["team_id"], envelope["event"]["channel"], envelope["event"]["ts"]
        machine = self.pipeline.deployment.state_machine_arn.replace(":stateMachine:", ":execution:")
        name = f"{machine}-history:{team}-{channel}-history-{ts.replace('.', '_')}"
        if self.pipeline.aws.client("stepfunctions").describe_execution(executionArn=name)["status"] == "FAILED":
            return True
        key = {"Bucket": self.pipeline.deployment.bucket, "Key": f"history/{team}/{channel}.json"}
        record = json.loads(self.pipeline.aws.client("s3").get_object(**key)["Body"].read())
        return record["state"] in ("stopped", "left")

    def dead_letters(self) -> str:
        """The bodies of what the parking queue gave up."""
        from moto.sqs.models import sqs_backends

        aws = self.pipeline.aws
        queue = sqs_backends[aws.account][aws.region].queues["slack-integrator-local-parking-dead"]
        return " ".join(message.body for message in queue._messages)

    def execution(self, envelope: Json) -> Any:
        """The event's execution, {} if there is none."""
        client = self.pipeline.aws.client("stepfunctions")
        machine = self.pipeline.deployment.state_machine_arn.replace(":stateMachine:", ":execution:")
        try:
            return client.describe_execution(executionArn=f"{machine}:{execution_name(envelope)}")
        except client.exceptions.ExecutionDoesNotExist:
            return {}


def execution_name(envelope: Json) -> str:
    """The name that README promises for the event's execution: `T1-C1-1_2`, `…-e3_4` for an edit, `…-d3_4`."""
    event, subtype = envelope["event"], envelope["event"].get("subtype")
    ts, change = event["ts"], ""
    if subtype == "message_deleted":
        ts, change = event["deleted_ts"], f"-d{event['event_ts']}"
    elif subtype == "message_changed":
        is_deletion = event["message"].get("subtype") == "tombstone"
        ts, change = event["message"]["ts"], f"-{'d' if is_deletion else 'e'}{event['event_ts']}"
    return f"{envelope['team_id']}-{event['channel']}-{ts}{change}".replace(".", "_")
