"""What Slack refuses in a message. https://docs.slack.dev/reference/methods/chat.postMessage"""

from typing import Any

from local.slack.files import Json

MOST_TEXT = 40_000
MOST_BLOCKS = 50
MOST_ATTACHMENTS = 100
MOST_BLOCKS_TEXT = 13_200
"""Characters in all blocks together, as they are sent; undocumented, see slackapi/bolt-js issues 2509 and 2867."""
MOST_SECTION_TEXT = 3_000
MOST_FIELDS = 10
MOST_HEADER_TEXT = 150
MOST_CONTEXT_ELEMENTS = 10
MOST_BLOCK_ID = 255


def refusal(text: str, blocks: Any, attachments: Any) -> str | None:
    """Slack's word for what is wrong with a message, or None."""
    if not (text or blocks or attachments):
        return "no_text"
    if len(text) > MOST_TEXT:
        return "msg_too_long"
    if blocks and not valid_blocks(blocks):
        return "invalid_blocks"
    if _written(blocks) > MOST_BLOCKS_TEXT:
        return "msg_blocks_too_long"
    return "too_many_attachments" if len(attachments or []) > MOST_ATTACHMENTS else None


def _written(part: Any) -> int:
    """The characters that a person reads in *part* of a message, counted as they are sent: escaped."""
    if isinstance(part, list):
        return sum(map(_written, part))
    if not isinstance(part, dict):
        return 0
    own = part.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(map(_written, part.values()))


def valid_blocks(blocks: Any) -> bool:
    """Whether Slack would take *blocks*."""
    return isinstance(blocks, list) and len(blocks) <= MOST_BLOCKS and all(map(_valid_block, blocks))


def _valid_block(block: Any) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    check = CHECKS.get(block["type"])
    return len(block.get("block_id", "")) <= MOST_BLOCK_ID and (check is None or check(block))


def _valid_text(text: Any, most: int, kinds: tuple[str, ...] = ("mrkdwn", "plain_text")) -> bool:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return False
    words = text.get("text")
    return isinstance(words, str) and 0 < len(words) <= most


def _valid_section(block: Json) -> bool:
    fields = block.get("fields", [])
    has_text = "text" not in block or _valid_text(block["text"], MOST_SECTION_TEXT)
    has_fields = (
        isinstance(fields, list) and len(fields) <= MOST_FIELDS and all(_valid_text(f, 2_000) for f in fields)
    )
    return bool(block.get("text") or fields) and has_text and has_fields


def _valid_header(block: Json) -> bool:
    return _valid_text(block.get("text"), MOST_HEADER_TEXT, ("plain_text",))


def _valid_context(block: Json) -> bool:
    elements = block.get("elements")
    return isinstance(elements, list) and 0 < len(elements) <= MOST_CONTEXT_ELEMENTS


CHECKS = {"section": _valid_section, "header": _valid_header, "context": _valid_context}
