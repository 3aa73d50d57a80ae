"""`make import STAGE=dev EXPORT=export.zip [TEAM=T0123456789]`: archive the files that Slack's export names.

For workspaces whose past Slack's API shows no more. Nobody in Slack is told. Ctrl-C stops after the message that is
read; how far the import is stands in the archive, and the same command goes on.
"""

import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib import clients
from chalicelib.archive import Archive
from chalicelib.errors import IntegratorError
from chalicelib.executions import Executions
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack
from operations import stages
from operations.console import Stop
from operations.export_tokens import Tokens
from operations.failing import AGAIN, for_operator
from operations.importer import Importer, Progress, Target
from operations.slack_export import Export
from operations.stages import Stage
from operations.totals import totals

USAGE = "make import STAGE=dev EXPORT=export.zip"
NEEDED = ("ACCESS_TOKEN", "SLACK_URL", "SLACK_INTEGRATOR_SF", "BUCKET")
SECONDS_PER_START = 5, 10
SECONDS_BETWEEN_BARS = 0.2
_TEAM = re.compile(r"[TE][A-Z0-9]{1,17}", re.ASCII)


def main(arguments: Mapping[str, str]) -> None:
    """Import EXPORT into STAGE; TEAM is the workspace that it is an export of, where that has to be asked."""
    name = arguments.get("EXPORT", "").strip()
    if not name:
        raise Stop(f"Say which export: {USAGE}.")
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    try:
        target = open_stage(stage)
        with Export(Path(name).expanduser()) as export:
            check_team(export.teams(), target.team, arguments.get("TEAM", "").strip())
            progress = run_import(export, target, stage)
            print(summary(progress, export))
    except IntegratorError as error:
        raise Stop(f"{for_operator(error)} {AGAIN}") from error
    if progress["counts"]["failed"]:
        sys.exit(1)


def open_stage(stage: Stage) -> Target:
    """Return where the import goes to; asks Slack which workspace it is."""
    settings = stage.settings(*NEEDED)
    slack = Slack(clients.http(), settings)
    me = slack.call("auth.test", {})
    executions = Executions(Client(STEP_FUNCTIONS, *SECONDS_PER_START, stage.environ), settings.state_machine)
    archive = Archive(stage.client("s3"), settings.bucket)
    return Target(slack, archive, executions, settings, str(me["team_id"]), str(me["user_id"]))


def check_team(of_people: set[str], ours: str, answer: str) -> None:
    """Raise Stop unless the export is of *ours*, the workspace that the stage's app is installed in.

    The export does not say whose it is, but only *of_people*, the workspaces of its people: guests have others. If
    all are of *ours*, that is the answer; otherwise it is asked.
    """
    if not answer and of_people == {ours}:
        return
    teams = ", ".join(sorted(of_people)[:10]) or "no workspace that it names"
    about = f"The people of this export are of {teams}; the stage's app is installed in {ours}."
    if not answer and sys.stdin.isatty():
        answer = input(f"{about}\nWhich workspace is this an export of? Type its id: ").strip()
    if not answer:
        raise Stop(f"{about} Say which workspace it is an export of: TEAM={ours}, if it is.")
    if not _TEAM.fullmatch(answer):
        raise Stop(f"{answer!r} is no workspace's id, which looks like T0123456789.")
    if answer != ours:
        raise Stop(f"{about} An export of {answer} belongs into a stage whose app is installed in {answer}.")


def run_import(export: Export, target: Target, stage: Stage) -> Progress:
    """Import *export*, show how far it is, and return what came of it."""
    tokens = Tokens(stage.client("ssm"), stage.name)
    importer = Importer(target, export, tokens)
    with interrupts() as interrupted:
        last_bar = 0.0
        for part in importer.run():
            if time.monotonic() - last_bar > SECONDS_BETWEEN_BARS:
                print("\r" + bar(part, importer.progress), end="", flush=True)
                last_bar = time.monotonic()
            if interrupted():
                importer.save()
                raise KeyboardInterrupt
    print("\r" + bar(1.0, importer.progress))
    tokens.forget()
    return importer.progress


@contextmanager
def interrupts() -> Iterator[Any]:
    """Yield what tells whether Ctrl-C was pressed: once ends the import in order, twice at once."""
    presses: list[int] = []

    def note(number: int, frame: object) -> None:
        presses.append(number)
        signal.signal(signal.SIGINT, before)
        print("\nStopping after this message; Ctrl-C again stops at once.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, before)


def bar(part: float, progress: Progress) -> str:
    """Return the progress on one line; *part* of the export is read."""
    counts, waiting = progress["counts"], len(progress["started"])
    day = progress["entry"].rpartition("/")[2].removesuffix(".json")
    text = f"{day}: {counts['messages']} messages, {counts['archived']} files archived"
    return f"[{'#' * round(30 * part):30}] {text}, {waiting} on their way ".ljust(100)


def summary(progress: Progress, export: Export) -> str:
    """Return what came of the import: how many files, how many not, and why."""
    counts = progress["counts"]
    lines = [totals([counts])]
    lines += [f"{problem['ts']} {problem['name'] or ''}: {problem['reason']}" for problem in progress["problems"]]
    more = counts["skipped"] + counts["failed"] - len(progress["problems"])
    lines += [f"… and {more} more."] if more > 0 and len(progress["problems"]) else []
    unknown = sorted(export.unknown_folders())
    if unknown:
        lines.append(f"Left out, since no list of the export names them: {', '.join(unknown[:10])}.")
    return "\n".join(lines)
