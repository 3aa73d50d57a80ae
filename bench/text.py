"""Numbers, tables and bars, as text for both Markdown and the terminal."""

from collections.abc import Sequence

WIDTH = 48
"""Length of a full bar, in characters."""


def number(value: float | None) -> str:
    """Return *value* with about three significant digits, or `-` for None."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns. All but the first are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (head, rule, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "| " + " | ".join([first, *cells]) + " |"


def bars(rows: Sequence[tuple[str, float, float]], unit: str) -> str:
    """Return *rows* of (title, begin, end) as bars on one scale, from 0 to the last end."""
    whole = max(end for _, _, end in rows) or 1
    title_width = max(len(title) for title, _, _ in rows)
    return "\n".join(
        f"{title.ljust(title_width)}  {_bar(begin / whole, end / whole)}  {number(end - begin)} {unit}"
        for title, begin, end in rows
    )


def _bar(begin: float, end: float) -> str:
    first = min(round(begin * WIDTH), WIDTH - 1)
    length = max(1, round(end * WIDTH) - first)
    return (" " * first + "█" * length).ljust(WIDTH, "·").replace(" ", "·")


def block(text: str) -> str:
    """Return *text* in a Markdown code block."""
    return f"```\n{text}\n```"
