"""A real city by the same command: London's cells, and incidents whose publisher states the cell of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.placing import count_cells, place
from gridmap.ingest.description import read_description
from gridmap.ingest.layers import read_cells
from gridmap.ingest.points import read_points
from gridmap.model import Revision
from gridmap.shapes import Geometries
from gridmap.store.database import Database

from .conftest import ROOT, SHARED, quiet

LONDON = SHARED / "data" / "london"
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


pytestmark = pytest.mark.skipif(
    not LONDON.is_dir(), reason=f"London's files are not in {LONDON}: they are no part of GridMap"
)


@pytest.fixture(scope="module")
def london() -> tuple[list[str], Geometries]:
    """London's cells by code, as the city's description reads them."""
    section = read_description(ROOT / "data" / "london.toml").cells
    assert section is not None
    rows = read_cells(LONDON, section)
    return list(rows.codes), rows.geometries


@pytest.mark.soak
def test_events_follow_streets_and_so_do_edges(london: tuple[list[str], Geometries]) -> None:
    """Random points hardly ever lie within a metre of an edge; a good part of the burglaries does."""
    codes, cells = london
    index = CoverageIndex.build(cells, "EPSG:27700", codes)
    description = read_description(ROOT / "data" / "london.toml")
    west, south, east, north = index.bounds
    rng = np.random.default_rng(1)
    grid = Grid(Revision(1, EPOCH, EPOCH), (), {}, index)
    shares = {}
    burglaries = [
        batch.accepted[["lon", "lat"]].to_numpy(np.float64)
        for section in description.incidents
        for batch in read_points(LONDON, section, {}, description.as_city().zone)
    ]
    for name, points in (
        ("burglaries", np.concatenate(burglaries)),
        ("random", rng.uniform((west, south), (east, north), (200_000, 2))),
    ):
        counts = count_cells(place(grid, points[:, 0], points[:, 1]), len(codes), near_m=1.0)
        assert (counts.sure + counts.near_edge == counts.points).all()
        assert counts.points.sum() + counts.outside + counts.nowhere == len(points)
        shares[name] = counts.near_edge.sum() / counts.points.sum()
    assert 0.12 < shares["burglaries"] < 0.14, shares
    assert 0.005 < shares["random"] < 0.02, shares


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
