"""The clients of AWS and of HTTP, each made once per process, when it is first needed.

botocore and requests are imported here and not above: loading them is most of a cold start. Slack's events are
answered without either, and people without botocore: the routes sign their requests to AWS by sigv4.py. Every
client states its time limits and how often it tries, since the defaults (60 s, several tries) outlive Slack's
patience and most functions' time-outs.
"""

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib import log, sigv4, time_limit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from requests import Session


@cache
def stepfunctions() -> sigv4.Client:
    """For the route: one try within 0.8 s; `workflow.start` tries again while its budget lasts."""
    return sigv4.Client(sigv4.STEP_FUNCTIONS, connect=0.25, read=0.55)


@cache
def sqs() -> sigv4.Client:
    """For the route's parking, last of all within its budget."""
    return sigv4.Client(sigv4.SQS, connect=0.25, read=0.4)


@cache
def ssm() -> sigv4.Client:
    """For the secrets: part of a cold start's budget."""
    return sigv4.Client(sigv4.SSM, connect=0.25, read=0.5)


@cache
def sns() -> "SNSClient":
    """For reports, which are rare and in no hurry."""
    client: SNSClient = _client("sns", connect=0.25, read=0.4, tries=1)
    return client


@cache
def s3() -> "S3Client":
    """For documents and records: patient, with as many connections as parts are sent at once."""
    return _s3(connect=5, read=30, tries=3)


@cache
def s3_in_haste() -> "S3Client":
    """For the notifier, which is done in under 3 s or tries again a minute later."""
    return _s3(connect=0.25, read=0.4, tries=1)


@cache
def s3_for_answers() -> sigv4.Connections:
    """For `bucket.Bucket`, whose answer is due: one try, without loading botocore."""
    return sigv4.Connections(connect=0.25, read=0.8)


def _s3(connect: float, read: float, tries: int) -> "S3Client":
    """Each write has a checksum, which S3 compares; a SHA-256 in the signature too would cost as much as TLS.

    (botocore leaves it out by itself only with a checksum that it computes, behind a body sent in many pieces.)
    """
    unsigned = {"payload_signing_enabled": False}
    client: S3Client = _client("s3", connect, read, tries, s3=unsigned)
    return client


def _client(service: str, connect: float, read: float, tries: int, **more: Any) -> Any:
    """Make the client as boto3 does, without boto3: what that adds takes 20 ms of a cold start and is not used."""
    from botocore.config import Config
    from botocore.session import get_session

    retries: Any = {"mode": "standard", "total_max_attempts": tries}
    config = Config(connect_timeout=connect, read_timeout=read, retries=retries, **more)
    client = get_session().create_client(service, config=config)
    if log.is_debug():
        _log_calls(client.meta.events)
    return client


def _log_calls(events: Any) -> None:
    """Log each call, by botocore's events; *context* is the call's own."""

    def begin(context: dict[str, Any], **_: Any) -> None:
        context["start"] = time.monotonic()

    def end(context: dict[str, Any], event_name: str, **answer: Any) -> None:
        _, service, operation = event_name.split(".")
        response = answer.get("http_response")
        status = response.status_code if response else type(answer["exception"]).__name__
        log.call(service, operation, status, context["start"])

    events.register("before-call", begin)
    events.register("after-call", end)
    events.register("after-call-error", end)


@cache
def http() -> "Session":
    """One requests session, for kept-alive connections. It never tries again by itself: a post could double."""
    return time_limit.session()


def aws_errors() -> tuple[type[Exception], ...]:
    """What a call of AWS raises: refused, unreachable, too slow, or an answer that makes no sense.

    (Of an answer that is no UTF-8 botocore says so by UnicodeDecodeError.)
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError, UnicodeDecodeError


def error_code(error: Exception) -> str:
    """Return AWS's own word for what `aws_errors` caught, or the exception's name where AWS said nothing."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)
