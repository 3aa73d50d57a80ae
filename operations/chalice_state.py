"""What Chalice remembers of a stage, found again on AWS.

`chalice deploy` knows its REST API and subscriptions only by .chalice/deployed/<stage>.json, which it writes at its
very end. On another machine, or after an interruption, it would make a second API with another address.
"""

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from operations.stages import APP, Stage

Resource = dict[str, str]


def remembered(project: Path, stage: str) -> list[Resource]:
    """Return the resources that this machine knows of; none where it knows none."""
    try:
        state = json.loads(_path(project, stage).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    resources: list[Resource] = state["resources"]
    return resources


def recover(stage: Stage, project: Path) -> list[Resource]:
    """Write Chalice's memory of the stage anew from what AWS has, unless it is whole; return what was found.

    A file without the API was left by an interrupted run and may miss resources that the run made after it.
    """
    if rest_api_id(project, stage.name):
        return []
    resources = list(_functions(stage))
    api = rest_api(stage)
    if api:
        resources.append(api)
    for function in [resource for resource in resources if resource["resource_type"] == "lambda_function"]:
        resources += [*_subscriptions(stage, function), *_queues(stage, function), *_rules(stage, function)]
    path = _path(project, stage.name)
    if resources or path.exists():
        path.parent.mkdir(exist_ok=True)
        state = {"resources": resources, "schema_version": "2.0", "backend": "api"}
        path.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    return resources


def rule(stage: Stage, function: str) -> str:
    """Return the name of the EventBridge rule that Chalice makes for *function*."""
    return f"{stage.prefix}-{function}-event"


def rest_api_id(project: Path, stage: str) -> str | None:
    """Return the id of the stage's REST API, if Chalice has made it."""
    return next((each["rest_api_id"] for each in remembered(project, stage) if "rest_api_id" in each), None)


def _path(project: Path, stage: str) -> Path:
    return project / ".chalice" / "deployed" / f"{stage}.json"


def roles(stage: Stage) -> dict[str, str]:
    """Return the role of each function that the stage has on AWS."""
    return {name: function["Role"] for name, function in _functions_by_handler(stage).items()}


def _functions(stage: Stage) -> list[Resource]:
    kind = {"resource_type": "lambda_function"}
    functions = _functions_by_handler(stage).items()
    return [{"name": name, **kind, "lambda_arn": function["FunctionArn"]} for name, function in functions]


def _functions_by_handler(stage: Stage) -> dict[str, Any]:
    """Return what Lambda has of the stage's functions, by Chalice's names."""
    pages = stage.client("lambda").get_paginator("list_functions").paginate()
    functions = {function["FunctionName"]: function for page in pages for function in page["Functions"]}
    start = f"{stage.prefix}-"
    names = {name: name.removeprefix(start) for name in sorted(functions) if name.startswith(start)}
    names.update({stage.prefix: "api_handler"} if stage.prefix in functions else {})
    return {handler: functions[name] for name, handler in names.items()}


def rest_api(stage: Stage) -> Resource | None:
    """Return the API that calls this stage's function; all stages' APIs have one name."""
    client = stage.client("apigateway")
    pages = client.get_paginator("get_rest_apis").paginate()
    for api in (item for page in pages for item in page["items"] if item["name"] == APP):
        resources = client.get_resources(restApiId=api["id"], embed=["methods"], limit=500)["items"]
        if f":function:{stage.prefix}/" in json.dumps(resources, default=str):
            url = f"https://{api['id']}.execute-api.{stage.region}.amazonaws.com/{stage.name}/"
            kind = {"name": "rest_api", "resource_type": "rest_api"}
            return {**kind, "rest_api_id": api["id"], "rest_api_url": url}
    return None


def _subscriptions(stage: Stage, function: Resource) -> list[Resource]:
    client, arn = stage.client("sns"), function["lambda_arn"]
    topic = f"{arn.split(':function:')[0].replace(':lambda:', ':sns:')}:{stage.prefix}"
    try:
        pages = list(client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFound":
            raise
        return []
    kind = {"name": f"{function['name']}-sns-subscription", "resource_type": "sns_event"}
    about = {**kind, "topic": topic, "lambda_arn": arn, "topic_arn": topic}
    return [
        {**about, "subscription_arn": subscription["SubscriptionArn"]}
        for page in pages
        for subscription in page["Subscriptions"]
        if subscription["Endpoint"] == arn
    ]


def _queues(stage: Stage, function: Resource) -> list[Resource]:
    client, arn = stage.client("lambda"), function["lambda_arn"]
    mappings = client.list_event_source_mappings(FunctionName=arn)["EventSourceMappings"]
    about = {
        "name": f"{function['name']}-sqs-event-source",
        "resource_type": "sqs_event",
        "lambda_arn": arn,
    }
    return [
        {
            **about,
            "queue_arn": mapping["EventSourceArn"],
            "event_uuid": mapping["UUID"],
            "queue": mapping["EventSourceArn"].rpartition(":")[2],
        }
        for mapping in mappings
    ]


def _rules(stage: Stage, function: Resource) -> list[Resource]:
    client, name = stage.client("events"), rule(stage, function["name"])
    try:
        client.describe_rule(Name=name)
    except client.exceptions.ResourceNotFoundException:
        return []
    return [{"name": f"{function['name']}-event", "resource_type": "cloudwatch_event", "rule_name": name}]
