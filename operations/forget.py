"""One document erased for good: `make forget STAGE=dev FILE=F0123456789`.

Its content, its record, its tags and what messages' records say of it, in every version that the bucket keeps.
Asks first. Safe to repeat: a run that broke off is finished by the next.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

APP = "slack-integrator"
LOCAL = "http://127.0.0.1:8002"
"""Where `make local` has its AWS, unless AWS_ENDPOINT_URL says otherwise."""


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
    """Find all that is left of the document; the sweep over the tag index takes a request per thousand entries."""
    teams = [
        one["Prefix"].split("/")[1] for kind in ("documents/", "metadata/") for one in _folders(s3, bucket, kind)
    ]
    versions: list[Version] = []
    records: list[Version] = []
    for team in dict.fromkeys(teams):
        contents = list(_versions(s3, bucket, f"documents/{team}/{file_id}/"))
        of_team = list(_versions(s3, bucket, f"metadata/{team}/{file_id}.json"))
        if contents or of_team:
            tags = (one for one in _versions(s3, bucket, f"tags/{team}/") if one.key.endswith(f"-{file_id}"))
            versions += [*contents, *tags]
            records += of_team
    name, shared = _shares(s3, bucket, records)
    kept = [key for key in shared if _others(s3, bucket, key, file_id)]
    current = {key: s3.head_object(Bucket=bucket, Key=key).get("VersionId", "null") for key in kept}
    for key in shared:
        versions += [one for one in _versions(s3, bucket, key) if current.get(key) != one.version_id]
    return Traces(name, [*versions, *records], kept)  # the records last: they tell the next run of the messages


def forget(s3: Any, bucket: str, file_id: str, found: Traces) -> None:
    """Erase what was *found* of the document."""
    for key in found.messages:
        record = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        kept = {name: [one for one in record[name] if one != file_id] for name in ("files", "known")}
        old = s3.head_object(Bucket=bucket, Key=key).get("VersionId")
        body = json.dumps({**record, **kept}, ensure_ascii=False, separators=(",", ":")) + "\n"
        new = s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/json").get(
            "VersionId"
        )
        if old and old != new:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=old)
    for key, version_id in found.versions:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)


def _folders(s3: Any, bucket: str, prefix: str) -> list[Any]:
    found: list[Any] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/").get("CommonPrefixes", [])
    return found


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[Version]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield Version(one["Key"], one["VersionId"])


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
        keys |= {f"messages/{one['team']}/{one['channel']}/{one['ts']}.json" for one in record["shares"]}
    return name, sorted(keys)


def _others(s3: Any, bucket: str, key: str, file_id: str) -> bool:
    """Tell whether the message's record speaks of another document too, and so has to stay."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return False
    return bool(set(json.loads(body)["known"]) - {file_id})


def place(stage: str) -> tuple[Any, str]:
    """Return the client and the bucket of *stage*."""
    if stage == "local":
        os.environ.setdefault("AWS_ENDPOINT_URL", LOCAL)
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    session = boto3.session.Session()
    account = session.client("sts").get_caller_identity()["Account"]
    return session.client("s3"), f"{APP}-{stage}-{account}-{session.region_name}"


def _is_confirmed(file_id: str) -> bool:
    given = os.environ.get("CONFIRM", "")
    if given or not sys.stdin.isatty():
        return given == file_id
    return input(f"This cannot be undone. Type {file_id} to go on: ").strip() == file_id


def main() -> str | None:
    """Erase what the command line names; return what is in the way."""
    stage, file_id = (*sys.argv[1:], "", "")[:2]
    if not stage or not file_id.isalnum():
        return "Say which document: make forget STAGE=dev FILE=F0123456789 (the id is in its Slack link)."
    try:
        s3, bucket = place(stage)
        found = traces(s3, bucket, file_id)
        if not found.versions:
            print(f"Nothing is left of {file_id} in {bucket}.")
            return None
        print(f"{found.name or file_id}: {len(found.versions)} versions of objects in {bucket}, among them")
        for key in dict.fromkeys(one.key for one in found.versions):
            print(f"  {key}")
        if not _is_confirmed(file_id):
            return f"Nothing was removed. Where nobody can be asked, say CONFIRM={file_id}."
        forget(s3, bucket, file_id, found)
    except (BotoCoreError, ClientError) as error:
        return f"It is not done, or not wholly: {error}. Run it again."
    print(f"{file_id} is gone for good. Delete it in Slack as well, or an edit of its message archives it again.")
    return None


if __name__ == "__main__":
    sys.exit(main())
