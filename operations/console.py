"""What the developer reads, and is asked."""

import getpass
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError


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


def is_confirmed(question: str, words: str, given: str) -> bool:
    """Tell whether the developer repeats *words*; *given* says it beforehand, for where nobody can be asked."""
    if given or not sys.stdin.isatty():
        return given == words
    return input(f"{question}\nType “{words}” to go on: ").strip() == words


def run(main: Callable[[], None]) -> None:
    """Run *main* and end the process: 1 and a sentence when it stops, 130 on Ctrl-C."""
    try:
        main()
    except Stop as stop:
        sys.exit(f"\n{stop}")
    except ClientError as error:
        details = error.response["Error"]
        sys.exit(f"\nAWS refused {error.operation_name} ({details['Code']}): {details['Message']}")
    except (BotoCoreError, HTTPClientError) as error:
        sys.exit(f"\nAWS could not be asked: {error} Running this again goes on from here.")
    except KeyboardInterrupt:
        print("\nInterrupted. Running the same command again goes on from here.", file=sys.stderr)
        sys.exit(130)
