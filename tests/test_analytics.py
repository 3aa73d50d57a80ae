"""The records as analytics reads them: newline-delimited JSON with the Glue table's columns, by another engine."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from chalicelib import archive, records
from tests.test_records import NOW, fetched, step

COLUMNS = {
    "version": "INTEGER",
    "document": "VARCHAR",
    "file": "STRUCT(id VARCHAR, name VARCHAR, title VARCHAR, mimetype VARCHAR, size BIGINT, sha256 VARCHAR,"
    " created BIGINT, uploader VARCHAR, permalink VARCHAR)",
    "tags": "VARCHAR[]",
    "shares": "STRUCT(team VARCHAR, channel VARCHAR, channel_type VARCHAR, ts VARCHAR, thread_ts VARCHAR,"
    ' "user" VARCHAR, comment VARCHAR, comment_cut BOOLEAN, tags VARCHAR[], "version" VARCHAR, event_id VARCHAR,'
    " deleted BOOLEAN)[]",
    "archived_at": "VARCHAR",
}
"""As the table in stepfunctions/stack.yaml declares them, in DuckDB's words."""


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
    for given in steps:
        for file_id in given["file_ids"]:
            records.save(fetched(given, file_id), NOW, s3, bucket)
        records.save(given, NOW, s3, bucket)
    for one in s3.list_objects_v2(Bucket=bucket, Prefix="metadata/")["Contents"]:
        target = tmp_path / one["Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
    return tmp_path / "metadata"


def query(lake: Path, text: str) -> list[Any]:
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in COLUMNS.items())
    table = f"read_json('{lake}/*/*.json', format='newline_delimited', columns={{{columns}}})"
    with duckdb.connect() as connection:
        return connection.sql(text.replace("documents", table)).fetchall()


def test_every_record_is_one_line(lake: Path) -> None:
    for file in lake.glob("*/*.json"):
        assert file.read_bytes().count(b"\n") == 1


def test_the_declared_columns_hold_all_that_there_is(lake: Path) -> None:
    """What DuckDB finds by itself has the declared names, no more and no fewer, inside structs as well."""
    with duckdb.connect() as connection:
        found = connection.sql(f"DESCRIBE SELECT * FROM read_json('{lake}/*/*.json')").fetchall()
        declared = connection.sql(
            "DESCRIBE SELECT " + ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in COLUMNS.items())
        ).fetchall()
    names = {name: sorted(_names(kind)) for name, kind, *_ in found}
    assert names == {name: sorted(_names(kind)) for name, kind, *_ in declared}


def _names(kind: str) -> list[str]:
    """Return the field names in DuckDB's name of a type."""
    words = kind.replace("STRUCT(", " ").replace("(", " ").replace(")", " ").replace(",", " ").replace("[]", " ")
    return [word.strip('"') for word in words.split() if not word.isupper()]


def test_a_question_that_a_tag_cannot_answer_is_answered(lake: Path) -> None:
    assert query(
        lake,
        """SELECT share."user", count(*), sum(file.size)
           FROM documents, UNNEST(shares) AS t(share)
           WHERE NOT share.deleted AND list_contains(share.tags, 'finance') GROUP BY 1""",
    ) == [("U1", 2, 2)]


def test_the_query_in_the_documentation_runs(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parent.parent / "docs" / "searching.md").read_text(encoding="utf-8")
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
    assert archive.metadata_key("T1", "F2") == "metadata/T1/F2.json"
