"""Where moto's CloudFormation is not enough like AWS for this project's stack."""

import logging
from types import SimpleNamespace
from typing import Any

import moto.stepfunctions.models
from moto.cloudformation import parsing
from moto.cloudformation.models import CloudFormationBackend, Event
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.aws.patches import Patches

RETAINED = ("Retain", "RetainExceptOnCreate")


def make_stacks(patches: Patches) -> None:
    """All of the below.

    What moto does not know (alarms, policies of buckets and topics, Glue) it skips; here without warnings.
    """
    patches.attribute(parsing, "warnings", SimpleNamespace(warn=lambda *_, **__: None))
    patches.attribute(parsing, "logger", logging.getLogger("moto.silenced"))
    logging.getLogger("moto.silenced").disabled = True
    _make_state_machines_that_run(patches)
    _keep_double_dollars(patches)
    _give_outputs(patches)
    _roll_back(patches)
    _import_buckets(patches)
    _retain(patches)
    _know_whose_buckets_are(patches)


def _make_state_machines_that_run(patches: Patches) -> None:
    """Moto makes a stack's state machines where its API does not look when they are to be executed."""
    patches.attribute(moto.stepfunctions.models, "stepfunctions_backends", stepfunctions_parser_backends)


class _Sub:
    """Fn::Sub with a list of values: replaces `${Name}`, and nothing else."""

    def __init__(self, text: str) -> None:
        self._text = text

    def safe_substitute(self, **values: str) -> str:
        """Called as string.Template's method is."""
        for name, value in values.items():
            self._text = self._text.replace(f"${{{name}}}", value)
        return self._text


def _keep_double_dollars(patches: Patches) -> None:
    """Moto's Fn::Sub turns `$$` into `$`, and with it the workflow's `$$.Execution.Name` into another path."""
    patches.attribute(parsing, "string", SimpleNamespace(Template=_Sub))


def _give_outputs(patches: Patches) -> None:
    """Moto leaves a stack without outputs when it was made by a change set."""

    def execute(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
        changes = [*backend.change_sets.values()]
        as_before(backend, change_set_name, stack_name)
        for change in changes:
            if change_set_name in (change.change_set_id, change.change_set_name):
                stack = backend.stacks[change.stack.stack_id]
                stack._parse_template()
                stack.output_map = stack._create_output_map()

    as_before = patches.attribute(CloudFormationBackend, "execute_change_set", execute)


def _roll_back(patches: Patches) -> None:
    """Moto lets a resource's error out of ExecuteChangeSet, and leaves what was made before it.

    CloudFormation takes the request, undoes what it made, and says why in the event of the resource that failed.
    """

    def create(logical_id: str, *rest: Any, **more: Any) -> Any:
        try:
            return create_as_before(logical_id, *rest, **more)
        except Exception as error:
            if not hasattr(error, "__notes__"):  # of resources that stand on each other the first one
                error.add_note(logical_id)
            raise

    def execute(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
        try:
            as_before(backend, change_set_name, stack_name)
        except Exception as error:
            change = backend.change_sets[change_set_name]
            if change.change_set_type != "CREATE" or not hasattr(error, "__notes__"):
                raise
            stack = change.stack
            stack.events.append(_failure(stack, error))
            stack.resource_map.is_rolled_back = True
            stack.resource_map.delete()
            stack._add_stack_event("ROLLBACK_COMPLETE")
            stack.status = "ROLLBACK_COMPLETE"

    create_as_before = patches.attribute(parsing, "parse_and_create_resource", create)
    as_before = patches.attribute(CloudFormationBackend, "execute_change_set", execute)


def _failure(stack: Any, error: Exception) -> Event:
    resource = stack.resource_map._resource_json_map[error.__notes__[0]]
    about = {"resource_type": resource["Type"], "resource_status": "CREATE_FAILED", "resource_properties": None}
    names = {"logical_resource_id": error.__notes__[0], "physical_resource_id": ""}
    reason = str(getattr(error, "message", error))
    return Event(stack_id=stack.stack_id, stack_name=stack.name, resource_status_reason=reason, **names, **about)


def _import_buckets(patches: Patches) -> None:
    """Moto knows no ImportExistingResources: a bucket that is there already is taken into the stack.

    Only if the change set asks for it, and the template has the bucket's literal name and retains it:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    """

    def create_change_set(response: Any) -> Any:
        answer = change_before(response)
        change = response.cloudformation_backend.change_sets[answer.result["Id"]]
        change.stack.resource_map.may_import = response._get_bool_param("ImportExistingResources", False)
        return answer

    def create(
        logical_id: str, resource: Any, resources: Any, account_id: str, region_name: str
    ) -> CloudFormationModel | None:
        name = resource.get("Properties", {}).get("BucketName")
        is_retained = resource.get("DeletionPolicy") in RETAINED
        is_asked_for = vars(resources).get("may_import", False)
        is_importable = resource["Type"] == "AWS::S3::Bucket" and is_retained and is_asked_for
        bucket = (
            s3_backends[account_id]["aws"].buckets.get(name) if is_importable and isinstance(name, str) else None
        )
        if bucket is None or bucket.account_id != account_id:
            return as_before(logical_id, resource, resources, account_id, region_name)  # type: ignore[no-any-return]
        vars(bucket).update(cf_resource_type=resource["Type"], logical_resource_id=logical_id)
        resources.imported = {logical_id}
        return bucket

    change_before = patches.attribute(CloudFormationResponse, "create_change_set", create_change_set)
    as_before = patches.attribute(parsing, "parse_and_create_resource", create)


def _retain(patches: Patches) -> None:
    """Moto's stacks know the policy Retain alone.

    RetainExceptOnCreate keeps what is deleted with its stack, and what was imported; not what a creation that is
    rolled back has made:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """

    def delete(resources: Any) -> None:
        imports, is_rolled_back = vars(resources).get("imported", ()), hasattr(resources, "is_rolled_back")
        resources._resource_json_map = {
            name: {**resource, "DeletionPolicy": _policy(resource, not is_rolled_back or name in imports)}
            for name, resource in resources._resource_json_map.items()
        }
        as_before(resources)

    as_before = patches.attribute(parsing.ResourceMap, "delete", delete)


def _policy(resource: Any, is_kept: bool) -> str:
    """Return the resource's deletion policy as moto knows it; *is_kept* decides about RetainExceptOnCreate."""
    policy: str = resource.get("DeletionPolicy", "Delete")
    return ("Retain" if is_kept else "Delete") if policy == "RetainExceptOnCreate" else policy


def _know_whose_buckets_are(patches: Patches) -> None:
    """Moto's HeadBucket finds buckets of all accounts; S3 answers 403 where one is somebody else's."""

    def head(backend: Any, bucket_name: str) -> FakeBucket:
        bucket: FakeBucket = as_before(backend, bucket_name)
        if bucket.account_id != backend.account_id:
            raise BucketAccessDeniedError(bucket_name)
        return bucket

    as_before = patches.attribute(S3Backend, "head_bucket", head)
