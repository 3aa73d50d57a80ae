"""What Slack refuses in a message. https://docs.slack.dev/reference/methods/chat.postMessage"""

from typing import Any

from local.slack import blockkit

MOST_TEXT = 40_000
MOST_ATTACHMENTS = 100


def refusal(text: str, blocks: Any, attachments: Any) -> str | None:
    """Slack's word for what is wrong with a message, or None."""
    if not (text or blocks or attachments):
        return "no_text"
    if len(text) > MOST_TEXT:
        return "msg_too_long"
    if blocks and blockkit.problem(blocks, "message"):
        return "invalid_blocks"
    if blocks and blockkit.text_length(blocks) > blockkit.MOST_TEXT_OF_BLOCKS:
        return "msg_blocks_too_long"
    return "too_many_attachments" if len(attachments or []) > MOST_ATTACHMENTS else None
