"""Lines and polygons go by their shares to every cell they touch, and to one home cell; nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.coverage.index import OUTSIDE, CoverageIndex
from gridmap.coverage.shares import homes, shares_of
from gridmap.shapes import Geometries

# Four cells of 0.002 degrees around 117 E, 39 N, where degrees east and the metric crs agree: 0 1 above 2 3 …
WEST, SOUTH, SIDE = 117.0, 39.0, 0.002


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """In sides of a cell from the corner."""
    corners = (WEST + west * SIDE, SOUTH + south * SIDE, WEST + east * SIDE, SOUTH + north * SIDE)
    return shapely.box(*corners)


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(WEST + x * SIDE, SOUTH + y * SIDE) for x, y in points])


@pytest.fixture(scope="module")
def index() -> CoverageIndex:
    cells = [box(x, y, x + 1, y + 1) for y in (0, 1) for x in (0, 1)]
    whole = shapely.coverage_clean(np.array(cells, object))
    return CoverageIndex.build(np.asarray(whole, object), "EPSG:4548")


def told(index: CoverageIndex, *geometries: shapely.Geometry) -> list[dict[int, float]]:
    array: Geometries = np.empty(len(geometries), object)
    array[:] = geometries
    found = shares_of(index, array)
    rows: list[dict[int, float]] = [{} for _ in geometries]
    for which, position, share in zip(found.geometries, found.positions, found.shares, strict=True):
        rows[which][int(position)] = float(share)
    for row in rows:
        assert sum(row.values()) == pytest.approx(1.0, abs=1e-9)
    return rows


def home(index: CoverageIndex, geometry: shapely.Geometry) -> int:
    array: Geometries = np.empty(1, object)
    array[0] = geometry
    return int(homes(shares_of(index, array), 1)[0])


def test_shares_by_hand(index: CoverageIndex) -> None:
    near = pytest.approx
    assert told(
        index,
        box(0.25, 0.25, 0.75, 0.75),
        box(0.5, 0.25, 1.25, 0.75),
        box(0.5, 0.5, 1.5, 1.5),
        box(-0.5, 0.25, 0.5, 0.75),
        box(5, 5, 6, 6),
        line((0.5, 0.5), (0.5, 2.0)),
        line((0.5, 0.5), (-0.5, 0.5)),
    ) == [
        {0: near(1.0)},
        {0: near(2 / 3, abs=1e-4), 1: near(1 / 3, abs=1e-4)},
        {0: near(0.25, abs=1e-4), 1: near(0.25, abs=1e-4), 2: near(0.25, abs=1e-4), 3: near(0.25, abs=1e-4)},
        {0: near(0.5, abs=1e-4), OUTSIDE: near(0.5, abs=1e-4)},
        {OUTSIDE: near(1.0)},
        {0: near(1 / 3, abs=1e-4), 2: near(2 / 3, abs=1e-4)},
        {0: near(0.5, abs=1e-4), OUTSIDE: near(0.5, abs=1e-4)},
    ]


def test_a_line_along_an_edge_belongs_to_the_lowest_code(index: CoverageIndex) -> None:
    assert told(index, line((1.0, 0.25), (1.0, 0.75)), line((0.25, 1.0), (0.75, 1.0))) == [{0: 1.0}, {0: 1.0}]
    (both,) = told(index, line((1.0, 0.25), (1.0, 1.75)))
    assert both == {0: pytest.approx(0.5, abs=1e-4), 2: pytest.approx(0.5, abs=1e-4)}
    (rim,) = told(index, line((0.0, 0.25), (0.0, 0.75)))
    assert rim == {0: 1.0}


def test_touching_is_no_share(index: CoverageIndex) -> None:
    assert told(index, box(0, 0, 1, 1), line((0.5, 0.5), (1.0, 0.5))) == [{0: 1.0}, {0: 1.0}]


def test_home_is_the_largest_share_and_of_equal_ones_the_lowest_code(index: CoverageIndex) -> None:
    assert home(index, box(0.75, 0.25, 1.5, 0.75)) == 1
    assert home(index, box(0.5, 0.25, 1.5, 0.75)) == 0
    assert home(index, box(0.9, 1.9, 1.1, 1.95)) == 2
    # mostly outside, and yet it has a home: the cell that it reaches into
    assert home(index, box(1.9, 0.25, 9.0, 0.75)) == 1
    assert home(index, box(5, 5, 6, 6)) == OUTSIDE


def test_what_has_no_length_or_area_counts_whole(index: CoverageIndex) -> None:
    point = shapely.Point(WEST + SIDE, SOUTH + SIDE)
    assert told(index, point, shapely.LineString([point, point])) == [{0: 1.0}, {0: 1.0}]


def test_multiple_parts_count_together(index: CoverageIndex) -> None:
    parts = shapely.MultiPolygon([box(0.1, 0.1, 0.2, 0.2), box(1.1, 1.1, 1.2, 1.2)])
    (found,) = told(index, parts)
    assert found == {0: pytest.approx(0.5, abs=1e-4), 3: pytest.approx(0.5, abs=1e-4)}


def test_no_geometries_have_no_shares(index: CoverageIndex) -> None:
    assert told(index) == []


def test_shares_of_many_add_up_in_a_district(heping_cells: Geometries, rng: np.random.Generator) -> None:
    index = CoverageIndex.build(heping_cells, "EPSG:4548")
    west, south, east, north = index.bounds
    centres = rng.uniform((west, south), (east, north), (300, 2))
    points = shapely.points(centres)
    lines = shapely.linestrings(np.stack([centres, centres + rng.normal(size=(300, 2)) * 0.002], axis=1))
    edges = shapely.boundary(heping_cells)[:100]
    polygons = shapely.buffer(points, rng.uniform(1e-5, 2e-3, 300))
    every = np.concatenate([polygons, lines, edges])
    found = shares_of(index, every)
    np.testing.assert_allclose(np.bincount(found.geometries, found.shares, len(every)), 1.0, atol=1e-9)
    assert len(np.unique(np.column_stack((found.geometries, found.positions)), axis=0)) == len(found.shares)
    inside = found.positions[found.geometries >= 600]
    assert (inside != OUTSIDE).all()
