"""One document erased for good: `make forget STAGE=dev FILE=F0123456789`.

Its content, its record, its entries in the index and what messages' records say of it, in every version that the
bucket keeps. Asks first. Safe to repeat: a run that broke off is finished by the next.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from operations import stages
from operations.console import Stop, confirm, say
from operations.stages import Stage

_INDEX = ("tags", "words", "recent")
USAGE = "make forget STAGE=dev FILE=F0123456789"


class Version(NamedTuple):
    """One version of an object, or the mark that it was deleted."""

    key: str
    version_id: str


class Traces(NamedTuple):
    """What there is of a document: *versions* to delete, and *messages* whose records speak of others as well."""

    name: str | None
    versions: list[Version]
    messages: list[str]


def traces(s3: Any, bucket: str, file_id: str) -> Traces:
    """Find all that is left of the document; the sweep over the index takes a request per thousand entries."""
    teams = [
        folder["Prefix"].split("/")[1]
        for kind in ("documents/", "metadata/")
        for folder in _folders(s3, bucket, kind)
    ]
    versions: list[Version] = []
    records: list[Version] = []
    for team in dict.fromkeys(teams):
        contents = list(_versions(s3, bucket, f"documents/{team}/{file_id}/"))
        of_team = list(_versions(s3, bucket, f"metadata/{team}/{file_id}.json"))
        if contents or of_team:
            index = (entry for kind in _INDEX for entry in _versions(s3, bucket, f"{kind}/{team}/"))
            versions += [*contents, *(entry for entry in index if entry.key.endswith(f"-{file_id}"))]
            records += of_team
    name, shared = _shares(s3, bucket, records)
    kept = [key for key in shared if _others(s3, bucket, key, file_id)]
    current = {key: s3.head_object(Bucket=bucket, Key=key).get("VersionId", "null") for key in kept}
    for key in shared:
        of_message = _versions(s3, bucket, key)
        versions += [version for version in of_message if current.get(key) != version.version_id]
    return Traces(name, [*versions, *records], kept)  # the records last: they tell the next run of the messages


def forget(s3: Any, bucket: str, file_id: str, left: Traces) -> None:
    """Erase what is *left* of the document."""
    for key in left.messages:
        record = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        kept = {name: [known for known in record[name] if known != file_id] for name in ("files", "known")}
        old = s3.head_object(Bucket=bucket, Key=key).get("VersionId")
        body = json.dumps({**record, **kept}, ensure_ascii=False, separators=(",", ":")) + "\n"
        new = s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/json").get(
            "VersionId"
        )
        if old and old != new:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=old)
    for key, version_id in left.versions:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)


def _folders(s3: Any, bucket: str, prefix: str) -> list[Any]:
    folders: list[Any] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/").get("CommonPrefixes", [])
    return folders


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[Version]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield Version(entry["Key"], entry["VersionId"])


def _shares(s3: Any, bucket: str, records: list[Version]) -> tuple[str | None, list[str]]:
    """Return the document's name, and the keys of the messages that any version of its record tells of."""
    name, keys = None, set()
    for key, version_id in records:
        try:
            body = s3.get_object(Bucket=bucket, Key=key, VersionId=version_id)["Body"].read()
        except ClientError:  # the mark of a deletion has no content
            continue
        record = json.loads(body)
        name = record["file"]["name"]
        keys |= {f"messages/{share['team']}/{share['channel']}/{share['ts']}.json" for share in record["shares"]}
    return name, sorted(keys)


def _others(s3: Any, bucket: str, key: str, file_id: str) -> bool:
    """Return True if the message's record speaks of another document too, and so has to stay."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return False
    return bool(set(json.loads(body)["known"]) - {file_id})


def main(arguments: Mapping[str, str]) -> None:
    """Erase FILE from the archive of STAGE, after asking."""
    file_id = arguments.get("FILE", "").strip()
    if not file_id.isalnum():
        raise Stop(f"Say which document: {USAGE} (the id is in its Slack link).")
    stage = stages.find(arguments.get("STAGE", ""), USAGE)
    s3 = stage.client("s3")
    _check_bucket(stage)
    left = traces(s3, stage.bucket, file_id)
    if not left.versions:
        print(f"Nothing is left of {file_id} in {stage.bucket}.")
        return
    print(f"{left.name or file_id}: {len(left.versions)} versions of objects in {stage.bucket}, among them")
    for key in dict.fromkeys(version.key for version in left.versions):
        say(key)
    confirm("This cannot be undone.", file_id, arguments.get("CONFIRM", ""))
    forget(s3, stage.bucket, file_id, left)
    print(f"{file_id} is gone for good. Delete it in Slack as well, or an edit of its message archives it again.")


def _check_bucket(stage: Stage) -> None:
    try:
        stage.client("s3").head_bucket(Bucket=stage.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        reason = f"Stage {stage.name} has no archive in {stage.place}: there is no bucket {stage.bucket}."
        raise Stop(f"{reason} Use the credentials and the region of where it is.") from error
