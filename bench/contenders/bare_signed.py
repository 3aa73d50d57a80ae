"""The same without botocore: one request, signed by hand, over a connection that is kept."""

import hashlib
import hmac
import json
import os
import time
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

HOST = urlsplit(os.environ["AWS_ENDPOINT_URL"])
KEY, SECRET, REGION = (
    os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION")
)
connection = (HTTPSConnection if HOST.scheme == "https" else HTTPConnection)(HOST.netloc, timeout=2)


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
        machine = os.environ["SLACK_INTEGRATOR_SF"]
        start({"stateMachineArn": machine, "name": name, "input": json.dumps(message)})
    return {"statusCode": 200, "body": ""}


def start(arguments):
    body = json.dumps(arguments).encode()
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": HOST.netloc,
        "x-amz-date": moment,
        "x-amz-target": "AWSStepFunctions.StartExecution",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{REGION}/states/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    json.loads(response.read())["executionArn"]
