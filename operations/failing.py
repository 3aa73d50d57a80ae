"""How a command fails: with a sentence, never a traceback."""

import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import IntegratorError
from chalicelib.sigv4 import ServiceError
from chalicelib.slack import ASK_OPERATOR
from operations.console import Stop

AGAIN = "Running the same command again goes on from here."


def for_operator(error: IntegratorError) -> str:
    """Return *error*, which speaks to the person who uploads, for whoever runs the archive."""
    text = str(error)
    return text.replace(ASK_OPERATOR, "make doctor STAGE=… says more") if ASK_OPERATOR in text else text


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
