"""The rejected rows of a load as lines and as a file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gridmap.access import OPERATOR
from gridmap.cli.rejected import write_rejected
from gridmap.errors import NotAllowed, NotFound
from gridmap.model import PUBLIC, LoadCounts, RejectedRow
from gridmap.store.database import Database
from gridmap.store.loads import finish_load, insert_load, insert_rejected

ROWS = [
    RejectedRow("b.csv", 10, "lon: must be a finite number, got 'x'", {"id": "1", "lon": "-1.5"}),
    RejectedRow("b.csv", 9, "category: must not be empty", {"id": "=1+1", "line": "-x"}),
]


def load(database: Database) -> int:
    with database.begin(OPERATOR) as connection:
        load_id = insert_load(connection, OPERATOR, "incidents", "b", "b.csv")
        insert_rejected(connection, load_id, ROWS)
        finish_load(connection, load_id, LoadCounts(rows=2, rejected=2))
    return load_id


def test_the_newest_are_listed_by_line(heping_copy: Database, capsys: pytest.CaptureFixture[str]) -> None:
    load(heping_copy)
    write_rejected(heping_copy, OPERATOR, None, None)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "b.csv:9: category: must not be empty",
        "b.csv:10: lon: must be a finite number, got 'x'",
    ]
    assert "2 rows were rejected" in said.err


def test_a_file_holds_every_column_and_no_formula(heping_copy: Database, tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    write_rejected(heping_copy, OPERATOR, load(heping_copy), path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "line", "reason", "id", "source_line", "lon"],
        ["b.csv", "9", "category: must not be empty", "'=1+1", "'-x", ""],
        ["b.csv", "10", "lon: must be a finite number, got 'x'", "1", "", "-1.5"],
    ]


def test_no_load_is_not_found_and_the_public_is_told(heping_copy: Database) -> None:
    with pytest.raises(NotFound, match="no load 999"):
        write_rejected(heping_copy, OPERATOR, 999, None)
    with pytest.raises(NotAllowed):
        write_rejected(heping_copy, PUBLIC, None, None)
