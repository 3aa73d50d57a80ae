"""An event or a search under one fault: what lies in the archive and in Slack afterwards, and is that all right."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from faults.harness import Harness, execution_name
from faults.kinds import Rule
from faults.scenarios import Scenario, tag_of
from local.slack.commands import CommandResult
from local.slack.files import File, Json
from local.slack.model import Message

DEAD_NOTICE = "the notice is a dead letter"
Snapshot = dict[str, Any]


@dataclass(eq=False)
class Case:
    """One run of *scenario*, with *rule* the fault that it is run under; None for the run without."""

    scenario: Scenario
    point: str = ""
    fault: Any = None
    times: int = 0
    message: Message = field(init=False)
    event: Json = field(init=False)
    """What the fault befalls: the upload's event, or that of what was done to it."""
    delivered: Json = field(init=False)
    """What Slack sends of it."""
    answer: CommandResult | None = None
    earlier: frozenset[str] = frozenset()
    """The replies that were there before the fault could happen, by their ts."""
    ids: frozenset[str] = frozenset()
    rule: Rule | None = None
    reference: Snapshot = field(default_factory=dict)
    verdict: str = ""
    why: str = ""
    runs: int = 0

    def prepare(self, harness: Harness) -> None:
        """Upload; where it is to be archived before the fault, let Slack deliver the event."""
        slack = harness.pipeline.slack
        self.runs += 1
        self.message = self.scenario.uploaded(harness, slack.add_channel(f"case-{len(slack.channels)}"))
        self.event = self.delivered = self.message.envelope
        if self.scenario.is_about_an_archived_one:
            slack.deliver_later(self.event)

    def start(self, harness: Harness) -> None:
        """Let Slack deliver the event, or ask the question, that the fault befalls."""
        self.earlier = frozenset(reply.ts for reply in self._thread(harness))
        if self.scenario.change:
            self.event = self.delivered = self.scenario.change(harness, self.message)
        if self.scenario.event:
            self.delivered = self.scenario.event(harness, self.message)
        self.ids = frozenset({self.message.channel.id, *(file.id for file in self.message.files)})
        if self.scenario.ask:
            self._ask(harness)
        else:
            self._apply(harness)
            harness.pipeline.slack.deliver_later(self.delivered)

    def _ask(self, harness: Harness) -> None:
        slack = harness.pipeline.slack
        elsewhere = slack.add_channel(f"elsewhere-{len(slack.channels)}")
        asker = slack.add_user(f"asker-{elsewhere.id}")
        self.ids |= {elsewhere.id, asker.id, tag_of(self.message.channel)}
        self._apply(harness)
        assert self.scenario.ask
        self.answer = self.scenario.ask(harness, self.message, elsewhere, asker)

    def _apply(self, harness: Harness) -> None:
        if self.fault:
            self.rule = Rule(self.point, self.fault, self.times, self.ids)
            harness.apply([self.rule])
        harness.apply(self.scenario.rules(self.ids))

    def replies(self, harness: Harness) -> list[Message]:
        """What the app posted in the message's thread since the fault could happen."""
        return [reply for reply in self._thread(harness) if reply.ts not in self.earlier]

    def earlier_replies(self, harness: Harness) -> list[Message]:
        """What the app posted there before, and still stands."""
        return [reply for reply in self._thread(harness) if reply.ts in self.earlier]

    def _thread(self, harness: Harness) -> list[Message]:
        if self.scenario.is_of_the_past:  # what is said of a conversation's past is in no thread of its messages
            return [post for post in _of_app(harness, self.message) if "shared here since" in post.text]
        return harness.pipeline.slack.replies(self.message.channel, self.message.ts)

    def says_nothing(self, harness: Harness) -> bool:
        """Tell whether the machine, and not the fault, decided: too slow for the app's own time limits."""
        did_not_happen = self.rule is not None and not self.rule.happened
        was_not_archived = self.scenario.is_about_an_archived_one and not self.earlier
        was_slow = any(call.is_about(self.ids) for call in harness.too_slow)
        return did_not_happen or was_not_archived or self.why == DEAD_NOTICE or was_slow


def snapshot(harness: Harness, case: Case) -> Snapshot:
    """What came of *case*, in words that are the same for every run: ids are replaced by what they stand for."""
    s3, bucket = harness.pipeline.aws.client("s3"), harness.pipeline.deployment.bucket
    words = _words(harness, case)

    def plain(text: str) -> Any:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    result: Snapshot = {"objects": {}, "replies": [plain(reply.text) for reply in case.replies(harness)]}
    for key in _keys(harness, case):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        result["objects"][plain(key)] = (
            _without_times(plain(body.decode())) if key.endswith(".json") else _sum(body)
        )
    result["tags"] = {re.sub(r"\d{10}-", "", plain(key)) for key in _index(harness, case)}
    result["reactions"] = sorted(name for message in _messages(harness, case.message) for name in message.reactions)
    result["earlier"] = [plain(reply.text) for reply in case.earlier_replies(harness)]
    result["status"] = harness.execution(case.event).get("status")
    result["unfinished"] = _unfinished(harness, case.message)
    result["answer"] = case.answer and (case.answer.attempt.succeeded, plain(case.answer.text))
    return result


def _messages(harness: Harness, message: Message) -> list[Message]:
    """Everything in the message's channel, in which nothing else is."""
    return [candidate for candidate in harness.pipeline.slack.messages if candidate.channel is message.channel]


def _of_app(harness: Harness, message: Message) -> list[Message]:
    """The app's own posts in the message's channel that still stand."""
    bot = harness.pipeline.slack.bot_user_id
    return [post for post in _messages(harness, message) if post.user == bot and not post.deleted and post.text]


def _words(harness: Harness, case: Case) -> dict[str, str]:
    message, event = case.message, case.event["event"]
    words = {tag_of(message.channel): "TAG", message.channel.id: "CHANNEL", message.channel.id.lower(): "CHANNEL"}
    words[message.channel.name] = "NAME OF CHANNEL"
    for name, ts in {"TS": message.ts, "LATER": str(event.get("event_ts")), "REPLY": str(event["ts"])}.items():
        words |= {ts.replace(".", "_"): name, ts: name}
    words |= {file.id: str(file.name) for file in message.files}
    words |= {str(message.envelope["event_id"]): "EVENT", str(case.event["event_id"]): "LATER EVENT"}
    return words | {harness.pipeline.slack.url: "SLACK"}


def _keys(harness: Harness, case: Case) -> list[str]:
    """The documents and records of the case, and its notices, without that of an upload archived before."""
    message, team = case.message, harness.pipeline.slack.team_id
    prefixes = [f"messages/{team}/{message.channel.id}/", f"notices/{execution_name(case.event)}"]
    for file in message.files:
        prefixes += [f"documents/{team}/{file.id}/", f"metadata/{team}/{file.id}.json"]
    return [key for prefix in prefixes for key in _list_keys(harness, prefix)]


def _index(harness: Harness, case: Case) -> list[str]:
    """The entries of the case's files in the index."""
    team, channel = harness.pipeline.slack.team_id, case.message.channel.id
    folders = [f"{kind}/{team}/{scope}/" for kind in ("tags", "words", "recent") for scope in ("public", channel)]
    keys = [key for folder in folders for key in _list_keys(harness, folder)]
    return [key for key in keys if any(key.endswith(f"-{file.id}") for file in case.message.files)]


def _list_keys(harness: Harness, prefix: str) -> Iterator[str]:
    pages = harness.pipeline.aws.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=harness.pipeline.deployment.bucket, Prefix=prefix):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _without_times(text: str) -> Any:
    """A record without what is different each time; a notice only by its state."""
    record = json.loads(text)
    if "state" in record:
        return record["state"]
    record.pop("archived_at", None)
    record.get("file", {}).pop("created", None)
    for about in (record, *record.get("shares", [])):
        if about.get("deleted"):
            about.update(version="LATER", event_id="LATER EVENT")
    return record


def _unfinished(harness: Harness, message: Message) -> int:
    s3, bucket = harness.pipeline.aws.client("s3"), harness.pipeline.deployment.bucket
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return sum(any(file.id in upload["Key"] for file in message.files) for upload in uploads)


def broken_promises(harness: Harness, case: Case, result: Snapshot) -> list[str]:
    """What must never be, whatever happened."""
    problems, message = [], case.message
    if not case.scenario.is_of_the_past and any(post.thread_ts is None for post in _of_app(harness, message)):
        problems.append("a reply at the top level of the channel")
    for file in message.files:
        document, record = f"documents/{harness.pipeline.slack.team_id}/{file.name}/", f"/{file.name}.json"
        documents = {key: value for key, value in result["objects"].items() if key.startswith(document)}
        records = [
            value
            for key, value in result["objects"].items()
            if key.startswith("metadata/") and key.endswith(record)
        ]
        if documents.keys() - {document + str(file.name)}:
            problems.append(f"a document under a wrong name: {', '.join(documents)}")
        if set(documents.values()) - {file.sha256}:
            problems.append(f"{file.name} is stored, but not whole")
        if records and documents.get(document + str(file.name)) != file.sha256:
            problems.append(f"metadata of {file.name} without the whole document")
        if records and records[0]["file"]["sha256"] != file.sha256:
            problems.append(f"a wrong checksum of {file.name}")
        if not records and _claims(result, file):
            problems.append(f"{file.name} is said to be archived, and is not")
        problems += [f"{file.name} is not found by #{tag}" for tag in _missing_tags(harness, result, file, records)]
    return problems


def _missing_tags(harness: Harness, result: Snapshot, file: File, records: list[Json]) -> Iterator[str]:
    """The tags that a share in the record has, and the index lacks in one of its scopes."""
    for share in records[0]["shares"] if records else []:
        for tag in share["tags"]:
            entries = {
                f"tags/{harness.pipeline.slack.team_id}/{scope}/{tag}/{file.name}"
                for scope in ("public", "CHANNEL")
            }
            if entries - result["tags"]:
                yield tag


def _claims(result: Snapshot, file: File) -> bool:
    pattern = re.compile(rf"• {re.escape(str(file.name))} (\(|was in)")
    return any(pattern.search(reply) for reply in result["replies"])
