"""docs/in-slack.md has what the app says, to the letter."""

from pathlib import Path

import pytest

from chalicelib import blocks, home, notices, shortcut

TABLE = Path(__file__).parents[2].joinpath("docs", "in-slack.md").read_text(encoding="utf-8")
SEVERAL = {"files": "these 2 files", "them": "them"}
OF_SHORTCUT = [shortcut.STARTED, shortcut.STARTED_UNHEARD, shortcut.RUNNING, shortcut.THERE_ALREADY, shortcut.LATER]


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
