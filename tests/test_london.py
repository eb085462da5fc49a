"""A real city by the same command: London's cells, and incidents whose publisher states the cell of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.coverage.grid import Grid
from gridmap.coverage.placing import count_cells, place
from gridmap.history import grid_of
from gridmap.ingest.description import read_description
from gridmap.store.city import read_city
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
        points = text("SELECT ST_X(geom), ST_Y(geom) FROM incident")
        lon, lat = np.array([tuple(row) for row in connection.execute(points)]).T
        grid = grid_of(connection, read_city(connection), None, None)

    # City boundaries follow streets, and so do events: counts say how many of a cell's points are sure.
    near = count_cells(place(grid, lon, lat), len(grid.cells), near_m=1.0)
    assert (near.points.sum(), near.outside) == (counts.placed, counts.outside)
    share = near.near_edge.sum() / near.points.sum()
    random = _random_points(grid)
    by_chance = count_cells(place(grid, *random), len(grid.cells), near_m=1.0)
    print(f"within 1 m of an edge: {share:.1%}, of random points {by_chance.near_edge.sum() / 20_000:.1%}")
    assert 0.12 < share < 0.14
    assert by_chance.near_edge.sum() < 0.03 * by_chance.points.sum()


def _random_points(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """20,000 points of the city's box."""
    west, south, east, north = grid.index.bounds
    rng = np.random.default_rng(1)
    return rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000)
