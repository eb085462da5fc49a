"""Attacks on the exact index. Where a STRtree differs, and on a sample of all, rational arithmetic judges."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
import shapely

from data.tianjin.grid import build_grid
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.ingest.description import read_description
from gridmap.ingest.layers import read_cells
from gridmap.shapes import Geometries
from tests.conftest import ROOT, SHARED
from tests.gridmap.coverage.attacks import COVERAGES, METRIC, Judge, Rng, around_zero, assert_exact, attacks

SAMPLE, SOAK = 12_000, 300_000
LONDON = SHARED / "data" / "london"


def attack(cells: Geometries, judge: Judge, rng: Rng, count: int) -> None:
    index = CoverageIndex.build(cells, METRIC)
    for kind, points in attacks(cells, index.raster, rng, count):
        assert_exact(cells, index, points, judge, rng, kind)


@pytest.mark.parametrize("coverage", COVERAGES)
def test_placements_are_exact(coverage: Callable[[], Geometries], judge: Judge, rng: Rng) -> None:
    attack(coverage(), judge, rng, SAMPLE)


def test_placements_in_heping_are_exact(heping_cells: Geometries, judge: Judge, rng: Rng) -> None:
    attack(heping_cells, judge, rng, SAMPLE)


@pytest.mark.soak
@pytest.mark.parametrize("coverage", COVERAGES)
def test_many_placements_are_exact(coverage: Callable[[], Geometries], judge: Judge, rng: Rng) -> None:
    attack(coverage(), judge, rng, SOAK)


@pytest.mark.soak
def test_placements_in_the_whole_city_are_exact(judge: Judge, rng: Rng) -> None:
    cells = build_grid().cells.sort_values("code").geometry.to_numpy()
    index = CoverageIndex.build(cells, METRIC)
    for kind, points in attacks(cells, index.raster, rng, 1_500_000):
        assert_exact(cells, index, points, judge, rng, kind)
    west, south, east, north = index.bounds
    for _ in range(20):
        random = rng.uniform((west, south), (east, north), (500_000, 2)).T.copy()
        assert_exact(cells, index, (random[0], random[1]), judge, rng, "random")


@pytest.mark.soak
@pytest.mark.skipif(not LONDON.is_dir(), reason=f"London's files are not in {LONDON}: they are no part of GridMap")
def test_placements_in_london_are_exact(judge: Judge, rng: Rng) -> None:
    section = read_description(ROOT / "data" / "london.toml").cells
    assert section is not None
    attack(read_cells(LONDON, section).geometries, judge, rng, SOAK)


@pytest.mark.parametrize("turn", range(8))
def test_placements_within_a_few_denormals_of_zero(turn: int, judge: Judge) -> None:
    """Products of such numbers underflow, so that a sign taken from them would be 0."""
    cells = np.roll(around_zero(), turn)
    index = CoverageIndex.build(cells, METRIC)
    near = [
        0.0,
        *(sign * value for sign in (1, -1) for value in (5e-324, 1e-323, 3.5e-323, 1e-290, 1e-200, 1e-16)),
    ]
    for lon in near:
        for lat in near:
            assert index.locate(lon, lat) == judge(cells, lon, lat), (lon, lat)


@pytest.mark.parametrize("coverage", COVERAGES)
def test_the_order_of_the_cells_decides_on_edges_only(coverage: Callable[[], Geometries], rng: Rng) -> None:
    cells = coverage()
    order = rng.permutation(len(cells))
    index, other = CoverageIndex.build(cells, METRIC), CoverageIndex.build(cells[order], METRIC)
    vertices = shapely.get_coordinates(cells)[:2000]
    lon, lat = np.ascontiguousarray(vertices.T)
    positions, how = index.locate_many(lon, lat)
    others, how_there = other.locate_many(lon, lat)
    assert (how == 1).all()
    assert (how_there == 1).all()
    touched = shapely.intersects_xy(cells[order[others]], lon, lat)
    assert touched.all()
    assert (order[others] >= positions).all()
    assert (order[others] > positions).any()


def test_threads_do_not_show(heping_cells: Geometries, rng: Rng, monkeypatch: pytest.MonkeyPatch) -> None:
    index = CoverageIndex.build(heping_cells, METRIC)
    west, south, east, north = index.bounds
    lon, lat = rng.uniform(west, east, 10_001), rng.uniform(south, north, 10_001)
    whole = [each.tolist() for each in index.locate_many(lon, lat)]
    monkeypatch.setattr("gridmap.coverage.index._BATCH", 1000)
    for threads in (0, 1, 3, 100):
        assert [each.tolist() for each in index.locate_many(lon, lat, threads=threads)] == whole


def test_others_run_while_points_are_placed(heping_cells: Geometries) -> None:
    """A thread that places for long would hold this one up, if the kernel kept the interpreter's lock."""
    index = CoverageIndex.build(heping_cells, METRIC)
    west, south, east, north = index.bounds
    lon, lat = np.linspace(west, east, 8_000_000), np.linspace(south, north, 8_000_000)
    placing = threading.Thread(target=index.locate_many, args=(lon, lat))
    placing.start()
    turns = 0
    while placing.is_alive():
        placing.join(0.001)
        turns += 1
    assert turns > 5


def test_points_need_not_lie_in_one_piece(heping_cells: Geometries, rng: Rng) -> None:
    index = CoverageIndex.build(heping_cells, METRIC)
    west, south, east, north = index.bounds
    both = rng.uniform((west, south), (east, north), (500, 2))
    strided = index.locate_many(both[:, 0], both[:, 1])
    assert [each.tolist() for each in strided] == [
        each.tolist() for each in index.locate_many(both[:, 0].copy(), both[:, 1].copy())
    ]
    assert [len(each) for each in index.locate_many(both[:0, 0], both[:0, 1])] == [0, 0]


@pytest.mark.parametrize(("lon", "lat"), [(np.zeros(3), np.zeros(2)), (np.zeros((2, 2)), np.zeros((2, 2)))])
def test_uneven_points_are_refused(lon: np.ndarray, lat: np.ndarray) -> None:
    index = CoverageIndex.build(around_zero(), METRIC)
    with pytest.raises(InvalidInput, match="same length"):
        index.locate_many(lon, lat)


def test_overlapping_cells_make_no_index() -> None:
    overlapping = np.array([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)], dtype=object)
    with pytest.raises(LoadRefused, match="not a coverage"):
        CoverageIndex.build(overlapping, METRIC)
