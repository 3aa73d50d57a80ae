"""The topic's messages ► replies in Slack, each posted once. The only place that posts.

A notice is claimed before it is posted and marked afterwards, both by conditional writes. A claim as old as the
function may run belongs to a dead invocation and is taken over. So there is never none, and one too many only if
Lambda or the answer is lost between post and mark.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from chalicelib import history_run, layout, log, notices, withdrawals
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import (
    AccessRefused,
    ArchiveUnavailable,
    IntegratorError,
    NoticePending,
    NoticeRefused,
    NotUnderstood,
    SlackRefused,
)
from chalicelib.layout import FirstUpload, NoticeMark, Problem, ProblemFile
from chalicelib.notices import Notice, Reaction
from chalicelib.slack import Slack, check_status, is_webhook

_ID = re.compile(r"[A-Z0-9]{1,18}", re.ASCII)
_TIMEOUT = (0.4, 1.2)
"""What takes longer is tried again a minute later."""


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
    _remember(message, archive)
    if withdrawals.may_withdraw(message):
        withdrawals.follow(message, archive, slack, now, claim_seconds)
    standing = withdrawals.standing(message, archive)
    if standing is None:
        log.info("its message is deleted")
        return
    is_quiet = slack.settings.replies == "problems"
    is_first = is_quiet and notices.is_success(standing) and _is_first(standing, archive)
    notice = notices.notice(standing, is_quiet=is_quiet, is_first=is_first)
    if notice is None or _is_greeting_elsewhere(notice, slack):
        log.info("nobody has to know")
        return
    if isinstance(notice, Reaction):
        _react(notice, slack)
        return
    with log.about(notice=notice.name):
        _reply(notice, standing, archive, slack, now, claim_seconds)


def _reply(
    notice: Notice, message: dict[str, Any], archive: Archive, slack: Slack, now: float, claim_seconds: float
) -> None:
    """Post the notice, unless it was posted; then look again whether what it speaks about still stands."""
    claim = _claim(notice, archive, now, claim_seconds)
    if claim is None:
        log.info("posted before")
        return
    mark: NoticeMark = {**claim.value, "files": [file["id"] for file in message.get("files") or []]}
    state, mark["reply"] = _post_or_release(notice, claim, archive, slack)
    marked = _mark(notice, claim, {**mark, "state": state}, archive)
    log.info(state)
    if marked and withdrawals.standing(message, archive) != message:
        withdrawals.take_back(layout.notice_key(notice.name), marked, message, archive, slack)


def _is_greeting_elsewhere(notice: Notice | Reaction, slack: Slack) -> bool:
    """Return True for a greeting that a webhook, which is bound to one channel, would post there."""
    return isinstance(notice, Notice) and notice.thread_ts is None and is_webhook(slack.settings.slack_url)


def _remember(message: dict[str, Any], archive: Archive) -> None:
    """Keep for the person's Home which files of theirs are not archived, until they are, or are deleted."""
    if message.get("type") != "outcome" or not _ID.fullmatch(message.get("user") or ""):
        return
    key = layout.problem_key(message["team"], message["user"], message["channel"], message["ts"])
    files: list[ProblemFile] = [
        {"id": file["id"], "name": file["name"], "status": file["status"], "reason": file["reason"]}
        for file in notices.problems(message)[: notices.MOST_FILES]
    ]
    if files:
        problem: Problem = {"channel": message["channel"], "ts": message["ts"], "files": files}
        archive.write(key, problem, over=archive.read(key))
    elif notices.is_replay(message) or message["kind"] == "deletion":
        archive.delete(key)


def _is_first(message: dict[str, Any], archive: Archive) -> bool:
    """Return True for the first success of a person, and again for the same one."""
    if not _ID.fullmatch(message.get("user") or ""):
        return False
    key, first = layout.person_key(message["team"], message["user"]), FirstUpload(execution=message["execution"])
    if archive.write(key, first, over=None):
        return True
    stored: JsonObject[FirstUpload] | None = archive.read(key)
    return stored is not None and stored.value == first


def _react(reaction: Reaction, slack: Slack) -> None:
    """Add the reaction, which Slack takes once; where it cannot be, the documents have followed all the same."""
    body = {"channel": reaction.channel, "timestamp": reaction.ts, "name": reaction.emoji}
    try:
        slack.call("reactions.add", body, timeout=_TIMEOUT)
    except (SlackRefused, AccessRefused) as error:  # already_reacted, message_not_found, a missing scope …
        log.warning("no reaction", channel=reaction.channel, ts=reaction.ts, reason=str(error))
        return
    log.info("reacted", channel=reaction.channel, ts=reaction.ts)


def _parse(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise NotUnderstood("The topic's message is no JSON.") from error
    if not isinstance(message, dict):
        raise NotUnderstood("The topic's message is no JSON object.")
    return message


def _claim(notice: Notice, archive: Archive, now: float, claim_seconds: float) -> JsonObject[NoticeMark] | None:
    """Claim the notice and return the claim, or None when it was posted. Raises NoticePending."""
    key = layout.notice_key(notice.name)
    claim: NoticeMark = {"state": "claimed", "at": now}
    ours = archive.write(key, claim, over=None)
    if ours:
        return ours
    theirs: JsonObject[NoticeMark] | None = archive.read(key)
    if theirs and theirs.value["state"] in ("posted", "refused", "withdrawn"):
        return None
    if theirs and theirs.value["state"] == "claimed" and now - theirs.value["at"] < claim_seconds:
        raise NoticePending("Another invocation is posting this notice.")
    ours = archive.write(key, claim, over=theirs)
    if ours is None:
        raise NoticePending("Another invocation claimed this notice first.")
    return ours


def _post_or_release(
    notice: Notice, claim: JsonObject[NoticeMark], archive: Archive, slack: Slack
) -> tuple[str, str | None]:
    """Post and return `posted` and the reply's ts, or `refused` where the channel will never take it.

    Where it may take it later, the claim is released.
    """
    try:
        return "posted", _post(notice, slack)
    except NoticeRefused as error:
        log.error("notice refused", channel=notice.channel, reason=str(error))
        return "refused", None
    except IntegratorError:
        _mark(notice, claim, {**claim.value, "state": "released"}, archive)
        raise


def _post(notice: Notice, slack: Slack) -> str | None:
    """Reply in the thread and return the reply's ts; a webhook, bound to one channel, says where the upload was."""
    body: dict[str, Any] = {
        "text": notice.text,
        "blocks": notice.blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    try:
        if is_webhook(slack.settings.slack_url):
            _post_to_webhook(notice, slack, body)
            return None
        thread = {"thread_ts": notice.thread_ts} if notice.thread_ts else {}
        ts = _post_message(slack, {**body, "channel": notice.channel, **thread}).get("ts")
    except SlackRefused as error:
        raise NoticeRefused(str(error)) from error
    return ts if isinstance(ts, str) else None


def _post_message(slack: Slack, body: dict[str, Any]) -> dict[str, Any]:
    """Post *body*; where Slack finds it too long, its text alone, which is short."""
    try:
        return slack.call("chat.postMessage", body, timeout=_TIMEOUT)
    except SlackRefused as error:
        if "too_long" not in str(error):
            raise
        log.warning("notice shortened", reason=str(error))
        return slack.call("chat.postMessage", {**body, "blocks": []}, timeout=_TIMEOUT)


def _post_to_webhook(notice: Notice, slack: Slack, body: dict[str, Any]) -> None:
    """Post into the webhook's channel, whose members may not be those of the upload's: of a private one nothing."""
    if not notice.is_public:
        log.info("nothing is posted about a private conversation")
        return
    where = f"About an upload in <#{notice.channel}>:"
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": where}]}
    body.update(text=f"{where} {notice.text}", blocks=[block, *notice.blocks])
    response = slack.post(slack.settings.slack_url, body, timeout=_TIMEOUT, with_token=False)
    check_status(response)
    if response.status_code != 200:
        raise NoticeRefused(f"The webhook refused the notice (status {response.status_code}).")


def _mark(
    notice: Notice, claim: JsonObject[NoticeMark], mark: NoticeMark, archive: Archive
) -> JsonObject[NoticeMark] | None:
    """Write what became of the claim; twice if need be, for a post without its mark is posted twice."""
    key = layout.notice_key(notice.name)
    try:
        ours = archive.write(key, mark, over=claim)
    except ArchiveUnavailable as error:
        log.warning("mark failed once", state=mark["state"], reason=str(error))
        ours = archive.write(key, mark, over=claim)
    if ours is None:
        log.warning("claim was taken over", state=mark["state"])
    return ours
