"""What is written in two places says the same in both."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib import errors

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "stepfunctions" / "slack-integrator.asl.json").read_text(encoding="utf-8")
ASL: Any = json.loads(TEXT)
STAGES: Any = json.loads((PROJECT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]
HISTORY: Any = json.loads((PROJECT / "stepfunctions" / "history.asl.json").read_text(encoding="utf-8"))
TASKS = {"FetchFile": "fetch_file", "SaveMetadata": "save_metadata"}
ALL_TASKS = {**TASKS, "FollowMessage": "save_metadata"}


def states(machine: Any) -> Iterator[tuple[str, Any]]:
    """Every state of the machine, those inside Map included."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


STATES = dict(states(ASL))


def own_errors(entries: list[Any]) -> set[str]:
    """The names in `ErrorEquals` that are classes of the project: AWS's own have a dot."""
    return {name for entry in entries for name in entry["ErrorEquals"] if "." not in name}


def leaves(base: type[Exception]) -> set[str]:
    return {
        value.__name__ for value in vars(errors).values() if isinstance(value, type) and issubclass(value, base)
    } - {base.__name__}


@pytest.mark.parametrize("name", STATES)
def test_every_state_says_what_it_is_for(name: str) -> None:
    assert STATES[name]["Comment"]


def test_every_function_that_the_workflow_names_exists() -> None:
    names = set(re.findall(r"\$\{(\w+)Arn\}", TEXT)) - {"Topic"}
    of_history = set(re.findall(r"\$\{(\w+)Arn\}", json.dumps(HISTORY)))
    functions = {"".join(word.title() for word in handler.name.split("_")) for handler in app.pure_lambda_functions}
    assert of_history == {"ReadHistory"}
    assert names | of_history == functions
    assert names == set(TASKS)
    assert {name for name, state in STATES.items() if "lambda:invoke" in state.get("Resource", "")} == set(
        ALL_TASKS
    )


def test_what_is_caught_for_a_file_is_all_that_a_file_can_raise() -> None:
    of_notices = {"NoticePending", "NoticeRefused"}
    everything = (leaves(errors.Transient) | leaves(errors.Final)) - of_notices
    assert own_errors(STATES["FetchFile"]["Catch"]) == everything
    assert own_errors(STATES["SaveMetadata"]["Catch"]) < everything


@pytest.mark.parametrize("task", TASKS)
def test_what_is_transient_is_tried_again_and_nothing_else(task: str) -> None:
    caught = own_errors(STATES[task]["Catch"])
    assert own_errors(STATES[task]["Retry"]) == caught & leaves(errors.Transient)


def test_a_message_is_followed_as_patiently_as_a_record_is_saved() -> None:
    follow, save = (
        [{**entry, "Comment": ""} for entry in STATES[task]["Retry"]] for task in ("FollowMessage", "SaveMetadata")
    )
    assert follow == save


@pytest.mark.parametrize("task", [*ALL_TASKS, "NotifyOutcome"])
def test_the_last_catcher_takes_everything(task: str) -> None:
    assert STATES[task]["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("task", ALL_TASKS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_task_outlasts_its_function(task: str, stage: str) -> None:
    timeout = STAGES[stage]["lambda_functions"][ALL_TASKS[task]]["lambda_timeout"]
    assert timeout < STATES[task]["TimeoutSeconds"] <= timeout + 10


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert sorted(drawn) == sorted(leaves(errors.IntegratorError))
    for name in drawn[: drawn.index("Final")][drawn.index("Transient") + 1 :]:
        assert issubclass(getattr(errors, name), errors.Transient)


def test_an_errors_message_is_short_enough_for_the_workflow() -> None:
    assert len(str(errors.SlackRefused("x" * 1_000))) == errors.LONGEST_MESSAGE
    assert str(errors.SlackRefused("no_such_channel")) == "no_such_channel"


@pytest.mark.long
def test_cfn_lint_finds_nothing_in_the_workflow(tmp_path: Path) -> None:
    """It reads `Definition`, but not the text inside `Fn::Sub` that the stack has."""
    machine = {
        "Definition": ASL,
        "DefinitionSubstitutions": dict.fromkeys(re.findall(r"\$\{(\w+)\}", TEXT), "x"),
        "RoleArn": "arn:aws:iam::123456789012:role/workflow",
    }
    resources = {"Workflow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    linter = Path(sys.executable).with_name("cfn-lint")
    process = subprocess.run([linter, template], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (0, "")


def test_a_turn_of_a_history_is_tried_again_for_all_that_passes() -> None:
    elsewhere = {"FileNotReady", "TransferBroken", "NoticePending"}  # of single files, and of the notifier
    error_names = own_errors(HISTORY["States"]["ReadPage"]["Retry"])
    assert error_names == (leaves(errors.Transient) - elsewhere) | {"NotStarted"}


def test_a_turn_of_a_history_outlives_its_function() -> None:
    timeouts = {stage["lambda_functions"]["read_history"]["lambda_timeout"] for stage in STAGES.values()}
    tasks = [state for state in HISTORY["States"].values() if state["Type"] == "Task"]
    assert {task["TimeoutSeconds"] for task in tasks} == {max(timeouts) + 10}
