"""The one command line of the operations: `python -m operations replay STAGE=dev SINCE=2026-11-23T10:00`.

Make calls it. Arguments are variables, as make has them: NAME=value, or in the environment, to which make exports
what stands on its own command line.
"""

import os
import sys
from importlib import import_module

from operations.console import Stop
from operations.failing import run

COMMANDS = ("deploy", "prove", "destroy", "replay", "catchup", "import", "forget", "reindex", "doctor")
_MODULES = {"import": "import_export"}
"""Where that is not called like the command: `import` is a word of Python's own."""


def main() -> None:
    """Do what the command line says."""
    command, *rest = (*sys.argv[1:], "")
    if command not in COMMANDS:
        raise Stop(f"python -m operations: one of {', '.join(COMMANDS)} with its variables, such as STAGE=dev.")
    variables = dict(argument.split("=", 1) for argument in rest if "=" in argument)
    import_module(f"operations.{_MODULES.get(command, command)}").main({**os.environ, **variables})


if __name__ == "__main__":
    run(main)
