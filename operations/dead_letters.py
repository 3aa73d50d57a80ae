"""Where notices go that nobody takes: what Chalice cannot set, and takes away where it deploys a rule.

Lambda keeps those on which notify or ended has failed three times; SNS and EventBridge keep those for which
they may invoke no function (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
"""

import json
from typing import Any

from operations import chalice_state
from operations.stages import Stage

FUNCTIONS = ("notify", "ended")


def queue(stage: Stage) -> str:
    """Return the ARN of the queue that keeps them."""
    return stage.arn("sqs", f"{stage.prefix}-notices-dead")


def keep(stage: Stage) -> None:
    """Let the queue keep the notices that would be dropped."""
    for function in FUNCTIONS:
        stage.client("lambda").put_function_event_invoke_config(
            FunctionName=f"{stage.prefix}-{function}",
            MaximumRetryAttempts=2,
            DestinationConfig={"OnFailure": {"Destination": queue(stage)}},
        )
    for subscription in _subscriptions(stage):
        stage.client("sns").set_subscription_attributes(
            SubscriptionArn=subscription,
            AttributeName="RedrivePolicy",
            AttributeValue=json.dumps({"deadLetterTargetArn": queue(stage)}),
        )
    targets = [{**target, "DeadLetterConfig": {"Arn": queue(stage)}} for target in _targets(stage)]
    stage.client("events").put_targets(Rule=chalice_state.rule(stage, "ended"), Targets=targets)


def missing(stage: Stage) -> list[str]:
    """Return what would drop a notice, in words; nothing where all of them are kept."""
    queues_of = {f"the function {name}": [_destination(stage, name)] for name in FUNCTIONS}
    queues_of["the topic's subscription"] = [_redrive(stage, each) for each in _subscriptions(stage)]
    targets = [target.get("DeadLetterConfig", {}).get("Arn") for target in _targets(stage)]
    queues_of[f"the rule {chalice_state.rule(stage, 'ended')}"] = targets
    return [name for name, queues in queues_of.items() if set(queues) != {queue(stage)}]


def _destination(stage: Stage, function: str) -> str | None:
    client = stage.client("lambda")
    try:
        config = client.get_function_event_invoke_config(FunctionName=f"{stage.prefix}-{function}")
    except client.exceptions.ResourceNotFoundException:
        return None
    destination: str | None = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    return destination


def _subscriptions(stage: Stage) -> list[str]:
    """Return the ARNs of the subscriptions that Chalice has made for notify."""
    client, endpoint = stage.client("sns"), stage.arn("lambda", f"function:{stage.prefix}-notify")
    pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=stage.arn("sns", stage.prefix))
    subscriptions = [each for page in pages for each in page["Subscriptions"]]
    return [each["SubscriptionArn"] for each in subscriptions if each["Endpoint"] == endpoint]


def _redrive(stage: Stage, subscription: str) -> str | None:
    about = stage.client("sns").get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    queue_arn: str | None = json.loads(about.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
    return queue_arn


def _targets(stage: Stage) -> list[Any]:
    """Return what the rule about executions that die calls; nothing where there is no rule."""
    client = stage.client("events")
    try:
        targets: list[Any] = client.list_targets_by_rule(Rule=chalice_state.rule(stage, "ended"))["Targets"]
    except client.exceptions.ResourceNotFoundException:
        return []
    return targets
