"""Tiles, decoded as integers: no crack, no overlap, and in every cell's place the cell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.coverage.bands import band_of, unit_m
from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.shapes import Geometries
from gridmap.store.database import Connection, Database
from tests.tiles.decoding import Around, Feature, decode, doubled_area
from tiles.address import Address, Box, box_of, corner, span_of
from tiles.layers import layers_of
from tiles.render import render

# A tile with its buffer, in units; twice its area.
DRAWN_UNITS = 4096 + 2 * 64
WHOLE = 2 * DRAWN_UNITS**2
AREA_LAYERS = ("cells", "community", "street", "district", "city")


@pytest.fixture
def reading(heping: Database) -> Iterator[Connection]:
    with heping.begin(OPERATOR) as connection:
        yield connection


def drawn(connection: Connection, city: City, layer: str, z: int, whole: Box) -> dict[Address, list[Feature]]:
    """All tiles of a zoom, decoded."""
    span = span_of(whole, z)
    found = render(connection, city, layers_of(city)[layer], 1, list(span.addresses()))
    return {address: decode(content)[layer] for address, content in found.items()}


def inner(whole: shapely.Geometry, addresses: list[Address]) -> list[Address]:
    """The tiles that lie in the district with their buffers."""
    return [each for each in addresses if whole.contains(shapely.box(*box_of(each, 80)))]


@pytest.mark.parametrize("layer", AREA_LAYERS)
@pytest.mark.parametrize("z", [15, 16])
def test_areas_of_all_polygons_add_up_to_the_tile_exactly(
    reading: Connection, city: City, mercator: Geometries, whole: Box, layer: str, z: int
) -> None:
    tiles = drawn(reading, city, layer, z, whole)
    within = inner(shapely.coverage_union_all(mercator), list(tiles))
    assert len(within) >= 4
    for address in within:
        assert sum(feature.doubled_area for feature in tiles[address]) == WHOLE, address


@pytest.mark.parametrize("z", range(10, 17))
def test_every_polygon_has_a_positive_exterior(reading: Connection, city: City, whole: Box, z: int) -> None:
    for features in drawn(reading, city, "cells", z, whole).values():
        for feature in features:
            assert feature.type == 3
            assert doubled_area(feature.parts[0]) > 0
            assert all(ring.min() >= -64 and ring.max() <= 4160 for ring in feature.parts)
            # neither is a point there twice in a row, which some readers refuse
            assert all((ring != np.roll(ring, 1, axis=0)).any(axis=1).all() for ring in feature.parts)


@pytest.mark.parametrize("z", range(10, 17))
def test_a_point_lies_in_the_cell_of_the_index(
    reading: Connection, city: City, grid: Grid, mercator: Geometries, whole: Box, z: int
) -> None:
    tiles = {each: Around(features) for each, features in drawn(reading, city, "cells", z, whole).items()}
    rng = np.random.default_rng(z)
    x, y = rng.uniform(whole[0], whole[2], 400), rng.uniform(whole[1], whole[3], 400)
    tree, margin = shapely.STRtree(mercator), band_of(z).tolerance_m + unit_m(z)
    edges = shapely.STRtree(shapely.boundary(mercator))
    checked = 0
    for east, north in zip(x, y, strict=True):
        point = shapely.Point(east, north)
        if len(edges.query(point, predicate="dwithin", distance=margin)):
            continue
        expected = [grid.cells[at].id for at in tree.query(point, predicate="intersects")]
        span = span_of((east, north, east, north), z, 0)
        address = Address(z, span.west, span.north)
        west, top = corner(address)
        place = ((east - west) / unit_m(z), (top - north) / unit_m(z))
        found = tiles[address].at(*place) if address in tiles else {}
        assert found == dict.fromkeys(expected, 1), (address, place)
        checked += 1
    assert checked > (40 if z < 12 else 150)


@pytest.mark.parametrize("z", range(10, 17))
def test_no_cell_is_missing_that_is_not_smaller_than_a_unit(
    reading: Connection, city: City, grid: Grid, mercator: Geometries, whole: Box, z: int
) -> None:
    tiles = drawn(reading, city, "cells", z, whole)
    seen = {feature.id: feature for features in tiles.values() for feature in features}
    areas = shapely.area(mercator) / unit_m(z) ** 2
    missing = [cell.code for cell, area in zip(grid.cells, areas, strict=True) if cell.id not in seen and area > 1]
    assert missing == []
    for cell in grid.cells:
        if cell.id in seen:
            properties = seen[cell.id].properties
            chain = {area.level: area.code for area in grid.chain(cell.community)}
            assert properties == {"code": cell.code, "name": cell.name, "kind": cell.kind, **chain}


@pytest.mark.parametrize("layer", ["community", "street", "district", "city"])
def test_areas_are_named_and_numbered_by_their_codes(
    reading: Connection, city: City, grid: Grid, whole: Box, layer: str
) -> None:
    numbers: dict[int, str] = {}
    for z in (layers_of(city)[layer].lowest_zoom, 16):
        for features in drawn(reading, city, layer, z, whole).values():
            for feature in features:
                area = grid.areas[feature.properties["code"]]
                parent = {} if area.parent is None else {"parent": area.parent}
                assert feature.properties == {"code": area.code, "name": area.name, **parent}
                assert 0 < feature.id < 2**52
                assert numbers.setdefault(feature.id, area.code) == area.code
    assert sorted(numbers.values()) == sorted(area.code for area in grid.areas.values() if area.level == layer)


@pytest.mark.parametrize("z", [9, 12, 14, 16])
def test_every_label_is_in_one_tile_and_in_its_place(
    reading: Connection, city: City, grid: Grid, mercator: Geometries, whole: Box, z: int
) -> None:
    levels = {"city": 5, "district": 7, "street": 9, "community": 10, "cell": 14}
    tiles = drawn(reading, city, "labels", z, whole)
    labels = [(address, each) for address, features in tiles.items() for each in features]
    found = sorted(each.properties["code"] for _, each in labels)
    expected = [area.code for area in grid.areas.values() if levels[area.level] <= z]
    expected += [cell.code for cell in grid.cells] if z >= levels["cell"] else []
    assert found == sorted(expected)
    for address, label in labels:
        if label.properties["level"] == "cell":
            ((x, y),) = label.parts[0].tolist()
            west, north = corner(address)
            point = shapely.Point(west + x * unit_m(z), north - y * unit_m(z))
            polygon = mercator[grid.by_code[label.properties["code"]]]
            assert polygon.distance(point) <= unit_m(z)


def test_streets_come_with_their_zoom_and_overlays_with_theirs(
    reading: Connection, city: City, whole: Box
) -> None:
    classes = []
    for z in (9, 11, 13):
        lines = [each for features in drawn(reading, city, "lines", z, whole).values() for each in features]
        assert all(each.type == 2 and each.properties["kind"] in {"street", "water", "wall"} for each in lines)
        classes.append({each.properties["road_class"] for each in lines if each.properties["kind"] == "street"})
    assert classes[0] == {"arterial"}
    assert classes[0] < classes[1] < classes[2]
    overlays = [each for features in drawn(reading, city, "overlays", 13, whole).values() for each in features]
    assert overlays
    assert all(each.properties.keys() == {"code", "name", "kind"} for each in overlays)


@pytest.mark.parametrize("layer", ["cells", "community", "labels", "lines", "overlays"])
def test_a_tile_is_the_same_alone_and_among_others(
    reading: Connection, city: City, whole: Box, layer: str
) -> None:
    addresses = list(span_of(whole, 15).addresses())
    together = render(reading, city, layers_of(city)[layer], 1, addresses)
    assert together
    for address in addresses[::5]:
        alone = render(reading, city, layers_of(city)[layer], 1, [address])
        assert alone.get(address) == together.get(address)
