"""The benchmark divides communities in three ways, measured by the same function, and writes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.bench.proposals import NAMES, bench_proposals, kmeans_voronoi
from gridmap.redraw.state import Households
from gridmap.store.database import Database
from tests.gridmap.redraw.grids import METRIC
from tests.gridmap.redraw.proposing.chessboard import box


def quiet(_: str) -> None:
    """No progress in tests."""


def test_three_ways_are_measured_and_nothing_is_written(heping: Database) -> None:
    report = bench_proposals(heping, OPERATOR, 3, 1, quiet)
    assert len(report.rows) + len(report.refused) == 3
    assert set(report.medians) == set(NAMES)
    for row in report.rows:
        assert row.figures["now"].stays == pytest.approx(1.0)
        assert {each.cells for each in row.figures.values()} == {row.cells}
        assert row.figures["k-means"].stays < 1.0
    assert report.at_least_as_good["k-means"]["street share"] == 1.0
    with heping.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT count(*) FROM draft")).scalar_one() == 0


def test_kmeans_finds_two_clusters_and_cuts_halfway_between_them() -> None:
    ground = box(0, 0, 4, 1)
    lon = np.array([box(at, 0, 1, 1).centroid.x for at in (0, 3)])
    households = Households(lon, np.full(2, ground.centroid.y), np.array([5.0, 7.0]))
    halves = kmeans_voronoi([ground], households, 2, METRIC, 1)
    assert shapely.coverage_is_valid(np.array(halves, object))
    assert [half.area / ground.area for half in halves] == pytest.approx([0.5, 0.5], abs=1e-4)
