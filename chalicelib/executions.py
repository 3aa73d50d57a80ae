"""What became of executions: asked of Step Functions, for whoever starts many and wants to know how they end."""

import json
from typing import Any, NamedTuple

from chalicelib.errors import NotStarted
from chalicelib.sigv4 import Client, ServiceError

WITHOUT_SUCCESS = ("FAILED", "TIMED_OUT", "ABORTED")
_LAST_EVENTS = 5
"""An execution that fails as the workflow says it does ends with entering a Fail state, then failing."""


class Outcome(NamedTuple):
    """How an execution with the *input* ended; *files* are the results, as in the outcome that is published."""

    status: str
    began: float
    input: str
    files: list[dict[str, Any]]


class Executions:
    """The executions of one *state_machine*, named by its ARN, asked of through the client of Step Functions."""

    def __init__(self, client: Client, state_machine: str) -> None:
        self.client, self.state_machine = client, state_machine

    def outcome(self, name: str) -> Outcome | None:
        """Return how the execution *name* ended; None while it runs, or Step Functions cannot say."""
        arn = self._arn(name)
        try:
            answer = self.client.call("DescribeExecution", executionArn=arn)
            status, began = answer["status"], float(answer["startDate"])
            if status == "RUNNING":
                return None
            output = answer.get("output") if status == "SUCCEEDED" else self._input_of_the_failure(arn)
        except (ServiceError, KeyError, TypeError, ValueError):
            return None
        return Outcome(status, began, answer["input"], _files(output))

    def count(self) -> int:
        """Return how many run now, at most 100; one when Step Functions cannot say."""
        try:
            answer = self.client.call(
                "ListExecutions", stateMachineArn=self.state_machine, statusFilter="RUNNING", maxResults=100
            )
            return max(1, len(answer["executions"]))
        except (ServiceError, KeyError):
            return 1

    def status(self, name: str) -> str | None:
        """Return the status of the execution *name*, None if there is none; raises NotStarted if nobody says."""
        try:
            status: str = self.client.call("DescribeExecution", executionArn=self._arn(name))["status"]
        except ServiceError as error:
            if error.code == "ExecutionDoesNotExist":
                return None
            raise NotStarted(f"The archive does not know whether it has begun ({error.code}).") from error
        except KeyError as error:
            raise NotStarted("The archive does not know whether it has begun.") from error
        return status

    def is_running(self, name: str) -> bool:
        """Return True if the execution *name* runs; False too when there is none."""
        try:
            answer = self.client.call("DescribeExecution", executionArn=self._arn(name))
        except ServiceError as error:
            return error.code != "ExecutionDoesNotExist"
        return answer.get("status") == "RUNNING"

    def _input_of_the_failure(self, arn: str) -> str | None:
        """Return what the Fail state was entered with: an execution that fails has no output."""
        answer = self.client.call(
            "GetExecutionHistory", executionArn=arn, reverseOrder=True, maxResults=_LAST_EVENTS
        )
        for event in answer["events"]:
            if event["type"] == "FailStateEntered":
                text: str = event["stateEnteredEventDetails"]["input"]
                return text
        return None

    def _arn(self, name: str) -> str:
        return f"{self.state_machine.replace(':stateMachine:', ':execution:')}:{name}"


def _files(output: str | None) -> list[dict[str, Any]]:
    """Return the files in the *output* of the state that ended the execution; none where it ended otherwise."""
    try:
        value = json.loads(output or "{}")
    except ValueError:
        return []
    files = value.get("files") if isinstance(value, dict) else None
    return [file for file in files or [] if isinstance(file, dict) and "status" in file]
