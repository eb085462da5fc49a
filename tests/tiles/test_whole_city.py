"""The whole city, as loaded and after fifty redraws: tiles say what the index says, and nothing is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.access import OPERATOR
from gridmap.actions.bands import publish_bands
from gridmap.coverage.bands import band_of, to_mercator, unit_m
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats
from gridmap.model import City
from gridmap.shapes import Geometries
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.snapshot import read_grid, read_grid_after
from tests.gridmap.actions.test_publish import CHANGES, grid_of, publish_next
from tests.tiles.decoding import Around, Feature, decode
from tiles.address import BUFFER_UNITS, Address, box_of, corner, span_of
from tiles.bake import BakeReport, bake
from tiles.baked import path_of
from tiles.layers import layers_of
from tiles.render import render

POINTS = 10_000
# After redraws more points lie about the cells that were redrawn, so many for each.
POINTS_A_CELL = 10
WHOLE = 2 * (4096 + 2 * 64) ** 2
REDRAWS = 50
# Bands end at 14: deeper tiles are cut from the shapes of zoom 14, and are compared one by one instead.
ZOOMS, DEEPER = (6, 14), (15, 16)
TILES_DEEPER = 2_000
TILES_A_QUERY = 64

pytestmark = pytest.mark.soak


def quiet(_: str) -> None:
    """No progress in tests."""


@dataclass(frozen=True)
class Redrawn:
    """A copy of the whole city after the redraws: its first bake, and its grids, from that of revision 1 on."""

    database: Database
    bakes: Path
    grids: list[Grid]

    def changed(self, revision: int) -> Geometries:
        """Shapes of the cells that differ between revision 1 and another."""
        before = dict(zip((cell.code for cell in self.grids[0].cells), self.grids[0].index.degrees, strict=True))
        after = self.grids[revision - 1]
        return np.array([
            shape
            for cell, shape in zip(after.cells, after.index.degrees, strict=True)
            if cell.code not in before or not shapely.equals_exact(before[cell.code], shape, 0.0)
        ])  # fmt: skip


@dataclass(frozen=True)
class State:
    """One revision of a city as a request reads it, and what lies where by its index, in Web Mercator."""

    reading: Connection
    city: City
    grid: Grid
    changed: Geometries

    @cached_property
    def mercator(self) -> Geometries:
        return to_mercator(self.grid.index.degrees)

    @cached_property
    def cells(self) -> shapely.STRtree:
        return shapely.STRtree(self.mercator)

    @cached_property
    def edges(self) -> shapely.STRtree:
        return shapely.STRtree(shapely.boundary(self.mercator))

    @cached_property
    def whole(self) -> BaseGeometry:
        whole: BaseGeometry = shapely.coverage_union_all(self.mercator)
        shapely.prepare(whole)
        return whole

    def names(self, layer: str) -> list[str]:
        """For each cell the code that a layer says there."""
        if layer == "cells":
            return [cell.code for cell in self.grid.cells]
        return [
            next(area.code for area in self.grid.chain(cell.community) if area.level == layer)
            for cell in self.grid.cells
        ]

    def points(self, seed: int) -> Floats:
        """Points at random in the city's box, and more about what was redrawn."""
        rng = np.random.default_rng(seed)
        boxes = [shapely.total_bounds(self.mercator)] * POINTS
        boxes += [box for box in shapely.bounds(to_mercator(self.changed)) for _ in range(POINTS_A_CELL)]
        west, south, east, north = np.array(boxes).T
        return np.column_stack([rng.uniform(west, east), rng.uniform(south, north)])


@pytest.fixture(scope="module")
def redrawn(
    tianjin: Database,
    copy_of: Callable[[Database, str], AbstractContextManager[Database]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Redrawn]:
    """Splits, merges and transfers anywhere in the city, published one by one."""
    folder = tmp_path_factory.mktemp("bakes")
    rng = np.random.default_rng(50)
    with copy_of(tianjin, "tianjin_redrawn") as database:
        bake(database, folder, [], ZOOMS, quiet)
        grids = [grid_of(database)]
        for turn in range(REDRAWS):
            change = CHANGES[rng.integers(len(CHANGES))](grids[-1], rng, f"x{turn}")
            publish_next(database, change, grids[-1])
            with database.begin(OPERATOR, one_state=True) as connection:
                grids.append(read_grid_after(connection, read_city(connection), grids[-1]))
        yield Redrawn(database, folder, grids)


@pytest.fixture(scope="module", params=[1 + REDRAWS, 1 + REDRAWS // 2, None], ids=["last", "half-way", "loaded"])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    if request.param is None:
        database: Database = request.getfixturevalue("tianjin")
        grid, changed = grid_of(database), np.empty(0, object)
    else:
        redraws: Redrawn = request.getfixturevalue("redrawn")
        database = redraws.database
        grid, changed = redraws.grids[request.param - 1], redraws.changed(request.param)
    with database.begin(OPERATOR, long_work=True) as connection:
        yield State(connection, read_city(connection), grid, changed)


def test_the_grid_that_followed_the_redraws_is_the_one_that_is_read(redrawn: Redrawn) -> None:
    with redrawn.database.begin(OPERATOR, long_work=True) as connection:
        stored = read_grid(connection, read_city(connection))
    last = redrawn.grids[-1]
    assert stored.revision == last.revision
    assert stored.revision.number == 1 + REDRAWS
    assert stored.cells == last.cells
    assert shapely.equals_exact(stored.index.degrees, last.index.degrees, 0.0).all()
    assert len(redrawn.changed(1 + REDRAWS)) > REDRAWS


def test_bands_are_those_made_from_nothing(redrawn: Redrawn) -> None:
    with redrawn.database.begin(OPERATOR, long_work=True) as connection:
        found = publish_bands(connection, redrawn.grids[-1], read_city(connection), quiet)
    assert (found.cells, found.areas) == (0, 0)


def test_a_bake_takes_over_what_stayed_and_equals_one_from_nothing(redrawn: Redrawn, tmp_path: Path) -> None:
    def baked(folder: Path, *, anew: bool) -> BakeReport:
        return bake(redrawn.database, folder, [], ZOOMS, quiet, anew=anew)

    again, nothing = baked(redrawn.bakes, anew=False), baked(tmp_path, anew=True)
    with redrawn.database.begin(OPERATOR) as connection:
        layers = layers_of(read_city(connection))
    assert again.layers.keys() == nothing.layers.keys() >= {"cells", "community", "street", "district", "labels"}
    for name, fresh in nothing.layers.items():
        kept, new = (path_of(folder, 1 + REDRAWS, layers[name]) for folder in (redrawn.bakes, tmp_path))
        assert kept.read_bytes() == new.read_bytes(), name
        assert again.layers[name].drawn < fresh.drawn / 4, name


@pytest.mark.parametrize("layer", ["cells", "community", "street", "labels"])
@pytest.mark.parametrize("z", DEEPER)
def test_deeper_tiles_that_no_redraw_touched_are_those_of_before(redrawn: Redrawn, layer: str, z: int) -> None:
    """Around what was redrawn, where tiles that are taken over lie beside others."""
    last = redrawn.grids[-1]
    rng = np.random.default_rng(z)
    near: set[Address] = set()
    for west, south, east, north in shapely.bounds(to_mercator(redrawn.changed(1 + REDRAWS))).tolist():
        reach = max(east - west, north - south)
        near.update(span_of((west - reach, south - reach, east + reach, north + reach), z, 0).addresses())
    chosen = in_order(near)
    chosen = [chosen[at] for at in rng.choice(len(chosen), min(TILES_DEEPER, len(chosen)), replace=False)]
    groups: dict[int, list[Address]] = {}
    for address in chosen:
        drawn_at = last.redraws.drawn_at(last.revision.number, box_of(address, BUFFER_UNITS))
        groups.setdefault(drawn_at, []).append(address)
    assert len(groups[1]) > len(chosen) / 10
    assert len(groups) > REDRAWS / 2
    with redrawn.database.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        drawn = layers_of(city)[layer]
        for drawn_at, addresses in groups.items():
            for part in batched(addresses):
                then = render(connection, city, drawn, drawn_at, part)
                assert then == render(connection, city, drawn, last.revision.number, part)
        touched = [address for drawn_at, addresses in groups.items() if drawn_at > 1 for address in addresses]
        if layer == "cells":  # and where it says that one did, the tile of revision 1 would be a stale one
            sample = touched[:TILES_A_QUERY]
            stale, fresh = (render(connection, city, drawn, each, sample) for each in (1, last.revision.number))
            assert any(stale.get(address) != fresh.get(address) for address in sample)


def in_order(addresses: Iterable[Address]) -> list[Address]:
    """The same in every run."""
    return sorted(addresses, key=lambda address: (address.x, address.y))


def batched(addresses: list[Address]) -> Iterator[list[Address]]:
    """So many addresses as one query draws."""
    for start in range(0, len(addresses), TILES_A_QUERY):
        yield addresses[start : start + TILES_A_QUERY]


def turned_over(features: list[Feature]) -> set[int]:
    """What the doubled areas may add up to beyond the tile: 0, but for needles.

    A random split may leave a cell less than a unit wide. Rounding may turn its ring over, so that its neighbours
    overlap by its area; it is drawn all the same, so that it counts once more.
    """
    found = {0}
    for each in features:
        longest = max(np.hypot(*(ring - np.roll(ring, 1, axis=0)).T).max() for ring in each.parts)
        if each.doubled_area < longest:  # less than a unit high over its longest side
            found |= {excess + 2 * each.doubled_area for excess in found}
    return found


@pytest.mark.parametrize("layer", ["cells", "community", "street", "district"])
@pytest.mark.parametrize("z", range(6, 17))
def test_a_point_lies_in_what_the_index_says(state: State, layer: str, z: int) -> None:
    drawn = layers_of(state.city)[layer]
    if not drawn.draws(z):
        pytest.skip(f"{layer} is not drawn at {z}")
    names, xy = state.names(layer), state.points(z)
    margin = band_of(z).tolerance_m + unit_m(z)
    points = shapely.points(xy)
    near = set(state.edges.query(points, predicate="dwithin", distance=margin)[0].tolist())
    expected: dict[int, str] = {
        at: names[cell] for at, cell in state.cells.query(points, predicate="intersects").T.tolist()
    }
    tiles: dict[Address, list[int]] = {}
    for at in set(range(len(points))) - near:
        span = span_of((*xy[at], *xy[at]), z, 0)
        tiles.setdefault(Address(z, span.west, span.north), []).append(at)
    for part in batched(in_order(tiles)):
        contents = render(state.reading, state.city, drawn, state.grid.revision.number, part)
        for address in part:
            content = contents.get(address)
            features = [] if content is None else decode(content)[layer]
            codes = {each.id: each.properties["code"] for each in features}
            if state.whole.contains(shapely.box(*box_of(address, 200))):
                assert sum(each.doubled_area for each in features) - WHOLE in turned_over(features), address
            around, (left, top) = Around(features), corner(address)
            for at in tiles[address]:
                found = around.at((xy[at, 0] - left) / unit_m(z), (top - xy[at, 1]) / unit_m(z))
                assert {codes[each]: times for each, times in found.items()} == (
                    {expected[at]: 1} if at in expected else {}
                ), (address, at)
