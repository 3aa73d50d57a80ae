"""Text for people: colours on a terminal, plain elsewhere."""

import json
import os
import re
import sys
from collections.abc import Sequence

_STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "cyan": "36"}


class Terminal:
    """What is printed, in the order of a document's path. *colour* is decided by the terminal unless given."""

    def __init__(self, colour: bool | None = None) -> None:
        is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self._colour = is_coloured if colour is None else colour

    def styled(self, text: str, style: str) -> str:
        """*text* in a style of `_STYLES`, where colours are shown."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour else text

    def title(self, text: str) -> None:
        """The head of a section."""
        print(f"\n{self.styled(text, 'bold')}", flush=True)

    def line(self, text: str = "", style: str | None = None) -> None:
        """A line of a section."""
        print(f"  {self.styled(text, style) if style else text}", flush=True)

    def log(self, function: str, line: str) -> None:
        """What *function* printed; tracebacks, which the app's JSON lines hold in one line, as people read them."""
        step, traceback = split_traceback(line)
        for text in step.splitlines():
            self.line(f"{function:14} {text}", "dim")
        for text in traceback.splitlines():
            self.line(f"{function:14} {text}", "red")

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


def split_traceback(line: str) -> tuple[str, str]:
    """Return *line*, of a log, without the traceback that it may hold as a JSON field, and that traceback."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line, ""
    if not isinstance(fields, dict) or "traceback" not in fields:
        return line, ""
    traceback = str(fields.pop("traceback"))
    return json.dumps(fields, ensure_ascii=False), traceback


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
