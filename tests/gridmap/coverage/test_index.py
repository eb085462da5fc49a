"""The index against a slow oracle in rational arithmetic (law 1): lattices, edges, corners, holes, odd codes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from gridmap.coverage.grid import by_code
from gridmap.coverage.index import EDGE_CODE, INSIDE_CODE, OUTSIDE, OUTSIDE_CODE, CoverageIndex
from gridmap.model import Cell
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"
GEOD = Geod(ellps="WGS84")

# A point of the lattice in the west of Tianjin and a step of about 870 m: no binary fraction.
WEST, SOUTH, STEP = 117.1, 39.1, 0.01

Ring = Sequence[tuple[float, float]]
Exact = tuple[Fraction, Fraction]


def exact(point: tuple[float, float]) -> Exact:
    return Fraction(point[0]), Fraction(point[1])


def on_segment(p: Exact, a: Exact, b: Exact) -> bool:
    turn = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    between = min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])
    return turn == 0 and between


def ring_says(ring: Ring, point: tuple[float, float]) -> int:
    """1 inside, 0 on the ring, -1 outside: crossings of a ray, no rounding anywhere."""
    p, corners = exact(point), [exact(corner) for corner in ring]
    inside = False
    for a, b in pairwise(corners):
        if on_segment(p, a, b):
            return 0
        if (a[1] > p[1]) != (b[1] > p[1]):
            crossing = a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
            inside ^= p[0] < crossing
    return 1 if inside else -1


def polygon_says(polygon: shapely.Polygon, point: tuple[float, float]) -> int:
    answer = ring_says(list(polygon.exterior.coords), point)
    for hole in polygon.interiors:
        answer = min(answer, -ring_says(list(hole.coords), point))
    return answer


def oracle(cells: dict[str, shapely.Geometry], point: tuple[float, float]) -> tuple[str | None, str]:
    """Lowest code by bytes of the cells that cover a point, and how."""
    covering = {}
    for code, shape in cells.items():
        says = max(polygon_says(part, point) for part in shapely.get_parts(shape))
        if says >= 0:
            covering[code] = says
    if not covering:
        return None, "outside"
    lowest = min(covering, key=str.encode)
    return lowest, "inside" if covering[lowest] == 1 else "edge"


def indexed(cells: dict[str, shapely.Geometry]) -> tuple[list[str], CoverageIndex]:
    shapes: Geometries = np.empty(len(cells), object)
    shapes[:] = list(cells.values())
    nouns, ordered = by_code([Cell(i, code, code, "basic", "c") for i, code in enumerate(cells, 1)], shapes)
    return [cell.code for cell in nouns], CoverageIndex.build(ordered, METRIC)


def at(column: float, row: float) -> tuple[float, float]:
    return WEST + column * STEP, SOUTH + row * STEP


def square(column: int, row: int, width: int = 1, height: int = 1) -> shapely.Polygon:
    corners = [
        *(at(column + i, row) for i in range(width)),
        *(at(column + width, row + i) for i in range(height)),
        *(at(column + width - i, row + height) for i in range(width)),
        *(at(column, row + height - i) for i in range(height)),
    ]
    return shapely.Polygon(corners)


# Codes whose order by bytes is neither that of a dictionary nor that of a locale, given to squares out of order.
ODD_CODES = ["b", "B", "a", "A", "10", "9", "Z", "z", "é", "中", "_", "a1", "~", "１", "00", "0"]


@st.composite
def lattices(draw: st.DrawFn) -> dict[str, shapely.Geometry]:
    """A 4 x 4 lattice of squares with odd codes; some are merged into multipolygons that touch or do not."""
    codes = draw(st.permutations(ODD_CODES))
    owner = draw(st.lists(st.sampled_from(range(9)), min_size=16, max_size=16))
    groups: dict[str, list[shapely.Polygon]] = {}
    for place, group in enumerate(owner):
        groups.setdefault(codes[group], []).append(square(place % 4, place // 4))
    return {code: shapely.coverage_union_all(parts) for code, parts in groups.items()}


def probes() -> list[tuple[float, float]]:
    """Vertices, edge midpoints, middles and the neighbours in the last bit, and points around the lattice."""
    lines = [*range(5), 0.5, 1.25, 2.5, 3.75, -0.5, 4.5]
    points = [at(column, row) for column in lines for row in lines]
    near = [
        (float(np.nextafter(lon, lon + dx)), float(np.nextafter(lat, lat + dy)))
        for lon, lat in [at(1, 1), at(2, 1.5), at(4, 4), at(0, 2.5)]
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    ]
    return points + near


PROBES = probes()


@given(lattices())
@settings(max_examples=12, deadline=None)
def test_every_probe_is_where_rational_arithmetic_says(cells: dict[str, shapely.Geometry]) -> None:
    codes, index = indexed(cells)
    lon, lat = (np.array(each) for each in zip(*PROBES, strict=True))
    positions, how = index.locate_many(lon, lat)
    for point, position, how_code in zip(PROBES, positions, how, strict=True):
        wanted, wanted_how = oracle(cells, point)
        got = None if position == OUTSIDE else codes[position]
        assert (got, ("inside", "edge", "outside")[how_code]) == (wanted, wanted_how), point
        assert index.locate(*point) == (int(position), int(how_code))


SLANTED = {
    # Long slanted edges between points that are no binary fractions: where floating point errs.
    "west": shapely.Polygon([(117.0, 39.0), (117.03, 39.0), (117.07, 39.1), (117.0, 39.1), (117.0, 39.0)]),
    "east": shapely.Polygon([(117.03, 39.0), (117.1, 39.0), (117.1, 39.1), (117.07, 39.1), (117.03, 39.0)]),
}


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(-2, 2), st.integers(-2, 2))
@settings(max_examples=200, deadline=None)
def test_points_beside_a_slanted_edge_are_on_their_side(share: float, dx: int, dy: int) -> None:
    codes, index = indexed(SLANTED)
    lon, lat = 117.03 + share * 0.04, 39.0 + share * 0.1
    point = (float(lon + dx * np.spacing(lon)), float(lat + dy * np.spacing(lat)))
    position, _ = index.locate(*point)
    assert (None if position == OUTSIDE else codes[position]) == oracle(SLANTED, point)[0]


def ring_with_core() -> tuple[list[str], CoverageIndex]:
    ring = shapely.Polygon(square(0, 0, 3, 3).exterior, [square(1, 1).exterior])
    return indexed(
        {"ring": ring, "core": square(1, 1), "alone": shapely.MultiPolygon([square(5, 0), square(7, 0)])}
    )


@pytest.mark.parametrize(
    ("column", "row", "code", "how"),
    [
        (0.5, 0.5, "ring", INSIDE_CODE),
        (1.5, 1.5, "core", INSIDE_CODE),
        (1, 1.5, "core", EDGE_CODE),  # the ring's hole: "core" sorts before "ring"
        (2, 2, "core", EDGE_CODE),
        (0, 0, "ring", EDGE_CODE),
        (5.5, 0.5, "alone", INSIDE_CODE),
        (7.5, 0.5, "alone", INSIDE_CODE),
        (6.5, 0.5, None, OUTSIDE_CODE),
        (-0.1, 1, None, OUTSIDE_CODE),
    ],
)
def test_holes_and_parts(column: float, row: float, code: str | None, how: int) -> None:
    codes, index = ring_with_core()
    position, got = index.locate(*at(column, row))
    assert (None if position == OUTSIDE else codes[position], got) == (code, how)


def test_nothing_lies_at_what_is_no_place() -> None:
    _, index = ring_with_core()
    positions, how = index.locate_many(np.array([np.nan, np.inf, 1e300]), np.array([39.0, -np.inf, 1e300]))
    assert positions.tolist() == [OUTSIDE] * 3
    assert how.tolist() == [OUTSIDE_CODE] * 3
    assert index.candidates(np.nan, np.nan, 10.0) == []


def test_no_points_no_answers() -> None:
    positions, how = ring_with_core()[1].locate_many(np.array([]), np.array([]))
    assert (positions.shape, how.shape) == ((0,), (0,))


def test_distances_are_metres_on_the_ground() -> None:
    codes, index = ring_with_core()
    lon, lat = at(1.5, 1.5)
    to_side_m = GEOD.inv(lon, lat, at(1, 1.5)[0], lat)[2]
    position = codes.index("core")
    assert index.edge_distance_m(position, lon, lat) == pytest.approx(to_side_m, abs=0.5)
    many = index.edge_distances_m(
        np.array([position, OUTSIDE], np.int32), np.array([lon, 0.0]), np.array([lat, 0.0])
    )
    assert many[0] == pytest.approx(to_side_m, abs=0.5)
    assert np.isnan(many[1])
    assert index.distances_m(np.array([position]), np.array([lon]), np.array([lat])).tolist() == [0.0]


def test_candidates_come_nearest_first_and_by_code_when_equally_near() -> None:
    codes, index = indexed({code: square(i % 2, i // 2) for i, code in enumerate(["b", "B", "a", "A"])})
    lon, lat = at(1, 1)
    near = index.candidates(lon, lat, 0.001)
    assert [codes[one.position] for one in near] == ["A", "B", "a", "b"]
    lon, lat = at(0.75, 0.5)
    found = index.candidates(lon, lat, 300.0)
    assert [codes[one.position] for one in found] == ["b", "B"]
    assert found[0].distance_m == 0.0
    assert found[1].distance_m == pytest.approx(GEOD.inv(lon, lat, at(1, 0.5)[0], lat)[2], abs=0.5)
    assert [codes[one.position] for one in index.candidates(lon, lat, 100.0)] == ["b"]
    assert index.candidates(*at(20, 20), 100.0) == []


def test_the_nearest_cell_from_outside_near_and_far() -> None:
    codes, index = indexed({code: square(i, 0) for i, code in enumerate(["b", "B", "a"])})
    near = index.nearest(*at(-1, 0.5))
    assert codes[near.position] == "b"
    assert near.distance_m == pytest.approx(GEOD.inv(*at(-1, 0.5), *at(0, 0.5))[2], abs=0.5)
    far = index.nearest(-0.1276, 51.5072)
    assert codes[far.position] == "b"
    assert far.distance_m == pytest.approx(GEOD.inv(*at(0, 1), -0.1276, 51.5072)[2], abs=1.0)
