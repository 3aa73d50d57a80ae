"""What the developer reads, and is asked. It needs no chalicelib: `make local` names a mistake in that, too."""

import getpass
import sys
from collections.abc import Callable


class Stop(Exception):
    """One sentence for the developer: what is in the way, and the way out."""


def step(title: str) -> None:
    """Say what is done next."""
    print(f"\n{title}", flush=True)


def say(text: str) -> None:
    """Say what came of it."""
    print(f"  {text}", flush=True)


def ask_secret(name: str, objection: Callable[[str], str]) -> str:
    """Return what is typed, unseen, asking again while there is an *objection* to it.

    Empty where nothing is typed, or nobody is there to type.
    """
    while sys.stdin.isatty():
        answer = getpass.getpass(f"  {name}: ").strip()
        wrong = objection(answer) if answer else ""
        if not wrong:
            return answer
        say(f"{wrong} Please paste it again, or press Ctrl-C.")
    return ""


def confirm(question: str, words: str, answer: str) -> None:
    """Raise Stop unless the developer types *words*; *answer* is CONFIRM, for where nobody can be asked."""
    if not answer and sys.stdin.isatty():
        answer = input(f"{question}\nType “{words}” to go on: ").strip()
    if answer != words:
        raise Stop(f"Nothing was removed. To confirm without being asked: CONFIRM='{words}'.")
