"""Where moto's CloudFormation is not enough like AWS for this project's stack."""

import logging
from types import SimpleNamespace
from typing import Any

import moto.stepfunctions.models
from moto.cloudformation import parsing
from moto.cloudformation.models import CloudFormationBackend
from moto.s3.models import FakeBucket, s3_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.patches import Patches


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
    _import_buckets(patches)


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


def _import_buckets(patches: Patches) -> None:
    """Moto knows no ImportExistingResources: a bucket that is there already is taken into the stack."""

    def create(name: str, document: Any, account_id: str, region_name: str, **more: Any) -> FakeBucket:
        found = s3_backends[account_id]["aws"].buckets.get(name)
        return found or as_before(name, document, account_id, region_name, **more)

    as_before = patches.attribute(FakeBucket, "create_from_cloudformation_json", create)
