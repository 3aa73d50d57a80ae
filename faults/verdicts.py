"""The verdict on a case: the same end, or an honest one; and which doublings and silences are allowed, and why."""

from chalicelib.withdrawals import TAKEN_BACK
from faults import kinds
from faults.cases import DEAD_NOTICE, Case, Snapshot, broken_promises
from faults.harness import Harness, execution_name

SAME, TOLD, TWICE, UNMARKED, DEAD, UNREPORTED, REFUSED, NOT_TAKEN, SWEPT, HINT, PRIVATE = "=tdubarnshp"
BLANKED, REPLACED, WAITING, STOPPED, FAILED, WRONG = "kowvfX"

LEGEND = {
    SAME: "the end is the same as without a fault",
    TOLD: "the person was told what failed and why; nothing else is different",
    TWICE: "the same, but the notice came once more for each loss between post and mark: the one doubling allowed",
    UNMARKED: "the same, but S3 never took the mark of the notice, which is a dead letter; an alarm tells",
    DEAD: "archived; the notice, tried three times, is a dead letter, and an alarm tells whoever runs it",
    UNREPORTED: "archived; the topic never took the outcome: the execution fails as OutcomeUnreported, and alarms",
    REFUSED: "archived; Slack refused the notice for good, which the log says as an error",
    NOT_TAKEN: "Slack was answered 503 each time: nothing was acknowledged, nothing was done",
    SWEPT: "the same end, but for parts of an upload whose function died: the bucket's lifecycle rule drops them",
    HINT: "the same end, but for an entry too many in the tag index, which no search shows",
    PRIVATE: "Slack did not say that asker or channel may see it: the search found nothing, never too much",
    BLANKED: "withdrawn; Slack refuses to delete the reply or to change it, so the other was done: no name is left",
    REPLACED: "the same, but Slack refuses for good to change the reply: another one replaces it",
    WAITING: "a file of which Slack said only that it was shared waits as a dead letter, and an alarm tells",
    STOPPED: "reading a conversation's past has stopped and says so, or its execution failed and an alarm tells",
    FAILED: "the same end, also what is said in Slack; the execution failed, and an alarm tells",
    WRONG: "a broken promise",
}
_MARKS = "notify PutObject notices/ (over)"
_SAYS_WHO = {"route users.info", "route conversations.info"}
_MAY_DOUBLE = {"notify chat.postMessage": {kinds.LOST, kinds.KILLED_AFTER, kinds.TIMEOUT}, _MARKS: None}


def judge(harness: Harness, case: Case, result: Snapshot) -> tuple[str, str]:
    """Return the verdict on *result*, and what is wrong or was said."""
    reference, problems = case.reference, broken_promises(harness, case, result)
    if case.rule and not case.rule.happened:
        problems.append("the fault did not happen")
    if result["unfinished"] and not _may_leave_parts(case):
        problems.append("an unfinished upload")
    if problems:
        return WRONG, "; ".join(problems)
    if result == reference:
        return SAME, ""
    if case.scenario.is_of_the_past and len(result["replies"]) <= 1 and harness.has_stopped(case.delivered):
        return STOPPED, ""
    if case.answer:
        return _judge_answer(case, result)
    if (
        result["status"] == "FAILED"
        and not _passes(case)
        and {**result, "status": reference["status"]} == reference
    ):
        return FAILED, ""
    if result["unfinished"] and {**result, "unfinished": 0} == reference:
        return SWEPT, ""
    if result["tags"] > reference["tags"] and {**result, "tags": reference["tags"]} == reference:
        return HINT, ""
    if case.point == "notify chat.update" and _as_if_updated(result) == reference:
        return REPLACED, ""
    if case.point == "notify chat.update" and {**result, "earlier": reference["earlier"]} == reference:
        return (DEAD, "") if _is_dead(harness, case) else (WRONG, "the reply is not true")
    if result["earlier"] != reference["earlier"] and set(result["earlier"]) <= {TAKEN_BACK}:
        return BLANKED, ""
    if not result["replies"]:
        return _silent(harness, case, result)
    if len(result["replies"]) > 1:
        return _doubled(case, result)
    if case.point == _MARKS and _with_mark(result) == reference:
        return UNMARKED, ""
    if result["replies"][0].startswith("❌"):
        return (WRONG, "trouble that passes was not waited out") if _passes(case) else (TOLD, result["replies"][0])
    return WRONG, f"it differs: {_difference(result, reference)}"


def _passes(case: Case) -> bool:
    """Tell whether the fault is trouble that passes, and has passed: the workflow tries for hours."""
    return case.fault not in (kinds.REFUSED, kinds.NOT_THERE_YET) and case.times < kinds.EVER


def _judge_answer(case: Case, result: Snapshot) -> tuple[str, str]:
    succeeded, text = result["answer"]
    if not succeeded:
        return WRONG, f"the command came to {text}"
    if {**result, "answer": case.reference["answer"]} != case.reference:
        return WRONG, f"a search changed something: {_difference(result, case.reference)}"
    if text.startswith("❌"):
        return TOLD, text
    if text.startswith("I found no document with") and case.point in _SAYS_WHO:
        return PRIVATE, ""
    if case.point == "route users.conversations" and _is_narrower(text, case.reference["answer"][1]):
        return PRIVATE, ""
    return WRONG, f"another answer: {text}"


def _is_narrower(text: str, reference: str) -> bool:
    """Tell whether it is the same but for the sentence that private conversations were not searched."""
    lines = [line for line in text.splitlines() if not line.startswith("I did not look into your other private")]
    return "\n".join(lines) == reference


def _may_leave_parts(case: Case) -> bool:
    """Nobody is left to abort the upload, knows its id, or is allowed to abort it."""
    return (
        case.fault.kills
        or "AbortMultipartUpload" in case.point
        or ("CreateMultipartUpload" in case.point and case.fault is kinds.LOST)
    )


def _with_mark(result: Snapshot) -> Snapshot:
    """The same, had the notice's mark been written."""
    objects = {key: "posted" if key.startswith("notices/") else value for key, value in result["objects"].items()}
    return {**result, "objects": objects}


def _silent(harness: Harness, case: Case, result: Snapshot) -> tuple[str, str]:
    state = next((value for key, value in result["objects"].items() if key.startswith("notices/")), None)
    if (
        not any(delivery.acknowledged for delivery in harness.deliveries(case.delivered))
        and result["status"] is None
    ):
        return NOT_TAKEN, ""
    if case.point.startswith("start_parked ") and case.message.files[0].id in harness.dead_letters():
        return WAITING, ""
    if _is_dead(harness, case):
        return (DEAD, "") if case.point.startswith("notify ") else (WRONG, DEAD_NOTICE)
    if harness.execution(case.event).get("error") == "OutcomeUnreported":
        return UNREPORTED, ""
    if state == "refused" or (case.point == "notify reactions.add" and not result["reactions"]):
        return REFUSED, ""
    return WRONG, f"nobody was told: {_difference(result, case.reference)}"


def _as_if_updated(result: Snapshot) -> Snapshot:
    """The same, if the one reply that is new were the earlier one with other words."""
    is_one_for_another = len(result["replies"]) == 1 and not result["earlier"]
    return {**result, "earlier": result["replies"], "replies": []} if is_one_for_another else result


def _is_dead(harness: Harness, case: Case) -> bool:
    name, channel = execution_name(case.event), case.message.channel.id
    return any(name in str(dead.event) or channel in str(dead.event) for dead in harness.pipeline.aws.dead)


def _doubled(case: Case, result: Snapshot) -> tuple[str, str]:
    exceptions = _MAY_DOUBLE.get(case.point, set())
    extra, losses = len(result["replies"]) - 1, case.rule.happened if case.rule else 0
    if len(set(result["replies"])) == 1 and extra <= losses and (exceptions is None or case.fault in exceptions):
        return TWICE, f"{len(result['replies'])} notices"
    return WRONG, f"{len(result['replies'])} notices: {result['replies']}"


def _difference(result: Snapshot, reference: Snapshot) -> str:
    both = [(name, result[name], reference[name]) for name in result if result[name] != reference[name]]
    for name, value, other in both:
        if isinstance(value, dict):
            keys = sorted(key for key in {**value, **other} if value.get(key) != other.get(key))
            return f"{name}: {[(key, value.get(key), other.get(key)) for key in keys]}"
    return "; ".join(f"{name}: {value} instead of {other}" for name, value, other in both)
