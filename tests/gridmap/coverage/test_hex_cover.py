"""The hex cover: what it calls inside is so, by real hexagons and by bits; what straddles lists all its cells."""

from __future__ import annotations

from collections.abc import Callable

import h3.api.basic_int as h3_int
import numpy as np
import pytest
import shapely

from gridmap import hexes
from gridmap.coverage.hex_cover import FINEST, HexCover, hex_cover, hex_cover_within, hexes_near
from gridmap.coverage.hex_plane import MARGIN_M, vectors_of
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"
METRES_PER_DEGREE = 111_000
OUTSIDE = -1

Rng = np.random.Generator


def quiet(_: str) -> None:
    """No progress in tests."""


def triangles(west: float, south: float, east: float, north: float, count: int, holes: float = 0.0) -> Geometries:
    """A coverage of crooked triangles, some left out."""
    rng = np.random.default_rng(11)
    corners = np.array([(west, south), (west, north), (east, south), (east, north)])
    places = np.vstack([corners, rng.uniform((west, south), (east, north), (count, 2))])
    pieces = shapely.get_parts(shapely.delaunay_triangles(shapely.MultiPoint(places)))
    return pieces[rng.random(len(pieces)) >= holes]


def city() -> Geometries:
    return triangles(117.1, 39.0, 117.2, 39.1, 300, holes=0.1)


def corner_of_the_icosahedron() -> Geometries:
    """Around a pentagon, where five faces meet; cells of many kilometres."""
    lon, lat = hexes.icosahedron()[3]
    return triangles(lon - 0.3, lat - 0.3, lon + 0.3, lat + 0.3, 40)


def edge_of_the_icosahedron() -> Geometries:
    """Across the border of two faces."""
    corners = vectors_of(*hexes.icosahedron().T)
    first = corners[0]
    second = corners[np.argsort(corners @ first)[-2]]
    middle = (first * 0.6 + second * 0.4) / np.linalg.norm(first * 0.6 + second * 0.4)
    lon, lat = np.degrees(np.arctan2(middle[1], middle[0])), np.degrees(np.arcsin(middle[2]))
    return triangles(lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05, 100)


def far_north() -> Geometries:
    """Where edges that are straight in lon and lat bend most; edges of 50 km and more."""
    return triangles(15.0, 77.0, 20.0, 78.5, 30)


def large() -> Geometries:
    """A few cells that contain hexes of kilometres."""
    return triangles(116.0, 38.0, 118.0, 40.0, 4)


COVERAGES = [city, corner_of_the_icosahedron, edge_of_the_icosahedron, far_north, large]


class Answers:
    """Places points by a cover: at each point the positions that it may have."""

    def __init__(self, cover: HexCover) -> None:
        self.cover = cover
        every = np.concatenate([cover.inner, cover.straddling])
        begins, ends = hexes.descendants(every)
        self.order = np.argsort(begins)
        self.begins, self.ends = begins[self.order], ends[self.order]
        assert (self.begins[1:] > self.ends[:-1]).all(), "hexes of a cover do not lie in each other"

    def rows(self, points: np.ndarray) -> np.ndarray:
        """The row of each point: first those wholly inside, then the straddling; -1 for none."""
        found = np.searchsorted(self.begins, points, side="right") - 1
        there = (found >= 0) & (points <= self.ends[found])
        return np.where(there, self.order[found], -1)

    def assert_right(self, lon: np.ndarray, lat: np.ndarray, index: CoverageIndex) -> np.ndarray:
        """Every point's true position is the one, or among those, that the cover names; returns the rows."""
        positions, _ = index.locate_many(lon, lat)
        rows = self.rows(hexes.hexes_of(lon, lat))
        inner = len(self.cover.inner)
        whole = (rows >= 0) & (rows < inner)
        assert (self.cover.cells[rows[whole]] == positions[whole]).all()
        assert (positions[rows < 0] == OUTSIDE).all()
        for i in np.flatnonzero(rows >= inner):
            assert positions[i] in self.candidates(rows[i])
        return rows

    def candidates(self, row: int) -> list[int]:
        at = row - len(self.cover.inner)
        return self.cover.candidates[self.cover.starts[at] : self.cover.starts[at + 1]].tolist()


def hex_points(cover: HexCover, rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on corners and sides of hexes of the cover and of their finest descendants, within 3 ulp."""
    every = np.concatenate([cover.inner, cover.straddling])
    chosen = rng.choice(every, count // 2)
    begins, ends = hexes.descendants(rng.choice(every, count // 2))
    digits = np.zeros(len(begins), np.int64)
    for place in range(15 - hexes.RESOLUTION, 15):
        digits |= rng.integers(0, 7, len(begins)) << (3 * place)
    inner = begins | (digits & (begins ^ (ends | begins)))
    fine = np.where((ends - begins) > 0, inner, begins)
    fine = fine[[h3_int.is_valid_cell(int(each)) for each in fine]]
    points = []
    for each in [*chosen.tolist(), *fine.tolist()]:
        ring = np.array(hexes.ring_of(each))
        corner = rng.integers(0, len(ring) - 1)
        share = rng.choice([0.0, 0.5, rng.random()])
        points.append(ring[corner] * (1 - share) + ring[corner + 1] * share)
    found = np.array(points)
    found += rng.integers(-3, 4, found.shape) * np.spacing(found)
    return found[:, 0].copy(), found[:, 1].copy()


def edge_points(cells: Geometries, rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on vertices and edges, within 3 ulp and within some centimetres."""
    vertices, owner = shapely.get_coordinates(cells, return_index=True)
    start = rng.choice(np.flatnonzero(owner[1:] == owner[:-1]), count)
    share = rng.choice([0.0, 0.5, *rng.random(6)], (count, 1))
    along = vertices[start] * (1 - share) + vertices[start + 1] * share
    along += rng.integers(-3, 4, along.shape) * np.spacing(along)
    along += rng.normal(0, 1e-7, along.shape) * rng.integers(0, 2, (count, 1))
    return along[:, 0].copy(), along[:, 1].copy()


def attack(cells: Geometries, rng: Rng, count: int, finest: int) -> None:
    index = CoverageIndex.build(cells, METRIC)
    cover = hex_cover(index, quiet, finest)
    answers = Answers(cover)
    west, south, east, north = shapely.total_bounds(cells)
    around = (east - west) / 20
    random = rng.uniform((west - around, south - around), (east + around, north + around), (count, 2))
    answers.assert_right(random[:, 0].copy(), random[:, 1].copy(), index)
    answers.assert_right(*edge_points(cells, rng, count), index)
    answers.assert_right(*hex_points(cover, rng, count // 4), index)


@pytest.mark.parametrize("finest", [8, FINEST, hexes.RESOLUTION])
@pytest.mark.parametrize("coverage", [city, edge_of_the_icosahedron])
def test_a_cover_is_right(coverage: Callable[[], Geometries], finest: int, rng: Rng) -> None:
    attack(coverage(), rng, 10_000, finest)


@pytest.mark.parametrize("coverage", [corner_of_the_icosahedron, far_north, large])
def test_a_cover_of_large_cells_is_right(coverage: Callable[[], Geometries], rng: Rng) -> None:
    attack(coverage(), rng, 10_000, 8)


@pytest.mark.soak
@pytest.mark.parametrize("coverage", COVERAGES)
def test_a_cover_is_right_long(coverage: Callable[[], Geometries], rng: Rng) -> None:
    attack(coverage(), rng, 300_000, 9)


def test_heping_is_covered(heping_cells: Geometries, rng: Rng) -> None:
    attack(heping_cells, rng, 20_000, FINEST)


def test_what_is_called_inside_is_inside_with_its_real_hexagon(rng: Rng) -> None:
    """Great-circle edges, drawn finely, keep a centimetre from every edge of the cells."""
    cells = city()
    index = CoverageIndex.build(cells, METRIC)
    cover = hex_cover(index, quiet)
    boundaries = shapely.boundary(cells)
    for at in rng.integers(0, len(cover.inner), 500):
        corners = vectors_of(*np.array(hexes.ring_of(int(cover.inner[at]))).T)
        share = np.linspace(0, 1, 50)[:, np.newaxis, np.newaxis]
        ways = (corners[:-1] * (1 - share) + corners[1:] * share).transpose(1, 0, 2).reshape(-1, 3)
        ways /= np.linalg.norm(ways, axis=1)[:, np.newaxis]
        lon, lat = np.degrees(np.arctan2(ways[:, 1], ways[:, 0])), np.degrees(np.arcsin(ways[:, 2]))
        hexagon = shapely.Polygon(np.column_stack([lon, lat]))
        cell = int(cover.cells[at])
        assert shapely.contains_properly(cells[cell], hexagon)
        # a degree of longitude is shorter, so this asks for a little less than the margin
        distance = shapely.distance(hexagon, boundaries[cell]) * METRES_PER_DEGREE
        assert distance > MARGIN_M / 2


def test_hardly_more_straddles_than_must(rng: Rng) -> None:
    """A straddling hex has at least two candidates, and nearly every one of them is really met."""
    cells = city()
    index = CoverageIndex.build(cells, METRIC)
    cover = hex_cover(index, quiet, hexes.RESOLUTION)
    counts = np.diff(cover.starts)
    assert counts.min() >= 2
    assert (np.diff(cover.candidates) > 0)[np.delete(np.arange(counts.sum() - 1), cover.starts[1:-1] - 1)].all()
    tree = shapely.STRtree(cells)
    met = sum(
        len(tree.query(shapely.Polygon(hexes.ring_of(int(cover.straddling[at]))), predicate="intersects"))
        for at in rng.integers(0, len(counts), 1000)
    )
    listed = counts - np.isin(
        np.arange(len(counts)), np.repeat(np.arange(len(counts)), counts)[cover.candidates < 0]
    )
    assert met / 1000 == pytest.approx(listed.mean(), rel=0.05)


def test_coarse_hexes_stand_for_their_descendants() -> None:
    cover = hex_cover(CoverageIndex.build(large(), METRIC), quiet, 7)
    resolutions = (cover.inner >> 52) & 15
    assert set(resolutions.tolist()) >= {5, 6, 7}
    everything = hexes.parents(cover.inner, 0)
    assert len(cover.inner) < 7**5 * len(np.unique(everything))


@pytest.mark.parametrize("finest", [-1, hexes.RESOLUTION + 1])
def test_the_finest_is_at_most_what_points_carry(finest: int, heping_cells: Geometries) -> None:
    with pytest.raises(InvalidInput, match="finest"):
        hex_cover(CoverageIndex.build(heping_cells, METRIC), quiet, finest)


def test_progress_is_told(heping_cells: Geometries) -> None:
    told: list[str] = []
    hex_cover(CoverageIndex.build(heping_cells, METRIC), told.append)
    assert any("edges" in line for line in told)
    assert any(f"resolution {FINEST} of {FINEST}" in line for line in told)


def rows_of(cover: HexCover) -> dict[int, object]:
    """Hex -> the position of its cell, or its candidates."""
    rows: dict[int, object] = dict(zip(cover.inner.tolist(), cover.cells.tolist(), strict=True))
    for at, hex_ in enumerate(cover.straddling.tolist()):
        rows[hex_] = cover.candidates[cover.starts[at] : cover.starts[at + 1]].tolist()
    return rows


@pytest.mark.parametrize("coverage", [city, corner_of_the_icosahedron, edge_of_the_icosahedron])
def test_a_part_is_that_of_the_whole(coverage: Callable[[], Geometries], rng: Rng) -> None:
    """Below any hexes that hold no cell's inside as a whole; near a cell are all hexes that its redraw changes."""
    cells = coverage()
    index = CoverageIndex.build(cells, METRIC)
    whole = rows_of(hex_cover(index, quiet))
    begins_of_rows = hexes.descendants(np.array(list(whole), np.int64))[0]
    parts = 0
    for resolution in (8, 7, 5, 3, 2):
        for cell in rng.choice(len(cells), 5).tolist():
            within = hexes_near(cells[[cell]], resolution)
            part = hex_cover_within(index, within, quiet)
            if part is None:
                continue
            begins, ends = hexes.descendants(within)
            place = np.searchsorted(begins, begins_of_rows, side="right") - 1
            below = (place >= 0) & (begins_of_rows <= ends[place])
            expected = {hex_: each for (hex_, each), inside in zip(whole.items(), below, strict=True) if inside}
            assert rows_of(part) == expected
            others = [each for hex_, each in whole.items() if hex_ not in expected]
            assert not any(cell == each or (isinstance(each, list) and cell in each) for each in others)
            parts += 1
    assert parts > 5


def test_hexes_that_may_lie_in_a_coarser_one_give_no_part() -> None:
    index = CoverageIndex.build(large(), METRIC)
    assert hex_cover_within(index, hexes_near(large()[:1], 7), quiet) is None
    assert hex_cover_within(index, hexes.every_coarsest(), quiet) is None
