"""The policy of docs/operations.md: what CloudFormation asks for on behalf of whoever deploys is in it.

CloudFormation makes each resource with the rights of its caller. Which ones that takes is in the resource types'
own schemas, of which cfn-lint has a copy; that the commands' own calls are permitted, test_deploy.py finds out.
"""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from moto.iam.access_control import IAMPolicy, PermissionResult

from local.pipeline import PROJECT
from tests.operations.deployment import deployer_policy

CFN_LINT = find_spec("cfnlint")
assert CFN_LINT
DATA = Path(str(CFN_LINT.origin)).parent / "data"
UNUSED = re.compile(
    # Keys, streams, tables, connections and policies that the stack does not have.
    r"(kms|firehose|lakeformation|s3tables):.*|glue:.*(Connection|SchemaVersion)|s3:REST\..*|logs:(Put|Delete)IndexPolicy"
    r"|iam:(Attach|Detach)RolePolicy|iam:\w+RolePermissionsBoundary|iam:UpdateRoleDescription"
)


@cache
def stack_actions() -> frozenset[str]:
    """What making, reading, changing and deleting the stack's resources takes."""
    types = set(re.findall(r"Type: (AWS::\S+)", (PROJECT / "stepfunctions" / "stack.yaml").read_text()))
    actions: set[str] = set()
    for file in (DATA / "schemas" / "resources").glob("*.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        if schema.get("typeName") in types:
            handlers = schema.get("handlers", {})
            for kind in ("create", "read", "update", "delete"):
                actions.update(handlers.get(kind, {}).get("permissions", []))
    return frozenset(action for action in actions if not UNUSED.fullmatch(action))


@cache
def actions_without_resources() -> frozenset[str]:
    """What AWS binds to no resource, in lower case."""
    services = json.loads((DATA / "AdditionalSpecs" / "Policies.json").read_text(encoding="utf-8"))
    return frozenset(
        f"{service}:{action}".lower()
        for service, about in services.items()
        for action, needs in about["Actions"].items()
        if not needs.get("Resources")
    )


def permits(statements: list[Any], action: str) -> bool:
    policies = [{"Statement": [{**statement, "Resource": "*"}]} for statement in statements]
    answers = [
        IAMPolicy(json.dumps(policy)).is_action_permitted(action=action, resource="*") for policy in policies
    ]
    return PermissionResult.PERMITTED in answers


def test_what_cloudformation_asks_for_is_known() -> None:
    assert {"sqs:CreateQueue", "iam:PassRole", "logs:CreateLogDelivery", "glue:CreateTable"} <= stack_actions()
    assert len(stack_actions()) > 100


@pytest.mark.parametrize("action", sorted(stack_actions()))
def test_the_policy_permits_what_cloudformation_does_for_its_caller(action: str) -> None:
    statements = deployer_policy()["Statement"]
    is_bound = action.lower() not in actions_without_resources()
    assert permits([each for each in statements if is_bound or each["Resource"] == "*"], action)
