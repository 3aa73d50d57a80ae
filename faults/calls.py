"""What a request is: `fetch_file PutObject documents/`, and which upload it is about."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from local.http_server import Response, whole

MULTIPART = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


@dataclass(frozen=True)
class Call:
    """One request on its way, made by *caller*; requests to Slack are made by `slack`, or `slack of` a function."""

    caller: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """`slack`, `files`, `s3`, `lambda`, `query` (SNS), or `json` for the services that speak it."""
        if self.is_to_slack:
            return "files" if self.target.startswith("/files-pri/") else "slack"
        if "x-amz-target" in self.headers:
            return "json"
        if self.target.startswith("/2015-03-31/functions/"):
            return "lambda"
        return "query" if self.target == "/" else "s3"

    @property
    def is_to_slack(self) -> bool:
        """Whether it goes to Slack, and not to AWS."""
        return self.caller.startswith("slack")

    @property
    def point(self) -> str:
        """The name of the place in the pipeline at which this call is made."""
        function = self.caller.removeprefix("slack of ")
        return f"{CALLERS.get(self._what, function) if function == 'slack' else function} {self._what}"

    @property
    def _what(self) -> str:
        path = urlsplit(self.target).path
        if self.service == "slack":
            return path.rpartition("/")[2]
        if self.service == "files":
            return "download"
        if self.service == "json":
            return self.headers["x-amz-target"].rpartition(".")[2]
        if self.service == "lambda":
            return "Invoke " + unquote(path).split("/")[3].rpartition("slack-integrator-local-")[2]
        if self.service == "query":
            return parse_qs(self.body.decode())["Action"][0]
        return self._s3(path)

    def _s3(self, path: str) -> str:
        marks = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        if "list-type" in marks:
            return f"ListObjectsV2 {marks['prefix'][0].partition('/')[0]}/"
        plain = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(self.method, self.method)
        operations = (
            MULTIPART[self.method, mark]
            for mark in ("uploadId", "uploads")
            if (self.method, mark) in MULTIPART and mark in marks
        )
        operation = next(operations, plain)
        prefix = [*path.split("/"), "", ""][2]
        condition = " (new)" if "if-none-match" in self.headers else " (over)" if "if-match" in self.headers else ""
        return f"{operation} {prefix}/{condition}"

    def is_about(self, ids: Collection[str]) -> bool:
        """Tell whether one of *ids* occurs, as a whole word."""
        text = unquote(self.target)
        if self.service != "s3":
            body = self.body.decode("latin-1")
            text += " " + (unquote(body) if self.service == "query" else body)
        return re.search(rf"(?<![A-Z0-9])(?:{'|'.join(ids)})(?![A-Z0-9])", text) is not None


CALLERS = {
    "download": "fetch_file",
    "files.info": "fetch_file",
    "chat.postMessage": "notify",
    "chat.update": "notify",
    "chat.delete": "notify",
    "reactions.add": "notify",
    "users.info": "route",
    "users.conversations": "route",
    "conversations.info": "route",
}


def refusal(call: Call, status: int, code: str) -> Response:
    """Return an error of the service that *call* asks, in its own form."""
    headers = {"x-amzn-requestid": "00000000-0000-0000-0000-000000000000"}
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    elif call.service == "query":
        error = f"<Type>Sender</Type><Code>{code}</Code><Message>no</Message>"
        body = f"<ErrorResponse><Error>{error}</Error><RequestId>0</RequestId></ErrorResponse>"
    elif call.service == "lambda":
        body, headers["x-amzn-ErrorType"] = '{"message": "no"}', code
    else:
        body = json.dumps({"__type": code})
    kind = "application/xml" if body.startswith("<") else "application/x-amz-json-1.0"
    return whole(body.encode(), status, {**headers, "Content-Type": kind})
