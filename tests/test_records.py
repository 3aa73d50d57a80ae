"""Records: what a message says, merged whatever the order of arrival."""

import itertools
import threading
from typing import Any

import pytest

from chalicelib import archive, errors, records
from chalicelib.events import Message
from chalicelib.fetch import Fetched

NOW = "2026-11-23T10:00:00Z"


def message(
    ts: str = "1.000001", version: str | None = None, comment: str = "Hello", channel: str = "C1"
) -> Message:
    return {
        "team": "T1",
        "channel": channel,
        "channel_type": "channel",
        "user": "U1",
        "ts": ts,
        "thread_ts": None,
        "comment": comment,
        "comment_cut": False,
        "version": version or ts,
        "event_id": "Ev1",
    }


def fetched(file_id: str = "F1", status: str = "archived", sha256: str | None = "abc") -> Fetched:
    return {
        "status": status,
        "file": {
            "id": file_id,
            "name": "q3.pdf",
            "title": "Q3",
            "mimetype": "application/pdf",
            "size": 5,
            "created": 1,
            "user": "U9",
            "mode": "hosted",
            "file_access": "visible",
            "url": "https://files.slack.com/x",
            "permalink": "https://x.slack.com/files/x",
        },
        "document": f"documents/T1/{file_id}/q3.pdf",
        "sha256": sha256,
        "reason": None,
    }


def test_the_record_is_the_contract_to_the_letter() -> None:
    record = records.document_record(None, message(), ["2026", "finance"], fetched(), NOW)
    assert record == {
        "version": 1,
        "document": "documents/T1/F1/q3.pdf",
        "file": {
            "id": "F1",
            "name": "q3.pdf",
            "title": "Q3",
            "mimetype": "application/pdf",
            "size": 5,
            "sha256": "abc",
            "created": 1,
            "uploader": "U9",
            "permalink": "https://x.slack.com/files/x",
        },
        "tags": ["2026", "finance"],
        "shares": [{**message(), "tags": ["2026", "finance"], "deleted": False}],
        "archived_at": NOW,
    }


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_newest_version_stands_whatever_the_order(order: tuple[int, ...]) -> None:
    versions = [message(version=f"{n + 1}.000001", comment=f"v{n}") for n in range(3)]
    record = None
    kept = None
    for n in order:
        record = records.document_record(record, versions[n], [f"t{n}"], fetched(), NOW)
        kept = records.message_record(kept, versions[n], ["F1"], [f"t{n}"])
    assert record is not None
    assert kept is not None
    assert [share["comment"] for share in record["shares"]] == ["v2"]
    assert (record["tags"], kept["tags"]) == (["t2"], ["t2"])


def test_a_replay_changes_nothing() -> None:
    once = records.document_record(None, message(), ["a"], fetched(), NOW)
    later = {**message(), "event_id": "EvOther"}
    assert records.document_record(once, later, ["a"], fetched(), "2027-01-01T00:00:00Z") == once  # type: ignore[arg-type]


def test_versions_are_compared_as_times_and_not_as_text() -> None:
    assert records.is_newer("10.000001", "9.000002")
    assert records.is_newer("1.5", "1.000005")
    assert not records.is_newer("1.000001", "1.000001")


def test_a_deleted_shares_tags_are_not_in_the_union() -> None:
    shared = records.document_record(None, message(), ["kept"], fetched(), NOW)
    shared["shares"][0]["deleted"] = True
    assert records.document_record(shared, message("2.000001"), ["new"], fetched(), NOW)["tags"] == ["new"]


def test_a_share_of_an_unknown_document_is_trouble_that_passes() -> None:
    with pytest.raises(errors.ArchiveUnavailable):
        records.document_record(None, message(), [], fetched(status="unchanged", sha256=None), NOW)


def test_shares_saved_at_the_same_moment_are_all_kept(s3: Any, bucket: str, record_of: Any) -> None:
    def save(number: int) -> None:
        shared = message(f"{number}.000001", channel=f"C{number % 3}")
        records.save(shared, [f"t{number}"], ["FRACE"], fetched("FRACE"), NOW, s3, bucket)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = record_of("metadata/T1/FRACE.json")
    assert record["tags"] == sorted(f"t{number}" for number in range(1, 13))
    assert len(record["shares"]) == 12


def test_saving_says_what_was_saved_and_again_writes_nothing(s3: Any, bucket: str) -> None:
    result = records.save(message(), ["a"], ["FSAVE"], fetched("FSAVE"), NOW, s3, bucket)
    assert result == {
        "id": "FSAVE",
        "name": "q3.pdf",
        "status": "archived",
        "document": "documents/T1/FSAVE/q3.pdf",
        "metadata": "metadata/T1/FSAVE.json",
        "size": 5,
        "reason": None,
    }
    before = s3.head_object(Bucket=bucket, Key="metadata/T1/FSAVE.json")["LastModified"]
    assert records.save(message(), ["a"], ["FSAVE"], fetched("FSAVE"), "later", s3, bucket) == result
    assert s3.head_object(Bucket=bucket, Key="metadata/T1/FSAVE.json")["LastModified"] == before


def test_a_record_is_one_line_of_json(s3: Any, bucket: str) -> None:
    records.save(message(comment="two\nlines"), [], ["FLINE"], fetched("FLINE"), NOW, s3, bucket)
    body = s3.get_object(Bucket=bucket, Key="metadata/T1/FLINE.json")["Body"].read()
    assert body.count(b"\n") == 1
    assert body.endswith(b"}\n")


def test_a_record_that_is_no_json_is_not_overwritten(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="metadata/T1/FBAD.json", Body=b"<html>")
    with pytest.raises(errors.ArchiveUnavailable, match="no JSON"):
        records.save(message(), [], ["FBAD"], fetched("FBAD"), NOW, s3, bucket)
    assert s3.get_object(Bucket=bucket, Key="metadata/T1/FBAD.json")["Body"].read() == b"<html>"


def test_a_lost_condition_is_no_error(s3: Any, bucket: str) -> None:
    first = archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 1}, over=None)
    assert first is not None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 2}, over=None) is None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 3}, over=first) is not None
    assert archive.write(s3, bucket, "messages/T1/C1/w.json", {"a": 4}, over=first) is None
