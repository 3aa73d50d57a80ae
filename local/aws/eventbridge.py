"""EventBridge's part of the local AWS: executions that end are told to the rules that ask for it."""

import json
import re
from collections.abc import Callable
from typing import Any

from moto.events.models import events_backends
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

from local.aws.patches import Patches

Json = dict[str, Any]
Publish = Callable[[str, str], object]


def tell_of_ended_executions(patches: Patches, publish: Publish) -> None:
    """Moto tells nobody how an execution ended, and its rules know no topics.

    *publish* takes a topic's ARN and a text. https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """

    def terminated(worker: Any) -> None:
        as_before(worker)
        event = _event(worker.execution)
        backend = events_backends[worker.execution.account_id][worker.execution.region_name]
        for rule in backend.event_buses["default"].rules.values():
            if rule.event_pattern.matches_event(event):
                for target in rule.targets:
                    publish(target["Arn"], _transformed(target["InputTransformer"], event))

    as_before = patches.attribute(BaseExecutionWorkerCommunication, "terminated", terminated)


def _event(execution: Any) -> Any:
    described = execution.to_describe_output()
    names = ("executionArn", "stateMachineArn", "name", "status", "error", "cause")
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {name: described.get(name) for name in names},
    }


def _transformed(transformer: Json, event: Json) -> str:
    """The target's input: each `<name>` of the template replaced by what lies at the name's path, as JSON."""

    def value(name: re.Match[str]) -> str:
        found: Any = event
        for part in transformer["InputPathsMap"][name[1]].removeprefix("$.").split("."):
            found = found[part]
        return json.dumps(found)

    return re.sub(r"<(\w+)>", value, transformer["InputTemplate"])
