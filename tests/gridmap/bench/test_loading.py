"""The benchmark of loads measures real loads and leaves nothing behind."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.bench.loading import bench_loading
from gridmap.store.database import Database


def quiet(_: str) -> None:
    """No progress in tests."""


def counted(database: Database) -> tuple[int, ...]:
    query = "SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM incident_placement), count(*) FROM load"
    with database.begin(OPERATOR) as connection:
        return tuple(connection.execute(text(query)).one())


def test_rows_are_loaded_twice_and_taken_back(heping: Database) -> None:
    before = counted(heping)
    report = bench_loading(heping, OPERATOR, 2_000, 1, quiet)
    assert report.rows == 2_000
    assert report.first_rows_per_s == pytest.approx(2_000 / report.first_s, rel=0.2)
    assert counted(heping) == before
