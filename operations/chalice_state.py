"""What Chalice remembers of a stage, found again on AWS.

`chalice deploy` knows its REST API and subscriptions only by .chalice/deployed/<stage>.json, which it writes at its
very end. On another machine, or after an interruption, it would make a second API with another address.
"""

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from operations.preflight import APP, Ground

Resource = dict[str, str]


def remembered(project: Path, stage: str) -> list[Resource]:
    """Return the resources that this machine knows of; none where it knows none."""
    try:
        state = json.loads(_path(project, stage).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    resources: list[Resource] = state["resources"]
    return resources


def recover(ground: Ground, project: Path) -> list[Resource]:
    """Write Chalice's memory of the stage anew from what AWS has, unless it is whole; return what was found.

    One without the API was written here, by a run that was interrupted, and may lack what that run made then.
    """
    if rest_api_id(project, ground.stage):
        return []
    resources = list(_functions(ground))
    api = _rest_api(ground)
    if api:
        resources.append(api)
    for function in [one for one in resources if one["resource_type"] == "lambda_function"]:
        resources += [*_subscriptions(ground, function), *_queues(ground, function)]
    path = _path(project, ground.stage)
    if resources or path.exists():
        path.parent.mkdir(exist_ok=True)
        state = {"resources": resources, "schema_version": "2.0", "backend": "api"}
        path.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    return resources


def subscription(project: Path, stage: str, function: str) -> str:
    """Return the ARN of the subscription that Chalice has made for *function*."""
    (arn,) = (
        one["subscription_arn"]
        for one in remembered(project, stage)
        if one["name"] == f"{function}-sns-subscription"
    )
    return arn


def rest_api_id(project: Path, stage: str) -> str | None:
    """Return the id of the stage's REST API, if Chalice has made it."""
    return next((one["rest_api_id"] for one in remembered(project, stage) if "rest_api_id" in one), None)


def _path(project: Path, stage: str) -> Path:
    return project / ".chalice" / "deployed" / f"{stage}.json"


def roles(ground: Ground) -> dict[str, str]:
    """Return the role of each function that the stage has on AWS."""
    return {name: one["Role"] for name, one in _deployed(ground).items()}


def _functions(ground: Ground) -> list[Resource]:
    kind = {"resource_type": "lambda_function"}
    return [{"name": name, **kind, "lambda_arn": one["FunctionArn"]} for name, one in _deployed(ground).items()]


def _deployed(ground: Ground) -> dict[str, Any]:
    """Return what Lambda has of the stage's functions, by Chalice's names."""
    pages = ground.session.client("lambda").get_paginator("list_functions").paginate()
    found = {one["FunctionName"]: one for page in pages for one in page["Functions"]}
    start = f"{ground.name}-"
    names = {name: name.removeprefix(start) for name in sorted(found) if name.startswith(start)}
    names.update({ground.name: "api_handler"} if ground.name in found else {})
    return {handler: found[name] for name, handler in names.items()}


def _rest_api(ground: Ground) -> Resource | None:
    """Return the API that calls this stage's function; all stages' APIs have one name."""
    client = ground.session.client("apigateway")
    pages = client.get_paginator("get_rest_apis").paginate()
    for api in (one for page in pages for one in page["items"] if one["name"] == APP):
        resources = client.get_resources(restApiId=api["id"], embed=["methods"], limit=500)["items"]
        if f":function:{ground.name}/" in json.dumps(resources, default=str):
            url = f"https://{api['id']}.execute-api.{ground.region}.amazonaws.com/{ground.stage}/"
            kind = {"name": "rest_api", "resource_type": "rest_api"}
            return {**kind, "rest_api_id": api["id"], "rest_api_url": url}
    return None


def _subscriptions(ground: Ground, function: Resource) -> list[Resource]:
    client, arn = ground.session.client("sns"), function["lambda_arn"]
    topic = f"{arn.split(':function:')[0].replace(':lambda:', ':sns:')}:{ground.name}"
    try:
        pages = list(client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFound":
            raise
        return []
    kind = {"name": f"{function['name']}-sns-subscription", "resource_type": "sns_event"}
    return [
        {**kind, "topic": topic, "lambda_arn": arn, "subscription_arn": one["SubscriptionArn"], "topic_arn": topic}
        for page in pages
        for one in page["Subscriptions"]
        if one["Endpoint"] == arn
    ]


def _queues(ground: Ground, function: Resource) -> list[Resource]:
    client, arn = ground.session.client("lambda"), function["lambda_arn"]
    found = client.list_event_source_mappings(FunctionName=arn)["EventSourceMappings"]
    kind = {"name": f"{function['name']}-sqs-event-source", "resource_type": "sqs_event"}
    return [
        {
            **kind,
            "queue_arn": one["EventSourceArn"],
            "event_uuid": one["UUID"],
            "queue": one["EventSourceArn"].rpartition(":")[2],
            "lambda_arn": arn,
        }
        for one in found
    ]
