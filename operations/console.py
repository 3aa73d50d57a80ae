"""What the developer reads, and is asked; and how a command fails: with a sentence, never a traceback."""

import getpass
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import IntegratorError

AGAIN = "Running the same command again goes on from here."


class Stop(Exception):
    """One sentence for the developer: what is in the way, and the way out."""


def step(title: str) -> None:
    """Say what is done next."""
    print(f"\n{title}", flush=True)


def say(text: str) -> None:
    """Say what came of it."""
    print(f"  {text}", flush=True)


def ask_secret(name: str) -> str:
    """Return what is typed, unseen; empty where nobody is there to type."""
    return getpass.getpass(f"  {name}: ").strip() if sys.stdin.isatty() else ""


def confirm(question: str, words: str, answer: str) -> None:
    """Raise Stop unless the developer types *words*; *answer* is CONFIRM, for where nobody can be asked."""
    if not answer and sys.stdin.isatty():
        answer = input(f"{question}\nType “{words}” to go on: ").strip()
    if answer != words:
        raise Stop(f"Nothing was removed. To confirm without being asked: CONFIRM='{words}'.")


def run(main: Callable[[], None]) -> None:
    """Run *main* and end the process: 1 and a sentence when it stops, 130 on Ctrl-C."""
    try:
        main()
    except (Stop, IntegratorError) as reason:
        sys.exit(f"\n{reason}")
    except ClientError as error:
        details = error.response["Error"]
        sys.exit(f"\nAWS refused {error.operation_name} ({details['Code']}): {details['Message']} {AGAIN}")
    except BotoCoreError as error:
        sys.exit(f"\nAWS could not be asked: {error} {AGAIN}")
    except (KeyboardInterrupt, EOFError):
        print(f"\nInterrupted. {AGAIN}", file=sys.stderr)
        sys.exit(130)
