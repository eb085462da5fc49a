"""Bakes the layers of a revision into PMTiles, on all cores; takes over what has not changed since the last bake.

Imports ``archive``, ``baked``, ``render``, ``tilejson`` and the store.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridmap.coverage.bands import moved_box
from gridmap.coverage.redraws import Redraws
from gridmap.errors import GridMapError, InvalidInput, Unavailable
from gridmap.model import PUBLIC, City
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.extents import read_extent
from gridmap.store.redraws import read_redraws
from gridmap.store.revisions import read_current, read_revision
from gridmap.store.snapshot import read_versions
from tiles.address import Address, Box, Span, degrees_of, span_of
from tiles.archive import About, tile_id, write_archive
from tiles.baked import FORMAT, Baked, baked_revisions, mark_of, path_of
from tiles.encode import zip_tile
from tiles.layers import TILE_CRS, Layer, layer_of, layers_of
from tiles.render import drawn_from, render
from tiles.tilejson import attribution, vector_layers

Progress = Callable[[str], None]

# A query makes the tiles of a square of 2^bits: many where tiles are small, few where each is work enough.
_SMALL_FROM_ZOOM = 13
_BITS_SMALL, _BITS_LARGE = 3, 1
_TOLD_EVERY = 0.1


@dataclass
class LayerReport:
    """An archive that was written: its tiles, how many of them were drawn anew, its octets, and the seconds."""

    tiles: int
    drawn: int
    octets: int
    seconds: float


@dataclass
class BakeReport:
    """A bake: which revision, where, and each layer's archive."""

    revision: int
    folder: str
    seconds: float = 0.0
    layers: dict[str, LayerReport] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What all processes know: where the database is, its state, and the folder of earlier bakes to take from."""

    url: str
    city: City
    revision: int
    redraws: Redraws
    versions: Mapping[str, int]
    folder: Path | None
    crs: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Tiles of a block that are not empty, by id and by gzip, and how many were drawn anew."""

    tiles: list[tuple[int, bytes]]
    anew: int


def bake(
    database: Database,
    folder: Path,
    names: Sequence[str],
    zooms: tuple[int, int],
    progress: Progress,
    *,
    revision: int | None = None,
    anew: bool = False,
    processes: int | None = None,
    crs: str = "wgs84",
) -> BakeReport:
    """Write an archive for each layer (all, without names) to ``folder``/revision, each in one step.

    Tiles of an earlier bake in the folder that have not changed since are taken over unless ``anew``. NotFound for
    layers and revisions that there are not, Unavailable when what no revision pins changes meanwhile. ``crs``:
    wgs84, or what the city's base map is in.
    """
    began = time.perf_counter()
    if crs not in TILE_CRS:
        raise InvalidInput("crs", crs, f"tiles come in {', '.join(TILE_CRS)}")
    plan = _plan(database, revision, None if anew else folder, crs)
    layers = [layer_of(plan.city, name) for name in names or layers_of(plan.city)]
    if not 0 <= zooms[0] <= zooms[1]:
        raise InvalidInput("zooms", zooms, "must be a range such as 6-16")
    report = BakeReport(plan.revision, str(folder / str(plan.revision)))
    database.dispose()  # the processes have connections of their own
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # what takes seconds to import is imported once
    with ProcessPoolExecutor(processes or os.cpu_count(), context, _begin, (plan,)) as pool:
        for layer in layers:
            made = _bake_layer(database, pool, plan, layer, zooms, folder, progress)
            if made is not None:
                report.layers[layer.name] = made
    report.seconds = round(time.perf_counter() - began, 1)
    return report


def _plan(database: Database, revision: int | None, folder: Path | None, crs: str) -> Plan:
    with database.begin(PUBLIC, one_state=True) as connection:
        found = read_current(connection) if revision is None else read_revision(connection, revision)
        url = database.url.render_as_string(hide_password=False)
        city, versions = read_city(connection), read_versions(connection)
        return Plan(url, city, found.number, read_redraws(connection), dict(versions), folder, crs)


def _bake_layer(
    database: Database,
    pool: ProcessPoolExecutor,
    plan: Plan,
    layer: Layer,
    zooms: tuple[int, int],
    folder: Path,
    progress: Progress,
) -> LayerReport | None:
    began = time.perf_counter()
    lowest, highest = max(zooms[0], layer.lowest_zoom), min(zooms[1], layer.highest_zoom)
    with database.begin(PUBLIC, long_work=True) as connection:
        extent = read_extent(connection, plan.revision, layer.part)
    if extent is None or lowest > highest:
        progress(f"{layer.name}: nothing is drawn at zooms {zooms[0]} to {zooms[1]}")
        return None
    extent = moved_box(plan.crs, extent)
    blocks = [block for z in range(lowest, highest + 1) for block in _blocks(extent, z)]
    told = _Told(layer, len(blocks), progress)
    path = path_of(folder, plan.revision, layer, plan.crs)
    tasks = [(layer, block) for block in blocks]
    tiles = told.through(pool.map(_draw, tasks, chunksize=2))
    about = About(degrees_of(extent), _metadata(plan, layer, lowest, highest))
    count = write_archive(path, about, tiles, lambda: _check_versions(database, plan, layer))
    return LayerReport(count, told.anew, path.stat().st_size, round(time.perf_counter() - began, 1))


def _blocks(extent: Box, z: int) -> list[Span]:
    """The blocks of a zoom in the order of an archive's ids."""
    bits = _BITS_SMALL if z >= _SMALL_FROM_ZOOM else _BITS_LARGE
    blocks = span_of(extent, z).blocks(bits)
    return sorted(blocks, key=lambda block: tile_id(Address(z, block.west, block.north)))


@dataclass
class _Told:
    """Tells how far a layer is while its tiles pass."""

    layer: Layer
    blocks: int
    progress: Progress
    anew: int = 0

    def through(self, results: Iterator[Drawn]) -> Iterator[tuple[int, bytes]]:
        step = max(1, round(self.blocks * _TOLD_EVERY))
        for number, drawn in enumerate(results, 1):
            self.anew += drawn.anew
            yield from drawn.tiles
            if number % step == 0 or number == self.blocks:
                self.progress(f"{self.layer.name}: {number / self.blocks:.0%}, {self.anew:,} tiles drawn")


def _check_versions(database: Database, plan: Plan, layer: Layer) -> None:
    if layer.part is None:
        return
    with database.begin(PUBLIC) as connection:
        if read_versions(connection).get(layer.part) != plan.versions.get(layer.part):
            raise Unavailable(f"{layer.part} changed while they were baked: bake again")


def _metadata(plan: Plan, layer: Layer, lowest: int, highest: int) -> dict[str, Any]:
    described = vector_layers(layer)
    described[0] |= {"minzoom": lowest, "maxzoom": highest}
    return {
        "name": f"{plan.city.name} {layer.name}",
        "description": layer.description,
        "version": f"{plan.revision}.0.0",
        "type": "overlay",
        "format": "pbf",
        "attribution": attribution(plan.city),
        "notice": dict(plan.city.notice),
        "vector_layers": described,
        "revision": plan.revision,
        "gridmap": {
            "format": FORMAT,
            "revision": plan.revision,
            "zooms": [lowest, highest],
            "crs": plan.crs,
            "mark": plan.redraws.mark_of(plan.revision),
            "versions": dict(plan.versions) if layer.part is None else {layer.part: plan.versions[layer.part]},
        },
    }


class _Process:
    """What a process of the pool keeps between blocks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.database = Database(plan.url, pool_size=1)
        self._before: dict[str, Baked | None] = {}

    def before(self, layer: Layer) -> Baked | None:
        """The newest earlier bake of a layer."""
        if layer.name not in self._before:
            self._before[layer.name] = _newest(self.plan, layer)
        return self._before[layer.name]

    def draw(self, layer: Layer, block: Span) -> Drawn:
        """The tiles of a block, by rising id."""
        plan, before = self.plan, self.before(layer)
        kept: dict[Address, bytes] = {}
        missing: dict[int, list[Address]] = defaultdict(list)
        for address in block.addresses():
            drawn_at = plan.redraws.drawn_at(plan.revision, drawn_from(address, plan.crs))
            mark = mark_of(layer, drawn_at, plan.redraws, plan.versions)
            if before is not None and before.holds(layer, address, mark, plan.redraws):
                kept[address] = before.archive.get(address) or b""
            else:
                missing[drawn_at].append(address)
        fresh: dict[Address, bytes] = {}
        for drawn_at, addresses in missing.items():
            with self.database.begin(PUBLIC, long_work=True, one_state=True) as connection:
                found = render(connection, plan.city, layer, drawn_at, addresses, plan.crs)
            fresh |= {address: zip_tile(content, baked=True) for address, content in found.items()}
        every = [(tile_id(address), content) for address, content in (kept | fresh).items() if content]
        return Drawn(sorted(every), sum(map(len, missing.values())))


_process: _Process | None = None


def _begin(plan: Plan) -> None:
    global _process  # noqa: PLW0603 - a process of a pool has no other place for what it keeps
    _process = _Process(plan)


def _draw(task: tuple[Layer, Span]) -> Drawn:
    assert _process is not None
    return _process.draw(*task)


def _newest(plan: Plan, layer: Layer) -> Baked | None:
    if plan.folder is None:
        return None
    for revision in baked_revisions(plan.folder):
        try:
            return Baked.open(path_of(plan.folder, revision, layer, plan.crs))
        except GridMapError:
            continue  # not baked, or in another format: an older one may do
    return None
