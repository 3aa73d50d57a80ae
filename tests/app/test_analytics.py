"""The records as analytics reads them: newline-delimited JSON with the Glue table's columns, by another engine."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from chalicelib import layout, records
from chalicelib.archive import Archive
from tests.app.test_records import NOW, fetched, step
from tests.operations.test_stack import STACK

SCALARS = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR", "boolean": "BOOLEAN"}


def of_hive(kind: str) -> str:
    """Return the Hive type *kind* in DuckDB's words."""
    outer, _, inner = kind.removesuffix(">").partition("<")
    if outer == "array":
        return f"{of_hive(inner)}[]"
    if outer == "struct":
        fields = [field.partition(":") for field in between_commas(inner)]
        return "STRUCT(" + ", ".join(f'"{name}" {of_hive(of)}' for name, _, of in fields) + ")"
    return SCALARS[kind]


def between_commas(text: str) -> list[str]:
    """Return the parts of *text*; a comma inside of <> separates none."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


COLUMNS = {
    column["Name"]: of_hive(column["Type"])
    for column in STACK["Resources"]["Documents"]["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]
}


@pytest.fixture
def lake(s3: Any, tmp_path: Path) -> Path:
    """The objects of metadata/, as a folder."""
    bucket = "lake"
    s3.create_bucket(Bucket=bucket)
    steps = [
        step("upload", "100.1", "finance 2026", "F1 F2", comment='Two\nlines, "quotes", 語 and 🎉\u2028.'),
        step("upload", "200.1", "finance", "F1", ts="200.1", user=None, channel_type=None, event_id=None),
        step("deletion", "300.1", "", "", removed="F1", ts="200.1"),
    ]
    for next_step in steps:
        for file_id in next_step["file_ids"]:
            records.save(fetched(next_step, file_id), NOW, Archive(s3, bucket))
        records.save(next_step, NOW, Archive(s3, bucket))
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="metadata/")["Contents"]:
        target = tmp_path / entry["Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
    return tmp_path / "metadata"


def query(lake: Path, text: str) -> list[Any]:
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in COLUMNS.items())
    table = f"read_json('{lake}/*/*.json', format='newline_delimited', columns={{{columns}}})"
    with duckdb.connect() as connection:
        return connection.sql(text.replace("documents", table)).fetchall()


@pytest.mark.long
def test_every_record_is_one_line(lake: Path) -> None:
    for file in lake.glob("*/*.json"):
        assert file.read_bytes().count(b"\n") == 1


def test_a_row_of_the_declared_columns_is_the_record_no_more_and_no_less(lake: Path) -> None:
    rows = query(lake, "SELECT * FROM documents ORDER BY file.id")
    records = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(lake.glob("*/*.json"))]
    assert [dict(zip(COLUMNS, row, strict=True)) for row in rows] == records


def test_a_question_that_a_tag_cannot_answer_is_answered(lake: Path) -> None:
    assert query(
        lake,
        """SELECT share."user", count(*), sum(file.size)
           FROM documents, UNNEST(shares) AS t(share)
           WHERE NOT share.deleted AND list_contains(share.tags, 'finance') GROUP BY 1""",
    ) == [("U1", 2, 2)]


def test_the_query_in_the_documentation_runs(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "searching.md").read_text(encoding="utf-8")
    (sql,) = [block for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) if "read_json" in block]
    monkeypatch.chdir(lake.parent)
    with duckdb.connect() as connection:
        assert connection.sql(sql).fetchall() == [("U1", 2, 2)]


def test_a_withdrawn_share_says_so_and_its_tags_are_gone(lake: Path) -> None:
    rows = query(lake, "SELECT file.id, tags, [s.deleted for s in shares] FROM documents ORDER BY 1")
    assert rows == [("F1", ["2026", "finance"], [False, True]), ("F2", ["2026", "finance"], [False])]


def test_a_comment_comes_back_to_the_letter(lake: Path) -> None:
    (row,) = query(lake, "SELECT shares[1].comment FROM documents WHERE file.id = 'F2'")
    assert row == ('Two\nlines, "quotes", 語 and 🎉\u2028.',)
    assert layout.metadata_key("T1", "F2") == "metadata/T1/F2.json"
