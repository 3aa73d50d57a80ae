"""Sizes: the requests of an answer, and how long it takes, by its terms, by whose it is, and by the archive's size.

A bucket of a million documents would hold twenty million entries: archive.py makes them up as they are asked for.
"""

import json
import subprocess
import sys
from http.client import HTTPConnection
from types import TracebackType
from typing import Any, Self

from bench.archive import Plan, described
from bench.clicks import ask
from bench.prepare import PROJECT
from bench.searching import percentiles, settle_people
from local.pipeline import Pipeline
from local.slack.model import User

SIZES = (1_000, 10_000, 100_000, 1_000_000)
TERMS = ("board", "finance", "week", "report", "pdf")
IN = (1, 5, 25)
"""Conversations that somebody is in, the one in which they ask included."""
ROUNDS = 20


class ArchiveProcess:
    """The archive of archive.py, in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-B", "-m", "bench.archive"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
        )
        assert self._process.stdout is not None
        self._host = f"127.0.0.1:{int(self._process.stdout.readline())}"
        self.url = f"http://{self._host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def become(self, plan: Plan) -> None:
        """Hold the archive of *plan* from now on."""
        self._exchanged("PUT", described(plan))

    def seen(self) -> dict[str, int]:
        """Return the requests since the last call, by operation."""
        return self._exchanged("GET", b"")

    def _exchanged(self, method: str, body: bytes) -> dict[str, int]:
        connection = HTTPConnection(self._host)
        connection.request(method, "/-/", body)
        counts: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return counts


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by question, and by the number of documents, milliseconds and requests of an answer."""
    sizes, rounds = (SIZES[::3], 5) if quick else (SIZES, ROUNDS)
    questions: dict[str, Any] = {}
    with ArchiveProcess() as archive, Pipeline(environ={"AWS_ENDPOINT_URL": archive.url}) as pipeline:
        slack = pipeline.slack
        rooms, people = settle_people(slack, {many - 1 for many in IN})
        for size in sizes:
            plan = Plan(slack.team_id, slack.channels[0].id, [room.id for room in rooms], size)
            archive.become(plan)
            for terms in range(1, len(TERMS) + 1):
                for many in IN:
                    row = questions.setdefault(f"{terms} of {many}", {"terms": terms, "conversations": many})
                    text = " ".join(TERMS[:terms])
                    row[f"{size:,}"] = _question(pipeline, archive, people[many - 1], text, rounds)
    return {"sizes": [f"{size:,}" for size in sizes], "questions": questions}


def _question(pipeline: Pipeline, archive: ArchiveProcess, user: User, text: str, rounds: int) -> dict[str, float]:
    ask(pipeline, user, text)  # so that Slack has said which channels are public
    archive.seen()
    ask(pipeline, user, text)
    requests = archive.seen()
    listings = sum(count for operation, count in requests.items() if " LIST " in operation)
    durations = [ask(pipeline, user, text) for _ in range(rounds)]
    return {"listings": listings, "records": sum(requests.values()) - listings, **percentiles(durations)}
