"""Is the stage whole, does it answer, and who would hear of it when something breaks?"""

import time
from collections.abc import Iterator
from typing import Any

import requests

from chalicelib import signing
from operations import chalice_state, dead_letters, stack
from operations.proof import Proof, Remark, Wrong

FEW = 100
"""Functions at once below which an upload of many files can keep Slack waiting. A new account may have 10."""
QUOTA = "Service Quotas, AWS Lambda, “Concurrent executions”"
CHALLENGE = b'{"type":"url_verification","challenge":"proof"%s}'


def whole_stage(proof: Proof) -> Iterator[str]:
    """Compare what there is with what the stack says there is."""
    stage = proof.stage
    status, outputs = stack.state(stage.client("cloudformation"), stage.prefix)
    if status not in stack.GOOD:
        raise Wrong(f"the stack {stage.prefix} is {f'in {status}' if status else 'not there'}: {proof.deploy}.")
    roles, functions = stack.roles(outputs), chalice_state.roles(stage)
    missing_functions = sorted(roles.keys() - functions.keys())
    if missing_functions:
        raise Wrong(f"the stage is there in part, without {', '.join(missing_functions)}: {proof.deploy}.")
    strange = sorted(name for name, role in roles.items() if functions[name] != role)
    if strange:
        raise Wrong(f"{', '.join(strange)} run with another role than the stack's: {proof.deploy}.")
    yield f"the stack, {len(roles)} functions with their roles, and the API {proof.url} are there"


def signed_requests(proof: Proof) -> Iterator[str]:
    """Send what Slack sends when the address is entered: signed, and unsigned."""
    address = f"{proof.url}/slack/events"
    token = proof.settings.verification_token
    body = CHALLENGE % (f',"token":"{token}"'.encode() if token else b"")
    secret = proof.settings.signing_secret
    if proof.wait_for(lambda: _right(_answer(address, body, secret))) is None:
        raise Wrong(
            f"{address} does not answer as it should ({_answer(address, body, secret)}). The log says why: "
            f".venv/bin/chalice logs --stage {proof.stage.name} --name api_handler"
        )
    unsigned = _answer(address, body, "nobody's secret")
    if not unsigned.startswith("401"):
        raise Wrong(
            f"{address} answers {unsigned[:3]} and not 401 to a request with a wrong signature: anybody could send "
            f"events. {proof.deploy} RENEW=SIGNING_SECRET."
        )
    yield f"{address} answers a signed request, and refuses one with a wrong signature"


def _answer(address: str, body: bytes, secret: str) -> str:
    stamp = str(int(time.time()))
    signature_headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signing.signature(secret, stamp, body),
    }
    try:
        answer = requests.post(
            address, body, headers={"Content-Type": "application/json", **signature_headers}, timeout=15
        )
    except requests.RequestException as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.text[:200]}"


def _right(answer: str) -> str | None:
    return answer if answer == '200 {"challenge":"proof"}' else None


def concurrency(proof: Proof) -> Iterator[str]:
    """Look how many functions may run at once: a new account's quota is below what the documentation names."""
    client = proof.stage.client("lambda")
    for name in chalice_state.roles(proof.stage):
        function = proof.stage.prefix + (f"-{name}" if name != "api_handler" else "")
        reserved = client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
        if reserved == 0:
            raise Wrong(
                f"{function} is switched off: its reserved concurrency is 0. {proof.deploy} takes that away."
            )
    most = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if most < FEW:
        raise Remark(
            f"this account runs at most {most} functions at once, as new accounts do. When more is shared, uploads "
            f"wait for hours if need be, and Slack's requests among them. Ask for 1,000: {QUOTA}"
        )
    yield f"{most:,} functions may run at once"


def kept_notices(proof: Proof) -> Iterator[str]:
    """Look where notices go that nobody takes: Chalice cannot set that, and takes a part of it away."""
    sources = dead_letters.missing(proof.stage)
    if sources:
        raise Wrong(
            f"no dead letters from {', '.join(sources)}: notices could be lost. A plain `chalice deploy` takes "
            f"them away; {proof.deploy} sets them again."
        )
    yield f"notices that cannot be delivered go to {proof.stage.prefix}-notices-dead"


def alarms(proof: Proof) -> Iterator[str]:
    """Look whether there are all alarms, and the metrics that they watch."""
    client = proof.stage.client("cloudwatch")
    there = client.describe_alarms(AlarmNamePrefix=f"{proof.stage.prefix}-", AlarmTypes=["MetricAlarm"])
    by_name = {alarm["AlarmName"]: alarm for alarm in there["MetricAlarms"]}
    missing_alarms = sorted(stack.alarms(proof.stage.prefix) - by_name.keys())
    if missing_alarms:
        raise Wrong(f"there is no alarm {', '.join(missing_alarms)}: {proof.deploy}.")
    off = sorted(name for name, alarm in by_name.items() if not (alarm["ActionsEnabled"] and alarm["AlarmActions"]))
    if off:
        raise Wrong(f"{', '.join(off)} would tell nobody: the actions are switched off. {proof.deploy}.")
    metrics = {_key(metric) for alarm in by_name.values() for metric in _metrics(alarm)}
    unknown = sorted(metric for metric in metrics if not _is_listed(client, metric))
    if unknown:
        names = sorted({f"{namespace} {name}" for namespace, name, _ in unknown})
        raise Remark(
            f"CloudWatch has no data yet for {len(unknown)} of the {len(metrics)} metrics that the alarms watch "
            f"({', '.join(names)}): they appear up to 15 minutes after the first use. If this line is the same "
            "tomorrow, please report it to the project"
        )
    yield f"the {len(by_name)} alarms are there, and the {len(metrics)} metrics that they watch"


Metric = tuple[str, str, tuple[tuple[str, str], ...]]


def _metrics(alarm: Any) -> list[Any]:
    """Return the metrics that *alarm* watches: itself, or those of its expression."""
    return [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]


def _key(metric: Any) -> Metric:
    dimensions = tuple((each["Name"], each["Value"]) for each in metric["Dimensions"])
    return metric["Namespace"], metric["MetricName"], dimensions


def _is_listed(client: Any, metric: Metric) -> bool:
    namespace, name, dimensions = metric
    filters = [{"Name": each, "Value": value} for each, value in dimensions]
    return bool(client.list_metrics(Namespace=namespace, MetricName=name, Dimensions=filters)["Metrics"])
