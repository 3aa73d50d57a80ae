"""A JSON service of AWS that answers as a test says."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from chalicelib.sigv4 import Client, Service
from local.http_server import Response
from tests.receiver import Receiver


class Stub(NamedTuple):
    """The *client* of the service, and the *receiver* of its requests."""

    client: Client
    receiver: Receiver


@contextmanager
def service(kind: Service, *replies: Response) -> Iterator[Stub]:
    """Let *kind* answer with *replies*, one after the other."""
    with Receiver(*replies) as receiver:
        environ = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        environ["AWS_ENDPOINT_URL"] = receiver.url.removesuffix("/slack/events")
        with closing(Client(kind, 1.0, 2.0, environ)) as client:
            yield Stub(client, receiver)
