"""The inside of a function's process: Lambda's runtime, as far as a handler can tell.

Run by path with the code's root folder as working directory: `python worker.py app.fetch_file 5`. Invocations
come in as JSON lines on standard input; each is answered with one JSON line on the pipe of the given number,
because standard output and standard error are the function's log, as on Lambda. A first line tells how the
import went. The shapes and names of the errors are those of AWS's own runtime client (awslambdaric/bootstrap.py).

Nothing of this project is imported here: the root folder may hold another version of it.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO

Handler = Callable[[Any, Any], Any]
Error = dict[str, Any]

END_MARK = b"\0"  # closes an invocation's log; text that a function prints has no NUL bytes


class Context:
    """The context object of https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, arn: str, seconds: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """How long the function may still run."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def as_error(kind: str, message: str, request_id: str = "", trace: list[str] | None = None) -> Error:
    """An error as Lambda answers it."""
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace or []}


def _error_of(error: Exception, request_id: str) -> Error:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return as_error(type(error).__name__, str(error), request_id, traceback.format_list(own))


def load(name: str) -> tuple[Handler | None, Error | None]:
    """The handler "module.attribute", or the error that keeps it from being loaded."""
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, as_error("Runtime.ImportModuleError", message)
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        return None, as_error("Runtime.UserCodeSyntaxError", message)
    except Exception as error:  # whatever the module raises is an answer, never the end of this loop
        return None, _error_of(error, "")
    if not hasattr(module, attribute):
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        return None, as_error("Runtime.HandlerNotFound", message)
    return getattr(module, attribute), None


def _encode(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def call(handler: Handler, event: Any, context: Context) -> bytes:
    """One invocation's answer line. SystemExit and the like end the process, as on Lambda."""
    request_id = context.aws_request_id
    try:
        result = handler(event, context)
    except Exception as error:
        description = _error_of(error, request_id)
        _log_error(description)
        return json.dumps({"error": description}).encode()
    try:
        return json.dumps({"result": result}, default=_encode).encode()
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return json.dumps({"error": as_error("Runtime.MarshalError", message, request_id)}).encode()


def _log_error(error: Error) -> None:
    """Print an error as the runtime client does, with its traceback, into the function's log."""
    print(f"[ERROR] {error['errorType']}: {error['errorMessage']}")
    if error["stackTrace"]:
        print("Traceback (most recent call last):", "".join(error["stackTrace"]), sep="\n", end="")


def _end_log() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.write(1, END_MARK + b"\n")


def _private_input() -> BinaryIO:
    """Standard input under another number, so that no handler and no child of one can eat the events."""
    events = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return events


def serve(name: str, answers: BinaryIO) -> None:
    """Answer invocations until standard input ends, which it also does when the parent process dies."""
    events = _private_input()
    handler, error = load(name)
    if error:
        _log_error(error)
    _end_log()
    answers.write(json.dumps({"ready": error}).encode() + b"\n")
    if handler is None:
        return
    for line in events:
        call_for = json.loads(line)
        answer = call(handler, call_for["event"], Context(**call_for["context"]))
        _end_log()
        answers.write(answer + b"\n")


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # instead of this file's folder
    answer_pipe = int(sys.argv[2])
    os.set_inheritable(answer_pipe, False)  # else a handler's child would keep it open after this process's end
    with open(answer_pipe, "wb", buffering=0) as pipe:
        serve(sys.argv[1], pipe)
