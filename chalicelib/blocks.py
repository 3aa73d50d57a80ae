"""Block Kit: texts as Slack shows them.

What people wrote (names, tags, reasons) is escaped, and sections are `verbatim`, so that a file called `<!channel>`
or `@here` neither links nor calls anybody (https://docs.slack.dev/messaging/formatting-message-text).
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

from chalicelib.errors import IntegratorError, Transient

LONGEST_SECTION = 2_900
"""Characters; Block Kit takes 3,000."""
LONGEST_MESSAGE = 12_000
"""Characters of all blocks together; Slack takes 13,200, and says so nowhere (slackapi/bolt-js issue 2509)."""
LONGEST_NAME = 120
TRY_AGAIN = "To try again, open the message's menu and choose *Archive files*."
LONGEST_LABEL = 75
_LEFT_TO_RIGHT, _AS_IT_BEGINS = "\u2066", "\u2068"
_RIGHT_TO_LEFT = ("R", "AL")
"""Unicode's classes of letters that are written from right to left."""
LONGEST_VALUE = 2_000
MOST_BUTTONS = 25
"""Of a button's text and value, and of buttons in a row, Block Kit takes no more."""
Block = dict[str, Any]


def sections(*groups: Iterable[str]) -> list[Block]:
    """Return Block Kit sections; the lines of a group share one as long as they fit."""
    return [section(text) for group in groups for text in _packed(group)]


def _packed(lines: Iterable[str]) -> list[str]:
    packed: list[str] = []
    for line in (part for whole in lines for part in _slices(whole)):
        if packed and len(packed[-1]) + 1 + len(line) <= LONGEST_SECTION:
            packed[-1] += "\n" + line
        else:
            packed.append(line)
    return packed


def _slices(line: str) -> list[str]:
    """Break a line that is longer than a section at spaces (thirty long tags are)."""
    slices = []
    while len(line) > LONGEST_SECTION:
        at = line.rfind(" ", 1, LONGEST_SECTION)
        at = at if at > 0 else LONGEST_SECTION
        slices.append(line[:at])
        line = line[at:].lstrip()
    return [*slices, line]


def section(text: str) -> Block:
    """Return one section."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(text: str) -> Block:
    """Return a line in small letters."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def buttons(action: str, questions: Iterable[tuple[str, str]], style: str = "") -> list[Block]:
    """Return a row of buttons, each with its label and the question that it asks; none for no questions.

    The ids in one block begin with *action* and are numbered, for none may occur twice.
    """
    elements = [
        {
            "type": "button",
            "action_id": f"{action}-{number}",
            "text": {"type": "plain_text", "text": isolate(cut(label, LONGEST_LABEL - 2)), "emoji": False},
            **({"value": question} if question else {}),
            **({"style": style} if style else {}),
        }
        for number, (label, question) in enumerate(questions)
        if len(question) <= LONGEST_VALUE
    ]
    return [{"type": "actions", "elements": elements[:MOST_BUTTONS]}] if elements else []


def length(part: Any) -> int:
    """Return the characters of all texts in *part* of a message."""
    if isinstance(part, list):
        return sum(map(length, part))
    if not isinstance(part, dict):
        return 0
    text = part.get("text")
    return (len(text) if isinstance(text, str) else 0) + sum(map(length, part.values()))


def escape(text: str) -> str:
    """Return *text* so that Slack shows it to the letter."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shown_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return *name* on one line, isolated, without characters that turn the text around, at most *longest* long."""
    visible = "".join(character if _is_visible(character) else " " for character in name)
    return isolate(cut(" ".join(visible.split()), longest), _LEFT_TO_RIGHT)


def _is_visible(character: str) -> bool:
    """Leave out control and format characters, but for the joiners, which words and emoji need."""
    return character in "\u200c\u200d" or unicodedata.category(character) not in {"Cc", "Cf", "Zl", "Zp"}


def isolate(text: str, direction: str = _AS_IT_BEGINS) -> str:
    """Return *text* so that, if it is written from right to left, it changes nothing around it.

    *direction* is the character that begins the isolation (https://www.unicode.org/reports/tr9/). Without it, a tag
    would show its # at the wrong end, and a file's name its extension.
    """
    is_right_to_left = any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)
    return f"{direction}{text}\u2069" if is_right_to_left else text


def hashtag(tag: str) -> str:
    """Return *tag* with its #, escaped and isolated."""
    return isolate(f"#{escape(tag)}")


def size(count: int | None) -> str:
    """Return a number of bytes as people read it: `1 byte`, `47 KB`, `3.2 MB`."""
    if count is None:
        return "size unknown"
    if count < 1024:
        return "1 byte" if count == 1 else f"{count} bytes"
    if count < 1024**2 - 512:
        return f"{count / 1024:.0f} KB"
    if count < 1024**3 - 52_429:
        return f"{count / 1024**2:.1f} MB".replace(".0 ", " ")
    return f"{count / 1024**3:.1f} GB".replace(".0 ", " ")


def failure(what: str, error: IntegratorError) -> str:
    """Return *what* did not work, why, and that trying again helps, if it does."""
    again = " Please try again in a minute." if isinstance(error, Transient) else ""
    return f"❌ {what} {escape(str(error))}{again}"


def cut(text: str, length: int) -> str:
    """Return *text*, at most *length* characters of it, the last one an ellipsis if there is more."""
    return text if len(text) <= length else text[: length - 1] + "…"
