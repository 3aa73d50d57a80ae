"""What the developer reads, and is asked; and how a command fails: with a sentence, never a traceback."""

import getpass
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import IntegratorError
from chalicelib.sigv4 import ServiceError
from chalicelib.slack import ASK_OPERATOR

AGAIN = "Running the same command again goes on from here."


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


def for_operator(error: IntegratorError) -> str:
    """Return *error*, which speaks to the person who uploads, for whoever runs the archive."""
    said = str(error)
    return said.replace(ASK_OPERATOR, "make doctor STAGE=… says more") if ASK_OPERATOR in said else said


def run(main: Callable[[], None]) -> None:
    """Run *main* and end the process: 1 and a sentence when it stops, 130 on Ctrl-C."""
    try:
        main()
    except Stop as reason:
        sys.exit(f"\n{reason}")
    except IntegratorError as error:
        sys.exit(f"\n{for_operator(error)} {AGAIN}")
    except ClientError as error:
        details = error.response["Error"]
        sys.exit(f"\nAWS refused {error.operation_name} ({details['Code']}): {details['Message']} {AGAIN}")
    except BotoCoreError as error:
        sys.exit(f"\nAWS could not be asked: {error} {AGAIN}")
    except ServiceError as error:
        sys.exit(f"\nAWS could not be asked ({error.code}). {AGAIN}")
    except (KeyboardInterrupt, EOFError):
        print(f"\nInterrupted. {AGAIN}", file=sys.stderr)
        sys.exit(130)
