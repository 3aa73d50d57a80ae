"""The stack: rendered, brought up through a change set, taken down; every event shown as it happens."""

import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from operations.console import Stop, say

STACK = Path(__file__).parents[1] / "stepfunctions"
MARKER = "<<slack-integrator.asl.json>>"
LONGEST = 51_200
"""Bytes of a template that is sent with the request (docs.aws.amazon.com, “CloudFormation quotas”)."""
_NEVER_UP = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED")
_STUCK = ("ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_SECONDS_BETWEEN_LOOKS = 1.5


def rendered() -> str:
    """Return the template with the workflow's text in the marker's place."""
    template = (STACK / "stack.yaml").read_text(encoding="utf-8")
    asl = (STACK / "slack-integrator.asl.json").read_text(encoding="utf-8").rstrip()
    (line,) = (line for line in template.splitlines() if MARKER in line)
    margin = line[: line.index(MARKER)]
    return template.replace(line, "\n".join(margin + part if part else "" for part in asl.splitlines()))


def up(cloudformation: Any, stack: str, parameters: dict[str, str]) -> dict[str, str]:
    """Bring *stack* to what the template says, and return its outputs. A parameter left out stays what it was."""
    status = _settled(cloudformation, stack)
    if status in _NEVER_UP:
        say(f"an earlier attempt left it in {status}: removing that first")
        down(cloudformation, stack)
        status = None
    before = _described(cloudformation, stack).get("Parameters", []) if status else []
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in before} | parameters
    change = _change_set(cloudformation, stack, parameters, "UPDATE" if status else "CREATE")
    if change is None:
        say("no change")
    else:
        seen = _events(cloudformation, stack, set())
        cloudformation.execute_change_set(ChangeSetName=change, StackName=stack)
        _follow(cloudformation, stack, {event["EventId"] for event in seen})
    return _outputs(cloudformation, stack)


def down(cloudformation: Any, stack: str) -> None:
    """Delete *stack*; what it retains stays."""
    if _settled(cloudformation, stack) is None:
        say("was gone already")
        return
    identity = _described(cloudformation, stack)["StackId"]  # a deleted stack is known by nothing else
    seen = {event["EventId"] for event in _events(cloudformation, identity, set())}
    cloudformation.delete_stack(StackName=stack)
    _follow(cloudformation, identity, seen)


def _described(cloudformation: Any, stack: str) -> Any:
    """Return what describes *stack*, or None where there is none."""
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _settled(cloudformation: Any, stack: str) -> str | None:
    """Return the stack's status when no change is in progress any more; None where there is no stack."""
    found = _described(cloudformation, stack)
    if found is None or found["StackStatus"] == "DELETE_COMPLETE":
        return None
    status: str = found["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        say(f"a change is in progress ({status}): waiting until it is done")
        _waited(cloudformation, found["StackId"], set())
        return _settled(cloudformation, stack)
    if status in _STUCK:
        raise Stop(
            f"The stack {stack} is in {status}, which only a person can resolve: in the CloudFormation console "
            f"choose it, then “Stack actions” (continue the rollback, or delete it), then run this again."
        )
    return status


def _change_set(cloudformation: Any, stack: str, parameters: dict[str, str], kind: str) -> str | None:
    """Return a change set that is ready, or None where nothing would change.

    A bucket that an earlier stack left with its documents is imported and not made.
    """
    try:
        change: str = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"deploy-{int(time.time())}",
            ChangeSetType=kind,
            TemplateBody=rendered(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
            ImportExistingResources=True,
            Tags=[{"Key": "application", "Value": "slack-integrator"}],
        )["Id"]
        waiter = cloudformation.get_waiter("change_set_create_complete")
        waiter.wait(ChangeSetName=change, StackName=stack, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return None
        raise Stop(f"CloudFormation does not take the template: {error.response['Error']['Message']}") from error
    except WaiterError as error:
        reason = (error.last_response or {}).get("StatusReason", str(error))
        cloudformation.delete_change_set(ChangeSetName=change, StackName=stack)
        if "didn't contain changes" in reason or "No updates are to be performed" in reason:
            return None
        raise Stop(f"The stack {stack} cannot be changed so: {reason}") from error
    return change


def _follow(cloudformation: Any, stack: str, seen: set[str]) -> None:
    """Show what happens until the stack is up or gone; raises Stop with the first reason when it is neither."""
    status, reason = _waited(cloudformation, stack, seen)
    if status not in (*_GOOD, "DELETE_COMPLETE"):
        raise Stop(
            f"The stack could not be changed ({status}). The first reason: {reason or 'none was given'}. "
            "When that is mended, run this again."
        )


def _waited(cloudformation: Any, stack: str, seen: set[str]) -> tuple[str, str]:
    """Show events beyond *seen*, return the status that the stack ends in and the first reason of a failure."""
    reason = ""
    while True:
        found = _described(cloudformation, stack)
        status = found["StackStatus"] if found else "DELETE_COMPLETE"
        for event in _events(cloudformation, stack, seen):
            seen.add(event["EventId"])
            say(f"{event['ResourceStatus']:<20} {event['LogicalResourceId']}")
            why = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in why and not reason:
                reason = f"{event['LogicalResourceId']}: {why.rstrip('.')}"
        if not status.endswith("_IN_PROGRESS"):
            return status, reason
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _events(cloudformation: Any, stack: str, seen: set[str]) -> list[Any]:
    """Return the stack's events that are not *seen*, oldest first."""
    fresh: list[Any] = []
    try:
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
            fresh += [event for event in page["StackEvents"] if event["EventId"] not in seen]
            if len(fresh) < len(page["StackEvents"]):
                break
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
    return fresh[::-1]


def _outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    outputs = _described(cloudformation, stack).get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}
