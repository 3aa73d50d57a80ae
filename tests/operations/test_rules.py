"""Rules for the workflow and the stack that no simulator enforces: AWS would, or a document of ours promises them.

Each rule returns what breaks it. The real workflow and stack break none; a planted mistake is seen.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.aws import lambda_errors
from tests.app.test_contracts import ASL, HISTORY, STAGES, states
from tests.operations.test_stack import STACK

HOUR = 3600
MOST_EVENTS = 25_000
"""Of an execution's history: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
EVENTS_PER_TRY = 3
"""TaskScheduled, TaskStarted, and TaskFailed or TaskSucceeded."""
MOST_METRICS = 10
"""Of an alarm: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html"""
MOST_RECEIVES = 3
"""After so many receives a message leaves the metric of the oldest message's age:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"""
FILES = 30
"""More than a person can share in one message: Slack's composer takes ten files."""

Rule = Callable[[Any], list[str]]


def waits(retrier: Any) -> Iterator[float]:
    """The least seconds of each wait: FULL jitter may make any of them nothing."""
    for attempt in range(retrier.get("MaxAttempts", 3)):
        wait = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** attempt
        shortest = 0.0 if retrier.get("JitterStrategy") == "FULL" else 1.0
        yield shortest * min(wait, retrier.get("MaxDelaySeconds", 31_622_400))


def retriers(machine: Any) -> Iterator[tuple[str, Any]]:
    for name, state in states(machine):
        yield from ((name, retrier) for retrier in state.get("Retry", []))


def promised_hours(errors: set[str]) -> float:
    """How long docs/reliability.md says that trouble of this kind is tried again, at least."""
    if errors & set(lambda_errors.ENDED) and "States.TaskFailed" not in errors:
        return 0  # two more tries, and then the person is told
    if errors & {*lambda_errors.SERVICE, "States.TaskFailed"}:
        return 2
    return 6


def short_patience(machine: Any) -> list[str]:
    return [
        f"{name} gives {', '.join(retrier['ErrorEquals'])} up after {sum(waits(retrier)) / HOUR:.1f} h"
        for name, retrier in retriers(machine)
        if sum(waits(retrier)) < HOUR * promised_hours(set(retrier["ErrorEquals"]))
    ]


def long_patience(machine: Any) -> list[str]:
    """What would outlast the execution, when every state uses every retry, or overflow its history."""
    longest = sum(sum(waits({**retrier, "JitterStrategy": "NONE"})) for _, retrier in retriers(machine))
    tries = {name: 1 for name, state in states(machine) if state["Type"] == "Task"}
    for name, retrier in retriers(machine):
        tries[name] += retrier["MaxAttempts"]
    of_a_file = set(dict(states(machine["States"]["ArchiveFiles"]["ItemProcessor"])))
    entered_and_left = 2 * len(of_a_file) + 4  # and the iteration itself
    events = sum(EVENTS_PER_TRY * count for name, count in tries.items() if name in of_a_file) + entered_and_left
    problems = [f"{FILES} files make {FILES * events} events"] if FILES * events > MOST_EVENTS else []
    return problems + ([f"{longest / HOUR:.0f} h"] if longest > machine["TimeoutSeconds"] else [])


def wildcards(machine: Any) -> list[str]:
    """A path that selects may be unpacked where it has one match, and decides nothing therefore."""
    return re.findall(r'"[^"]*\$[^"]*(?:\[\*\]|\.\.|\[\?)[^"]*"', json.dumps(machine))


def tasks_without_timeout(machine: Any) -> list[str]:
    """A task waits for longer than the function that it calls may run; one that calls none has a limit, too."""
    return [
        name
        for name, state in states(machine)
        if state["Type"] == "Task" and state.get("TimeoutSeconds", 0) <= limit_of(state)
    ]


def limit_of(task: Any) -> int:
    """The seconds that the task's function may run, in the stage that gives it most; 0 if it calls none."""
    arn = re.fullmatch(r"\$\{(\w+)Arn\}", task["Parameters"].get("FunctionName", ""))
    if arn is None:
        return 0
    function = re.sub(r"(?<!^)(?=[A-Z])", "_", arn[1]).lower()
    seconds: list[int] = [block["lambda_functions"][function]["lambda_timeout"] for block in STAGES.values()]
    return max(seconds)


def incomplete_failure_names(machine: Any) -> list[str]:
    """A Retry that names one of Lambda's failures names all of its kind."""
    kinds = [set(lambda_errors.SERVICE), set(lambda_errors.ENDED) - {"States.Timeout"}]
    return [
        f"{name}: {', '.join(sorted(kind - set(retrier['ErrorEquals'])))}"
        for name, retrier in retriers(machine)
        for kind in kinds
        if kind & set(retrier["ErrorEquals"]) and not kind <= set(retrier["ErrorEquals"])
    ]


def lambda_tasks_that_try_once(machine: Any) -> list[str]:
    """Each failure of Lambda's own is tried again; States.TaskFailed stands for all but a timeout."""
    every = {*lambda_errors.SERVICE, *lambda_errors.ENDED}
    return [
        name
        for name, state in states(machine)
        if "lambda:invoke" in state.get("Resource", "") and not every <= retried(state)
    ]


def retried(state: Any) -> set[str]:
    names = {error for retrier in state.get("Retry", []) for error in retrier["ErrorEquals"]}
    of_tasks = {*lambda_errors.SERVICE, *lambda_errors.ENDED} - {"States.Timeout"}
    return names | of_tasks if "States.TaskFailed" in names else names


def computed_names_of_retained(template: Any) -> list[str]:
    """CloudFormation imports what was retained only under a literal name, and only with such a policy."""
    names = {"AWS::S3::Bucket": "BucketName"}
    return [
        name
        for name, resource in template["Resources"].items()
        if "Retain" in resource.get("DeletionPolicy", "")
        and not re.fullmatch(r"[a-z0-9-]+", str(resource["Properties"].get(names.get(resource["Type"], ""))))
    ]


def retained_after_a_failed_creation(template: Any) -> list[str]:
    resources = template["Resources"].items()
    return [name for name, resource in resources if resource.get("DeletionPolicy") == "Retain"]


def conditions_for_eventbridge(template: Any) -> list[str]:
    """Pages of AWS's disagree on whether a topic may set EventBridge conditions; without, anybody may publish."""
    return [
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::SNS::TopicPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if "events.amazonaws.com" in json.dumps(statement["Principal"])
    ]


def ages_that_are_forgotten(template: Any) -> list[str]:
    queues = [resource for resource in template["Resources"].values() if resource["Type"] == "AWS::SQS::Queue"]
    limits = [queue["Properties"].get("RedrivePolicy", {}).get("maxReceiveCount", 0) for queue in queues]
    uses = "ApproximateAgeOfOldestMessage" in json.dumps(template)
    return ["ApproximateAgeOfOldestMessage"] if uses and max(limits) > MOST_RECEIVES else []


def alarms(template: Any) -> Iterator[tuple[str, Any]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            yield name, resource["Properties"]


def series_without_fill(template: Any) -> list[str]:
    """In a sum, a series without data makes the whole sum one without data."""
    return [
        f"{name}: {metric['Id']}"
        for name, alarm in alarms(template)
        for metric in alarm.get("Metrics", [])
        if "MetricStat" in metric and f"FILL({metric['Id']}, 0)" not in alarm["Metrics"][0]["Expression"]
    ]


def alarms_with_too_many_metrics(template: Any) -> list[str]:
    return [name for name, alarm in alarms(template) if len(alarm.get("Metrics", [])) - 1 > MOST_METRICS]


def planted(good: Any, mistake: Callable[[Any], object]) -> Any:
    bad = copy.deepcopy(good)
    mistake(bad)
    return bad


def fetch(machine: Any) -> Any:
    return machine["States"]["ArchiveFiles"]["ItemProcessor"]["States"]["FetchFile"]


def page(machine: Any) -> Any:
    return machine["States"]["ReadPage"]


def resource(template: Any, name: str) -> Any:
    return template["Resources"][name]


def topic_policy(condition: bool) -> Any:
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    more = {"Condition": {"ArnEquals": {"aws:SourceArn": "rule"}}} if condition else {}
    document = {"Statement": [{**statement, **more}]}
    return {"Type": "AWS::SNS::TopicPolicy", "Properties": {"PolicyDocument": document}}


WORKFLOW: list[tuple[Rule, Callable[[Any], object]]] = [
    (short_patience, lambda machine: fetch(machine)["Retry"][2].update(JitterStrategy="FULL")),
    (short_patience, lambda machine: fetch(machine)["Retry"][0].update(MaxAttempts=12)),
    (short_patience, lambda machine: machine["States"]["NotifyOutcome"]["Retry"][0].update(MaxAttempts=12)),
    (long_patience, lambda machine: fetch(machine)["Retry"][2].update(MaxAttempts=150)),
    (long_patience, lambda machine: machine.update(TimeoutSeconds=24 * HOUR)),
    (wildcards, lambda machine: machine["States"]["ArchiveFiles"]["ItemSelector"].update({"a.$": "$.files[*].id"})),
    (wildcards, lambda machine: machine["States"]["ArchiveFiles"]["ItemSelector"].update({"a.$": "$..id"})),
    (tasks_without_timeout, lambda machine: fetch(machine).pop("TimeoutSeconds")),
    (tasks_without_timeout, lambda machine: fetch(machine).update(TimeoutSeconds=900)),
    (tasks_without_timeout, lambda machine: machine["States"]["NotifyOutcome"].pop("TimeoutSeconds")),
    (incomplete_failure_names, lambda machine: fetch(machine)["Retry"][3]["ErrorEquals"].pop()),
    (incomplete_failure_names, lambda machine: fetch(machine)["Retry"][0]["ErrorEquals"].pop()),
    (lambda_tasks_that_try_once, lambda machine: fetch(machine)["Retry"].pop()),
]
OF_HISTORY: list[tuple[Rule, Callable[[Any], object]]] = [
    (short_patience, lambda machine: page(machine)["Retry"][1].update(MaxAttempts=12)),
    (wildcards, lambda machine: page(machine)["Parameters"]["Payload"].update({"a.$": "$.channels[*].id"})),
    (tasks_without_timeout, lambda machine: page(machine).update(TimeoutSeconds=120)),
    (tasks_without_timeout, lambda machine: machine["States"]["SayStopped"].pop("TimeoutSeconds")),
    (incomplete_failure_names, lambda machine: page(machine)["Retry"][0]["ErrorEquals"].pop()),
    (incomplete_failure_names, lambda machine: page(machine)["Retry"][2]["ErrorEquals"].pop()),
    (lambda_tasks_that_try_once, lambda machine: page(machine)["Retry"].pop()),
    (lambda_tasks_that_try_once, lambda machine: machine["States"]["SayStopped"].pop("Retry")),
]
TEMPLATE: list[tuple[Rule, Callable[[Any], object]]] = [
    (computed_names_of_retained, lambda it: resource(it, "Bucket")["Properties"].update(BucketName="b-${Stage}")),
    (computed_names_of_retained, lambda it: resource(it, "Topic").update(DeletionPolicy="Retain")),
    (retained_after_a_failed_creation, lambda it: resource(it, "Bucket").update(DeletionPolicy="Retain")),
    (conditions_for_eventbridge, lambda it: it["Resources"].update(Policy=topic_policy(condition=True))),
    (conditions_for_eventbridge, lambda it: it["Resources"].update(Policy=topic_policy(condition=False))),
    (
        ages_that_are_forgotten,
        lambda it: resource(it, "ApiAlarm")["Properties"].update(MetricName="ApproximateAgeOfOldestMessage"),
    ),
    (
        series_without_fill,
        lambda it: resource(it, "FunctionsAlarm")["Properties"]["Metrics"][0].update(Expression="SUM(METRICS())"),
    ),
    (
        alarms_with_too_many_metrics,
        lambda it: resource(it, "FunctionsAlarm")["Properties"].update(Metrics=[{}] * 12),
    ),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in WORKFLOW))
def test_the_workflow_keeps_the_rule(rule: Rule) -> None:
    assert rule(ASL) == []


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in OF_HISTORY))
def test_the_workflow_of_a_conversations_past_keeps_the_rule(rule: Rule) -> None:
    assert rule(HISTORY) == []


@pytest.mark.parametrize(("rule", "mistake"), OF_HISTORY)
def test_a_mistake_in_the_workflow_of_a_conversations_past_is_seen(
    rule: Rule, mistake: Callable[[Any], object]
) -> None:
    assert rule(planted(HISTORY, mistake)) != []


@pytest.mark.parametrize(("rule", "mistake"), WORKFLOW)
def test_a_mistake_in_the_workflow_is_seen(rule: Rule, mistake: Callable[[Any], object]) -> None:
    assert rule(planted(ASL, mistake)) != []


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in TEMPLATE))
def test_the_stack_keeps_the_rule(rule: Rule) -> None:
    assert rule(STACK) == []


@pytest.mark.parametrize(("rule", "mistake"), TEMPLATE)
def test_a_mistake_in_the_stack_is_seen(rule: Rule, mistake: Callable[[Any], object]) -> None:
    assert rule(planted(STACK, mistake)) != []
