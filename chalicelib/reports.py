"""What the route tells the topic: events that came to nothing, invitations, and questions.

The workflow publishes its outcomes by itself.
"""

import json
from typing import Any

from chalicelib import clients, log, settings
from chalicelib.errors import NotReported


def publish(about: dict[str, Any]) -> None:
    """Publish the report: *about* has the ids of the event that are known, and the error. Raises NotReported."""
    message = {"type": "error", **about}
    log.error("not archived", message=message)
    _publish(message)


def publish_invitation(team: str | None, channel: str | None) -> None:
    """Publish that the app was invited to *channel*. Raises NotReported."""
    log.info("invited", channel=channel)
    _publish({"type": "invited", "team": team, "channel": channel})


def publish_question(question: dict[str, Any]) -> None:
    """Publish that somebody speaks to the app. Raises NotReported."""
    log.info("asked", channel=question["channel"], ts=question["ts"])
    _publish(question)


def _publish(message: dict[str, Any]) -> None:
    topic = settings.load("SLACK_INTEGRATOR_SNS").topic
    try:
        clients.sns().publish(TopicArn=topic, Message=json.dumps(message))
    except clients.aws_errors() as error:
        raise NotReported(f"The topic did not take the report ({clients.error_code(error)}).") from error
