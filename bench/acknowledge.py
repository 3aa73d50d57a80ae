"""The handlers that acknowledge an event from Slack: ours, and what people would use instead."""

from dataclasses import dataclass

from bench import payloads, prepare
from bench.loopback import Stubs
from bench.measured import Run, run


@dataclass(frozen=True)
class Contender:
    """A handler in a package, and the *kind* of event that it gets. *references*: its secrets are in SSM."""

    title: str
    package: str
    handler: str
    kind: str = "upload"
    references: bool = False

    def run(self, stubs: Stubs, count: int = 1, *, compiled: bool = False) -> Run:
        """Measure how it handles *count* different events in a new process."""
        folder = prepare.package(self.package, compiled=compiled)
        events = [payloads.signed(self.kind) for _ in range(count)]
        return run(folder, self.handler, events, stubs, references=self.references)


OURS_PLAIN = Contender("ours, a plain message", "ours", "app.app", "plain")
OURS_UPLOAD = Contender("ours, an upload", "ours", "app.app")
OURS_PLAIN_SSM = Contender("ours, a plain message, secrets in SSM", "ours", "app.app", "plain", references=True)
OURS_UPLOAD_SSM = Contender("ours, an upload, secrets in SSM", "ours", "app.app", references=True)
BOLT = Contender("Bolt on Chalice, an upload", "bolt_chalice", "bolt_chalice.app")
BOLT_PLAIN = Contender("Bolt on Chalice, a plain message", "bolt_chalice", "bolt_chalice.app", "plain")
BARE = Contender("bare handler with boto3, an upload", "bare_botocore", "bare_botocore.handler")
SIGNED = Contender("bare handler that signs by hand, an upload", "bare_signed", "bare_signed.handler")

COLD = (OURS_PLAIN, OURS_UPLOAD, OURS_PLAIN_SSM, OURS_UPLOAD_SSM, BOLT, BARE, SIGNED)
WARM = (OURS_PLAIN, OURS_UPLOAD, BOLT, BOLT_PLAIN, BARE, SIGNED)
