"""The benchmark measures what it says, on the same work; how fast anything is is not tested."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from gridmap.bench import placement
from gridmap.bench.placement import bench_copies, bench_placement
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.snapshot import read_grid

ALWAYS = {"gridmap", "geopandas.sjoin", "shapely.STRtree", "postgis", "postgis.indexed_points"}
PERHAPS = {"duckdb", "sedonadb"}


def quiet(_: str) -> None:
    """No progress in tests."""


@pytest.fixture
def grid(connection: Connection) -> Grid:
    return read_grid(connection, read_city(connection))


def test_all_ways_are_measured_and_all_answers_are_right(
    connection: Connection, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_REDRAWS", 4)
    monkeypatch.setattr(placement, "ROUNDS", 1)
    report = bench_placement(connection, grid, 5_000, 1, quiet)
    plain = json.loads(json.dumps(dataclasses.asdict(report)))
    assert plain.keys() >= {"cells", "vertices", "points", "methods", "single_us", "build_s", "index_mib"}
    assert (report.cells, report.points) == (len(grid.cells), 5_000)
    assert report.methods.keys() >= ALWAYS
    assert report.methods.keys() | report.left_out.keys() == ALWAYS | PERHAPS
    for name in ALWAYS - {"postgis", "postgis.indexed_points"}:
        assert report.methods[name].differences == 0, name
    assert all(one.points_per_s > 0 for one in report.methods.values())
    assert report.single_us["p99"] >= report.single_us["p50"] > 0


def test_wrong_answers_are_counted(connection: Connection, grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_REDRAWS", 2)
    monkeypatch.setattr(placement, "ROUNDS", 1)
    right = CoverageIndex.locate_many

    def shifted(index: CoverageIndex, lon: np.ndarray, lat: np.ndarray, threads: int = 1) -> object:
        positions, how = right(index, lon, lat, threads)
        return np.where(lat > np.median(lat), -1, positions).astype(np.int32), how

    def after_the_points(*given: object) -> tuple[np.ndarray, np.ndarray]:
        points = chosen(*given)
        monkeypatch.setattr(CoverageIndex, "locate_many", shifted)
        return points

    chosen = placement._points
    monkeypatch.setattr(placement, "_points", after_the_points)
    report = bench_placement(connection, grid, 2_000, 1, quiet)
    assert report.methods["gridmap"].differences > 800
    assert report.methods["shapely.STRtree"].differences == 0


def test_copies_lie_side_by_side(grid: Grid) -> None:
    report = bench_copies(grid, 3, 1_000, 1, quiet)
    assert (report.cells, report.points) == (3 * len(grid.cells), 1_000)
    assert report.vertices % 3 == 0
