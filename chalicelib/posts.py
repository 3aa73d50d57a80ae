"""What the app posts in Slack: replies, their changes and their end, and signs under messages.

A refusal that trying again would not change is told by the result, everything else raises.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib import log
from chalicelib.errors import AccessRefused, NoticeRefused, SlackRefused
from chalicelib.notices import Notice, Reaction
from chalicelib.slack import Slack, check_status, is_webhook

_TIMEOUT = (0.4, 1.2)
"""What takes longer is tried again a minute later."""
Call = tuple[str, dict[str, Any]]


def post(notice: Notice, slack: Slack) -> str | None:
    """Reply in the thread and return the reply's ts; a webhook, bound to one channel, says where the upload was.

    Raises NoticeRefused where the channel will never take it.
    """
    try:
        if is_webhook(slack.settings.slack_url):
            _post_to_webhook(notice, slack)
            return None
        thread = {"thread_ts": notice.thread_ts} if notice.thread_ts else {}
        body = {**_content(notice), "unfurl_links": False, "unfurl_media": False}
        ts = _shorter_if_need_be("chat.postMessage", {**body, "channel": notice.channel, **thread}, slack).get("ts")
    except SlackRefused as error:
        raise NoticeRefused(str(error)) from error
    return ts if isinstance(ts, str) else None


def update(ts: str, notice: Notice, slack: Slack) -> str | None:
    """Make the app's reply *ts* say what *notice* says; return why not where Slack refuses: nobody tries again."""
    body = {**_content(notice), "channel": notice.channel, "ts": ts}
    try:
        _shorter_if_need_be("chat.update", body, slack)
    except (SlackRefused, AccessRefused) as error:  # message_not_found, edit_window_closed, cant_update_message …
        log.warning("reply not updated", channel=notice.channel, ts=ts, reason=str(error))
        return getattr(error, "error", None) or type(error).__name__
    log.info("reply updated", channel=notice.channel, ts=ts)
    return None


def add(reaction: Reaction, slack: Slack) -> None:
    """Add the sign, which Slack takes once; where it cannot be, the documents are what they are all the same."""
    _react("reactions.add", reaction, slack)


def remove(reaction: Reaction, slack: Slack) -> None:
    """Take the app's sign off a message."""
    _react("reactions.remove", reaction, slack)


def first_accepted(calls: Sequence[Call], slack: Slack) -> None:
    """Make the calls until Slack accepts one."""
    for method, body in calls:
        try:
            slack.call(method, body, timeout=_TIMEOUT)
        except (SlackRefused, AccessRefused) as error:  # message_not_found: deleted with its thread
            log.warning("reply not taken back", method=method, ts=body["ts"], reason=str(error))
        else:
            return


def _react(method: str, reaction: Reaction, slack: Slack) -> None:
    body = {"channel": reaction.channel, "timestamp": reaction.ts, "name": reaction.emoji}
    about = {"method": method, "channel": reaction.channel, "ts": reaction.ts}
    try:
        slack.call(method, body, timeout=_TIMEOUT)
    except (SlackRefused, AccessRefused) as error:  # already_reacted, no_reaction, message_not_found, no scope …
        log.warning("no reaction", **about, reason=str(error))
    else:
        log.info("reacted", **about)


def _content(notice: Notice) -> dict[str, Any]:
    return {"text": notice.text, "blocks": notice.blocks}


def _shorter_if_need_be(method: str, body: dict[str, Any], slack: Slack) -> dict[str, Any]:
    """Post *body*; where Slack finds it too long, its text alone, which is short."""
    try:
        return slack.call(method, body, timeout=_TIMEOUT)
    except SlackRefused as error:
        if "too_long" not in str(error):
            raise
        log.warning("notice shortened", reason=str(error))
        return slack.call(method, {**body, "blocks": []}, timeout=_TIMEOUT)


def _post_to_webhook(notice: Notice, slack: Slack) -> None:
    """Post into the webhook's channel, whose members may not be those of the upload's: of a private one nothing."""
    if not notice.is_public:
        log.info("nothing is posted about a private conversation")
        return
    where = f"About an upload in <#{notice.channel}>:"
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": where}]}
    words = {"text": f"{where} {notice.text}", "blocks": [block, *notice.blocks]}
    body = {**words, "unfurl_links": False, "unfurl_media": False}
    response = slack.post(slack.settings.slack_url, body, timeout=_TIMEOUT, with_token=False)
    check_status(response)
    if response.status_code != 200:
        raise NoticeRefused(f"The webhook refused the notice (status {response.status_code}).")
