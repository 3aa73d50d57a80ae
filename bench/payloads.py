"""The events that handlers are called with: Slack's own payloads, signed now, as API Gateway hands them on."""

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
    """Return an event of *kind* ("plain", "upload") that differs from all before."""
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


def recording(fetch: dict[str, Any]) -> dict[str, Any]:
    """Return SaveMetadata's input for what FetchFile made of *fetch*."""
    file = fetch["file"]
    number = int(file["id"][1:])
    message = {
        "team": "T1",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "ts": f"1764061200.{number:06}",
        "thread_ts": None,
        "comment": "Q3 numbers #finance #2026",
        "comment_cut": False,
        "version": f"1764061200.{number:06}",
        "event_id": f"Ev{number}",
    }
    fetched = {"status": "archived", "file": file, "document": _document(file), "sha256": "0" * 64, "reason": None}
    more = {"tags": ["2026", "finance"], "file_ids": [file["id"]], "removed": [], "fetched": fetched}
    return {"execution": fetch["execution"], "kind": "upload", "message": message, **more}


def outcome(fetch: dict[str, Any]) -> dict[str, Any]:
    """Return what SNS hands to the notifier about *fetch*."""
    file = fetch["file"]
    shown = {"id": file["id"], "name": file["name"], "status": "archived", "document": _document(file)}
    shown |= {"metadata": f"metadata/T1/{file['id']}.json", "size": file["size"], "reason": None}
    said = {
        "type": "outcome",
        "kind": "upload",
        "execution": fetch["execution"],
        "tags": ["2026", "finance"],
        "tags_left_out": {"count": 0, "first": []},
        "team": "T1",
        "channel": "C1",
        "ts": "1764061200.000001",
        "thread_ts": None,
        "user": "U1",
        "files": [shown],
    }
    record = {
        "EventSource": "aws:sns",
        "Sns": {"Message": json.dumps(said), "Subject": None, "MessageAttributes": {}},
    }
    return {"Records": [record]}


def _document(file: dict[str, Any]) -> str:
    return f"documents/T1/{file['id']}/{file['name']}"
