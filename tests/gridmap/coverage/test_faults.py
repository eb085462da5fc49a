"""Faults put into a valid coverage are found, GEOS being the judge; what is right, however odd, is not refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.codes import numbers
from gridmap.coverage.edges import edges_of
from gridmap.coverage.exact import ExactIndex
from gridmap.coverage.raster import Raster
from gridmap.errors import LoadRefused
from gridmap.shapes import Geometries
from tests.gridmap.coverage.attacks import METRIC, Judge, Rng, assert_exact, attacks

box = shapely.box
Spoil = Callable[[Geometries, int, float, float], Geometries]
number = st.integers(0, 10**6)
share = st.floats(-0.6, 0.6)


def is_refused(cells: Geometries) -> bool:
    codes = numbers(len(cells))
    try:
        Raster.build(edges_of(cells, codes), codes)
    except LoadRefused:
        return True
    return False


def row(*cells: BaseGeometry) -> Geometries:
    result: Geometries = np.empty(len(cells), object)
    result[:] = cells
    return result


def triangles(seed: int) -> Geometries:
    """Some forty triangles, one in eight left out."""
    rng = np.random.default_rng(seed)
    places = shapely.MultiPoint(rng.uniform((117, 39), (117.1, 39.1), (24, 2)))
    parts = shapely.get_parts(shapely.delaunay_triangles(places))
    return parts[rng.random(len(parts)) < 7 / 8]


def moved_vertex(cells: Geometries, pick: int, dx: float, dy: float) -> Geometries:
    """One vertex of one cell alone is moved, by shares of the cell's size."""
    position = pick % len(cells)
    ring = shapely.get_coordinates(cells[position])[:-1]
    west, south, east, north = shapely.bounds(cells[position])
    ring[pick % len(ring)] += (dx * (east - west), dy * (north - south))
    return replaced(cells, position, shapely.Polygon(ring))


def moved_cell(cells: Geometries, pick: int, dx: float, dy: float) -> Geometries:
    position = pick % len(cells)
    west, south, east, north = shapely.bounds(cells[position])
    offset = (dx * (east - west), dy * (north - south))
    return replaced(cells, position, shapely.transform(cells[position], lambda points: points + offset))


def one_more_vertex(cells: Geometries, pick: int, dx: float, dy: float) -> Geometries:
    """In the middle of an edge of one cell, and sometimes beside it."""
    position = pick % len(cells)
    ring = shapely.get_coordinates(cells[position])
    edge = pick % (len(ring) - 1)
    middle = (ring[edge] + ring[edge + 1]) / 2 + (dx * 1e-4, dy * 1e-4)
    return replaced(cells, position, shapely.Polygon([*ring[: edge + 1], middle, *ring[edge + 1 :]]))


def one_inside(cells: Geometries, pick: int, dx: float, dy: float) -> Geometries:
    """A small copy of a cell, somewhere about its middle: inside it, across its edge, or across others."""
    cell = cells[pick % len(cells)]
    middle, points = shapely.get_coordinates(shapely.centroid(cell))[0], shapely.get_coordinates(cell)
    return np.append(cells, shapely.Polygon(middle + (points - middle) * 0.2 + (dx * 0.01, dy * 0.01)))


def replaced(cells: Geometries, position: int, cell: BaseGeometry) -> Geometries:
    result = cells.copy()
    result[position] = cell
    return result


@given(number, number, share, share, st.sampled_from([moved_vertex, moved_cell, one_more_vertex, one_inside]))
@settings(max_examples=400, deadline=None)
def test_faults_are_found_where_geos_finds_them(seed: int, pick: int, dx: float, dy: float, spoil: Spoil) -> None:
    cells = triangles(seed)
    assert not is_refused(cells)
    spoilt = spoil(cells, pick, dx, dy)
    assume(shapely.is_valid(spoilt).all())
    assert is_refused(spoilt) == (not shapely.coverage_is_valid(spoilt))


@given(number, number, share, share, st.sampled_from([moved_vertex, moved_cell, one_more_vertex, one_inside]))
@settings(max_examples=100, deadline=None)
def test_redraws_find_them_as_a_build_does(seed: int, pick: int, dx: float, dy: float, spoil: Spoil) -> None:
    cells = triangles(seed)
    spoilt = spoil(cells, pick, dx, dy)
    assume(shapely.is_valid(spoilt).all())
    codes = [f"{position:02d}" for position in range(len(spoilt))]
    drawn = {
        code: cell
        for position, (code, cell) in enumerate(zip(codes, spoilt, strict=True))
        if position >= len(cells) or cell is not cells[position]
    }
    index = ExactIndex.build(cells, METRIC, codes[: len(cells)])
    try:
        index.redrawn([], drawn)
    except LoadRefused:
        assert is_refused(spoilt)
    else:
        assert not is_refused(spoilt)


def test_polygons_that_cross_themselves_are_refused() -> None:
    for wrong in (
        shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]),
        shapely.Polygon(shapely.box(0, 0, 1, 1).exterior, [shapely.box(3, 3, 4, 4).exterior]),
        shapely.Polygon(shapely.box(0, 0, 4, 4).exterior, [shapely.box(1, 1, 3, 3).exterior] * 2),
        shapely.MultiPolygon([box(0, 0, 4, 4), box(1, 1, 2, 2)]),
        shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (2, 6), (2, 4), (0, 4)]),
    ):
        assert is_refused(row(wrong)), wrong


def square(inwards: int) -> BaseGeometry:
    step = inwards * 0.005
    return box(117 + step, 39 + step, 117.1 - step, 39.1 - step)


LAKE = box(117.04, 39.04, 117.05, 39.05)
ODD = {
    "a lake that is nobody's": row(box(117, 39, 117.1, 39.1).difference(LAKE), box(117.1, 39, 117.2, 39.1)),
    "a cell inside a cell": row(box(117, 39, 117.1, 39.1).difference(LAKE), LAKE),
    "an island in a lake": row(
        box(117, 39, 117.1, 39.1).difference(LAKE),
        box(117.042, 39.042, 117.045, 39.045),
        box(117.2, 39, 117.3, 39.1),
    ),
    "parts that touch in a vertex": row(
        shapely.MultiPolygon([box(117, 39, 117.1, 39.1), box(117.1, 39.1, 117.2, 39.2)]),
        shapely.MultiPolygon([box(117.1, 39, 117.2, 39.1), box(117, 39.1, 117.1, 39.2)]),
    ),
    "a hole that touches the outer ring": row(
        shapely.Polygon(
            [(117, 39), (117.1, 39), (117.1, 39.1), (117, 39.1)], [[(117, 39), (117.03, 39.02), (117.02, 39.03)]]
        ),
        shapely.Polygon([(117, 39), (117.03, 39.02), (117.02, 39.03)]),
    ),
    "exclaves in each other": row(
        shapely.MultiPolygon([box(117, 39, 117.1, 39.1).difference(LAKE), box(117.24, 39.04, 117.25, 39.05)]),
        shapely.MultiPolygon([box(117.2, 39, 117.3, 39.1).difference(box(117.24, 39.04, 117.25, 39.05)), LAKE]),
    ),
    "rings in rings": row(
        *(
            shapely.MultiPolygon([square(k).difference(square(k + 1)) for k in range(start, 9, 3)])
            for start in range(3)
        )
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_cells_are_placed_exactly(what: str, judge: Judge, rng: Rng) -> None:
    cells = ODD[what]
    index = ExactIndex.build(cells, METRIC)
    for kind, points in attacks(cells, index.raster, rng, 1500):
        assert_exact(cells, index, points, judge, rng, kind)
