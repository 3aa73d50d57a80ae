"""Executions that ended without an outcome: timed out, aborted, or failed by a fault of the workflow.

EventBridge calls the function for them. Step Functions sends such events as best effort only
(https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html); the alarm on executions does
not depend on them.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import clients, log
from chalicelib.errors import NotReported


def publish(detail: Mapping[str, Any], topic: str) -> None:
    """Publish that the execution in EventBridge's *detail* ended.

    Not of one that archives what was shared long ago: who started it looks how it ends, and tells in one place.
    Raise NotReported, so that Lambda calls the function again.
    """
    log.error("ended without an outcome", status=detail["status"])
    if _is_quiet(detail.get("input")):
        return
    message = {"type": "ended", "execution": detail["name"], "status": detail["status"]}
    try:
        clients.sns().publish(TopicArn=topic, Message=json.dumps(message))
    except clients.aws_errors() as error:
        raise NotReported(f"The topic did not take the message ({clients.error_code(error)}).") from error


def _is_quiet(text: str | None) -> bool:
    """Return True for the input of an execution of which nobody is told; EventBridge leaves out a long one."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.get("quiet"))
