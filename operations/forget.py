"""One document erased for good: `make forget STAGE=dev FILE=F0123456789`.

Its content, its record, its entries in the index, what messages' records and people's Home say of it, and the app's
replies that name it, in every version that the bucket keeps. Asks first. Safe to repeat: the next run finishes one
that broke off. What is kept elsewhere is listed (remains.py).
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from chalicelib import clients, layout, withdrawals
from chalicelib.archive import Archive, JsonObject
from chalicelib.errors import IntegratorError
from chalicelib.layout import Problem
from chalicelib.slack import Slack
from operations import remains, stages
from operations.console import Stop, confirm, say
from operations.stages import Stage

_INDEX = ("tags", "words", "recent")
USAGE = "make forget STAGE=dev FILE=F0123456789"


class Version(NamedTuple):
    """One version of an object, or the mark that it was deleted."""

    key: str
    version_id: str


class Traces(NamedTuple):
    """What there is of a document: *versions* to delete, and *others*, the keys of what names other files as well.

    *shares* are team, channel and ts of its messages, *replies* channel and ts of what the app posted there.
    """

    name: str | None
    versions: list[Version]
    others: list[str]
    shares: list[tuple[str, str, str]]
    replies: list[tuple[str, str]]

    @property
    def is_in_home(self) -> bool:
        """True if somebody's Home names the document beside others."""
        return any(key.startswith("problems/") for key in self.others)


def traces(s3: Any, bucket: str, file_id: str) -> Traces:
    """Find all that is left of the document; the sweep over the index takes a request per thousand entries."""
    teams = [
        folder["Prefix"].split("/")[1]
        for kind in ("documents/", "metadata/", "problems/")
        for folder in _folders(s3, bucket, kind)
    ]
    versions: list[Version] = []
    records: list[Version] = []
    others: list[str] = []
    for team in dict.fromkeys(teams):
        problems, of_others = _problems(s3, bucket, team, file_id)
        versions, others = [*versions, *problems], [*others, *of_others]
        contents = list(_versions(s3, bucket, f"documents/{team}/{file_id}/"))
        of_team = list(_versions(s3, bucket, f"metadata/{team}/{file_id}.json"))
        if contents or of_team:
            index = (entry for kind in _INDEX for entry in _versions(s3, bucket, f"{kind}/{team}/"))
            versions += [*contents, *(entry for entry in index if entry.key.endswith(f"-{file_id}"))]
            records += of_team
    name, shares = _shares(s3, bucket, records)
    messages = [layout.message_key(*share) for share in shares]
    with_others = [key for key in messages if _others(s3, bucket, key, file_id)]
    for key in set(messages) - set(with_others):
        versions += _versions(s3, bucket, key)
    notices, replies = _notices(s3, bucket, shares, file_id)
    # The records last: they tell the next run of the messages.
    return Traces(name, [*versions, *notices, *records], [*with_others, *others], shares, replies)


def forget(s3: Any, bucket: str, file_id: str, slack: Slack | None = None) -> int:
    """Erase what is left of the document, until nothing is, and return the number of versions that were erased.

    What is written meanwhile is found by the next round. The app's replies about it go first.
    """
    count = 0
    while (rest := traces(s3, bucket, file_id)).versions or rest.is_in_home:
        if slack:
            for channel, ts in rest.replies:
                withdrawals.delete(channel, ts, slack)
        for key in rest.others:
            count += _take_out(s3, bucket, key, file_id)
        for key, version_id in rest.versions:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)
        count += len(rest.versions)
    return count


def _take_out(s3: Any, bucket: str, key: str, file_id: str) -> int:
    """Take the document out of a message's record, or a person's problem, and delete its old versions.

    Return how many. The write is conditional: an edit or a deletion of the message meanwhile is not undone.
    """

    def edit(current: Any) -> Any:
        if key.startswith("problems/"):
            return {**current, "files": [file for file in current["files"] if file["id"] != file_id]}
        lists = {name: current[name] for name in ("files", "known", "deleted_files") if name in current}
        rest = {name: [other for other in ids if other != file_id] for name, ids in lists.items()}
        absent = {other: ts for other, ts in current.get("absent", {}).items() if other != file_id}
        return {**current, **rest, **({"absent": absent} if "absent" in current else {})}

    Archive(s3, bucket).change(key, edit)
    latest = s3.head_object(Bucket=bucket, Key=key).get("VersionId", "null")
    old = [version for version in _versions(s3, bucket, key) if version.key == key and version.version_id != latest]
    for version in old:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version.version_id)
    return len(old)


def _notices(
    s3: Any, bucket: str, shares: list[tuple[str, str, str]], file_id: str
) -> tuple[list[Version], list[tuple[str, str]]]:
    """Return the marks of the notices about the document, and the replies that they tell of."""
    versions: list[Version] = []
    replies: list[tuple[str, str]] = []
    for team, channel, ts in shares:
        name = layout.notice_key(f"{team}-{channel}-{ts.replace('.', '_')}").removesuffix(".json")
        marks = [mark for mark in _versions(s3, bucket, name) if mark.key[len(name)] in ".-"]
        versions += marks
        for key in dict.fromkeys(mark.key for mark in marks):
            mark = Archive(s3, bucket).read(key)
            if mark and mark.value.get("reply") and file_id in mark.value.get("files", []):
                replies.append((channel, mark.value["reply"]))
    return versions, replies


def _problems(s3: Any, bucket: str, team: str, file_id: str) -> tuple[list[Version], list[str]]:
    """Return the versions of uploads' problems to delete, and the keys of those that name other files as well."""
    versions: list[Version] = []
    others: list[str] = []
    for key, of_key in groupby(_versions(s3, bucket, f"problems/{team}/"), key=lambda version: version.key):
        every = list(of_key)
        naming = [version for version in every if file_id in _ids_in(s3, bucket, version)]
        current: JsonObject[Problem] | None = Archive(s3, bucket).read(key) if naming else None
        now = {file["id"] for file in current.value["files"]} if current else set()
        if file_id in now and len(now) > 1:
            others.append(key)
        else:
            versions += naming if now - {file_id} else every if naming else []
    return versions, others


def _ids_in(s3: Any, bucket: str, version: Version) -> set[str]:
    """Return the ids of the files that *version* of a problem names."""
    try:
        body = s3.get_object(Bucket=bucket, Key=version.key, VersionId=version.version_id)["Body"].read()
    except ClientError:  # the mark of a deletion has no content
        return set()
    return {file["id"] for file in json.loads(body)["files"]}


def _folders(s3: Any, bucket: str, prefix: str) -> list[Any]:
    """Return the folders in *prefix*, also those of which only old versions are left."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [folder for page in pages for folder in page.get("CommonPrefixes", [])]


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[Version]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield Version(entry["Key"], entry["VersionId"])


def _shares(s3: Any, bucket: str, records: list[Version]) -> tuple[str | None, list[tuple[str, str, str]]]:
    """Return the document's name, and team, channel and ts of the messages that any version of its record names."""
    name, shares = None, set()
    for key, version_id in records:
        try:
            body = s3.get_object(Bucket=bucket, Key=key, VersionId=version_id)["Body"].read()
        except ClientError:  # the mark of a deletion has no content
            continue
        record = json.loads(body)
        name = record["file"]["name"]
        shares |= {(share["team"], share["channel"], share["ts"]) for share in record["shares"]}
    return name, sorted(shares)


def _others(s3: Any, bucket: str, key: str, file_id: str) -> bool:
    """Return True if the message's record speaks of another document too, and so has to stay."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return False
    return bool(set(json.loads(body)["known"]) - {file_id})


def main(arguments: Mapping[str, str]) -> None:
    """Erase FILE from the archive of STAGE, after asking."""
    file_id = _file_id(arguments.get("FILE", ""))
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    s3 = stage.client("s3")
    stage.check_bucket()
    rest = traces(s3, stage.bucket, file_id)
    if not rest.versions and not rest.is_in_home:
        print(f"Nothing is left of {file_id} in {stage.bucket}.")
        _tell_of_remains(stage, file_id, rest)
        return
    print(f"{rest.name or file_id}: {len(rest.versions)} versions of objects in {stage.bucket}, among them")
    for key in dict.fromkeys(version.key for version in rest.versions):
        say(key)
    confirm("This cannot be undone.", file_id, arguments.get("CONFIRM", ""))
    count = forget(s3, stage.bucket, file_id, _slack(stage))
    print(f"{file_id} is gone for good: {count} versions, and the app's replies that named it.")
    print("Delete it in Slack as well, or an edit of its message archives it again.")
    _tell_of_remains(stage, file_id, rest)


def _tell_of_remains(stage: Stage, file_id: str, rest: Traces) -> None:
    """List what is kept elsewhere, and goes by itself."""
    letters = remains.letters(stage, file_id)
    executions = remains.executions(stage, file_id, rest.shares)
    if not letters and not executions:
        known = "no execution in Step Functions had it" if rest.shares else "its messages are not known any more"
        print(f"No dead letter names it, and {known}.")
    if letters:
        print("These dead letters name it, until they are delivered again, deleted, or two weeks old:")
    for letter in letters:
        say(f"{letter.queue}: message {letter.message_id}")
    if executions:
        print("These executions had it; Step Functions keeps their input for 90 days after their end:")
    for execution in executions:
        say(f"{execution.name} ({execution.status.lower()})")
    if any(execution.status == "RUNNING" for execution in executions):
        print("Some of them run and may archive it again: repeat the command when they have ended.")


def _file_id(text: str) -> str:
    """Return the id of the file in *text*, which may be the file's link in Slack."""
    ids = re.findall(r"(?<![A-Za-z0-9])F[A-Z0-9]+(?![A-Za-z0-9])", text)
    if len(ids) != 1:
        raise Stop(f"Say which document, by its id or its link in Slack, which contains the id: {USAGE}.")
    return str(ids[0])


def _slack(stage: Stage) -> Slack | None:
    """Return Slack as the stage reaches it; None, and say so, where it has no token or no functions."""
    try:
        return Slack(clients.http(), stage.settings("ACCESS_TOKEN", "SLACK_URL"))
    except (Stop, IntegratorError) as error:
        print(f"The app's replies in Slack stay: {error}")
        return None
