"""The local S3 over TLS, where botocore sends other bytes than over plain HTTP: checksums come behind the body."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import trustme
from botocore.config import Config

from local.aws.server import HOST, Aws

VARIABLE = "S3_OVER_TLS"
"""Set by test_over_tls.py for the tests that it runs once more."""


@contextmanager
def s3_over_tls(aws: Aws) -> Iterator[Any]:
    """Give a client that trusts the certificate of an authority of its own, and no other."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with authority.cert_pem.tempfile() as trusted, aws.over_tls(context) as url:
        client: Any = boto3.session.Session("testing", "testing", region_name=aws.region).client(
            "s3",
            endpoint_url=url,
            verify=trusted,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        yield client
        client.close()
