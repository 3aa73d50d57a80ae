"""What Chalice's own commands need and a fresh clone has not: said in a sentence, before Chalice fails or misleads.

Imported by app.py on a laptop alone, where `chalice` runs.
"""

import sys
from collections.abc import Mapping, Sequence

NEEDED = ("BUCKET", "SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_SNS", "SLACK_INTEGRATOR_PARKING")
"""What the stack of `make deploy` makes, and what a package without it would name wrongly."""
_INSTEAD = {
    "deploy": "make deploy STAGE={} makes and sets them, roles and queues included, and then runs chalice deploy.",
    "delete": "make destroy STAGE={} takes a stage down, from whichever machine it was deployed.",
    "package": "make deploy STAGE={} makes and sets them. A template without them has no roles and no topic.",
}


def check(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Exit with a sentence where the command in *arguments* cannot work with *environ*; warn where it is of no use.

    CHALICE_UNCHECKED=1: whoever runs the command knows that it works.
    """
    command = next((word for word in arguments[1:] if not word.startswith("-")), "")
    if environ.get("CHALICE_UNCHECKED") == "1":
        return
    missing_names = [name for name in NEEDED if not environ.get(name)]
    if missing_names and command in _INSTEAD:
        what = f"chalice {command} has no {', '.join(missing_names)}."
        sys.exit(f"{what} {_INSTEAD[command].format(_stage(arguments))}")
    if command == "local" and not (environ.get("SIGNING_SECRET") or environ.get("VERIFICATION_TOKEN")):
        print(
            "No SIGNING_SECRET is set: every request will be answered with 401. make local sets everything, and "
            "brings an AWS and a Slack of its own; docs/laptop.md has the other ways.",
            file=sys.stderr,
        )


def _stage(arguments: Sequence[str]) -> str:
    """Return the stage that *arguments* name; dev is Chalice's default."""
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option == "--stage" and value:
            return value
        if option.startswith("--stage="):
            return option.removeprefix("--stage=")
    return "dev"
