"""Does Step Functions read the workflow as it is meant, and is the app told of an execution that dies?"""

import json
import time
from collections.abc import Iterator
from typing import Any

from chalicelib import layout
from operations import chalice_state
from operations.proof import CHANNEL, TEAM, Proof, Remark, Wrong

_PREFIX = f"{TEAM}-{CHANNEL}-"
_ARCHIVED = {"id": "F0PROOF1", "name": 'the "status":"failed" of a name', "status": "archived"}
_FAILED = {"id": "F0PROOF2", "name": "b", "status": "failed"}
RESULTS: tuple[tuple[str, list[Any], str], ...] = (
    ("no file", [], "Archived"),
    ("one file that is archived", [_ARCHIVED], "Archived"),
    ("one file that failed", [_FAILED], "Failed"),
    ("two files, of which one failed", [_ARCHIVED, _FAILED], "Failed"),
)


def decisions(proof: Proof) -> Iterator[str]:
    """Ask Step Functions where the workflow goes on after the Map, for different results of it."""
    client = proof.stage.client("stepfunctions")
    machine = client.describe_state_machine(stateMachineArn=proof.stage.state_machine)
    states = json.loads(machine["definition"])["States"]
    selector = states["ArchiveFiles"]["ResultSelector"]
    of_results = {name: path for name, path in selector.items() if not str(path).startswith("$$.")}
    select = {"Type": "Pass", "Parameters": of_results, "End": True}
    for words, files, expected_state in RESULTS:
        selection = _tested(client, machine["roleArn"], select, json.dumps(files))
        decision = _tested(client, machine["roleArn"], states["DidAFileFail"], str(selection.get("output")))
        if decision.get("nextState") != expected_state:
            reason = decision.get("cause") or selection.get("cause") or ""
            raise Wrong(
                f"after {words} Step Functions goes on with {decision.get('nextState')}, not {expected_state}: "
                f"{reason} Uploads would be told wrongly. Please report it to the project."
            )
    yield "Step Functions decides as meant about no file, one file, one that failed, and two"


def _tested(client: Any, role: str, state: Any, text: str) -> Any:
    return client.test_state(definition=json.dumps(state), roleArn=role, input=text)


def aborted_execution(proof: Proof) -> Iterator[str]:
    """Abort an execution, and wait until the notifier knows of it: rule, function, topic and notifier are asked."""
    client, name = proof.stage.client("stepfunctions"), f"{_PREFIX}{time.time():.6f}".replace(".", "_")
    rule = chalice_state.rule(proof.stage, "ended")
    with proof.cleanup(layout.notice_key(name)) as key:
        about = {"stateMachineArn": proof.stage.state_machine, "name": name, "input": json.dumps(_upload(name))}
        execution = client.start_execution(**about)["executionArn"]
        client.stop_execution(executionArn=execution, error="Proof", cause="Aborted on purpose by make prove.")
        mark = proof.wait_for(lambda: _final_mark(proof.archive.read(key)))
        status = client.describe_execution(executionArn=execution)["status"]
        if mark and status != "ABORTED":
            raise Remark(
                f"it ended as {status} before it could be aborted: {proof.deploy} or make prove asks again"
            )
        if mark is None:
            raise Wrong(
                f"of an execution that ended as {status} nobody was told within {proof.seconds:.0f} s. Look at the "
                f"EventBridge rule {rule}, at the logs of {proof.stage.prefix}-ended, which it calls, and of "
                f"{proof.stage.prefix}-notify, and at the queue {proof.stage.prefix}-notices-dead. {proof.deploy} "
                "makes all of them again."
            )
    yield (
        "of an execution that was aborted on purpose the app was told (the alarm "
        f"{proof.stage.prefix}-executions sees it, too, and may send a mail)"
    )


def _upload(name: str) -> dict[str, Any]:
    """Return the input of an upload that lasts: its file is new, and Slack does not know it yet."""
    team, channel, ts = name.split("-")
    file: dict[str, Any] = dict.fromkeys(("name", "title", "mimetype", "size", "user", "url", "permalink"))
    file |= {"id": "F0PROOF", "created": int(time.time()), "mode": "hosted", "file_access": "check_file_info"}
    message: dict[str, Any] = dict.fromkeys(("user", "thread_ts", "event_id"))
    message |= {"team": team, "channel": channel, "ts": ts.replace("_", "."), "channel_type": "group"}
    message |= {"comment": "", "comment_cut": False, "version": ts.replace("_", ".")}
    start = {"kind": "upload", "removed": [], "tags": [], "tags_left_out": {"count": 0, "first": []}}
    return {**start, "message": message, "files": [file], "file_ids": ["F0PROOF"]}


def _final_mark(mark: Any) -> Any:
    """Return the notice's *mark* if the notifier is done with it: no conversation has that id, so Slack refuses."""
    return mark if mark and mark.value["state"] in ("refused", "posted") else None


def stop_leftovers(proof: Proof) -> int:
    """Abort executions that an interrupted proof left, and erase what was told of them; return how many."""
    client = proof.stage.client("stepfunctions")
    about = {"stateMachineArn": proof.stage.state_machine, "statusFilter": "RUNNING"}
    pages = client.get_paginator("list_executions").paginate(**about)
    executions = [each for page in pages for each in page["executions"] if each["name"].startswith(_PREFIX)]
    for execution in executions:
        client.stop_execution(executionArn=execution["executionArn"])
    return len(executions) + proof.erase(f"notices/{_PREFIX}")
