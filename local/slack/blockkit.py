"""What Slack refuses in blocks, on each surface that shows them. https://docs.slack.dev/reference/block-kit

Every block and element has the fields that its reference page names, and no other: Slack refuses "invalid
additional property" as it refuses what is missing or too long.
"""

from collections.abc import Callable
from typing import Any

from local.slack.files import Json

MOST_BLOCKS = {"message": 50, "home": 100}
MOST_TEXT_OF_BLOCKS = 13_200
"""Characters in all blocks together, as they are sent; undocumented, see slackapi/bolt-js issues 2509 and 2867."""
LONGEST_ID = 255
LONGEST_URL = 3_000
LONGEST_VALUE = 2_000

Check = Callable[[Any], bool]


def problem(blocks: Any, surface: str) -> str | None:
    """What is wrong with *blocks* on *surface* (message or home), in words like Slack's, or None."""
    if not isinstance(blocks, list):
        return "must be an array"
    if len(blocks) > MOST_BLOCKS[surface]:
        return f"no more than {MOST_BLOCKS[surface]} items allowed [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        if not _is_block(block, surface):
            return f"invalid block [json-pointer:/blocks/{number}]"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    return "block_ids are not unique" if len(ids) != len(set(ids)) else None


def text_length(value: Any) -> int:
    """The characters of every `text` in *value*."""
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(map(text_length, value.values()))
    return sum(map(text_length, value)) if isinstance(value, list) else 0


def _is_block(block: Any, surface: str) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    if block["type"] in UNCHECKED:
        return True
    fields = BLOCKS.get(block["type"])
    if fields is None or (surface == "home" and block["type"] in NOT_IN_HOME):
        return False
    return _has(block, {"type": _any, "block_id": _text_of(LONGEST_ID), **fields}) and _is_whole(block)


def _has(value: Json, fields: dict[str, Check]) -> bool:
    """Whether *value* has no field but *fields*, and each of them as it should be."""
    return all(name in fields and fields[name](content) for name, content in value.items())


def _is_whole(block: Json) -> bool:
    """Whether what a block must have is there."""
    if block["type"] == "section":
        return bool(block.get("text") or block.get("fields"))
    return all(name in block for name in REQUIRED[block["type"]])


def _any(value: Any) -> bool:
    return True


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text_of(most: int, least: int = 1) -> Check:
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _one_of(*names: str) -> Check:
    return lambda value: value in names


def _list_of(check: Check, most: int, least: int = 1) -> Check:
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(check, value))


def _shape(required: tuple[str, ...], **fields: Check) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, dict) and all(name in value for name in required) and _has(value, fields)

    return check


def _text(most: int, *kinds: str) -> Check:
    """A text object. https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""
    plain = _shape(("type", "text"), type=_one_of("plain_text"), text=_text_of(most), emoji=_flag)
    markdown = _shape(("type", "text"), type=_one_of("mrkdwn"), text=_text_of(most), verbatim=_flag)
    checks = {"plain_text": plain, "mrkdwn": markdown}
    return lambda value: (
        isinstance(value, dict) and value.get("type") in kinds and checks[str(value["type"])](value)
    )


_plain = "plain_text"
_both = ("plain_text", "mrkdwn")
_url = _text_of(LONGEST_URL)
_confirm = _shape(
    ("title", "text", "confirm", "deny"),
    title=_text(100, _plain),
    text=_text(300, *_both),
    confirm=_text(30, _plain),
    deny=_text(30, _plain),
    style=_one_of("primary", "danger"),
)
_option = _shape(
    ("text", "value"),
    text=_text(75, *_both),
    value=_text_of(150),
    description=_text(75, *_both),
    url=_url,
)
_interactive: dict[str, Check] = {"type": _any, "action_id": _text_of(LONGEST_ID)}
ELEMENTS: dict[str, Check] = {
    "button": _shape(
        ("text",),
        **_interactive,
        text=_text(75, _plain),
        url=_url,
        value=_text_of(LONGEST_VALUE),
        style=_one_of("primary", "danger"),
        confirm=_confirm,
        accessibility_label=_text_of(75),
    ),
    "overflow": _shape(("options",), **_interactive, options=_list_of(_option, 5), confirm=_confirm),
    "static_select": _shape(
        ("options",),
        **_interactive,
        placeholder=_text(150, _plain),
        options=_list_of(_option, 100),
        initial_option=_option,
        confirm=_confirm,
        focus_on_load=_flag,
    ),
    "plain_text_input": _shape(
        (),
        **_interactive,
        initial_value=_text_of(3_000, 0),
        placeholder=_text(150, _plain),
        multiline=_flag,
        min_length=_number,
        max_length=_number,
        focus_on_load=_flag,
        dispatch_action_config=_shape(
            (),
            trigger_actions_on=_list_of(_one_of("on_enter_pressed", "on_character_entered"), 2),
        ),
    ),
    "image": _shape(
        ("alt_text", "image_url"), type=_any, alt_text=_text_of(2_000), image_url=_url, title=_text(2_000, _plain)
    ),
}


def _element(*kinds: str) -> Check:
    return lambda value: (
        isinstance(value, dict) and value.get("type") in kinds and ELEMENTS[str(value["type"])](value)
    )


def _actions(value: Any) -> bool:
    """Up to 25 elements; no action_id twice within the block."""
    if not _list_of(_element("button", "overflow", "static_select"), 25)(value):
        return False
    ids = [element["action_id"] for element in value if "action_id" in element]
    return len(ids) == len(set(ids))


def _context_element(value: Any) -> bool:
    return _element("image")(value) or _text(3_000, *_both)(value)


BLOCKS: dict[str, dict[str, Check]] = {
    "section": {
        "text": _text(3_000, *_both),
        "fields": _list_of(_text(2_000, *_both), 10),
        "accessory": _element("button", "overflow", "static_select", "image"),
        "expand": _flag,
    },
    "actions": {"elements": _actions},
    "context": {"elements": _list_of(_context_element, 10)},
    "divider": {},
    "header": {"text": _text(150, _plain)},
    "image": {"image_url": _url, "alt_text": _text_of(2_000), "title": _text(2_000, _plain)},
    "input": {
        "label": _text(2_000, _plain),
        "element": _element("plain_text_input", "static_select"),
        "dispatch_action": _flag,
        "hint": _text(2_000, _plain),
        "optional": _flag,
    },
}
REQUIRED = {
    "actions": ("elements",),
    "context": ("elements",),
    "divider": (),
    "header": ("text",),
    "image": ("image_url", "alt_text"),
    "input": ("label", "element"),
}
UNCHECKED = ("rich_text", "video", "markdown", "file", "table")
"""Blocks that the app does not post."""
NOT_IN_HOME = ("file", "markdown", "table")


def with_ids(blocks: list[Any]) -> list[Json]:
    """*blocks*, each with the id that Slack gives it when it has none, and each element with its action_id."""
    return [_with_ids(block, f"local{number}") for number, block in enumerate(blocks)]


def _with_ids(block: Json, block_id: str) -> Json:
    result: Json = {"block_id": block_id, **block}
    if isinstance(result.get("elements"), list) and result["type"] == "actions":
        result["elements"] = [
            {"action_id": f"{block_id}-{number}", **element} for number, element in enumerate(result["elements"])
        ]
    for name in ("accessory", "element"):
        element = result.get(name)
        if isinstance(element, dict) and element.get("type") != "image":
            result[name] = {"action_id": f"{block_id}-{name}", **element}
    return result
