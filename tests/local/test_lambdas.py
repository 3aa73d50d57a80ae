import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.aws.lambdas import Lambdas
from local.aws.sandbox import FunctionSpec, Result

APP = """
import os, subprocess, sys, time
from decimal import Decimal

class Broken(Exception):
    pass

def echo(event, context):
    return event

def pid(event, context):
    time.sleep(event.get("sleep", 0))
    return os.getpid()

def environ(event, context):
    return dict(os.environ)

def describe(event, context):
    return {"id": context.aws_request_id, "name": context.function_name, "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb, "left": context.get_remaining_time_in_millis()}

def broken(event, context):
    raise Broken("no luck")

def unwritable(event, context):
    return object()

def decimal(event, context):
    return Decimal("1.5")

def leave(event, context):
    os._exit(event["status"])

def exit_politely(event, context):
    sys.exit(3)

def chatty(event, context):
    for number in range(20_000):
        print("line", number, "x" * 60)
    print("to stderr", file=sys.stderr)
    return "done"

def child(event, context):
    subprocess.Popen(["sleep", "60"])
    os._exit(1)

def reads_stdin(event, context):
    return sys.stdin.read()
"""

Call = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path.joinpath("app.py").write_text(APP)
    tmp_path.joinpath("chalicelib").mkdir()
    tmp_path.joinpath("chalicelib", "__init__.py").touch()
    return tmp_path


@pytest.fixture
def lambdas(root: Path) -> Iterator[Lambdas]:
    pool = Lambdas(root, {"AWS_REGION": "us-east-1"})
    yield pool
    pool.close()


@pytest.fixture
def call(lambdas: Lambdas) -> Call:
    def invoke(name: str, event: bytes = b"{}", request_id: str | None = None, **spec: Any) -> Result:
        function = FunctionSpec(name, f"app.{name}", **{"timeout": 10, **spec})
        return lambdas.invoke(function, event, request_id)

    return invoke


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_handler_answers_with_its_result(call: Call) -> None:
    answer = call("echo", b'{\n  "name": "caf\xc3\xa9"\n}')

    assert (answer.value, answer.error) == ({"name": "café"}, False)


def test_an_event_of_six_megabytes_comes_back_whole(call: Call) -> None:
    event = b'"' + b"x" * 6_000_000 + b'"'

    assert call("echo", event).payload == event


def test_a_warm_process_is_used_again(call: Call) -> None:
    assert call("pid").value == call("pid").value


def test_parallel_invocations_get_processes_of_their_own(call: Call) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda _: call("pid", b'{"sleep": 0.3}'), range(4))
        pids = {answer.value for answer in answers}

    assert len(pids) == 4


def test_the_process_used_last_is_used_first(call: Call) -> None:
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(call, "pid", b'{"sleep": 0.6}')
        quick = threads.submit(call, "pid", b'{"sleep": 0.3}')
        quick.result()
        last = slow.result().value

    assert call("pid").value == last


def test_a_function_sees_its_own_variables_and_none_of_the_parents(
    monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")

    environ = call("environ", environ={"BUCKET": "b"}).value

    assert environ["BUCKET"] == "b"
    assert environ["AWS_REGION"] == "us-east-1"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "environ"
    assert "SECRET_OF_THE_PARENT" not in environ
    assert not os.path.exists(environ["HOME"])


def test_changed_variables_start_a_new_process(call: Call) -> None:
    before = call("environ", environ={"BUCKET": "old"}).value
    after = call("environ", environ={"BUCKET": "new"}).value

    assert (before["BUCKET"], after["BUCKET"]) == ("old", "new")


def test_the_context_is_lambdas(call: Call) -> None:
    context = call("describe", request_id="r-1", memory=512, timeout=5, arn="arn:aws:lambda:x").value

    assert context.pop("left") in range(4000, 5001)
    assert context == {"id": "r-1", "name": "describe", "arn": "arn:aws:lambda:x", "memory": "512"}


def test_an_exception_is_reported_in_lambdas_shape(call: Call) -> None:
    answer = call("broken", request_id="r-1")

    assert answer.error
    error = answer.value
    trace = error.pop("stackTrace")
    assert error == {"errorMessage": "no luck", "errorType": "Broken", "requestId": "r-1"}
    assert len(trace) == 1
    assert 'raise Broken("no luck")' in trace[0]


def test_a_result_that_is_not_json_is_a_marshal_error(call: Call) -> None:
    assert call("unwritable").value["errorType"] == "Runtime.MarshalError"


def test_a_decimal_is_a_number(call: Call) -> None:
    assert call("decimal").payload == b"1.5"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (4, "Runtime exited with error: exit status 4"),
        (0, "Runtime exited without providing a reason"),
    ],
)
def test_a_process_that_ends_itself_is_an_exit_error(call: Call, status: int, message: str) -> None:
    error = call("leave", b'{"status": %d}' % status, "r-1").value

    assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: r-1 Error: {message}"}


def test_sys_exit_ends_the_process_as_on_lambda(call: Call) -> None:
    assert "exit status 3" in call("exit_politely").value["errorMessage"]


def test_a_killed_process_is_an_exit_error_and_the_next_invocation_works(lambdas: Lambdas, call: Call) -> None:
    with ThreadPoolExecutor(1) as threads:
        victim = threads.submit(call, "pid", b'{"sleep": 30}', "r-1")
        time.sleep(0.3)
        killed = lambdas.kill("pid")

    error = victim.result().value
    assert killed == 1
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"] == "RequestId: r-1 Error: Runtime exited with error: signal: killed"
    assert not call("pid").error


def test_a_process_that_the_kernel_kills_is_out_of_memory(lambdas: Lambdas, call: Call) -> None:
    with ThreadPoolExecutor(1) as threads:
        victim = threads.submit(call, "pid", b'{"sleep": 30}', "r-1")
        time.sleep(0.3)
        (pid,) = lambdas.pids("pid")
        os.kill(pid, signal.SIGKILL)  # as the kernel does

    error = victim.result().value
    assert error["errorType"] == "Runtime.OutOfMemory"
    assert error["errorMessage"] == "RequestId: r-1 Error: Runtime exited with error: signal: killed"
    assert not call("pid").error


def test_an_idle_process_that_was_killed_is_not_used_again(lambdas: Lambdas, call: Call) -> None:
    before = call("pid").value
    lambdas.kill("pid")

    answer = call("pid")

    assert not answer.error
    assert answer.value != before


def test_a_function_that_takes_too_long_is_killed(lambdas: Lambdas, call: Call) -> None:
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(call, "pid", b'{"sleep": 30}', "r-1", timeout=0.5)
        time.sleep(0.3)
        (pid,) = lambdas.pids("pid")

    message = "RequestId: r-1 Error: Task timed out after 0.50 seconds"
    assert late.result().value == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert gone(pid)
    assert lambdas.pids("pid") == []


def test_a_child_that_outlives_its_function_keeps_nothing_waiting(call: Call) -> None:
    start = time.monotonic()

    assert call("child").value["errorType"] == "Runtime.ExitError"
    assert time.monotonic() - start < 10  # the child sleeps for a minute


def test_a_handler_cannot_read_the_events_of_others(call: Call) -> None:
    assert call("reads_stdin").value == ""


def test_changed_code_is_run_by_a_new_process(root: Path, call: Call) -> None:
    module = root / "chalicelib" / "answer.py"
    module.write_text("VALUE = 1\n")
    with root.joinpath("app.py").open("a") as app:
        app.write("\ndef answer(event, context):\n    from chalicelib.answer import VALUE\n    return VALUE\n")
    before = call("answer").value

    module.write_text("VALUE = 2\n")  # the same size, within the same second

    assert (before, call("answer").value) == (1, 2)


def test_changed_code_is_not_noticed_without_watching(root: Path) -> None:
    pool = Lambdas(root, watch=False)
    function = FunctionSpec("pid", "app.pid")
    before = pool.invoke(function, b"{}").value
    root.joinpath("app.py").write_text("broken(")

    after = pool.invoke(function, b"{}").value
    pool.close()

    assert before == after


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("import nowhere", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nowhere'"),
        ("def (", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("import os; os.environ['MISSING']", "KeyError", "'MISSING'"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'echo' missing on module 'app'"),
        ("import os; os._exit(9)", "Runtime.ExitError", "exit status 9"),
    ],
)
def test_an_import_that_fails_is_reported_on_each_invocation(
    root: Path, call: Call, code: str, kind: str, message: str
) -> None:
    root.joinpath("app.py").write_text(code)

    answers = [call("echo", request_id="r-1"), call("echo", request_id="r-2")]

    assert [answer.value["errorType"] for answer in answers] == [kind, kind]
    assert message in answers[1].value["errorMessage"]


def test_a_talkative_function_is_not_blocked_and_its_last_lines_are_kept(lambdas: Lambdas, call: Call) -> None:
    assert call("chatty").value == "done"

    lines = lambdas.logs("chatty")
    assert len(lines) == 10_000
    assert lines[-2].startswith("line 19999 ")
    assert lines[-1] == "to stderr"


def test_log_lines_go_to_the_callback_and_to_a_file(root: Path, tmp_path: Path) -> None:
    lines: list[tuple[str, str]] = []
    pool = Lambdas(root, log=lambda name, line: lines.append((name, line)), folder=tmp_path)
    with root.joinpath("app.py").open("a") as app:
        app.write("\ndef hello(event, context):\n    print('hällo')\n")

    pool.invoke(FunctionSpec("hello", "app.hello"), b"{}")
    pool.close()

    assert lines == [("hello", "hällo")]
    assert tmp_path.joinpath("hello.log").read_text(encoding="utf-8") == "hällo\n"


def test_functions_end_when_their_parent_is_killed(root: Path) -> None:
    parent = (
        "import pathlib, sys; from local.aws.lambdas import Lambdas; from local.aws.sandbox import FunctionSpec;"
        f"print(Lambdas(pathlib.Path({str(root)!r})).invoke(FunctionSpec('pid', 'app.pid'), b'{{}}').value);"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()

    until = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert gone(pid)


def test_close_ends_every_process_and_refuses_more(lambdas: Lambdas, call: Call) -> None:
    idle = call("pid").value
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(call, "pid", b'{"sleep": 30}')
        time.sleep(0.2)
        pids = lambdas.pids("pid")
        lambdas.close()

    assert busy.result().value["errorType"] == "Runtime.ExitError"
    assert idle in pids
    assert all(gone(pid) for pid in pids)
    with pytest.raises(RuntimeError):
        call("pid")
