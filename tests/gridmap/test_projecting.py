"""Whole geometries in other systems: there and back, in the order of axes that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.crs import is_north_first
from gridmap.errors import InvalidInput
from gridmap.projecting import Axes, from_stored, to_stored

SQUARES = np.array([shapely.box(117.19, 39.11, 117.20, 39.12), shapely.box(117.20, 39.11, 117.21, 39.12)], object)


@pytest.mark.parametrize(
    ("code", "north"), [(4326, True), (4490, True), (4548, True), (3857, False), (27700, False)]
)
def test_which_systems_are_written_north_first(code: int, north: bool) -> None:
    assert is_north_first(f"EPSG:{code}") is north


@pytest.mark.parametrize("crs", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4548", "EPSG:3857"])
@pytest.mark.parametrize("north_first", [False, True])
def test_there_and_back(crs: str, north_first: bool) -> None:
    axes = Axes(crs, north_first)
    written = from_stored(axes, SQUARES)
    for square, one in zip(SQUARES, written, strict=True):
        # the metric crs bends an edge of a kilometre by a centimetre
        assert shapely.hausdorff_distance(to_stored(axes, one, "x"), square) < 2e-7
    plain = shapely.get_coordinates(from_stored(Axes(crs), SQUARES))
    assert np.array_equal(shapely.get_coordinates(written), plain[:, ::-1] if north_first else plain)
    assert shapely.coverage_is_valid(written), "shared vertices stay shared"


def test_edges_that_come_in_metres_are_cut_before_they_bend() -> None:
    metric = from_stored(Axes("EPSG:4548"), np.array([shapely.box(116.9, 38.7, 117.9, 40.0)], object))[0]
    corners = shapely.envelope(metric)
    straight = to_stored(Axes("EPSG:4548"), corners, "x")
    assert len(shapely.get_coordinates(straight)) > 3000
    assert (
        len(shapely.get_coordinates(to_stored(Axes("EPSG:3857"), shapely.box(-2e7, -2e7, 2e7, 2e7), "x"))) < 20_000
    )


@pytest.mark.parametrize("north_first", [False, True])
def test_a_place_that_is_none_is_named(north_first: bool) -> None:
    for crs, point in (("wgs84", (200, 300)), ("EPSG:4548", (1e12, 1e12)), ("wgs84", (np.nan, 1))):
        with pytest.raises(InvalidInput, match="bbox: is no place on earth"):
            to_stored(Axes(crs, north_first), shapely.Point(point), "bbox")
