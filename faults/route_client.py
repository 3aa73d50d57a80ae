"""The route as Lambda calls it: API Gateway's events, and an AWS that counts what it is asked."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from app import app
from chalicelib import clients
from chalicelib.signing import signature
from local.aws.patches import Patches
from local.http_server import HttpServer, Request, Response, as_json, plain

SECRET = "0123456789abcdef0123456789abcdef"
_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:x"
_SETTINGS = {
    "SIGNING_SECRET": SECRET,
    "SLACK_INTEGRATOR_SF": _ARN,
    "SLACK_INTEGRATOR_SNS": "arn:aws:sns:us-east-1:123456789012:x",
    "SLACK_INTEGRATOR_PARKING": "https://sqs.us-east-1.amazonaws.com/123456789012/x",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
_PUBLISHED = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"


def _respond(request: Request) -> Response:
    """Step Functions, SQS and SNS at their best."""
    return (
        as_json({"executionArn": _ARN, "MessageId": "m"})
        if request.header("X-Amz-Target")
        else plain(_PUBLISHED, kind="text/xml")
    )


@contextmanager
def route_environment() -> Iterator[list[Request]]:
    """Set the route's environment, and yield the list of requests that it has sent to AWS so far."""
    requests: list[Request] = []
    listener = HttpServer(_respond, requests.append)
    makers = (clients.stepfunctions, clients.sqs, clients.sns)
    environment = Patches()
    for name, value in {**_SETTINGS, "AWS_ENDPOINT_URL": listener.url}.items():
        environment.item(os.environ, name, value)
    for client in makers:
        client.cache_clear()
    with closing(listener):
        try:
            yield requests
        finally:
            for client in makers:
                client().close()
                client.cache_clear()
            environment.undo()


def post(body: str | None, headers: dict[str, str] | None, is_base64: bool = False) -> int:
    """The status of the answer that API Gateway gets to a POST."""
    event = {
        "resource": "/slack/events",
        "path": "/slack/events",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/slack/events", "httpMethod": "POST", "requestId": "r"},
        "isBase64Encoded": is_base64,
        "body": body,
    }
    answer = app(event, None)
    json.dumps(answer)  # as Lambda's runtime does
    status: int = answer["statusCode"]
    return status


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers that Slack would send now."""
    now = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signature(secret, now, body),
    }
