"""Attacks on the exact index. Where a STRtree differs, and on a sample of all, rational arithmetic judges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import shapely

from data.tianjin.grid import build_grid
from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.raster import Raster
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"
SAMPLE, SOAK = 12_000, 300_000

Judge = Callable[[Geometries, float, float], tuple[int, int]]
Rng = np.random.Generator
Points = tuple[np.ndarray, np.ndarray]


def lattice(lon: np.ndarray, lat: np.ndarray) -> Geometries:
    boxes = [
        shapely.box(lon[i], lat[j], lon[i + 1], lat[j + 1])
        for j in range(len(lat) - 1)
        for i in range(len(lon) - 1)
    ]
    return np.array(boxes, dtype=object)


def on_raster_lines() -> Geometries:
    """Level and upright edges; every vertex is a corner of tiles or boxes of the raster."""
    steps = np.arange(41) * 2.0**-9
    return lattice(117 + steps, 39 + steps)


def off_raster_lines() -> Geometries:
    """Level and upright edges at decimal fractions."""
    return lattice((117 + np.arange(41) * 0.003).round(7), (39 + np.arange(41) * 0.0021).round(7))


def patchwork() -> Geometries:
    """Crooked triangles dealt out to 150 cells: many parts, holes, exclaves, parts that touch at points, gaps."""
    rng = np.random.default_rng(7)
    count = 24
    i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1))
    lon = 117 + (i + rng.uniform(-0.2, 0.2, i.shape)) * 0.01
    lat = 39 + (j + rng.uniform(-0.2, 0.2, i.shape)) * 0.01
    triangles = []
    for row in range(count):
        for column in range(count):
            sw, se, ne, nw = (
                (lon[row + b, column + a], lat[row + b, column + a]) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))
            )
            triangles += [shapely.Polygon([sw, se, ne]), shapely.Polygon([sw, ne, nw])]
    return dealt_out(np.array(triangles, dtype=object), 150, rng)


def mosaic() -> Geometries:
    """A board of squares dealt out to 20 cells: large cells with holes and islands in the holes."""
    return dealt_out(
        lattice(117 + np.arange(25) * 2.0**-7, 39 + np.arange(25) * 0.007), 20, np.random.default_rng(8)
    )


def dealt_out(pieces: Geometries, cells: int, rng: Rng) -> Geometries:
    owner = rng.integers(0, cells + 1, len(pieces))  # what the last one owns is left out
    unions = [shapely.coverage_union_all(pieces[owner == cell]) for cell in range(cells)]
    return np.array(unions, dtype=object)


def long_edges() -> Geometries:
    """Triangles from metres to hundreds of kilometres, over ten degrees."""
    rng = np.random.default_rng(9)
    places = np.vstack([rng.uniform((112, 34), (122, 44), (60, 2)), rng.normal((117, 39), 0.001, (200, 2))])
    return shapely.get_parts(shapely.delaunay_triangles(shapely.MultiPoint(places)))


def around_zero() -> Geometries:
    """Triangles around 0, 0, where numbers are finest."""
    ring = [(1, 0.25), (0.3, 0.9), (0, 0.7), (-0.1, 0.3), (-1, 0), (-0.7, -0.7), (0, -1), (0.1, -0.3)]
    fan = [shapely.Polygon([(0, 0), ring[i - 1], ring[i]]) for i in range(len(ring))]
    return np.array(fan, dtype=object)


COVERAGES = [on_raster_lines, off_raster_lines, patchwork, mosaic, long_edges, around_zero]


def steps(rng: Rng, values: np.ndarray, most: int) -> np.ndarray:
    """The values, each moved by a few of the smallest steps that there are."""
    return values + rng.integers(-most, most + 1, values.shape) * np.spacing(values)


def attacks(cells: Geometries, raster: Raster, rng: Rng, count: int) -> Iterator[tuple[str, Points]]:
    """Points by kind, about ``count`` of each, where a careless index errs."""
    west, south, east, north = shapely.total_bounds(cells)
    frame = np.array([[west, south], [east, north]]) + (north - south) * 0.01 * np.array([[-1], [1]])
    random = rng.uniform(*frame, (count, 2))
    vertices, owner = shapely.get_coordinates(cells, return_index=True)
    chosen = vertices[rng.integers(0, len(vertices), count)]
    start = rng.choice(np.flatnonzero(owner[1:] == owner[:-1]), count)
    share = rng.choice([0.25, 0.5, 0.75, *rng.random(9)], (count, 1))
    along = vertices[start] * (1 - share) + vertices[start + 1] * share
    fine = float(raster.frame[2]) / 64
    lines = raster.frame[:2] + np.round((random - raster.frame[:2]) / fine) * fine
    mixed = np.where(rng.random((count, 2)) < 0.5, lines, random)
    crossed = np.column_stack([chosen[:, 0], chosen[rng.permutation(count), 1]])
    yield "random", (random[:, 0], random[:, 1])
    for name, points, most in (
        ("vertices", chosen, 3),
        ("edges", along, 3),
        ("raster corners", lines, 2),
        ("raster borders", mixed, 1),
        ("level with vertices", crossed, 1),
        ("beside edges", along + rng.normal(0, 1e-13, along.shape), 0),
    ):
        moved = steps(rng, points, most)
        yield name, (moved[:, 0].copy(), moved[:, 1].copy())


def assert_exact(
    cells: Geometries, index: CoverageIndex, points: Points, judge: Judge, rng: Rng, kind: str
) -> None:
    """Where the tree agrees all is well; the judge decides about the others, and looks at a few of all."""
    lon, lat = points
    positions, how = index.locate_many(lon, lat)
    tree = shapely.STRtree(cells)
    which, found = tree.query(shapely.points(lon, lat), predicate="intersects")
    expected = np.full(len(lon), len(cells))
    np.minimum.at(expected, which, found)
    expected[expected == len(cells)] = -1
    disputed = np.flatnonzero(positions != expected)
    for i in {*disputed.tolist(), *rng.integers(0, len(lon), 40).tolist()}:
        assert (positions[i], how[i]) == judge(cells, lon[i], lat[i]), f"{kind}: {lon[i].hex()}, {lat[i].hex()}"
        assert index.locate(lon[i], lat[i]) == (positions[i], how[i])


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
