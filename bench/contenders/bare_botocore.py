"""A handler without a framework: check the signature, start the execution with boto3."""

import hashlib
import hmac
import json
import os
import time

import boto3

states = boto3.client("stepfunctions")


def handler(event, context):
    headers = {name.lower(): value for name, value in event["headers"].items()}
    body, timestamp = event["body"], headers["x-slack-request-timestamp"]
    base = f"v0:{timestamp}:{body}".encode()
    signature = "v0=" + hmac.new(os.environ["SIGNING_SECRET"].encode(), base, hashlib.sha256).hexdigest()
    if abs(time.time() - int(timestamp)) > 300 or not hmac.compare_digest(signature, headers["x-slack-signature"]):
        return {"statusCode": 401, "body": ""}
    message = json.loads(body)["event"]
    if message.get("files"):
        name = f"{message['channel']}-{message['ts'].replace('.', '_')}"
        states.start_execution(
            stateMachineArn=os.environ["SLACK_INTEGRATOR_SF"], name=name, input=json.dumps(message)
        )
    return {"statusCode": 200, "body": ""}
