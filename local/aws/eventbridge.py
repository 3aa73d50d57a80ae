"""EventBridge's part of the local AWS: the functions of rules are told which executions ended."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend
from moto.events.models import EventPattern, events_backends
from moto.events.responses import EventsHandler
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

from local.aws.patches import Patches

Json = dict[str, Any]
Send = Callable[[str, bytes], object]


def tell_of_ended_executions(patches: Patches, send: Send) -> None:
    """Moto tells nobody how an execution ended, and says of no pattern what it matches.

    *send* takes a function's ARN and an event, and invokes it asynchronously. A rule's function is invoked only if
    its policy permits that; an event that reaches no function goes to the target's dead letters.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """

    def test_event_pattern(response: Any) -> str:
        pattern = EventPattern.load(response._get_param("EventPattern"))
        return json.dumps({"Result": pattern.matches_event(json.loads(response._get_param("Event")))})

    def terminated(worker: Any) -> None:
        as_before(worker)
        event = _event(worker.execution)
        backend = events_backends[worker.execution.account_id][worker.execution.region_name]
        for rule in backend.event_buses["default"].rules.values():
            if rule.event_pattern.matches_event(event):
                for target in rule.targets:
                    _deliver(rule.arn, target, json.dumps(event).encode(), send)

    patches.attribute(EventsHandler, "test_event_pattern", test_event_pattern)
    as_before = patches.attribute(BaseExecutionWorkerCommunication, "terminated", terminated)


def _deliver(rule: str, target: Json, event: bytes, send: Send) -> None:
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if _permits(target["Arn"], rule):
        send(target["Arn"], event)
    elif queue:
        _, _, _, region, account, name = queue.split(":")
        sqs_backends[account][region].send_message(name, event.decode())


def _permits(function: str, rule: str) -> bool:
    """Return True if the function is there, and may be invoked by EventBridge for *rule*."""
    _, _, _, region, account, *_ = function.split(":")
    try:
        statements = get_backend(account, region).get_function(function).policy.statements
    except UnknownFunctionException:
        return False
    principal = {"Service": "events.amazonaws.com"}
    return any(each["Principal"] == principal and rule in json.dumps(each) for each in statements)


def _event(execution: Any) -> Any:
    details = execution.to_describe_output()
    names = ("executionArn", "stateMachineArn", "name", "status", "input", "output", "error", "cause")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "source": "aws.states",
        "account": execution.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": execution.region_name,
        "resources": [details["executionArn"]],
        "detail-type": "Step Functions Execution Status Change",
        "detail": {name: details.get(name) for name in names},
    }
