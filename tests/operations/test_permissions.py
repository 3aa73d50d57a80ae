"""Each function may do what it does, and nothing else: a table of its calls, against the stack and its code."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import grimp
import pytest

from local.pipeline import PROJECT
from tests.operations.test_rules import planted
from tests.operations.test_stack import STACK

SECRETS = "ACCESS_TOKEN SLACK_URL"
MACHINES = "StateMachine HistoryMachine"
CALLS: dict[str, dict[str, str]] = {
    "api_handler": {
        "ssm:GetParameters": f"SIGNING_SECRET VERIFICATION_TOKEN {SECRETS}",
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "metadata problems documents history",
        "states:StartExecution": MACHINES,
        "states:DescribeExecution": "execution",
        "sqs:SendMessage": "Parking",
        "sns:Publish": "Topic",
    },
    "start_parked": {
        "ssm:GetParameters": SECRETS,
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "metadata",
        "states:StartExecution": MACHINES,
        "states:DescribeExecution": "execution",
        "sns:Publish": "Topic",
        "sqs:ReceiveMessage": "Parking",
        "sqs:DeleteMessage": "Parking",
        "sqs:GetQueueAttributes": "Parking",
    },
    "fetch_file": {
        "ssm:GetParameters": f"{SECRETS} EXPORT_TOKEN",
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "metadata documents",
        "s3:PutObject": "documents",
        "s3:AbortMultipartUpload": "documents",
    },
    "save_metadata": {
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "metadata messages withdrawn tags words recent",
        "s3:PutObject": "metadata messages withdrawn opened tags words recent",
        "s3:DeleteObject": "tags words recent",
    },
    "notify": {
        "ssm:GetParameters": SECRETS,
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "notices people problems history messages metadata",
        "s3:PutObject": "notices people problems history",
        "s3:DeleteObject": "problems",
        "sqs:SendMessage": "NoticesDead",
    },
    "ended": {"sns:Publish": "Topic", "sqs:SendMessage": "NoticesDead"},
    "read_history": {
        "ssm:GetParameters": SECRETS,
        "s3:ListBucket": "Bucket",
        "s3:GetObject": "messages metadata history",
        "s3:PutObject": "history",
        "states:StartExecution": MACHINES,
        "states:ListExecutions": "HistoryMachine",
        "states:DescribeExecution": "execution",
        "states:GetExecutionHistory": "execution",
    },
}
"""What each function calls, and on what."""

BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage NoticesDead"}
"""What Lambda itself calls in the function's name: it polls the queue, and keeps the dead letters."""
WORDS = {
    "s3:ListBucket": ("list_objects_v2", "get_object", "head_object"),  # without it a missing key is forbidden
    "s3:GetObject": ("get_object", "head_object", "presigned"),
    "s3:PutObject": ("put_object", "create_multipart_upload"),
    "s3:DeleteObject": ("delete_object",),
    "s3:AbortMultipartUpload": ("abort_multipart_upload",),
    "sns:Publish": ("sns().publish",),
}
"""How a call is written; else as `"DescribeExecution"`."""

Grants = set[tuple[str, str, str]]


def called() -> Grants:
    return {
        (function, action, resource)
        for function, calls in CALLS.items()
        for action, resources in calls.items()
        for resource in resources.split()
    }


def granted(template: Any) -> Iterator[tuple[str, str, str]]:
    """Yield function, action and resource, in short, of each grant."""
    for name, resource in template["Resources"].items():
        assumed = json.dumps(resource.get("Properties", {}).get("AssumeRolePolicyDocument", ""))
        if "lambda.amazonaws.com" in assumed:
            function = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Role")).lower()
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    for action in listed(statement["Action"]):
                        yield from ((function, action, short(each)) for each in listed(statement["Resource"]))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def short(resource: Any) -> str:
    """What of a resource tells it from the others: `metadata` of `${Bucket.Arn}/metadata/*`."""
    text = resource if isinstance(resource, str) else json.dumps(resource)
    match = re.search(r"Bucket\.Arn\}/(\w+)/\*$|/\$\{Stage\}/(\w+)(?:/\*)?$|:(execution):|^(\w+)(?:\.Arn)?$", text)
    return next(part for part in match.groups() if part) if match else text


def not_as_called(template: Any) -> list[str]:
    grants = {grant for grant in granted(template) if not grant[1].startswith("logs:")}
    return [f"granted, and not called: {grant}" for grant in sorted(grants - called())] + [
        f"called, and not granted: {grant}" for grant in sorted(called() - grants)
    ]


def logs_of_others(template: Any) -> list[str]:
    """A function writes its own log, and no other."""
    logs = {(function, resource) for function, action, resource in granted(template) if action.startswith("logs:")}
    own = {(function, f"{function.title().replace('_', '')}Logs") for function in CALLS}
    return sorted(map(str, logs ^ own))


def statements(template: Any, role: str) -> Any:
    return template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


MISTAKES: list[tuple[Callable[[Any], list[str]], Callable[[Any], object]]] = [
    (not_as_called, lambda it: statements(it, "EndedRole").append({"Action": "s3:GetObject", "Resource": "*"})),
    (not_as_called, lambda it: statements(it, "NotifyRole").append({"Action": "s3:*", "Resource": "*"})),
    (not_as_called, lambda it: statements(it, "FetchFileRole").pop()),
    (logs_of_others, lambda it: statements(it, "EndedRole")[0].update(Resource="NotifyLogs.Arn")),
]


@pytest.mark.parametrize("rule", [not_as_called, logs_of_others])
def test_the_roles_grant_what_is_called_and_nothing_else(rule: Callable[[Any], list[str]]) -> None:
    assert rule(STACK) == []


@pytest.mark.parametrize(("rule", "mistake"), MISTAKES)
def test_a_mistake_in_a_role_is_seen(rule: Callable[[Any], list[str]], mistake: Callable[[Any], object]) -> None:
    assert rule(planted(STACK, mistake)) != []


def imported(function: str) -> set[str]:
    """The modules that a function of app.py imports, itself or by what it imports."""
    tree = ast.parse((PROJECT / "app.py").read_text(encoding="utf-8"))
    handlers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and is_of(node, function)]
    names = {
        name
        for handler in handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.ImportFrom)
        for name in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
    }
    names |= {"chalicelib.settings"} | ({"chalicelib.events_route"} if function == "api_handler" else set())
    graph = grimp.build_graph("chalicelib")
    first = (names & graph.modules) - {"chalicelib"}
    return first | {module for name in first for module in graph.find_upstream_modules(name)} - {"chalicelib"}


def is_of(handler: ast.FunctionDef, function: str) -> bool:
    """Return True for what Lambda calls as *function*: a function of that name, or a route."""
    is_route = any("'route'" in ast.dump(decorator) for decorator in handler.decorator_list)
    return handler.name == function or (function == "api_handler" and is_route)


@pytest.mark.parametrize("function", CALLS)
def test_what_the_table_says_a_function_calls_is_in_the_code_that_it_imports(function: str) -> None:
    files = [PROJECT / f"{module.replace('.', '/')}.py" for module in imported(function)]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    absent = [
        action
        for action, resources in CALLS[function].items()
        if not {action, f"{action} {resources}"} & BY_LAMBDA
        and not any(word in code for word in WORDS.get(action, (f'"{action.partition(":")[2]}"',)))
    ]
    assert absent == []
