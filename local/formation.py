"""Where moto's CloudFormation is not enough like AWS for this project's stack."""

from typing import Any

import moto.stepfunctions.models
from moto.cloudformation.models import CloudFormationBackend
from moto.s3.models import FakeBucket, s3_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.patches import Patches


def make_stacks(patches: Patches) -> None:
    """All of the below."""
    _make_state_machines_that_run(patches)
    _give_outputs(patches)
    _import_buckets(patches)


def _make_state_machines_that_run(patches: Patches) -> None:
    """Moto makes a stack's state machines where its API does not look when they are to be executed."""
    patches.attribute(moto.stepfunctions.models, "stepfunctions_backends", stepfunctions_parser_backends)


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


def _import_buckets(patches: Patches) -> None:
    """Moto knows no ImportExistingResources: a bucket that is there already is taken into the stack."""

    def create(name: str, document: Any, account_id: str, region_name: str, **more: Any) -> FakeBucket:
        found = s3_backends[account_id]["aws"].buckets.get(name)
        return found or as_before(name, document, account_id, region_name, **more)  # type: ignore[no-any-return]

    as_before = patches.attribute(FakeBucket, "create_from_cloudformation_json", create)
