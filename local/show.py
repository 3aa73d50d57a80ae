"""Text for people: colours on a terminal, plain elsewhere."""

import os
import re
import sys
from collections.abc import Sequence

_STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "cyan": "36"}


class Page:
    """What is printed, in the order of a document's path. *colour* is decided by the terminal unless given."""

    def __init__(self, colour: bool | None = None) -> None:
        wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self._colour = wanted if colour is None else colour

    def styled(self, text: str, style: str) -> str:
        """*text* in a style of `_STYLES`, where colours are shown."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour else text

    def title(self, text: str) -> None:
        """The head of a section."""
        print(f"\n{self.styled(text, 'bold')}", flush=True)

    def line(self, text: str = "", style: str | None = None) -> None:
        """A line of a section."""
        print(f"  {self.styled(text, style) if style else text}", flush=True)

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Columns, each as wide as its widest cell."""
        widths = [max(len(_plain(row[column])) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = [cell + " " * (width - len(_plain(cell))) for cell, width in zip(row, widths, strict=True)]
            self.line("  ".join(cells).rstrip())

    def verdict(self, good: bool, text: str) -> None:
        """A check and how it went."""
        sign = self.styled("ok", "green") if good else self.styled("NOT OK", "red")
        self.line(f"{sign}  {text}")


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
