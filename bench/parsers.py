"""`make parsers`: how long the parsers of what people write take, over text that is made to be slow.

Anybody in the workspace can send 40,000 characters of whatever they like. A parser is safe when its time per
character does not grow with the length: each shape is measured at two lengths.
"""

import sys
import time
from collections.abc import Callable

from bench import text
from chalicelib import blocks, files, hashtags, layout, questions, richtext, suggestions, words

SHORT, LONG = 10_000, 40_000
"""Characters; Slack takes 40,000 in a message (https://docs.slack.dev/reference/methods/chat.postMessage)."""
MOST_GROWTH = 3.0
"""How much more a character of the long text may cost: a quadratic parser takes four times as much."""

SHAPES = {
    "prose": "a plain sentence with a #tag in it, ",
    "one word": "a",
    "marks out of order": "\u0301\u0334",
    "marks on a tag": "#a" + "\u0315\u0300" * 400,
    "marks that decompose": "\u0f73\u0344",
    "Hangul": "\u1100\u1161\u11a8",
    "signs": "#",
    "tags": "#a",
    "long tags": "#" + "a" * 300,
    "colons": "#:",
    "almost emoji": "#:aaaaaaaaaaaa",
    "emoji": "#:tada:",
    "tones": ":wave::skin-tone-3",
    "medial": "#\u05d0\u05be",
    "back-ticks": "`",
    "fences": "```",
    "angles": "<",
    "channels": "<#C1|",
    "unnamed": "<#C1>",
    "entities": "&amp;",
    "addresses": "a://",
    "points": "a.+-",
    "slashes": "/.",
    "commas": ", ",
    "brackets": "«[(",
    "astral": "\U0001f469\u200d",
    "directions": "\u202e\u2066",
}


def _blocks(sample: str) -> object:
    leaves = [{"type": "text", "text": sample[at : at + 100]} for at in range(0, len(sample), 100)]
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": leaves}]}]


PARSERS: dict[str, Callable[[str], object]] = {
    "tags": hashtags.tags,
    "tags, with blocks": lambda sample: richtext.without_code(sample, _blocks(sample)),
    "fold": hashtags.fold,
    "unnamed_channels": hashtags.unnamed_channels,
    "words": words.of_comment,
    "/docs": questions.parse,
    "did you mean": lambda sample: suggestions.alike(
        sample[:100], [sample[at : at + 100] for at in range(0, len(sample), 16)], 3
    ),
    "a file's name": lambda sample: layout.document_key(
        "T1", "F1", files.file({"id": "F1", "name": sample})["name"]
    ),
    "shown_name": blocks.shown_name,
    "sections": lambda sample: blocks.sections([sample]),
}


def measure() -> dict[str, dict[str, tuple[float, float]]]:
    """Return the ns per character of every parser over every shape, at both lengths."""
    return {
        name: {
            shape: (_per_character(parse, unit, SHORT), _per_character(parse, unit, LONG))
            for shape, unit in SHAPES.items()
        }
        for name, parse in PARSERS.items()
    }


def _per_character(parse: Callable[[str], object], unit: str, length: int) -> float:
    """Return the best of three: what else the machine does only ever adds."""
    long_text = (unit * (length // len(unit) + 1))[:length]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        parse(long_text)
        best = min(best, time.process_time() - start)
    return best / length * 1e9


def table(figures: dict[str, dict[str, tuple[float, float]]]) -> str:
    """Return the *figures* of the long text as a table of shapes and parsers."""
    rows = [[shape, *(text.number(figures[name][shape][1]) for name in PARSERS)] for shape in SHAPES]
    return text.table([f"ns per character of {LONG:,}", *PARSERS], rows)


def growth(figures: dict[str, dict[str, tuple[float, float]]]) -> list[str]:
    """Return what takes more per character the longer the text is."""
    return [
        f"{name}, {shape}: {short:,.0f} ns per character at {SHORT:,}, {long:,.0f} at {LONG:,}"
        for name, shapes in figures.items()
        for shape, (short, long) in shapes.items()
        if long > MOST_GROWTH * max(short, 20)
    ]


def main() -> int:
    """Print the table; the exit status is 1 if anything grows with the length."""
    figures = measure()
    print(table(figures))
    worst = growth(figures)
    print("\n".join(worst) or "Every parser is linear over every shape.")
    return bool(worst)


if __name__ == "__main__":
    sys.exit(main())
