"""CloudWatch's part of the local AWS: a stack's alarms, and which metrics there are.

Moto's CloudFormation skips alarms, and its CloudWatch knows the metrics alone that somebody puts there.
"""

from collections.abc import Iterator
from typing import Any

from moto.apigateway.models import apigateway_backends
from moto.cloudformation import parsing
from moto.cloudwatch.models import (
    CloudWatchBackend,
    Dimension,
    Metric,
    MetricDataQuery,
    MetricStat,
    cloudwatch_backends,
)
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

from local.aws.patches import Patches

OF_FUNCTIONS = ("Invocations", "Errors", "Duration", "Throttles", "ConcurrentExecutions")
OF_STATE_MACHINES = (
    "ExecutionsStarted",
    "ExecutionsSucceeded",
    "ExecutionsFailed",
    "ExecutionsTimedOut",
    "ExecutionsAborted",
    "ExecutionThrottled",
    "ExecutionTime",
)
OF_QUEUES = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateAgeOfOldestMessage",
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
)
OF_APIS = ("Count", "4XXError", "5XXError", "Latency", "IntegrationLatency")

Json = dict[str, Any]


class Usage:
    """What has been used so far, since CloudWatch lists only metrics that have had data.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.state_machines: set[str] = set()
        self.is_api_called = False

    def metrics(self, account: str, region: str) -> Iterator[Metric]:
        """Yield the metrics that AWS's services have put there by now."""
        for function in sorted(self.functions):
            yield from _metrics("AWS/Lambda", OF_FUNCTIONS, FunctionName=function)
        for machine in sorted(self.state_machines):
            yield from _metrics("AWS/States", OF_STATE_MACHINES, StateMachineArn=machine)
        for queue in sqs_backends[account][region].queues.values():
            yield from _metrics("AWS/SQS", OF_QUEUES, QueueName=queue.name)
        for api in apigateway_backends[account][region].apis.values() if self.is_api_called else ():
            for stage in api.stages:
                yield from _metrics("AWS/ApiGateway", OF_APIS, ApiName=api.name, Stage=stage)


def _metrics(namespace: str, names: tuple[str, ...], **dimensions: str) -> Iterator[Metric]:
    for name in names:
        yield Metric(name, namespace, [Dimension(each, value) for each, value in dimensions.items()])


def watch(patches: Patches, usage: Usage) -> None:
    """Make the stacks' alarms, and list the metrics of what *usage* names."""

    def class_of(resource_type: str) -> Any:
        return _StackAlarm if resource_type == "AWS::CloudWatch::Alarm" else class_before(resource_type)

    def name_of(resource_type: str) -> Any:
        return "AlarmName" if resource_type == "AWS::CloudWatch::Alarm" else name_before(resource_type)

    def list_metrics(backend: Any, metric_name: str, namespace: str, dimensions: list[Json]) -> list[Metric]:
        values = {each["Name"]: each.get("Value") for each in dimensions or []}
        return [
            metric
            for metric in usage.metrics(backend.account_id, backend.region_name)
            if namespace in (None, metric.namespace) and metric_name in (None, metric.metric_name)
            if _has(metric, values)
        ]

    def terminated(worker: Any) -> None:
        as_before(worker)
        usage.state_machines.add(worker.execution.state_machine.arn)

    class_before = patches.attribute(parsing, "resource_class_from_type", class_of)
    name_before = patches.attribute(parsing, "resource_name_property_from_type", name_of)
    patches.attribute(CloudWatchBackend, "get_filtered_metrics", list_metrics)
    as_before = patches.attribute(BaseExecutionWorkerCommunication, "terminated", terminated)


def _has(metric: Metric, values: Json) -> bool:
    dimensions = {dimension.name: dimension.value for dimension in metric.dimensions}
    return all(name in dimensions and value in (None, dimensions[name]) for name, value in values.items())


class _StackAlarm:
    """An alarm as moto's CloudFormation makes, updates and deletes it."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = self.name = name

    @classmethod
    def create_from_cloudformation_json(
        cls, name: str, resource: Json, account: str, region: str, **_: Any
    ) -> "_StackAlarm":
        """Put the alarm of *resource*."""
        alarm = resource["Properties"]
        cloudwatch_backends[account][region].put_metric_alarm(
            name=name,
            namespace=alarm.get("Namespace"),
            metric_name=alarm.get("MetricName"),
            metric_data_queries=[_query(metric) for metric in alarm.get("Metrics", [])],
            comparison_operator=alarm["ComparisonOperator"],
            evaluation_periods=alarm["EvaluationPeriods"],
            period=alarm.get("Period"),
            threshold=alarm["Threshold"],
            statistic=alarm.get("Statistic"),
            description=alarm["AlarmDescription"],
            dimensions=alarm.get("Dimensions", []),
            alarm_actions=alarm["AlarmActions"],
            treat_missing_data=alarm["TreatMissingData"],
        )
        return cls(name)

    @classmethod
    def update_from_cloudformation_json(
        cls, original: Any, name: str, resource: Json, account: str, region: str
    ) -> "_StackAlarm":
        """Put the alarm anew: one of the same name is replaced."""
        return cls.create_from_cloudformation_json(name, resource, account, region)

    def delete(self, account: str, region: str) -> None:
        """Delete the alarm, if it is there."""
        cloudwatch_backends[account][region].delete_alarms([self.name])

    @classmethod
    def has_cfn_attr(cls, attribute: str) -> bool:
        """Return whether the alarm has the attribute."""
        return attribute == "Arn"

    def is_created(self) -> bool:
        """Return True: nothing is waited for."""
        return True


def _query(query: Json) -> MetricDataQuery:
    stat = query.get("MetricStat")
    make: Any = MetricDataQuery  # its annotations leave None out
    if stat is None:
        return make(query["Id"], query.get("Label"), None, True, query["Expression"])  # type: ignore[no-any-return]
    about = stat["Metric"]
    dimensions = [Dimension(each["Name"], each["Value"]) for each in about["Dimensions"]]
    metric = Metric(about["MetricName"], about["Namespace"], dimensions)
    return make(  # type: ignore[no-any-return]
        query["Id"], None, None, query["ReturnData"], None, MetricStat(metric, stat["Period"], stat["Stat"], "None")
    )
