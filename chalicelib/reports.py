"""Reports to the topic about events that came to nothing; the workflow publishes its outcomes by itself."""

import json
from typing import Any

from chalicelib import clients, log, settings
from chalicelib.errors import NotReported


def publish(about: dict[str, Any]) -> None:
    """Publish the report: *about* has the ids of the event that are known, and the error. Raises NotReported."""
    message = {"type": "error", **about}
    log.error("not archived", message=message)
    topic = settings.load("SLACK_INTEGRATOR_SNS").topic
    try:
        clients.sns().publish(TopicArn=topic, Message=json.dumps(message))
    except clients.aws_errors() as error:
        raise NotReported(f"The topic did not take the report ({clients.error_code(error)}).") from error
