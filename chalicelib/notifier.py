"""The topic's messages ► what the app says in Slack about them, each once.

The outcome of an execution goes into the reply to its message (replies.py); other messages have notices
of their own.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from chalicelib import history_run, layout, log, notices, posts, replies
from chalicelib.archive import Archive
from chalicelib.errors import IntegratorError, NoticeRefused, NotUnderstood
from chalicelib.layout import NoticeMark, Problem, ProblemFile
from chalicelib.marks import Marks
from chalicelib.notices import Notice
from chalicelib.slack import Slack, is_webhook

_ID = re.compile(r"[A-Z0-9]{1,18}", re.ASCII)


def deliver(texts: Iterable[str], archive: Archive, slack: Slack, now: float, claim_seconds: float) -> None:
    """Post what each of *texts*, the topic's messages, has to say. *now* is epoch seconds.

    A failure keeps none of the others from being posted; then its error is raised, so that Lambda delivers all of
    them again, of which only that one is still to be posted.
    """
    failures = []
    for text in texts:
        try:
            _deliver(text, archive, slack, now, claim_seconds)
        except IntegratorError as error:
            log.warning("notice failed", error=type(error).__name__, reason=str(error))
            failures.append(error)
    if failures:
        raise failures[0]


def _deliver(text: str, archive: Archive, slack: Slack, now: float, claim_seconds: float) -> None:
    message = _parse(text)
    if message.get("type") == "ended" and history_run.is_history(message.get("execution")):
        from chalicelib import history_telling  # few outcomes are about a conversation's past

        history_telling.stop(message["execution"], str(message.get("status")), archive, slack, now)
        return
    if message.get("type") == "outcome":
        _remember(message, archive)
        replies.follow(message, archive, slack, now, claim_seconds)
        return
    notice = notices.notice(message)
    if notice is None or _is_greeting_elsewhere(notice, slack):
        log.info("nobody has to know")
        return
    with log.about(notice=notice.name):
        _post_once(notice, Marks(archive, now, claim_seconds), slack)


def _post_once(notice: Notice, marks: Marks, slack: Slack) -> None:
    """Post the notice, unless it was posted. Where Slack may take it later, the claim is released."""
    mark = marks.read(notice.name)
    if mark and (mark.value["state"] in ("posted", "refused", "withdrawn") or mark.value.get("reply")):
        log.info("posted before")
        return
    claim = marks.claim(notice.name, mark and mark.value, mark)
    try:
        new_mark: NoticeMark = {**claim.value, "state": "posted", "reply": posts.post(notice, slack)}
    except NoticeRefused as error:
        log.error("notice refused", channel=notice.channel, reason=str(error))
        new_mark = {**claim.value, "state": "refused"}
    except IntegratorError:
        marks.write(notice.name, {**claim.value, "state": "released"}, claim)
        raise
    marks.write(notice.name, new_mark, claim)
    log.info(new_mark["state"])


def _is_greeting_elsewhere(notice: Notice, slack: Slack) -> bool:
    """Return True for a greeting that a webhook, which is bound to one channel, would post there."""
    return notice.thread_ts is None and is_webhook(slack.settings.slack_url)


def _remember(message: dict[str, Any], archive: Archive) -> None:
    """Keep for the person's Home which files of theirs are not archived, until they are, or are deleted."""
    if not _ID.fullmatch(message.get("user") or ""):
        return
    key = layout.problem_key(message["team"], message["user"], message["channel"], message["ts"])
    files: list[ProblemFile] = [
        {"id": file["id"], "name": file["name"], "status": file["status"], "reason": file["reason"]}
        for file in notices.problems(message["files"])[: notices.MOST_FILES]
    ]
    if files:
        problem: Problem = {"channel": message["channel"], "ts": message["ts"], "files": files}
        archive.write(key, problem, over=archive.read(key))
    elif notices.is_replay(message) or message["kind"] == "deletion":
        archive.delete(key)


def _parse(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise NotUnderstood("The topic's message is no JSON.") from error
    if not isinstance(message, dict):
        raise NotUnderstood("The topic's message is no JSON object.")
    return message
