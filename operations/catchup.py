"""`make catchup STAGE=dev [CHANNEL=finance] [SINCE=2026-11-01]`: archive what Slack never reported.

It starts the workflow that reads a conversation's past (stepfunctions/history.asl.json), for one conversation or
for all that the app is in, and shows how far it is. Nobody in Slack is told. Ctrl-C leaves the workflow running:
the same command shows its progress again. Edits and deletions that no event reported are followed, too.
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib import clients, history_run, layout, workflow
from chalicelib.archive import Archive
from chalicelib.conversation import moment as moment_of
from chalicelib.errors import IntegratorError, SlackRefused
from chalicelib.executions import Executions
from chalicelib.sigv4 import STEP_FUNCTIONS, Client
from chalicelib.slack import Slack
from operations import stages
from operations.console import Stop
from operations.failing import for_operator
from operations.stages import Stage
from operations.times import moment
from operations.totals import totals

USAGE = "make catchup STAGE=dev [CHANNEL=finance] [SINCE=2026-11-01]"
INVITE = "/invite @slack-integrator"
NEEDED = ("ACCESS_TOKEN", "SLACK_URL", "SLACK_INTEGRATOR_SF", "BUCKET")
SECONDS_PER_START = 5, 10
SECONDS_BETWEEN_LOOKS = 2.0
_MOST_NAMES = 10
SILENT_AFTER = 60.0
_FIRST = 1 / 30
"""One sign of the bar, as soon as a turn was done."""
DIED = "The execution has ended before the past was read. The same command goes on."
_TYPES = "public_channel,private_channel,mpim,im"

Json = dict[str, Any]


class Catchup(NamedTuple):
    """What catching up works with. *team* is the workspace."""

    slack: Slack
    archive: Archive
    client: Client
    state_machine: str
    team: str

    @property
    def machine(self) -> str:
        """The ARN of the state machine that reads histories."""
        return history_run.machine(self.state_machine)

    def conversations(self) -> Iterator[Json]:
        """Yield what Slack says of all conversations that the app is in."""
        cursor = ""
        while True:
            arguments = {"types": _TYPES, "limit": 200} | ({"cursor": cursor} if cursor else {})
            answer = self.slack.call("users.conversations", arguments, form=True)
            yield from answer["channels"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def channel_id(self, text: str) -> str:
        """Return the id of the conversation that *text* means: by its id, its link, or the name of a channel."""
        match = re.fullmatch(r"(?:https?://\S+/archives/)?([CDG][A-Z0-9]+)(?:[/?]\S*)?", text, re.ASCII)
        if match:
            return match[1]
        name = text.removeprefix("#").casefold()
        names = {channel["name"]: str(channel["id"]) for channel in self.conversations() if channel.get("name")}
        if name not in names:
            raise Stop(
                f"The app is in no channel #{name}. If there is one: type “{INVITE}” in it, which archives its "
                f"past, too. The app is in {_sentence(names)}."
            )
        return names[name]

    def record(self, channel: str) -> Any:
        """Return how far the archiving of the past of *channel* is, None where it never began."""
        record = self.archive.read(layout.history_key(self.team, channel))
        return record and record.value

    def is_alive(self, record: Json) -> bool:
        """Return True if the run of *record*, which is not over, has an execution that goes on."""
        name = history_run.execution(record["run"], record["part"])
        return Executions(self.client, self.machine).is_running(name)

    def start(self, channel: str, since: str, now: float) -> str:
        """Start reading the past of *channel* unless that goes on, and return the name of the run that counts."""
        record = self.record(channel)
        if record and record["state"] == "running" and self.is_alive(record):
            return str(record["run"])
        order = history_run.order(self.team, channel, f"{now:.6f}", since, tell=False)
        self._check_is_in(channel)
        workflow.start(
            self.client, self.machine, order["run"], workflow.canonical_json(dict(order)), time.monotonic() + 5
        )
        return order["run"]

    def _check_is_in(self, channel: str) -> None:
        try:
            details = self.slack.call("conversations.info", {"channel": channel}, form=True)["channel"]
        except SlackRefused as error:
            if error.error != "channel_not_found":
                raise
            reason = f"Slack shows the app no conversation {channel}. If it is a private one"
            raise Stop(f"{reason}: type “{INVITE}” in it, which archives its past, too.") from error
        if not details.get("is_member", True):
            name = details.get("name", channel)
            raise Stop(f"The app is not in #{name}: type “{INVITE}” there, which archives its past, too.")


def _sentence(names: Iterable[str]) -> str:
    """Return the first *names* of channels, as a sentence has them."""
    channels = [f"#{name}" for name in sorted(names)]
    more = f" and {len(channels) - _MOST_NAMES} more" if len(channels) > _MOST_NAMES else ""
    return ", ".join(channels[:_MOST_NAMES]) + more or "no channel yet"


def open_stage(stage: Stage) -> Catchup:
    """Return what catching up with *stage* works with; asks Slack which workspace it is."""
    settings = stage.settings(*NEEDED)
    slack = Slack(clients.http(), settings)
    client = Client(STEP_FUNCTIONS, *SECONDS_PER_START, stage.environ)
    team = str(slack.call("auth.test", {})["team_id"])
    return Catchup(slack, Archive(stage.client("s3"), settings.bucket), client, settings.state_machine, team)


def follow(catchup: Catchup, runs: Mapping[str, str], pause: float = SECONDS_BETWEEN_LOOKS) -> dict[str, Json]:
    """Show the progress of *runs*, by conversation, until all have ended, and return their records."""
    results: dict[str, Json] = {}
    while True:
        going: list[Json] = []
        for channel in runs.keys() - results.keys():
            record = _record(catchup, channel, runs[channel])
            if record and record["state"] != "running":
                results[channel] = record
            elif record:
                going.append(record)
        print("\r" + bar([*going, *results.values()], len(runs)), end="", flush=True)
        if len(results) == len(runs):
            print()
            return results
        time.sleep(pause)


def _record(catchup: Catchup, channel: str, run: str) -> Json | None:
    """Return the record of *run*, or of a later one that took the conversation over; None before the first turn."""
    record: Json | None = catchup.record(channel)
    if record and moment_of(_latest(record["run"])) >= moment_of(_latest(run)):
        return record if _goes_on(catchup, record) else {**record, "state": "stopped", "reason": DIED}
    if not Executions(catchup.client, catchup.machine).is_running(run):
        raise Stop(f"The execution {run} has ended before it began to read: Step Functions shows why.")
    return None


def _goes_on(catchup: Catchup, record: Json) -> bool:
    """Return False for a run that nothing takes a turn of any more; asked of Step Functions when it is silent."""
    is_silent = record["state"] == "running" and time.time() > record["at"] + SILENT_AFTER
    return not is_silent or catchup.is_alive(record)


def _latest(run: str) -> str:
    return run.partition("-history-")[2].replace("_", ".")


def bar(records: list[Json], conversations: int) -> str:
    """Return the progress of the runs in *records*, of so many *conversations*, on one line."""
    part = sum(map(_part, records)) / max(1, conversations)
    messages = sum(record["counts"]["messages"] for record in records)
    files = sum(record["counts"]["archived"] for record in records)
    counts = f"{messages} messages, {files} files archived"
    return f"[{'#' * round(30 * part):30}] {_where(records, conversations)}: {counts}"


def _part(record: Json) -> float:
    if record["state"] != "running":
        return 1.0
    position, latest = record["position"], moment_of(record["latest"])[0]
    is_in_messages = position["part"] == "messages"
    at = moment_of(position["latest"])[0] if is_in_messages else position["until"]
    fraction = min(1.0, (latest - at) / max(1.0, latest - float(record["since_shown"])))
    return _FIRST + 0.85 * fraction if is_in_messages else 0.9 + 0.09 * fraction


def _where(records: list[Json], conversations: int) -> str:
    if conversations != 1 or not records or records[0]["position"]["part"] != "messages":
        return f"{sum(record['state'] != 'running' for record in records)} of {conversations} conversations"
    day = datetime.fromtimestamp(moment_of(records[0]["position"]["latest"])[0], UTC)
    return f"back to {day:%Y-%m-%d}"


def summary(records: Mapping[str, Json]) -> str:
    """Return what came of the runs: how many files, how many not, and why."""
    lines = [totals(record["counts"] for record in records.values())]
    for channel, record in records.items():
        if record["state"] != "done":
            lines.append(f"{channel}: {record['reason'] or 'the app is not in it any more.'}")
        lines += [f"{channel} {problem['ts']}: {problem['reason']}" for problem in record["problems"]]
    return "\n".join(lines)


def main(arguments: Mapping[str, str]) -> None:
    """Catch up with CHANNEL, or with all conversations, of STAGE, since SINCE or from the beginning."""
    text, channel = arguments.get("SINCE", "").strip(), arguments.get("CHANNEL", "").strip()
    since = f"{moment(text, USAGE).timestamp():.6f}" if text else "0"
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    try:
        catchup = open_stage(stage)
        channels = [catchup.channel_id(channel)] if channel else [each["id"] for each in catchup.conversations()]
        runs = {name: catchup.start(name, since, time.time()) for name in channels}
        records = follow(catchup, runs)
    except IntegratorError as error:
        raise Stop(f"{for_operator(error)} The same command goes on.") from error
    except KeyboardInterrupt:
        print("\nThe workflow goes on. The same command shows how far it is.", file=sys.stderr)
        sys.exit(130)
    print(summary(records))
    if any(record["state"] != "done" or record["counts"]["failed"] for record in records.values()):
        sys.exit(1)
