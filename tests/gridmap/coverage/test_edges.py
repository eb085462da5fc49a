"""Each edge once with its two cells; what is no coverage is refused with its places."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.coverage.codes import codes_of, numbers
from gridmap.coverage.edges import edges_of
from gridmap.coverage.raster import Raster
from gridmap.errors import LoadRefused
from gridmap.shapes import Geometries

Polygon = shapely.Polygon


def cells(*shapes: shapely.Geometry) -> Geometries:
    result: Geometries = np.empty(len(shapes), object)
    result[:] = shapes
    return result


def as_set(geometries: Geometries) -> set[tuple[float, ...]]:
    edges = edges_of(geometries, numbers(len(geometries)))
    return {(*ends, *sides) for ends, sides in zip(edges.ends.tolist(), edges.cells.tolist(), strict=True)}


def test_two_squares_share_one_edge() -> None:
    for turned in (False, True):
        west, east = shapely.box(0, 0, 1, 1, ccw=turned), shapely.box(1, 0, 2, 1, ccw=not turned)
        assert as_set(cells(west, east)) == {
            (0, 0, 1, 0, 1, 0),
            (0, 1, 1, 1, 0, 1),
            (0, 0, 0, 1, 0, 1),
            (1, 0, 1, 1, 1, 2),
            (1, 0, 2, 0, 2, 0),
            (1, 1, 2, 1, 0, 2),
            (2, 0, 2, 1, 2, 0),
        }


def test_a_hole_has_the_cell_around_it_outside() -> None:
    core = shapely.box(1, 1, 2, 2)
    ring = shapely.box(0, 0, 3, 3).difference(core)
    around = {edge for edge in as_set(cells(ring, core)) if 2 in edge[4:]}
    assert around == {(1, 1, 2, 1, 2, 1), (1, 2, 2, 2, 1, 2), (1, 1, 1, 2, 1, 2), (2, 1, 2, 2, 2, 1)}
    assert {edge[4:] for edge in as_set(cells(ring)) if edge[:4] == (1, 1, 2, 1)} == {(0, 1)}


def test_parts_of_one_cell_are_that_cell() -> None:
    both = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    assert {edge[4:] for edge in as_set(cells(both))} == {(0, 1), (1, 0)}
    assert len(as_set(cells(both))) == 8


def test_zero_has_no_sign() -> None:
    edges = as_set(cells(shapely.box(-1, -0.0, 0.0, 1), Polygon([(-0.0, 0.0), (1, 0), (1, 1), (-0.0, 1)])))
    assert (0, 0, 0, 1, 1, 2) in edges


FAULTY = {
    "overlapping": (cells(shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)), "1 at"),
    "the same twice": (cells(shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1)), "2 at 1.0"),
    "three on one edge": (
        cells(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), Polygon([(1, 0), (1, 1), (0.5, 0.5)])),
        "3 at 1.0",
    ),
    "one inside another": (cells(shapely.box(0, 0, 9, 9), shapely.box(3, 3, 4, 4)), "2 at 4.0"),
    "a corner in the middle of an edge": (
        cells(shapely.box(0, 0, 1, 2), shapely.box(1, 0, 2, 1), shapely.box(1, 1, 2, 2)),
        "at 1.0000000 ",
    ),
    "two parts side by side": (
        cells(shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])),
        "1 at 1.0",
    ),
    "repeated vertex": (cells(Polygon([(0, 0), (1, 0), (1, 0), (1, 1)])), "1 at 1.0000000 0.0"),
    "off the earth": (cells(shapely.box(0, 0, 1, 1), shapely.box(170, 0, 181, 1)), "2 at 181.0"),
    "not a number": (cells(Polygon([(0, 0), (1, 0), (1, np.nan), (0, 1)])), "1 at 1.0000000 nan"),
    "infinite": (cells(Polygon([(0, 0), (1, 0), (np.inf, 1), (0, 1)])), "1 at inf 1.0"),
    "closer to zero than any place": (cells(Polygon([(0, 0), (1, 0), (1, 1e-200)])), "1 at 1.0"),
    "none at all": (cells(), "no cells"),
    "an empty polygon": (cells(shapely.box(0, 0, 1, 1), Polygon()), "1 of them are no polygons: 2 at nan"),
    "a line": (cells(shapely.LineString([(0, 0), (1, 1)]), shapely.box(0, 0, 1, 1)), "1"),
}


def build(geometries: Geometries) -> Raster:
    codes = numbers(len(geometries))
    return Raster.build(edges_of(geometries, codes), codes)


@pytest.mark.parametrize("what", FAULTY)
def test_what_is_no_coverage_is_refused_with_its_place(what: str) -> None:
    geometries, place = FAULTY[what]
    with pytest.raises(LoadRefused) as refused:
        build(geometries)
    assert place in str(refused.value)


def test_many_faults_are_counted_and_the_first_named_by_their_codes() -> None:
    squares = [shapely.box(i, 0, i + 1, 1) for i in range(30)]
    codes = codes_of([f"1201{number:02d}" for number in range(60)])
    with pytest.raises(LoadRefused, match="30 of them overlap or are not valid: 120130 at 1") as refused:
        edges_of(cells(*squares, *squares), codes)
    assert str(refused.value).count("; ") == 9
    assert str(refused.value).endswith(" and 20 more")
