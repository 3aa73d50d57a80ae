"""The topic's messages ► replies in Slack, each posted once. The only place that posts.

A notice is claimed before it is posted and marked afterwards, both by conditional writes. A claim as old as the
function may run belongs to a dead invocation and is taken over. So there is never none, and one too many only if
Lambda or the answer is lost between post and mark.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chalicelib import archive, log, notices, slack
from chalicelib.archive import Kept
from chalicelib.errors import (
    AccessRefused,
    ArchiveUnavailable,
    IntegratorError,
    NoticePending,
    NoticeRefused,
    NotUnderstood,
    SlackRefused,
)
from chalicelib.notices import Notice, Reaction
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from requests import Session

_TIMEOUT = (0.4, 1.2)
"""With two requests to S3 of at most 0.65 s each: done in under 3 s, or tried again a minute later."""


def deliver(
    texts: Iterable[str], settings: Settings, s3: "S3Client", http: "Session", now: float, claim_seconds: float
) -> None:
    """Post what each of *texts*, the topic's messages, has to say. *now* is epoch seconds.

    One that fails keeps none of the others from being posted; then its error is raised, so that Lambda delivers
    all of them again, of which only that one is still to be posted.
    """
    failures = []
    for text in texts:
        try:
            _deliver(text, settings, s3, http, now, claim_seconds)
        except IntegratorError as error:
            log.warning("notice failed", error=type(error).__name__, reason=str(error))
            failures.append(error)
    if failures:
        raise failures[0]


def _deliver(
    text: str, settings: Settings, s3: "S3Client", http: "Session", now: float, claim_seconds: float
) -> None:
    notice = notices.notice(_parsed(text))
    if notice is None:
        log.info("nobody to tell")
        return
    if isinstance(notice, Reaction):
        _react(notice, settings, http)
        return
    with log.about(notice=notice.name):
        claim = _claimed(notice, s3, settings.bucket, now, claim_seconds)
        if claim is None:
            log.info("posted before")
            return
        state = _posted(notice, claim, settings, s3, http)
        _mark(notice, claim, state, s3, settings.bucket)
        log.info(state)


def _react(reaction: Reaction, settings: Settings, http: "Session") -> None:
    """Add the reaction, which Slack takes once; where it cannot be, the documents have followed all the same."""
    body = {"channel": reaction.channel, "timestamp": reaction.ts, "name": reaction.emoji}
    try:
        slack.call(http, settings, "reactions.add", body, timeout=_TIMEOUT)
    except (SlackRefused, AccessRefused) as error:  # already_reacted, message_not_found, a missing scope …
        log.warning("no reaction", channel=reaction.channel, ts=reaction.ts, reason=str(error))
        return
    log.info("reacted", channel=reaction.channel, ts=reaction.ts)


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise NotUnderstood("The topic's message is no JSON.") from error
    if not isinstance(message, dict):
        raise NotUnderstood("The topic's message is no JSON object.")
    return message


def _claimed(notice: Notice, s3: "S3Client", bucket: str, now: float, claim_seconds: float) -> Kept | None:
    """Return the claim to post, now ours, or None when it was posted. Raises NoticePending."""
    key = archive.notice_key(notice.name)
    claim = {"state": "claimed", "at": now}
    ours = archive.write(s3, bucket, key, claim, over=None)
    if ours:
        return ours
    theirs = archive.read(s3, bucket, key)
    if theirs and theirs.value["state"] in ("posted", "refused"):
        return None
    if theirs and theirs.value["state"] == "claimed" and now - theirs.value["at"] < claim_seconds:
        raise NoticePending("Another invocation is posting this notice.")
    ours = archive.write(s3, bucket, key, claim, over=theirs)
    if ours is None:
        raise NoticePending("Another invocation claimed this notice first.")
    return ours


def _posted(notice: Notice, claim: Kept, settings: Settings, s3: "S3Client", http: "Session") -> str:
    """Post and return `posted`, or `refused` where the channel will never take it; else let go of the claim."""
    try:
        _post(notice, settings, http)
    except NoticeRefused as error:
        log.error("notice refused", channel=notice.channel, reason=str(error))
        return "refused"
    except IntegratorError:
        _mark(notice, claim, "released", s3, settings.bucket)
        raise
    return "posted"


def _post(notice: Notice, settings: Settings, http: "Session") -> None:
    """Reply in the thread; a webhook, which is bound to one channel, says where the upload was instead."""
    body: dict[str, Any] = {
        "text": notice.text,
        "blocks": notice.blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    try:
        if slack.is_webhook(settings.slack_url):
            _post_to_webhook(notice, settings, http, body)
        else:
            body.update(channel=notice.channel, thread_ts=notice.thread_ts)
            slack.call(http, settings, "chat.postMessage", body, timeout=_TIMEOUT)
    except SlackRefused as error:
        raise NoticeRefused(str(error)) from error


def _post_to_webhook(notice: Notice, settings: Settings, http: "Session", body: dict[str, Any]) -> None:
    where = f"About an upload in <#{notice.channel}>:"
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": where}]}
    body.update(text=f"{where} {notice.text}", blocks=[block, *notice.blocks])
    response = slack.post(http, settings, settings.slack_url, body, None, timeout=_TIMEOUT)
    slack.check_status(response)
    if response.status_code != 200:
        raise NoticeRefused(f"The webhook refused the notice (status {response.status_code}).")


def _mark(notice: Notice, claim: Kept, state: str, s3: "S3Client", bucket: str) -> None:
    """Say what became of the claim; at once again if that fails, for a post without its mark is posted twice."""
    key, mark = archive.notice_key(notice.name), {**claim.value, "state": state}
    try:
        marked = archive.write(s3, bucket, key, mark, over=claim)
    except ArchiveUnavailable as error:
        log.warning("mark failed once", state=state, reason=str(error))
        marked = archive.write(s3, bucket, key, mark, over=claim)
    if marked is None:
        log.warning("claim was taken over", state=state)
