"""The whole city, 10,000 points a zoom: the tile's cell is the index's, and nothing cracks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.coverage.bands import band_of, to_mercator, unit_m
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.snapshot import read_grid
from tests.tiles.decoding import Around, decode
from tiles.address import Address, box_of, corner, span_of
from tiles.layers import layers_of
from tiles.render import render

POINTS = 10_000
WHOLE = 2 * (4096 + 2 * 64) ** 2

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def reading(tianjin: Database) -> Iterator[Connection]:
    with tianjin.begin(OPERATOR, long_work=True) as connection:
        yield connection


@pytest.mark.parametrize("layer", ["cells", "community", "street", "district"])
@pytest.mark.parametrize("z", range(6, 17))
def test_a_point_lies_in_what_the_index_says(reading: Connection, layer: str, z: int) -> None:
    city = read_city(reading)
    drawn = layers_of(city)[layer]
    if not drawn.draws(z):
        pytest.skip(f"{layer} is not drawn at {z}")
    grid = read_grid(reading, city)
    mercator = to_mercator(grid.index.degrees)
    names = [
        cell.code if layer == "cells" else next(a.code for a in grid.chain(cell.community) if a.level == layer)
        for cell in grid.cells
    ]
    margin = band_of(z).tolerance_m + unit_m(z)
    west, south, east, north = shapely.total_bounds(mercator)
    rng = np.random.default_rng(z)
    x, y = rng.uniform(west, east, POINTS), rng.uniform(south, north, POINTS)
    points = shapely.points(x, y)
    cells, edges = shapely.STRtree(mercator), shapely.STRtree(shapely.boundary(mercator))
    near = set(edges.query(points, predicate="dwithin", distance=margin)[0].tolist())
    expected: dict[int, str] = {
        at: names[cell] for at, cell in cells.query(points, predicate="intersects").T.tolist()
    }
    tiles: dict[Address, list[int]] = {}
    for at in set(range(POINTS)) - near:
        span = span_of((x[at], y[at], x[at], y[at]), z, 0)
        tiles.setdefault(Address(z, span.west, span.north), []).append(at)
    whole = shapely.coverage_union_all(mercator)
    shapely.prepare(whole)
    for address, inside in tiles.items():
        content = render(reading, city, drawn, 1, [address]).get(address)
        features = [] if content is None else decode(content)[layer]
        codes = {each.id: each.properties["code"] for each in features}
        if whole.contains(shapely.box(*box_of(address, 200))):
            assert sum(each.doubled_area for each in features) == WHOLE, address
        around, (left, top) = Around(features), corner(address)
        for at in inside:
            found = around.at((x[at] - left) / unit_m(z), (top - y[at]) / unit_m(z))
            assert {codes[each]: times for each, times in found.items()} == (
                {expected[at]: 1} if at in expected else {}
            ), (address, at)
