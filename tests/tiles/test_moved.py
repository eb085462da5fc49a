"""Tiles in gcj02 and bd09: every vertex where the system has it, and still no crack between neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.access import OPERATOR
from gridmap.coverage.bands import MERCATOR, band_of, box_before, moved, moved_box, unit_m
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84, to_wgs84
from gridmap.model import City
from gridmap.shapes import Geometries
from gridmap.store.database import Connection, Database
from tests.tiles.decoding import Around, Feature, decode
from tiles.address import Address, Box, box_of, corner, span_of
from tiles.layers import layers_of
from tiles.render import render

SYSTEMS = ("gcj02", "bd09")
WHOLE = 2 * (4096 + 2 * 64) ** 2


@pytest.fixture
def reading(heping: Database) -> Iterator[Connection]:
    with heping.begin(OPERATOR, one_state=True) as connection:
        yield connection


def drawn(
    connection: Connection, city: City, layer: str, z: int, whole: Box, crs: str
) -> dict[Address, list[Feature]]:
    """All tiles of a zoom, decoded."""
    addresses = list(span_of(moved_box(crs, whole), z).addresses())
    found = render(connection, city, layers_of(city)[layer], 1, addresses, crs)
    return {address: decode(content)[layer] for address, content in found.items()}


def places(crs: str, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Degrees WGS 84 to where a map over ``crs`` shows them, in Mercator metres."""
    return np.column_stack(from_wgs84(MERCATOR, *from_wgs84(crs, lon, lat)))


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize("layer", ["cells", "community", "street", "district", "city"])
@pytest.mark.parametrize("z", [15, 16])
def test_areas_of_all_polygons_add_up_to_the_tile_exactly(
    reading: Connection, city: City, mercator: Geometries, whole: Box, layer: str, z: int, crs: str
) -> None:
    tiles = drawn(reading, city, layer, z, whole, crs)
    district = shapely.coverage_union_all(moved(crs, mercator))
    within = [each for each in tiles if district.contains(shapely.box(*box_of(each, 80)))]
    assert len(within) >= 4
    for address in within:
        assert sum(feature.doubled_area for feature in tiles[address]) == WHOLE, address


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize("z", [10, 12, 14, 16])
def test_a_point_lies_in_the_cell_of_the_index_where_the_system_has_it(
    reading: Connection, city: City, grid: Grid, z: int, whole: Box, crs: str
) -> None:
    tiles = {each: Around(features) for each, features in drawn(reading, city, "cells", z, whole, crs).items()}
    rng, degrees = np.random.default_rng(z), grid.index.degrees
    west, south, east, north = shapely.total_bounds(degrees)
    lon, lat = rng.uniform(west, east, 400), rng.uniform(south, north, 400)
    tree, edges = shapely.STRtree(degrees), shapely.STRtree(shapely.boundary(degrees))
    margin = (band_of(z).tolerance_m + 2 * unit_m(z)) / 80_000  # metres of Mercator at 39° to degrees, and more
    checked = 0
    for (x, y), point in zip(places(crs, lon, lat), shapely.points(lon, lat), strict=True):
        if len(edges.query(point, predicate="dwithin", distance=margin)):
            continue
        expected = [grid.cells[at].id for at in tree.query(point, predicate="intersects")]
        span = span_of((x, y, x, y), z, 0)
        address = Address(z, span.west, span.north)
        left, top = corner(address)
        place = ((x - left) / unit_m(z), (top - y) / unit_m(z))
        found = tiles[address].at(*place) if address in tiles else {}
        assert found == dict.fromkeys(expected, 1), (address, place)
        checked += 1
    assert checked > (20 if z < 12 else 100)


@pytest.mark.parametrize("crs", SYSTEMS)
def test_every_label_is_in_one_tile_and_in_its_cell(
    reading: Connection, city: City, grid: Grid, mercator: Geometries, whole: Box, crs: str
) -> None:
    tiles = drawn(reading, city, "labels", 15, whole, crs)
    labels = [(address, each) for address, features in tiles.items() for each in features]
    codes = [cell.code for cell in grid.cells] + [area.code for area in grid.areas.values()]
    assert sorted(each.properties["code"] for _, each in labels) == sorted(codes)
    polygons = moved(crs, mercator)
    for address, label in labels:
        if label.properties["level"] == "cell":
            west, north = corner(address)
            ((x, y),) = label.parts[0].tolist()
            point = shapely.Point(west + x * unit_m(15), north - y * unit_m(15))
            assert polygons[grid.by_code[label.properties["code"]]].distance(point) <= unit_m(15)


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize(("layer", "table"), [("lines", "line"), ("overlays", "overlay")])
def test_lines_and_overlays_lie_where_the_system_has_them(
    reading: Connection, city: City, whole: Box, layer: str, table: str, crs: str
) -> None:
    rows = reading.exec_driver_sql(f"SELECT ST_AsBinary(geom) FROM {table}").scalars().all()
    expected = shapely.union_all(
        shapely.transform(
            shapely.from_wkb([bytes(each) for each in rows]), lambda at: places(crs, at[:, 0], at[:, 1])
        )
    )
    seen = 0
    for address, features in drawn(reading, city, layer, 14, whole, crs).items():
        west, north = corner(address)
        inner = [
            (west + x * unit_m(14), north - y * unit_m(14))
            for feature in features
            for part in feature.parts
            for x, y in part.tolist()
            if 0 < x < 4096 and 0 < y < 4096
        ]
        for point in shapely.points(inner or np.empty((0, 2))):
            assert expected.distance(point) <= 2 * unit_m(14), (address, point)
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("layer", ["cells", "community", "labels", "lines", "overlays"])
def test_a_tile_is_the_same_alone_and_among_others(
    reading: Connection, city: City, whole: Box, layer: str
) -> None:
    addresses = list(span_of(moved_box("gcj02", whole), 15).addresses())
    together = render(reading, city, layers_of(city)[layer], 1, addresses, "gcj02")
    assert together
    for address in addresses[::5]:
        alone = render(reading, city, layers_of(city)[layer], 1, [address], "gcj02")
        assert alone.get(address) == together.get(address)


@settings(max_examples=200, deadline=None)
@given(
    crs=st.sampled_from(SYSTEMS),
    z=st.integers(4, 16),
    lon=st.floats(74.0, 135.0),
    lat=st.floats(3.0, 53.0),
    across=st.floats(0.0, 1.0),
    down=st.floats(0.0, 1.0),
)
def test_what_a_box_shows_lies_in_the_box_before(
    crs: str, z: int, lon: float, lat: float, across: float, down: float
) -> None:
    x, y = places("wgs84", np.array([lon]), np.array([lat]))[0]
    span = span_of((x, y, x, y), z, 0)
    box = box_of(Address(z, span.west, span.north), 64)
    before, after = box_before(crs, box), moved_box(crs, box)
    x, y = box[0] + across * (box[2] - box[0]), box[1] + down * (box[3] - box[1])
    # taken as a place over WGS 84, and as one of the map in the other system
    assert shapely.box(*after).contains(moved(crs, np.array([shapely.Point(x, y)]))[0])
    source = from_wgs84(MERCATOR, *to_wgs84(crs, *to_wgs84(MERCATOR, [x], [y])))
    assert shapely.box(*before).contains(shapely.Point(source[0][0], source[1][0]))
