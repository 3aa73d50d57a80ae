"""The events for the handlers: Slack's own payloads, signed now, in the form that API Gateway sends."""

import hashlib
import hmac
import itertools
import json
import time
from typing import Any

from bench.prepare import PROJECT
from bench.stub import SECRETS

_number = itertools.count(1)
KINDS = {"plain": "message_plain", "upload": "file_share_modern"}


def signed(kind: str) -> dict[str, Any]:
    """Return an event of *kind* ("plain", "upload"), different each time."""
    envelope = json.loads((PROJECT / "tests" / "events" / f"{KINDS[kind]}.json").read_text(encoding="utf-8"))
    number = next(_number)
    envelope["event"]["ts"] = envelope["event"]["event_ts"] = f"{int(time.time())}.{number:06}"
    envelope["event_id"] = f"Ev{number:09}"
    body, timestamp = json.dumps(envelope), str(int(time.time()))
    base = f"v0:{timestamp}:{body}".encode()
    signature = hmac.new(SECRETS["SIGNING_SECRET"].encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    return {
        "resource": "/slack/events",
        "path": "/slack/events",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/slack/events",
            "httpMethod": "POST",
            "path": "/api/slack/events",
            "stage": "api",
            "requestId": f"00000000-0000-0000-0000-{number:012}",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def transfer(url: str, size: int) -> dict[str, Any]:
    """Return FetchFile's input for a new file of *size* bytes at *url*."""
    identity = f"F{next(_number):09}"
    file = {
        "id": identity,
        "name": "large.bin",
        "title": "large.bin",
        "mimetype": "application/octet-stream",
        "size": size,
        "created": 1764061198,
        "user": "U1",
        "mode": "hosted",
        "file_access": "visible",
        "url": url,
        "permalink": "https://example.slack.com/files/U1/F1/large.bin",
    }
    return {"team": "T1", "execution": f"T1-C1-{identity}", "file": file}
