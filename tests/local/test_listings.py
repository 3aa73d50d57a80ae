"""The local S3's listings, compared with a plain reading of what S3 promises."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.s3.models import s3_backends

from local.pipeline import Pipeline

BUCKETS = count()
NAMES = st.lists(st.text("ab/é🎉", min_size=1, max_size=5), max_size=12, unique=True)


def new_bucket(s3: Any, is_versioned: bool) -> str:
    name = f"listed-{next(BUCKETS)}"
    s3.create_bucket(Bucket=name)
    if is_versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def pages(s3: Any, **arguments: Any) -> list[str]:
    """All that is listed, page by page, keys and folders in one order."""
    keys: list[str] = []
    for page in s3.get_paginator("list_objects_v2").paginate(**arguments):
        entries = [entry["Key"] for entry in page.get("Contents", [])]
        keys += sorted(entries + [entry["Prefix"] for entry in page.get("CommonPrefixes", [])])
    return keys


def expected(names: list[str], prefix: str, delimiter: str, after: str) -> list[str]:
    entries = set()
    for name in names:
        if name.startswith(prefix) and name > after:
            head, mark, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            entries.add(prefix + head + mark if mark else name)
    return sorted(entries)


@settings(max_examples=80)
@given(
    names=NAMES,
    deletions=st.sets(st.integers(0, 11)),
    prefix=st.sampled_from(["", "a", "a/"]),
    after=st.sampled_from(["", "a/b"]),
    delimiter=st.sampled_from(["", "/"]),
    size=st.integers(1, 5),
    is_versioned=st.booleans(),
)
def test_a_listing_is_what_is_there_in_order_and_in_pages(
    pipeline: Pipeline,
    names: list[str],
    deletions: set[int],
    prefix: str,
    after: str,
    delimiter: str,
    size: int,
    is_versioned: bool,
) -> None:
    s3 = pipeline.aws.client("s3")
    bucket = new_bucket(s3, is_versioned)
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"")
    for number in deletions & set(range(len(names))):
        s3.delete_object(Bucket=bucket, Key=names[number])
    rest = [name for number, name in enumerate(names) if number not in deletions]
    arguments = {"Bucket": bucket, "Prefix": prefix, "StartAfter": after, "Delimiter": delimiter}
    listing = pages(s3, **arguments, PaginationConfig={"PageSize": size})
    assert listing == expected(rest, prefix, delimiter, after)


@settings(max_examples=40)
@given(
    names=NAMES, again=st.sets(st.integers(0, 11)), prefix=st.sampled_from(["", "a", "a/"]), size=st.integers(1, 5)
)
def test_a_listing_of_versions_has_all_that_begin_with_the_prefix_in_pages(
    pipeline: Pipeline, names: list[str], again: set[int], prefix: str, size: int
) -> None:
    s3 = pipeline.aws.client("s3")
    bucket = new_bucket(s3, is_versioned=True)
    changes = [*names, *(names[number] for number in again if number < len(names))]
    versions = [(name, s3.put_object(Bucket=bucket, Key=name, Body=b"")["VersionId"]) for name in changes]
    listing = [
        (version["Key"], version["VersionId"])
        for page in s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": size}
        )
        for version in page.get("Versions", [])
    ]
    assert sorted(listing) == sorted(version for version in versions if version[0].startswith(prefix))


def test_a_listing_says_of_each_key_what_a_look_at_the_key_says(pipeline: Pipeline) -> None:
    s3 = pipeline.aws.client("s3")
    bucket = new_bucket(s3, is_versioned=False)
    for number, name in enumerate(["a&b <c>", 'quo"te', "é/🎉", "plain"]):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x" * number, ChecksumAlgorithm="CRC32")
    listing = s3.list_objects_v2(Bucket=bucket, FetchOwner=True, MaxKeys=4)
    assert {entry["Key"] for entry in listing["Contents"]} == {"a&b <c>", 'quo"te', "é/🎉", "plain"}
    for entry in listing["Contents"]:
        head = s3.head_object(Bucket=bucket, Key=entry["Key"])
        facts = (head["ETag"], head["ContentLength"], head["LastModified"].replace(microsecond=0))
        assert (entry["ETag"], entry["Size"], entry["LastModified"]) == facts
        assert (entry["StorageClass"], entry["ChecksumAlgorithm"]) == ("STANDARD", ["CRC32"])
        assert set(entry["Owner"]) == {"ID", "DisplayName"}
    assert (listing["KeyCount"], listing["IsTruncated"], listing["MaxKeys"]) == (4, False, 4)


@pytest.mark.parametrize("ends", ["put_object", "delete_object"])
def test_what_is_read_is_read_to_its_end_though_it_is_replaced_or_deleted(pipeline: Pipeline, ends: str) -> None:
    s3 = pipeline.aws.client("s3")
    bucket = new_bucket(s3, is_versioned=False)
    s3.put_object(Bucket=bucket, Key="a", Body=b"what somebody reads")
    moto_object = s3_backends[pipeline.aws.account]["aws"].get_object(bucket, "a")
    getattr(s3, ends)(Bucket=bucket, Key="a")
    assert moto_object is not None
    assert moto_object.value == b"what somebody reads"
