"""docs/in-slack.md has all that the app says, to the letter."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from chalicelib import answers, blocks, history_notices, home, notices, opening, shortcut

TABLE = Path(__file__).parents[2].joinpath("docs", "in-slack.md").read_text(encoding="utf-8")
SEVERAL = {"files": "these 2 files", "them": "them"}
OF_SHORTCUT = [shortcut.STARTED, shortcut.STARTED_UNHEARD, shortcut.RUNNING, shortcut.THERE_ALREADY, shortcut.LATER]
SPEAKING = [answers, blocks, history_notices, home, notices, opening, shortcut]
"""The modules whose texts people read. What went wrong is in the words of errors, which the document names."""
OTHERS = {answers.USAGE, opening._PAGE, *map(str, opening._HEADERS.values())}
"""What is too long for a table, or nothing that is said to a person."""


@pytest.mark.parametrize(
    "text",
    [
        notices.GREETING,
        notices.FIRST,
        f"👋 {notices.ABOUT} {notices.HOW}",
        blocks.TRY_AGAIN,
        home.NOT_FOR_STRANGERS,
        " ".join(home.WELCOME.replace("*", "").split()),
        shortcut.NO_FILES,
        shortcut.NOT_UNDERSTOOD,
        shortcut.NOT_THERE,
        *(text.format(**SEVERAL) for text in OF_SHORTCUT),
    ],
)
def test_the_table_has_the_text(text: str) -> None:
    assert f" {text} |" in TABLE


@pytest.mark.parametrize("module", SPEAKING, ids=lambda module: module.__name__)
def test_every_sentence_of_the_code_is_in_the_table(module: ModuleType) -> None:
    table = plain(TABLE)
    missing_parts = [part for text in texts(module) for part in parts(text) if part not in table]
    assert missing_parts == []


def texts(module: ModuleType) -> Iterator[str]:
    """What the module's code has in quotes that a person may read: whole words, and no documentation."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    said_to_programmers = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    of_asserts = {id(node.msg) for node in ast.walk(tree) if isinstance(node, ast.Assert)}
    logged = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "re.", "NotUnderstood"))
        for argument in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in said_to_programmers | of_asserts | logged:
            text = node.value
            if isinstance(text, str) and text not in OTHERS and re.search(r"[A-Za-z']{2,} [A-Za-z']{2,}", text):
                yield text


def parts(text: str) -> list[str]:
    """The parts of *text* between what is filled in, as they stand in a table."""
    return [part for part in map(plain, re.split(r"\{\w*\}", text)) if len(part) > 3]


def plain(text: str) -> str:
    """*text* without line breaks, styles, and what HTML makes of the same."""
    return " ".join(re.sub(r"[*`]|</?code>", "", text).split()).strip(" .:,|<>")
