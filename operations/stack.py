"""The stack: rendered, brought up through a change set, taken down; every event shown as it happens."""

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from operations.console import Stop, say

STACK = Path(__file__).parents[1] / "stepfunctions"
WORKFLOWS = ("slack-integrator.asl.json", "history.asl.json")
BUCKET = "<<bucket>>"
LONGEST = 51_200
"""Bytes of a template that is sent with the request (docs.aws.amazon.com, “CloudFormation quotas”)."""
_NEVER_UP = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED")
_STUCK = ("ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_SECONDS_BETWEEN_LOOKS = 1.5

Report = Callable[[str], object]


def render(bucket: str) -> str:
    """Return the template with the workflows' texts, without spaces, and the bucket's name in the markers' places.

    A bucket that an earlier stack left is imported only if the template has its literal name:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    """
    template = (STACK / "stack.yaml").read_text(encoding="utf-8").replace(BUCKET, bucket)
    for workflow in WORKFLOWS:
        asl = json.loads((STACK / workflow).read_text(encoding="utf-8"))
        template = template.replace(f"<<{workflow}>>", json.dumps(asl, ensure_ascii=False, separators=(",", ":")))
    return template


def roles(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the role of each function by Chalice's names: the output FetchFileRoleArn is fetch_file's."""
    names = {key.removesuffix("RoleArn"): arn for key, arn in outputs.items() if key.endswith("RoleArn")}
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]: arn for name, arn in names.items()}


def variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the functions' variables that name what the stack has made."""
    return {
        "BUCKET": outputs["BucketName"],
        "SLACK_INTEGRATOR_SF": outputs["StateMachineArn"],
        "SLACK_INTEGRATOR_SNS": outputs["TopicArn"],
        "SLACK_INTEGRATOR_PARKING": outputs["ParkingUrl"],
    }


def alarms(prefix: str) -> set[str]:
    """Return the names of the alarms that a stack *prefix* has."""
    template = (STACK / "stack.yaml").read_text(encoding="utf-8")
    return {
        f"{prefix}-{name}" for name in re.findall(r"AlarmName: !Sub slack-integrator-\$\{Stage\}-(\S+)", template)
    }


def state(cloudformation: Any, name: str) -> tuple[str, dict[str, str]]:
    """Return the status and the outputs of the stack *name*; "" where there is none."""
    details = _Stack(cloudformation, name, say).describe()
    return (details["StackStatus"], _outputs(details)) if details else ("", {})


def up(
    cloudformation: Any, name: str, template: str, parameters: Mapping[str, str], report: Report = say
) -> dict[str, str]:
    """Bring the stack *name* to what *template* says, and return its outputs.

    A parameter that is left out keeps its value. *report* takes a line for each event.
    """
    return _Stack(cloudformation, name, report).up(template, parameters)


def down(cloudformation: Any, name: str, report: Report = say) -> None:
    """Delete the stack *name*; what it retains stays."""
    _Stack(cloudformation, name, report).down()


class _Stack:
    """One stack, asked and changed through *client*; *report* takes what the developer reads."""

    def __init__(self, client: Any, name: str, report: Report) -> None:
        self._client, self._name, self._report = client, name, report

    def up(self, template: str, parameters: Mapping[str, str]) -> dict[str, str]:
        status = self._stable_status()
        if status in _NEVER_UP:
            self._report(f"an earlier attempt left it in {status}: removing that first")
            self.down()
            status = None
        before = self.describe().get("Parameters", []) if status else []
        old_parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in before}
        change = self._change_set(template, {**old_parameters, **parameters}, "UPDATE" if status else "CREATE")
        if change is None:
            self._report("no change")
        else:
            event_ids = {event["EventId"] for event in self._events(self._name, set())}
            self._client.execute_change_set(ChangeSetName=change, StackName=self._name)
            self._follow(self._name, event_ids)
        return _outputs(self.describe())

    def down(self) -> None:
        if self._stable_status() is None:
            self._report("was gone already")
            return
        identity = self.describe()["StackId"]  # a deleted stack is known by nothing else
        event_ids = {event["EventId"] for event in self._events(identity, set())}
        self._client.delete_stack(StackName=self._name)
        self._follow(identity, event_ids)

    def describe(self, identity: str = "") -> Any:
        """Return what describes the stack, or None where there is none."""
        try:
            return self._client.describe_stacks(StackName=identity or self._name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _stable_status(self) -> str | None:
        """Return the stack's status when no change is in progress any more; None where there is no stack."""
        stack = self.describe()
        if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        status: str = stack["StackStatus"]
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            self._report(f"a change is in progress ({status}): waiting until it is done")
            self._wait(stack["StackId"], set())
            return self._stable_status()
        if status in _STUCK:
            raise Stop(
                f"The stack {self._name} is in {status}, which only a person can resolve: in the CloudFormation "
                "console choose it, then “Stack actions” (continue the rollback, or delete it), then run this "
                "again."
            )
        return status

    def _change_set(self, template: str, parameters: Mapping[str, str], kind: str) -> str | None:
        """Return a change set that is ready, or None where nothing would change.

        A bucket that an earlier stack left with its documents is imported and not made.
        """
        pairs = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        try:
            change: str = self._client.create_change_set(
                StackName=self._name,
                ChangeSetName=f"deploy-{int(time.time())}",
                ChangeSetType=kind,
                TemplateBody=template,
                Parameters=pairs,
                Capabilities=["CAPABILITY_IAM"],
                ImportExistingResources=True,
                Tags=[{"Key": "application", "Value": "slack-integrator"}],
            )["Id"]
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return None
            message = error.response["Error"]["Message"]
            raise Stop(f"CloudFormation does not take the template: {message}") from error
        return change if self._is_ready(change) else None

    def _is_ready(self, change: str) -> bool:
        """Wait until *change* can be executed, and return True; return False if nothing would change."""
        waiter = self._client.get_waiter("change_set_create_complete")
        try:
            waiter.wait(ChangeSetName=change, StackName=self._name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
        except WaiterError as error:
            reason = (error.last_response or {}).get("StatusReason", str(error))
            self._client.delete_change_set(ChangeSetName=change, StackName=self._name)
            if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                return False
            raise Stop(f"The stack {self._name} cannot be changed so: {reason}") from error
        return True

    def _follow(self, identity: str, event_ids: set[str]) -> None:
        """Report events until the stack is up or gone; raise Stop with the first reason if it ends as neither."""
        status, reason = self._wait(identity, event_ids)
        if status not in (*GOOD, "DELETE_COMPLETE"):
            raise Stop(
                f"The stack could not be changed ({status}). "
                f"The first reason: {reason or 'CloudFormation gave none'}. When that is mended, run this again."
            )

    def _wait(self, identity: str, event_ids: set[str]) -> tuple[str, str]:
        """Report events that are not in *event_ids*; return the last status and a failure's first reason."""
        reason = ""
        while True:
            stack = self.describe(identity)
            status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
            for event in self._events(identity, event_ids):
                event_ids.add(event["EventId"])
                self._report(f"{event['ResourceStatus']:<20} {event['LogicalResourceId']}")
                reason = reason or _reason(event)
            if not status.endswith("_IN_PROGRESS"):
                return status, reason
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _events(self, identity: str, event_ids: set[str]) -> list[Any]:
        """Return the stack's events that are not in *event_ids*, oldest first."""
        fresh: list[Any] = []
        try:
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=identity):
                fresh += [event for event in page["StackEvents"] if event["EventId"] not in event_ids]
                if len(fresh) < len(page["StackEvents"]):
                    break
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
        return fresh[::-1]


def _outputs(details: Any) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in details.get("Outputs", [])}


def _reason(event: Any) -> str:
    """Return why the event's resource failed, unless it was cancelled because another one did."""
    reason = event.get("ResourceStatusReason", "")
    if not event["ResourceStatus"].endswith("_FAILED") or "cancelled" in reason:
        return ""
    return f"{event['LogicalResourceId']}: {reason.rstrip('.')}"
