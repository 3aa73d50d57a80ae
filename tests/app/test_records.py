"""What messages say, in every order of arrival, and the tag index that has to agree."""

import itertools
import json
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib import index, layout, records
from chalicelib.archive import Archive
from chalicelib.layout import DocumentRecord
from chalicelib.records import Step
from tests.app.spoiled_s3 import SpoiledS3, after

NOW = "2026-11-23T10:00:00Z"
CREATED = 1499081897
Records = Callable[[str], Any]


def step(kind: str, version: str, tags: str = "", files: str = "F1", removed: str = "", **message: Any) -> Step:
    """Say what Slack told at *version*; words are separated by blanks."""
    defaults = {
        "team": "T1",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "ts": "100.1",
        "thread_ts": None,
    }
    comment = {"comment": tags, "comment_cut": False, "version": version, "event_id": f"Ev{version}"}
    whole: Any = {**defaults, **comment, **message}
    return {
        "kind": kind,
        "message": whole,
        "tags": tags.split(),
        "file_ids": files.split(),
        "removed": removed.split(),
        "fetched": None,
    }


def fetched(given: Step, file_id: str) -> Step:
    """Return *given* for one of its files, which was fetched."""
    file: Any = {"id": file_id, "name": "a.pdf", "title": "A", "mimetype": "application/pdf", "size": 1}
    file |= {"created": CREATED, "user": "U1", "permalink": None}
    document: Any = {"document": f"documents/T1/{file_id}/a.pdf", "sha256": "0" * 64, "reason": None}
    got: Any = {"status": "archived", "file": file, **document}
    return {**given, "fetched": got}


def of_team(given: Step, team: str) -> Step:
    """Return *given*, in another team."""
    return {**given, "message": {**given["message"], "team": team}}


STORY = {
    "original": step("upload", "100.1", "a b", "F1 F2"),
    "words": step("edit", "101.1", "b c", "F1 F2"),
    "removal": step("edit", "102.1", "c d", "F1", removed="F2"),
    "addition": step("edit", "103.1", "d e", "F1 F3"),
    "deletion": step("deletion", "104.1", "", "", removed="F1 F3", user=None),
    "reply": step("reply", "100.5", "r s", "", ts="100.5", thread_ts="100.1"),
    "reply's edit": step("reply", "100.9", "s", "", ts="100.5", thread_ts="100.1"),
}
EDITS = ["original", "words", "removal", "addition"]
STORIES = {
    "three edits": EDITS,
    "and a deletion": [*EDITS, "deletion"],
    "and replies": [*EDITS, "reply", "reply's edit"],
    "a tombstone": ["original", "words", "reply", "deletion"],
}


def told(names: Iterable[str]) -> Any:
    record = None
    for name in names:
        record = records.message_record(record, STORY[name])
    return record


@pytest.mark.parametrize("names", STORIES.values(), ids=STORIES)
def test_every_order_of_arrival_ends_in_the_same_record(names: list[str]) -> None:
    record = told(names)
    for order in itertools.permutations(names):
        assert told(order) == record, order
        assert told([*order, *order]) == record, order


def test_the_newest_version_is_what_the_message_says() -> None:
    record = told([*EDITS, "reply", "reply's edit"])
    assert (record["files"], record["known"]) == (["F1", "F3"], ["F1", "F2", "F3"])
    assert records.share_of(record, "F1")["tags"] == ["d", "e", "s"]
    assert records.share_of(record, "F2") == {
        **records.share_of(record, "F2"),
        "deleted": True,
        "tags": [],
        "comment": "",
    }


def test_of_a_message_of_which_a_reply_alone_is_known_nothing_is_cut() -> None:
    record = told(["reply"])
    assert (record["comment"], record["comment_cut"], record["version"]) == ("", False, records.NO_VERSION)


def test_a_deleted_message_says_no_more_than_that() -> None:
    share = records.share_of(told(["original", "deletion"]), "F1")
    assert (share["deleted"], share["tags"], share["comment"], share["version"]) == (True, [], "", "104.1")
    assert share["user"] == "U1"


def test_a_thread_with_thousands_of_tags_adds_a_hundred_at_most() -> None:
    record = told(["original"])
    for number in range(200):
        text = " ".join(f"t{number}x{n}" for n in range(30))
        record = records.message_record(
            record, step("reply", f"{200 + number}.1", text, "", ts=f"{200 + number}.1", thread_ts="100.1")
        )
    tags = records.share_of(record, "F1")["tags"]
    assert len(tags) == records.MOST_TAGS
    assert {"a", "b", "t0x0"} <= set(tags)


@pytest.mark.parametrize(
    ("newer", "older"),
    [("2.1", "1.1"), ("1.2", "1.1"), ("1.11", "1.1"), ("10.1", "9.9"), ("1499081899.100000", "1499081899.099999")],
)
def test_versions_are_compared_as_moments(newer: str, older: str) -> None:
    assert records.is_newer(newer, older)
    assert not records.is_newer(older, newer)
    assert not records.is_newer(newer, newer)


class Story:
    """The steps of a story against S3, in a team of their own."""

    def __init__(self, s3: Any, bucket: str, team: str) -> None:
        self.s3, self.bucket, self.team = s3, bucket, team
        self.archive = Archive(s3, bucket)

    def take(self, step: Step) -> None:
        """What the workflow does with it: follow, then every file."""
        message: Any = {**step["message"], "team": self.team}
        here: Step = {**step, "message": message}
        if step["kind"] != "upload":
            records.save(here, NOW, self.archive)
        for file_id in step["file_ids"]:
            records.save(fetched(here, file_id), NOW, self.archive)

    def record(self, file_id: str) -> Any:
        record = self.archive.read(layout.metadata_key(self.team, file_id))
        return record and record.value

    def tags(self, scope: str) -> dict[str, list[str]]:
        """The index: file ids by tag."""
        start = index.prefix(index.TAGS, self.team, scope)
        entries = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=start).get("Contents", [])
        files_by_tag: dict[str, list[str]] = {}
        for entry in entries:
            tag, _, last = entry["Key"].removeprefix(start).partition("/")
            files_by_tag.setdefault(tag, []).append(index.file_of(last))
        return files_by_tag

    def index(self) -> set[str]:
        """All keys of the team's index."""
        prefixes = [index.prefix_of_all(kind, self.team) for kind in index.KINDS]
        pages = [self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix) for prefix in prefixes]
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


@pytest.fixture
def story(s3: Any, bucket: str, request: pytest.FixtureRequest) -> Story:
    return Story(s3, bucket, "T" + sha256(request.node.name.encode()).hexdigest()[:16])


ORDERS = [EDITS, EDITS[::-1], [EDITS[2], EDITS[0], EDITS[3], EDITS[1]], [EDITS[3], EDITS[0], EDITS[1], EDITS[2]]]


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_records_and_index_agree_whatever_came_first(story: Story, order: list[str]) -> None:
    for name in order:
        story.take(STORY[name])
    assert story.tags("public") == story.tags("C1") == {"d": ["F1", "F3"], "e": ["F1", "F3"]}
    assert story.record("F1")["tags"] == ["d", "e"]
    assert (story.record("F2")["tags"], story.record("F2")["shares"][0]["deleted"]) == ([], True)
    assert story.index() == {key for n in (1, 2, 3) for key in index.entries(story.record(f"F{n}"))}


@pytest.mark.long
@pytest.mark.parametrize("order", [["original", "deletion"], ["deletion", "original"]], ids=" ".join)
def test_a_deletion_withdraws_the_share_and_keeps_the_document(story: Story, order: list[str]) -> None:
    for name in order:
        story.take(STORY[name])
    assert story.index() == set()
    assert story.record("F1")["shares"][0]["deleted"] is True


@pytest.mark.long
def test_a_share_in_a_private_conversation_is_indexed_there_alone(story: Story) -> None:
    for number, kind in enumerate(["group", "im", "mpim", None, "app_home", "something new"]):
        story.take(step("upload", "100.1", "secret", f"F{number}", channel=f"C{number}", channel_type=kind))
        assert story.tags(f"C{number}") == {"secret": [f"F{number}"]}
    assert story.tags("public") == {}


@pytest.mark.long
def test_what_one_share_says_no_more_another_may_still_say(story: Story) -> None:
    story.take(step("upload", "100.1", "both one"))
    story.take(step("upload", "200.1", "both", ts="200.1"))
    story.take(step("edit", "300.1", "other"))
    assert story.tags("public") == {"both": ["F1"], "other": ["F1"]}


def test_a_share_that_was_taken_back_hides_none_that_came_after_it(story: Story) -> None:
    story.take(step("upload", "100.1", "a"))
    story.take(step("upload", "200.1", "b", ts="200.1"))
    story.take(step("deletion", "300.1", "", "", removed="F1"))
    assert (story.tags("public"), story.index()) == ({"b": ["F1"]}, index.entries(story.record("F1")))


def test_a_channel_that_became_private_takes_its_next_edit_with_it(story: Story) -> None:
    story.take(step("upload", "100.1", "plans"))
    story.take(step("edit", "101.1", "plans", channel_type="group"))
    assert (story.tags("public"), story.tags("C1")) == ({}, {"plans": ["F1"]})


def test_tags_of_every_script_are_keys(story: Story) -> None:
    tags = ["日本語", "हिन्दी", "🎉party", "a+b", "o_o", "2026"]
    story.take(step("upload", "100.1", " ".join(tags)))
    assert sorted(story.tags("public")) == sorted(tags)


def test_a_listing_is_newest_first_and_the_same_under_every_tag() -> None:
    keys = [index.place(moment, "F1") for moment in (0, 5, 1499081897, 1499081898, 9_999_999_999)]
    assert keys == sorted(keys, reverse=True)


def test_what_is_new_is_read_once(story: Story, spoiled: SpoiledS3, archive: Archive) -> None:
    """An upload is written with as few requests as it takes."""
    reads: list[str] = []
    key, there = layout.metadata_key(story.team, "F1"), spoiled.archive(archive.bucket)
    spoiled.spoil("GET", key, *[after(lambda: reads.append(key))] * 2)
    records.save(fetched(of_team(step("upload", "100.1", "a b"), story.team), "F1"), NOW, there)
    assert len(reads) == 1
    assert there.read(key) is not None


@pytest.mark.long
def test_many_at_once_leave_an_index_that_agrees_with_the_record(story: Story) -> None:
    steps = [step("upload", f"{n}.1", f"all t{n}", ts=f"{n}.1") for n in range(1, 6)]
    steps += [step("edit", f"{n}.5", f"all e{n}", ts=f"{n}.1") for n in range(1, 6)]
    threads = [threading.Thread(target=story.take, args=(next_step,)) for next_step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert story.index() == index.entries(story.record("F1"))
    tags = ["all", "e1", "e2", "e3", "e4", "e5"]
    assert story.record("F1")["tags"] == tags
    assert story.tags("public") == {tag: ["F1"] for tag in tags}


def test_nothing_is_listed_without_a_scope() -> None:
    with pytest.raises(ValueError, match="scope"):
        index.prefix(index.WORDS, "T1", "", "plan")


def again(given: Step, status: str = "unchanged", **about: Any) -> Step:
    """Return *given*, for F1, which is called something else by now."""
    whole: Any = fetched(given, "F1")
    bytes_there = {"document": None, "sha256": None} if status == "unchanged" else {}
    whole["fetched"] |= {**bytes_there, "status": status, "file": {**whole["fetched"]["file"], **about}}
    step: Step = whole
    return step


def test_the_record_has_the_newest_name_and_a_result_the_name_that_its_message_shows(story: Story) -> None:
    story.take(step("upload", "100.1", ""))
    newest = again(of_team(step("upload", "300.1", "", ts="300.1"), story.team), name="b.pdf", title="B")
    result = records.save(newest, NOW, story.archive)
    assert result is not None
    assert result["name"] == "b.pdf"
    late = again(of_team(step("upload", "200.1", "", ts="200.1"), story.team), name="old.pdf", title="Old")
    result = records.save(late, NOW, story.archive)
    assert result is not None
    assert result["name"] == "old.pdf"
    file = story.record("F1")["file"]
    assert (file["name"], file["title"]) == ("b.pdf", "B")


def test_a_message_of_which_only_a_reply_is_known_is_not_deleted() -> None:
    record = told(["reply"])
    assert (record["deleted"], record["version"], record["files"]) == (False, records.NO_VERSION, [])


def test_of_a_message_that_is_deleted_before_it_is_known_the_thread_is_known() -> None:
    deletion = step("deletion", "104.1", "", "", removed="F1", user=None, thread_ts="99.1")
    record = records.message_record(None, deletion)
    assert (record["thread_ts"], record["deleted"], record["known"]) == ("99.1", True, ["F1"])


def test_a_new_record_has_the_form_that_the_design_shows(story: Story) -> None:
    design = (Path(__file__).parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
    form = json.loads(design.partition("The document's record:\n\n```json\n")[2].partition("```")[0])
    story.take(step("upload", "100.1", "a b"))
    record = story.record("F1")
    assert record["version"] == form["version"]
    assert (record.keys(), record["file"].keys()) == (form.keys(), form["file"].keys())
    assert record["shares"][0].keys() == form["shares"][0].keys()


def test_a_result_has_the_beginning_of_a_long_name_and_the_record_all_of_it(story: Story) -> None:
    """The workflow carries the results of all files, and no more than 262,144 bytes."""
    archived_step: Any = again(of_team(step("upload", "100.1", ""), story.team), "archived", name="é" * 150)
    archived_step["fetched"] |= {"sha256": "0" * 64, "document": "documents/T1/F1/x"}
    result = records.save(archived_step, NOW, story.archive)
    assert result is not None
    assert (result["name"], story.record("F1")["file"]["name"]) == ("é" * 100, "é" * 150)


@pytest.mark.parametrize(("channel", "here"), [("C1", True), ("C2", False)])
def test_only_where_a_file_was_shared_before_the_result_says_so(story: Story, channel: str, here: bool) -> None:
    story.take(step("upload", "100.1", "", channel_type="group"))
    result = records.save(
        again(of_team(step("upload", "200.1", "", ts="200.1", channel=channel), story.team)), NOW, story.archive
    )
    assert result is not None
    assert result["here_before"] is here


def test_a_document_that_was_fetched_again_is_the_one_that_its_record_describes(story: Story) -> None:
    story.take(step("upload", "100.1", ""))
    fresh: Any = again(of_team(step("upload", "200.1", "", ts="200.1"), story.team), "archived", size=7)
    fresh["fetched"] |= {"sha256": "1" * 64, "document": "documents/T1/F1/b.pdf"}
    records.save(fresh, NOW, story.archive)
    record = story.record("F1")
    assert (record["document"], record["file"]["sha256"], record["file"]["size"]) == (
        "documents/T1/F1/b.pdf",
        "1" * 64,
        7,
    )


@pytest.mark.long
def test_a_reply_of_which_slack_says_only_that_it_is_gone_takes_its_files_and_its_tags_with_it(
    story: Story,
) -> None:
    story.take(step("upload", "100.1", "root"))
    story.take(step("upload", "150.1", "own", "F2", ts="150.1", thread_ts="100.1"))
    story.take(step("reply", "160.1", "late", "", ts="160.1", thread_ts="100.1"))
    assert story.tags("C1") == {"root": ["F1"], "late": ["F1"], "own": ["F2"]}
    for ts in ("150.1", "160.1"):
        story.take(step("deletion", "170.1", "", "", ts=ts, thread_ts="100.1"))
    assert story.tags("C1") == {"root": ["F1"]}


def file_deletion(team: str, file_id: str, version: str) -> Step:
    """Return what the workflow hands over when a person deleted a file."""
    return of_team({**step("file_deletion", version, "", "", removed=file_id), "kind": "file_deletion"}, team)


def deleted(story: Story) -> list[bool]:
    return [share["deleted"] for share in story.record("F1")["shares"]]


@pytest.mark.long
def test_a_file_that_a_person_deleted_is_withdrawn_at_every_share_at_any_age(story: Story) -> None:
    story.take(step("upload", "100.1", "a", "F1 F2"))
    story.take(step("upload", "200.1", "b", ts="200.1", channel="C2", channel_type="group"))
    records.save(file_deletion(story.team, "F1", "99999999.1"), NOW, story.archive)
    assert (deleted(story), story.tags("public"), story.tags("C2")) == ([True, True], {"a": ["F2"]}, {})


@pytest.mark.long
@pytest.mark.parametrize("later", ["upload", "edit", "another share"])
def test_a_file_that_a_person_deleted_does_not_come_back(story: Story, later: str) -> None:
    if later == "edit":
        story.take(step("upload", "100.1", "a"))
    records.save(file_deletion(story.team, "F1", "500.1"), NOW, story.archive)
    if later == "another share":
        story.take(step("upload", "100.1", "a"))
    story.take(
        {
            "upload": step("upload", "100.1", "a"),
            "edit": step("edit", "101.1", "b"),
            "another share": step("upload", "600.1", "b", ts="600.1"),
        }[later]
    )
    assert set(deleted(story)) == {True}
    assert story.tags("public") == {}


@pytest.mark.long
@pytest.mark.parametrize("added", [["new"], []], ids=["a tag for another", "a tag"])
def test_entries_that_another_change_made_in_the_meantime_are_set_right(
    archive: Archive, spoiled: SpoiledS3, added: list[str]
) -> None:
    """One takes a tag off, and may add another; before it removes the old entry, another changes it back."""
    team = f"TRACE{len(added)}"
    key = layout.metadata_key(team, "F1")

    def tagged(*tags: str) -> Callable[[DocumentRecord | None], DocumentRecord]:
        message: Any = step("upload", "100.1", "", team=team)["message"]
        share: Any = {**message, "tags": list(tags), "deleted": False}
        record: Any = {
            "version": 1,
            "document": f"documents/{team}/F1/a.pdf",
            "file": {"id": "F1", "name": "a.pdf", "title": "A", "created": CREATED},
            "tags": list(tags),
            "shares": [share],
        }
        return lambda before: cast("DocumentRecord", record)

    index.change(archive, key, tagged("old"))
    spoiled.spoil("DELETE", "/old/", after(lambda: index.change(archive, key, tagged("old"))))
    index.change(spoiled.archive(archive.bucket), key, tagged(*added))
    keys = {key for kind in index.KINDS for key in archive.names(index.prefix_of_all(kind, team))}
    assert keys == index.entries(tagged("old")(None))
