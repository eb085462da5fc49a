"""Distances and near cells against shapely on the same shapes: holes, parts, empty cells, long edges, redraws."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.coverage.index import EDGE_CODE, ON_EDGE_M, CoverageIndex
from gridmap.coverage.nearby import LONGEST_EDGE_DEGREES, Nearby
from gridmap.crs import from_wgs84
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"
Rng = np.random.Generator


def metric(degrees: Geometries) -> Geometries:
    """What the distances are measured to: edges that are straight in degrees, hardly bent in metres."""

    def convert(coordinates: np.ndarray) -> np.ndarray:
        return np.column_stack(from_wgs84(METRIC, coordinates[:, 0], coordinates[:, 1]))

    return shapely.transform(shapely.segmentize(degrees, LONGEST_EDGE_DEGREES), convert)


def odd_cells() -> Geometries:
    """A ring, what fills its hole, a cell of two parts, none at all, and one with an edge of 100 km."""
    ring = shapely.box(117, 39, 117.03, 39.03).difference(shapely.box(117.01, 39.01, 117.02, 39.02))
    parts = shapely.MultiPolygon([shapely.box(117.04, 39, 117.05, 39.01), shapely.box(117.06, 39, 117.07, 39.01)])
    wide = shapely.box(116.5, 38.5, 117.7, 38.9)
    cells = [ring, shapely.box(117.01, 39.01, 117.02, 39.02), parts, shapely.Polygon(), wide]
    return np.array(cells, dtype=object)


@pytest.fixture(params=["heping", "odd"])
def degrees(request: pytest.FixtureRequest) -> Geometries:
    if request.param == "heping":
        return request.getfixturevalue("heping_cells")
    return odd_cells()


def points(degrees: Geometries, rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """x, y around the cells, the first ones on vertices."""
    west, south, east, north = shapely.total_bounds(degrees)
    lon, lat = rng.uniform(west - 0.01, east + 0.01, count), rng.uniform(south - 0.01, north + 0.01, count)
    vertices = rng.choice(shapely.get_coordinates(degrees), 20)
    lon[:20], lat[:20] = vertices.T
    return from_wgs84(METRIC, lon, lat)


def test_edge_distances_are_those_of_the_shapes(degrees: Geometries, rng: Rng) -> None:
    x, y = points(degrees, rng, 400)
    positions = rng.integers(-1, len(degrees), 400)
    got = Nearby.build(degrees, METRIC).edge_distances_m(positions, x, y)
    wanted = shapely.distance(shapely.boundary(metric(degrees))[positions], shapely.points(x, y))
    empty = shapely.is_empty(degrees[positions]) & (positions >= 0)
    assert np.isnan(got[positions < 0]).all()
    assert np.isinf(got[empty]).all()
    known = (positions >= 0) & ~empty
    assert known.sum() > 200
    np.testing.assert_allclose(got[known], wanted[known], atol=1e-6)


@pytest.mark.parametrize("reach_m", [0.0, 3.0, 120.0, 5_000.0])
def test_all_others_within_reach_are_found_nearest_first(degrees: Geometries, rng: Rng, reach_m: float) -> None:
    x, y = points(degrees, rng, 150)
    own = rng.integers(-1, len(degrees), 150).astype(np.int32)
    offsets, found, distances = Nearby.build(degrees, METRIC).others_within(own, x, y, np.full(150, reach_m))
    boundaries = shapely.boundary(metric(degrees))
    for i in range(150):
        away = shapely.distance(boundaries, shapely.Point(x[i], y[i]))
        part = slice(offsets[i], offsets[i + 1])
        wanted = set(np.flatnonzero(away <= reach_m + 1e-7).tolist()) - {own[i]}
        surely = set(np.flatnonzero(away <= reach_m - 1e-7).tolist()) - {own[i]}
        assert surely <= set(found[part].tolist()) <= wanted
        assert len(set(found[part].tolist())) == len(found[part])
        np.testing.assert_allclose(distances[part], away[found[part]], atol=1e-6)
        assert (np.diff(distances[part]) >= 0).all()


def test_the_nearest_is_found_from_near_and_far(degrees: Geometries, rng: Rng) -> None:
    x, y = points(degrees, rng, 200)
    x, y = np.append(x, x[:5] + 2e5), np.append(y, y[:5] - 1e5)
    found, distances = Nearby.build(degrees, METRIC).nearest(x, y)
    boundaries = shapely.boundary(metric(degrees))
    for i in range(len(x)):
        away = shapely.distance(boundaries, shapely.Point(x[i], y[i]))
        assert distances[i] == pytest.approx(np.nanmin(away), abs=1e-6)
        assert away[found[i]] == pytest.approx(np.nanmin(away), abs=1e-6)


def test_a_point_on_a_long_edge_is_at_no_distance_from_it() -> None:
    """In the metric crs the straight line between the ends of this edge runs 250 m off."""
    cells = np.array([shapely.box(116, 39, 117.5, 39.5), shapely.box(116, 38.5, 117.5, 39)], dtype=object)
    index = CoverageIndex.build(cells, METRIC)
    position, how = index.locate(116.75, 39.0)
    assert (position, how) == (0, EDGE_CODE)
    assert index.edge_distance_m(position, 116.75, 39.0) < ON_EDGE_M
    near = index.candidates(116.75, 39.0, 0.0)
    assert [(one.position, one.distance_m) for one in near] == [(0, 0.0), (1, 0.0)]


def test_what_a_redraw_changed_is_as_if_made_anew(heping_cells: Geometries, rng: Rng) -> None:
    """A hundred redraws: each takes out two cells and puts in their union, or gives one cell another place."""
    degrees = heping_cells
    nearby = Nearby.build(degrees, METRIC)
    x, y = points(degrees, rng, 300)
    first = nearby.edge_distances_m(np.zeros(300), x, y)
    kept, sizes = nearby, set()
    for _ in range(100):
        one, other = rng.choice(len(degrees), 2, replace=False)
        origin = np.delete(np.arange(len(degrees)), [one, other])
        place = rng.integers(0, len(origin))
        origin = np.insert(origin, place, -1)
        union = np.array([shapely.union(degrees[one], degrees[other])], dtype=object)
        degrees = np.where(origin < 0, union, degrees[origin])
        nearby = nearby.redrawn(origin, union, METRIC)
        sizes.add(len(nearby.recent) > 0)
    fresh = Nearby.build(degrees, METRIC)
    assert sizes == {True, False}, "it was compacted on the way, and not each time"
    for again in (nearby, nearby.compacted(), Nearby.from_arrays(nearby.to_arrays())):
        own = rng.integers(-1, len(degrees), 300)
        np.testing.assert_array_equal(again.edge_distances_m(own, x, y), fresh.edge_distances_m(own, x, y))
        reach = np.full(300, 60.0)
        for got, wanted in zip(
            again.others_within(own.astype(np.int32), x, y, reach),
            fresh.others_within(own.astype(np.int32), x, y, reach),
            strict=True,
        ):
            np.testing.assert_array_equal(got, wanted)
        for got, wanted in zip(again.nearest(x, y), fresh.nearest(x, y), strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(kept.edge_distances_m(np.zeros(300), x, y), first)


def test_points_at_no_place_have_no_one_near(heping_cells: Geometries) -> None:
    index = CoverageIndex.build(heping_cells, METRIC)
    lon = np.array([np.nan, np.inf, 1e300, 117.2])
    lat = np.array([39.1, 39.1, -1e300, np.nan])
    positions, _ = index.locate_many(lon, lat)
    offsets, others, _ = index.others_within(positions, lon, lat, np.array([1e9, 1e9, np.nan, 5.0]))
    assert offsets[-1] == len(others) == 0
    assert np.isnan(index.edge_distances_m(positions, lon, lat)).all()


def test_arrays_of_another_type_are_refused(heping_cells: Geometries) -> None:
    arrays = Nearby.build(heping_cells, METRIC).to_arrays()
    with pytest.raises(InvalidInput, match="starts"):
        Nearby.from_arrays({**arrays, "starts": arrays["starts"].astype(np.int32)})
