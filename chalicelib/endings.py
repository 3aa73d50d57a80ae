"""Executions that ended without an outcome: timed out, aborted, or failed by a fault of the workflow.

EventBridge calls the function for them. Step Functions sends such events as best effort only
(https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html); the alarm on executions does
not depend on them.
"""

import json

from chalicelib import clients, log
from chalicelib.errors import NotReported


def publish(execution: str, status: str, topic: str) -> None:
    """Publish that *execution* ended with *status*. Raise NotReported, so that Lambda calls the function again."""
    log.error("ended without an outcome", status=status)
    message = {"type": "ended", "execution": execution, "status": status}
    try:
        clients.sns().publish(TopicArn=topic, Message=json.dumps(message))
    except clients.aws_errors() as error:
        raise NotReported(f"The topic did not take the message ({clients.error_code(error)}).") from error
