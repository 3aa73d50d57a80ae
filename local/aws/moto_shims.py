"""Where moto 5.2.5 is not enough like AWS for this project: each function says what moto does and what AWS does.

All of them take a Patches, which undoes them, and what moto's part is to call instead.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config
from moto import backends
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.utils import get_backend
from moto.core import responses
from moto.core.config import default_user_config
from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time_millis
from moto.settings import moto_server_port
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sqs.models import Message, Queue, sqs_backends
from moto.stepfunctions.exceptions import ValidationException
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils, state_task_lambda
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_sns,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local.aws.patches import Patches
from local.aws.queues import Pollers
from local.aws.sandbox import FunctionSpec, Result

REQUEST_ID = "x-amzn-requestid"
INPUT_BYTES = 262_144  # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html

Invoke = Callable[[FunctionSpec, bytes, str], Result]
Send = Callable[[str, bytes, str], str]


def specification(function: LambdaFunction) -> FunctionSpec:
    """What moto knows of a function, as the process runner wants it."""
    return FunctionSpec(
        name=function.function_name,
        handler=function.handler or "",
        environ=dict(function.environment_vars),
        timeout=float(function.timeout),
        memory=int(function.memory_size),
        arn=function.function_arn,
        role=function.role,
        description=function.description or "",
    )


def find_function(arn: str) -> FunctionSpec | None:
    """The function of that ARN, if there is one."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    try:
        return specification(get_backend(account, region).get_function(arn))
    except UnknownFunctionException:
        return None


def execute_state_machines(patches: Patches) -> None:
    """Moto only pretends to run state machines unless told otherwise.

    Its interpreter logs every failing state as an error, with a page of internals; the same is in the
    execution's history.
    """
    settings: Any = default_user_config["stepfunctions"]
    patches.item(settings, "execute_state_machine", True)
    logger = logging.getLogger("moto.stepfunctions")
    patches.later(partial(logger.setLevel, logger.level))
    logger.setLevel(logging.CRITICAL)


def parse_once(patches: Patches) -> None:
    """Moto parses the definition again at each start, and a path, and the grammar of paths, each time it looks.

    That is a tenth of a second of processor time per execution. What is parsed holds no state: an execution's is in
    its environment.
    """
    for owner in (AmazonStateLanguageParser, json_path, result_path):
        remembering = lru_cache(maxsize=500)(vars(owner)["parse"])
        patches.attribute(owner, "parse", remembering)


def look_once_for_services(patches: Patches) -> None:
    """Moto lists its own folders at each request, to learn which services there are: half of a request's time."""
    names = tuple(backends.list_of_moto_modules())
    patches.attribute(backends, "list_of_moto_modules", lambda: names)


def reuse_clients(patches: Patches) -> None:
    """Moto's states make a new client for each call, which takes longer than the call."""
    clients: dict[tuple[str, str, str], Any] = {}
    lock = threading.Lock()

    def client(region: str, service: str, **_: object) -> Any:
        endpoint = f"http://localhost:{moto_server_port()}"
        with lock:
            if (region, service, endpoint) not in clients:
                keys = {"aws_access_key_id": "ak", "aws_secret_access_key": "sk"}  # as moto has it
                about: Any = {"service_name": service, "region_name": region, "endpoint_url": endpoint, **keys}
                clients[region, service, endpoint] = boto3.client(**about, config=_STATES_CALL)
            return clients[region, service, endpoint]

    for module in (lambda_eval_utils, state_task_service_sns):
        patches.attribute(module, "boto_client_for", client)
    patches.later(lambda: [each.close() for each in clients.values()])


_STATES_CALL = Config(
    parameter_validation=False,
    retries={"total_max_attempts": 1},  # the workflow's own Retry is what is played here
    read_timeout=900,  # the longest that a function may take
    max_pool_connections=100,
)


def count_payloads_in_utf8(patches: Patches) -> None:
    """Moto measures what a state hands on with every character beyond ASCII escaped, six bytes for three.

    The limit is one of UTF-8: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def fits(value: Any) -> bool:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return len(text.encode()) <= INPUT_BYTES

    for module in (state, state_task_lambda, state_task_service):
        patches.attribute(module, "is_within_size_quota", fits)


def _event(body: str | bytes) -> bytes:
    """The event of an Invoke request; refused if it is not JSON, as Lambda does."""
    text = body.encode() if isinstance(body, str) else body
    try:
        json.loads(text or b"{}")
    except ValueError as error:
        reason = f"Could not parse request body into json: {error}"
        raise JsonRESTError("InvalidRequestContentException", reason) from error
    return text or b"{}"


def run_lambdas(patches: Patches, invoke: Invoke, send: Send) -> None:
    """Moto runs functions in Docker containers (or answers a fixed text): here they are processes.

    Moto also waits for asynchronous invocations, never retries them, and calls every error "Handled", a word
    which Lambda has given up: an error is "Unhandled".
    """

    def run(function: LambdaFunction, body: str | bytes, request: Any, response: Any) -> bytes:
        event, request_id = _event(body), str(uuid.uuid4())
        response[REQUEST_ID] = request_id
        response["X-Amz-Executed-Version"] = "$LATEST"
        kind = request.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            return b""
        if kind == "Event":
            send(function.function_arn, event, request_id)
            return b""
        answer = invoke(specification(function), event, request_id)
        if answer.error:
            response["x-amz-function-error"] = "Unhandled"
        return answer.payload

    patches.attribute(LambdaFunction, "invoke", run)


def keep_request_ids(patches: Patches) -> None:
    """Moto gives every answer a request id of its own; Invoke's is the one which the function sees."""

    def request_id(headers: dict[str, Any]) -> str:
        return headers[REQUEST_ID] if REQUEST_ID in headers else as_before(headers)  # type: ignore[no-any-return]

    as_before = patches.attribute(responses, "gen_amzn_requestid_long", request_id)


def sns_record(subscription: Subscription, message: str, message_id: str, rest: dict[str, Any]) -> dict[str, Any]:
    """The event which a function gets: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html.

    The signature's fields are left out: nothing here could check them.
    """
    notice = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": rest.get("subject"),
        "Message": message,
        "MessageAttributes": rest.get("message_attributes") or {},
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    source = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription.arn}
    return {"Records": [{**source, "Sns": notice}]}


def notify_lambdas(patches: Patches, send: Send) -> None:
    """Moto invokes subscribed functions inside Publish, with a made-up record, and fails if one is missing.

    SNS hands the event to Lambda's asynchronous queue, and Publish does not wait for what becomes of it. Without a
    function, the subscription's dead-letter queue gets the notification, if it has one:
    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """

    def publish(subscription: Subscription, message: str, message_id: str, **rest: Any) -> None:
        if subscription.protocol != "lambda":
            as_before(subscription, message, message_id, **rest)
            return
        matcher = subscription._filter_policy_matcher
        if matcher is not None and not matcher.matches(rest.get("message_attributes"), message):
            return
        if rest.get("message_structure") == "json":
            message = subscription._parse_message_structure(message, "lambda")
        event = sns_record(subscription, message, message_id, rest)
        redrive = subscription.attributes.get("RedrivePolicy")
        if redrive and find_function(subscription.endpoint) is None:
            _, _, _, region, account, queue = json.loads(redrive)["deadLetterTargetArn"].split(":")
            fields = {name: value for name, value in event["Records"][0]["Sns"].items() if value is not None}
            sqs_backends[account][region].send_message(queue, json.dumps({**fields, "Type": "Notification"}))
            return
        send(subscription.endpoint, json.dumps(event).encode(), str(uuid.uuid4()))

    as_before = patches.attribute(Subscription, "publish", publish)


def poll_queues(patches: Patches, pollers: Pollers, scaled: Callable[[float], float]) -> None:
    """Moto invokes a queue's function inside SendMessage, delivers a failed message at once again, and for ever.

    Here a mapping has pollers, and what a queue hides or delays comes back on the clock. A queue's list of messages
    is changed by many threads, which moto does not expect.
    """

    def mapped(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
        mapping = create(backend, spec)
        for queue in sqs_backends[backend.account_id][backend.region_name].queues.values():
            if queue.queue_arn == mapping.event_source_arn:
                queue.lambda_event_source_mappings.clear()
                pollers.start(mapping, queue, lambda: backend.get_event_source_mapping(mapping.uuid) is mapping)
        return mapping

    def hide(message: Message, visibility_timeout: float) -> None:
        message.visible_at = unix_time_millis() + scaled(float(visibility_timeout)) * 1000

    def delay(message: Message, delay_seconds: float) -> None:
        message.delayed_until = unix_time_millis() + scaled(float(delay_seconds)) * 1000

    def add(queue: Queue, message: Message) -> None:
        with pollers.lock:
            add_as_before(queue, message)

    def delete(queue: Queue, receipt_handle: str) -> None:
        with pollers.lock:
            delete_as_before(queue, receipt_handle)

    create = patches.attribute(LambdaBackend, "create_event_source_mapping", mapped)
    patches.attribute(Message, "change_visibility", hide)
    patches.attribute(Message, "delay", delay)
    add_as_before = patches.attribute(Queue, "add_message", add)
    delete_as_before = patches.attribute(Queue, "delete_message", delete)


def scale_waits(patches: Patches, pause: Callable[[float], object], scaled: Callable[[float], float]) -> None:
    """Moto sleeps through Retry's intervals and Wait states in real time; here they pass on the clock.

    *pause* sleeps for seconds of the clock, *scaled* tells how long they really are. TimeoutSeconds stays real,
    because the work it limits is real.
    """

    def wait(_: WaitFunction, env: Any, wait_seconds: float) -> None:
        end = time.monotonic() + scaled(wait_seconds)
        while env.is_running() and (seconds_left := end - time.monotonic()) > 0:
            env.program_state_event.wait(seconds_left)

    patches.attribute(retrier_decl, "time", SimpleNamespace(sleep=pause))
    patches.attribute(WaitFunction, "_wait_interval", wait)


def keep_aborted(patches: Patches) -> None:
    """Moto calls an execution FAILED that was stopped in a Map: ABORTED is what it is, whatever fails afterwards.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """

    def set_error(environment: Any, error: Any) -> None:
        if not isinstance(environment._program_state, ProgramStopped):
            as_before(environment, error)

    as_before = patches.attribute(Environment, "set_error", set_error)


def let_runtime_errors_through(patches: Patches) -> None:
    """Moto lets States.ALL catch States.Runtime, and retry it; on AWS nothing does.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def matches(names: Any, environment: Any) -> None:
        if getattr(environment.stack[-1], "typ", None) is StatesErrorNameType.StatesRuntime:
            environment.stack[-1] = False
        else:
            as_before(names, environment)

    as_before = patches.attribute(ErrorEqualsDecl, "_eval_body", matches)


def refuse_empty_messages(patches: Patches) -> None:
    """Moto publishes empty messages: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

    def publish(backend: Any, message: str, *rest: Any, **more: Any) -> str:
        if not message:
            raise SNSInvalidParameter("Empty message")
        message_id: str = as_before(backend, message, *rest, **more)
        return message_id

    as_before = patches.attribute(SNSBackend, "publish", publish)


def check_executions(patches: Patches) -> None:
    """Moto starts executions of any name and any size, calls one without a name "None", and starts two at once.

    Between its look at the names and the new execution it copies the state machine; and for a moment it lists an
    execution that has no status yet, over which the listing stumbles.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html: a name has 1 to 80
    characters, some are not allowed (InvalidName; a long one is a ValidationException, as in moto's own check
    of state machines' names), one that is not given is a new UUID, and the input has at most 262,144 bytes.
    """

    def start(backend: Any, arn: str, name: str | None = None, text: str | None = None, *rest: Any) -> Any:
        if name is not None:
            _check_name(backend, name)
        if len((text or "").encode()) > INPUT_BYTES:
            raise ValidationException(
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {INPUT_BYTES}"
            )
        return as_before(backend, arn, name or str(uuid.uuid4()), text, *rest)

    as_before = patches.attribute(StepFunctionsParserBackend, "start_execution", start)
    methods = ("start_execution", "list_executions", "describe_execution", "get_execution_history")
    patches.one_at_a_time((StepFunctionsParserBackend, method) for method in methods)


def _check_name(backend: Any, name: str) -> None:
    if not name:
        raise ValidationException(
            "1 validation error detected: Value '' at 'name' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    backend._validate_name(name)
