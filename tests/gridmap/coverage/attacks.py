"""Cells to be placed in, points where a careless index errs, and what must be true of their placements."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import shapely

from gridmap.coverage.exact import ExactIndex
from gridmap.coverage.raster import Raster
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"

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


def assert_exact(cells: Geometries, index: ExactIndex, points: Points, judge: Judge, rng: Rng, kind: str) -> None:
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
