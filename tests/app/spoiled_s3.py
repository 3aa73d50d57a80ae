"""The archive's S3 behind a proxy that spoils chosen requests, or lets something happen just before them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import boto3
from botocore.config import Config

from chalicelib.archive import Archive
from local.aws.server import Aws
from local.forwarding import forward
from local.http_server import HttpServer, Request, Response

Spoil = Callable[[Request, Callable[[], Response]], Response]
"""Gets a request and what forwards it; returns what the app is answered."""


class SpoiledS3:
    """A way to the S3 of *aws*: `spoil` says which requests are answered otherwise."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._rules: list[tuple[str, str, Spoil]] = []
        self.methods: list[str] = []  # of all requests
        self._server = HttpServer(self._answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.close()

    def spoil(self, method: str, part: str, *spoils: Spoil) -> None:
        """Spoil the next requests with *method* and *part* in their path or query: one after the other."""
        self._rules += [(method, part, spoil) for spoil in spoils]

    @property
    def is_done(self) -> bool:
        """Whether every spoil has had its request."""
        return not self._rules

    def _answer(self, request: Request) -> Response:
        self.methods.append(request.method)
        for rule in self._rules:
            method, part, spoil = rule
            if request.method == method and part in f"{request.path}?{request.query}":
                self._rules.remove(rule)
                return spoil(request, lambda: forward(request, self._aws.url))
        return forward(request, self._aws.url)

    def archive(self, bucket: str) -> Archive:
        """Return the archive as it is reached through the proxy; no request is tried again."""
        environ = self._aws.environ()
        client: Any = boto3.client(
            "s3",
            endpoint_url=self._server.url,
            region_name=environ["AWS_REGION"],
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        return Archive(client, bucket)


def refused(request: Request, forwarded: Callable[[], Response]) -> Response:
    """Response 503 without passing the request on."""
    return Response(503, {"Content-Length": "0"})


def without_etag(request: Request, forwarded: Callable[[], Response]) -> Response:
    """Response with success as a proxy does that stored nothing: without an ETag."""
    answer = forwarded()
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
    return replace(answer, headers=headers, body=(b"",), length=0)


def after(action: Callable[[], object]) -> Spoil:
    """Pass the request on after *action* has happened."""

    def spoil(request: Request, forwarded: Callable[[], Response]) -> Response:
        action()
        return forwarded()

    return spoil
