"""The clients of AWS and of HTTP, each made once per process, when it is first needed.

boto3 and requests are imported here and not above: loading them is most of a cold start, and the bulk of what
Slack sends is answered without either. Every client states its time limits and how often it tries, since the
defaults (60 s, several tries) outlive Slack's patience and most functions' time-outs.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from requests import Session


@cache
def stepfunctions() -> "SFNClient":
    """For the route: one try within 0.8 s; `workflow.start` tries again while its budget lasts."""
    import boto3

    return boto3.client("stepfunctions", config=_config(connect=0.25, read=0.55, tries=1))


@cache
def sns() -> "SNSClient":
    """For the route's reports, last of all within its budget."""
    import boto3

    return boto3.client("sns", config=_config(connect=0.25, read=0.4, tries=1))


@cache
def sqs() -> "SQSClient":
    """For the route's parking, last of all within its budget."""
    import boto3

    return boto3.client("sqs", config=_config(connect=0.25, read=0.4, tries=1))


@cache
def ssm() -> "SSMClient":
    """For the secrets: part of a cold start's budget."""
    import boto3

    return boto3.client("ssm", config=_config(connect=0.25, read=0.5, tries=1))


@cache
def s3() -> "S3Client":
    """For documents and records: patient, with as many connections as parts are sent at once."""
    import boto3

    return boto3.client("s3", config=_config(connect=5, read=30, tries=3))


@cache
def s3_in_haste() -> "S3Client":
    """For the notifier, which is done in under 3 s or tries again a minute later."""
    import boto3

    return boto3.client("s3", config=_config(connect=0.25, read=0.4, tries=1))


def _config(connect: float, read: float, tries: int) -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": tries},
    )


@cache
def http() -> "Session":
    """One requests session, for kept-alive connections. It never tries again by itself: a post could double."""
    import requests

    return requests.Session()


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


def error_status(error: Exception) -> int:
    """Return the HTTP status of what `aws_errors` caught, or 0 where there was no answer."""
    answer = getattr(error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
