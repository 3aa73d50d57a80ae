"""Presigned URLs, which moto takes on trust: whether S3 would honour one."""

import hmac
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def key_of(query: str) -> tuple[str, str] | None:
    """The access key and the region that sign a presigned URL; None if *query* is of none."""
    scope = dict(parse_qsl(query)).get("X-Amz-Credential", "").split("/")
    return (scope[0], scope[2]) if len(scope) == 5 else None


def objection(environ: Any, secret: str, token: str) -> str | None:
    """Why S3 would refuse the request, signed by a role's keys; None if it would not."""
    fields = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    signature, date = fields.pop("X-Amz-Signature", ""), fields.get("X-Amz-Date", "")
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        expires = int(fields["X-Amz-Expires"])
    except (ValueError, KeyError):
        return "AuthorizationQueryParametersError"
    if not signed_at - 900 < time.time() < signed_at + expires:
        return "AccessDenied"
    if fields.get("X-Amz-Security-Token") != token:
        return "InvalidToken"
    if not hmac.compare_digest(_signature(environ, fields, secret, token), signature):
        return "SignatureDoesNotMatch"
    return None


def _signature(environ: Any, fields: dict[str, str], secret: str, token: str) -> str:
    key, _, region, service, _ = fields["X-Amz-Credential"].split("/")
    path = environ["RAW_URI"].partition("?")[0]
    query = "&".join(part for part in environ["QUERY_STRING"].split("&") if not part.startswith("X-Amz-Signature="))
    url = f"http://{environ['HTTP_HOST']}{path}?{query}"
    request: Any = AWSRequest(environ["REQUEST_METHOD"], url, headers={"host": environ["HTTP_HOST"]})
    request.context["timestamp"] = fields["X-Amz-Date"]
    auth: Any = S3SigV4QueryAuth(Credentials(key, secret, token), service, region, int(fields["X-Amz-Expires"]))
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
