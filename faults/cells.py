"""An upload under one fault: what lies in the archive and in Slack afterwards, and whether that is all right."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faults.kinds import ERROR, EVER, Rule
from faults.stage import Stage, execution_name
from local.slack import Generated
from local.slack.files import File
from local.slack.model import Channel, Message

PART = 8 * 1024 * 1024
DEAD_NOTICE = "the notice is a dead letter"
Snapshot = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A kind of upload. *uploaded* makes it in a channel; *base* faults (point, times) hold in all of its runs."""

    name: str
    uploaded: Callable[[Stage, Channel], Message]
    base: tuple[tuple[str, int], ...] = ()

    def rules(self, ids: frozenset[str]) -> list[Rule]:
        """The faults that belong to the scenario."""
        return [Rule(point, ERROR, times, ids) for point, times in self.base]


def _pages(stage: Stage, channel: Channel) -> Message:
    slack = stage.pipeline.slack
    page = slack.add_file("page.txt", b"a page\n" * 99, "text/plain")
    stub = slack.add_file("stub.bin", bytes(range(256)) * 40)
    slack.misbehave("check_file_info", only=stub.id, times=1)
    return slack.upload(channel, slack.users[0], [page, stub], "#minutes #2026", deliver=False)


def _film(stage: Stage, channel: Channel) -> Message:
    slack = stage.pipeline.slack
    film = slack.add_file("film.bin", Generated(PART + 1000))
    return slack.upload(channel, slack.users[0], [film], "#film", deliver=False)


def _page(stage: Stage, channel: Channel) -> Message:
    slack = stage.pipeline.slack
    return slack.upload(channel, slack.users[0], [("page.txt", b"a page", "text/plain")], "#page", deliver=False)


def _nonsense(stage: Stage, channel: Channel) -> Message:
    slack = stage.pipeline.slack
    message = slack.say(channel, slack.users[0], "Look", deliver=False)
    message.envelope = slack.envelope({**message.envelope["event"], "files": [{"name": "no id"}]})
    return message


SCENARIOS = (
    Scenario("pages", _pages),
    Scenario("film", _film),
    Scenario("parked", _page, (("route StartExecution", EVER),)),
    Scenario("aborted", _film, (("fetch_file CompleteMultipartUpload documents/", 3),)),
    Scenario("nonsense", _nonsense),
)


@dataclass(eq=False)
class Cell:
    """One upload of *scenario*, with *rule* the fault that it is run under; None for the run without."""

    scenario: Scenario
    point: str = ""
    fault: Any = None
    times: int = 0
    message: Message = field(init=False)
    ids: frozenset[str] = frozenset()
    rule: Rule | None = None
    reference: Snapshot = field(default_factory=dict)
    verdict: str = ""
    why: str = ""
    runs: int = 0

    def start(self, stage: Stage) -> None:
        """Upload, and let Slack deliver the event."""
        slack = stage.pipeline.slack
        self.runs += 1
        channel = slack.add_channel(f"cell-{len(slack.channels)}")
        self.message = self.scenario.uploaded(stage, channel)
        ids = frozenset({channel.id, *(file.id for file in self.message.files)})
        self.ids = ids
        if self.fault:
            self.rule = Rule(self.point, self.fault, self.times, ids)
            stage.apply([self.rule])
        stage.apply(self.scenario.rules(ids))
        slack.deliver_later(self.message.envelope)

    def says_nothing(self, stage: Stage) -> bool:
        """Tell whether the machine, and not the fault, decided: too slow for the app's own time limits."""
        did_not_happen = self.rule is not None and not self.rule.happened
        return did_not_happen or self.why == DEAD_NOTICE or any(call.is_about(self.ids) for call in stage.too_slow)


def snapshot(stage: Stage, message: Message) -> Snapshot:
    """What came of *message*, in words that are the same for every run: ids are replaced by what they stand for."""
    s3, bucket = stage.pipeline.aws.client("s3"), stage.pipeline.deployed.bucket
    words = {message.channel.id: "CHANNEL", message.ts.replace(".", "_"): "TS", message.ts: "TS"}
    words |= {file.id: str(file.name) for file in message.files} | {str(message.envelope["event_id"]): "EVENT"}
    words[stage.pipeline.slack.url] = "SLACK"

    def plain(text: str) -> Any:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    found: Snapshot = {"objects": {}, "replies": [plain(reply.text) for reply in replies(stage, message)]}
    for key in _keys(stage, message):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        found["objects"][plain(key)] = _without_times(plain(body.decode())) if key.endswith(".json") else _sum(body)
    found["status"] = stage.execution(message).get("status")
    found["unfinished"] = _unfinished(stage, message)
    return found


def replies(stage: Stage, message: Message) -> list[Message]:
    """What the app posted in the message's thread."""
    return stage.pipeline.slack.replies(message.channel, message.ts)


def _keys(stage: Stage, message: Message) -> list[str]:
    team = stage.pipeline.slack.team_id
    prefixes = [f"messages/{team}/{message.channel.id}/", f"notices/{execution_name(stage, message)}"]
    for file in message.files:
        prefixes += [f"documents/{team}/{file.id}/", f"metadata/{team}/{file.id}.json"]
    s3, bucket = stage.pipeline.aws.client("s3"), stage.pipeline.deployed.bucket
    pages = [s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []) for prefix in prefixes]
    return [one["Key"] for page in pages for one in page]


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _without_times(text: str) -> Any:
    """A record without what is different each time; a notice only by its state."""
    record = json.loads(text)
    if "state" in record:
        return record["state"]
    record.pop("archived_at", None)
    record.get("file", {}).pop("created", None)
    return record


def _unfinished(stage: Stage, message: Message) -> int:
    s3, bucket = stage.pipeline.aws.client("s3"), stage.pipeline.deployed.bucket
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return sum(any(file.id in upload["Key"] for file in message.files) for upload in uploads)


def broken_promises(stage: Stage, message: Message, found: Snapshot) -> list[str]:
    """What must never be, whatever happened."""
    broken = []
    for file in message.files:
        document, record = f"documents/{stage.pipeline.slack.team_id}/{file.name}/", f"/{file.name}.json"
        stored = {key: value for key, value in found["objects"].items() if key.startswith(document)}
        known = [
            value for key, value in found["objects"].items() if key.startswith("metadata/") and key.endswith(record)
        ]
        if stored.keys() - {document + str(file.name)}:
            broken.append(f"a document under a wrong name: {', '.join(stored)}")
        if set(stored.values()) - {file.sha256}:
            broken.append(f"{file.name} is stored, but not whole")
        if known and stored.get(document + str(file.name)) != file.sha256:
            broken.append(f"metadata of {file.name} without the whole document")
        if known and known[0]["file"]["sha256"] != file.sha256:
            broken.append(f"a wrong checksum of {file.name}")
        if not known and _claims(found, file):
            broken.append(f"{file.name} is said to be archived, and is not")
    return broken


def _claims(found: Snapshot, file: File) -> bool:
    said = re.compile(rf"• {re.escape(str(file.name))} (\(|was in)")
    return any(said.search(reply) for reply in found["replies"])
