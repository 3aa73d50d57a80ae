"""What only the real account can tell, asked there: `make prove STAGE=dev [CHANNEL=finance]`.

Each line says ok, or what is wrong and what to do. With CHANNEL a file goes the whole way through the real Slack.
Nothing is left behind; what an interruption leaves, the next run takes away.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import IntegratorError
from operations import catchup, proof_of_slack, proof_of_stage, proof_of_storage, proof_of_workflow, stages
from operations.console import Stop, say
from operations.proof import FOLDER, Proof, Remark, Wrong
from operations.stages import Stage

USAGE = "make prove STAGE=dev [CHANNEL=finance]"
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403")

Check = Callable[[Proof], Iterator[str]]


class Line(NamedTuple):
    """What is printed: *mark* is ok, wrong, note, or skipped where the credentials have no permission to ask."""

    mark: str
    text: str


def leftovers(proof: Proof) -> Iterator[str]:
    """Take away what an interrupted proof left."""
    count = proof.erase(FOLDER) + proof_of_workflow.stop_leftovers(proof)
    if count:
        yield f"{count} things that an interrupted proof had left are gone"


CHECKS: dict[str, Check] = {
    "earlier proofs": leftovers,
    "the stage": proof_of_stage.whole_stage,
    "Slack's requests": proof_of_stage.signed_requests,
    "concurrency": proof_of_stage.concurrency,
    "dead letters": proof_of_stage.kept_notices,
    "conditional writes": proof_of_storage.conditional_writes,
    "checksums": proof_of_storage.checksums,
    "large files": proof_of_storage.two_parts,
    "the workflow's decisions": proof_of_workflow.decisions,
    "executions that die": proof_of_workflow.aborted_execution,
    "the way through Slack": proof_of_slack.whole_way,
    "alarms": proof_of_stage.alarms,
}


def lines(name: str, ask: Check, proof: Proof) -> Iterator[Line]:
    """Yield what comes of *ask*, of which *name* is the subject."""
    try:
        yield from (Line("ok", f"{name}: {text}") for text in ask(proof))
    except Remark as remark:
        yield Line("note", f"{name}: {remark}.")
    except (Wrong, Stop, IntegratorError) as error:
        yield Line("wrong", f"{name}: {error}")
    except ClientError as error:
        yield Line(*_line_of_refusal(name, error))
    except BotoCoreError as error:
        yield Line("wrong", f"{name}: AWS could not be asked: {error}")


def _line_of_refusal(name: str, error: ClientError) -> Line:
    details = error.response["Error"]
    if details["Code"] in _DENIED:
        return Line("skipped", f"{name}: these credentials have no permission for {error.operation_name}.")
    return Line("wrong", f"{name}: AWS refused {error.operation_name} ({details['Code']}): {details['Message']}")


def prove(stage: Stage, channel: str = "") -> int:
    """Print the lines of a proof of *stage*, and return how many are wrong."""
    proof = Proof(stage, channel)
    wrong = 0
    for name, ask in CHECKS.items():
        for line in lines(name, ask, proof):
            say(f"{line.mark:<7} {line.text}")
            wrong += line.mark == "wrong"
    return wrong


def check(stage: Stage, wrong: int) -> None:
    """Raise Stop where *wrong* lines of a proof were wrong."""
    if wrong:
        lines = "One of these lines is" if wrong == 1 else f"{wrong} of these lines are"
        raise Stop(f"{lines} wrong. When that is mended: make prove STAGE={stage.name}")


def main(arguments: Mapping[str, str]) -> None:
    """Prove STAGE, with CHANNEL through the real Slack as well."""
    channel = arguments.get("CHANNEL", "").strip()
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    _ = stage.variables  # raises Stop where there is no stage to prove
    if channel:
        channel = catchup.open_stage(stage).channel_id(channel)
    print(f"Slack Integrator, stage {stage.name}: {stage.place}")
    check(stage, prove(stage, channel))
