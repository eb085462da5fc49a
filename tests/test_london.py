"""A real city by the same command: London's cells, and incidents whose publisher states the cell of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.ingest.description import read_description
from gridmap.store.database import Database

from .conftest import ROOT, SHARED, quiet

LONDON = SHARED / "data" / "london"


@pytest.mark.skipif(not LONDON.is_dir(), reason=f"London's files are not in {LONDON}: they are no part of GridMap")
def test_london_agrees_with_its_publisher(make_database: Callable[[str], Database]) -> None:
    database = make_database("london")
    report = load_city(database, OPERATOR, read_description(ROOT / "data" / "london.toml"), LONDON, quiet)
    assert (report.cells, report.areas["borough"]) == (4_994, 33)
    (points,) = report.points
    counts = points.counts
    assert (counts.rows, counts.placed) == (114_432, 112_974)
    assert counts.outside + counts.rejected == counts.rows - counts.placed
    assert sum(points.reasons.values()) == counts.rejected

    stated = points.stated
    assert stated is not None
    assert (stated.compared, stated.agree) == (103_899, 103_041)
    assert stated.off_by_m["< 1 m"] == 779
    assert sum(stated.off_by_m.values()) == stated.compared - stated.agree

    with database.begin(OPERATOR) as connection:
        kept = text("SELECT count(*), count(DISTINCT (file, line)) FROM rejected_row")
        assert tuple(connection.execute(kept).one()) == (counts.rejected, counts.rejected)
        placed = text("SELECT count(*) FILTER (WHERE how <> 'outside'), count(*) FROM incident_placement")
        assert tuple(connection.execute(placed).one()) == (counts.placed, counts.placed + counts.outside)
        levels = text("SELECT level, count(*) FROM area_shape GROUP BY level")
        assert dict(map(tuple, connection.execute(levels)))["borough"] == 33
