"""Layers of counts: their names, what they group by at each zoom, and one tile of them.

A layer of released counts is for everybody; its live twin has another name. Imports ``address``, ``layers`` and
the store.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import shapely
from cachetools import LRUCache
from numpy.typing import NDArray

from gridmap.coverage.bands import HIGHEST_ZOOM, MERCATOR, MERCATOR_HALF_M, box_before, moved, to_mercator
from gridmap.crs import Floats, from_wgs84
from gridmap.errors import InvalidInput, NotFound
from gridmap.heatmap.answer import Heatmap
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.places import Places, hex_polygons
from gridmap.heatmap.points import points_in
from gridmap.heatmap.question import HEX, Question
from gridmap.hexes import centres_of, from_text
from gridmap.model import CELL_LEVEL, City
from gridmap.releases.tree import COARSEST_HEX, FINEST_HEX
from gridmap.shapes import Geometries
from gridmap.store import count_tiles as store
from gridmap.store.database import Connection
from tiles.address import BUFFER_UNITS, Address, box_of, degrees_of, side_m
from tiles.encode import Tile
from tiles.layers import layers_of
from tiles.render import frame_of

Kind = Literal["hexes", "counts", "incidents"]

LOWEST_ZOOM = 6
# From here on staff see single incidents.
SINGLES_FROM = 14
# Live hexes of zoom 11 are of resolution 8, some 35 pixels wide; a resolution finer is 1.4 zooms further in.
_RESOLUTION_AT_11, _ZOOMS_PER_RESOLUTION = 8, 1.4
_LIVE_RESOLUTIONS = (4, 11)
# The zooms from which counts are by cell, by the lowest level, by the next …, unless it is said.
_CELLS_FROM = 12
_LEVELS_FROM_BELOW = (10, 8, 7)
# Simplified polygons may reach so many units beyond the true ones.
_REACH_UNITS = BUFFER_UNITS + 16
# Plots that a worker keeps: a map at three zooms has as many.
_KEPT = 24
# Released tiles that a worker keeps, and what one takes besides its bytes.
_MOST_KEPT_BYTES, _OVERHEAD_BYTES = 64 << 20, 1000

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class CountLayer:
    """A layer of counts; ``live`` ones are for the staff of the territory."""

    name: str
    kind: Kind
    live: bool

    @property
    def description(self) -> str:
        """What it shows, for TileJSON."""
        source = "live counts, for the staff of the territory" if self.live else "released counts"
        return f"{_SHOWS[self.kind]}: {source}."

    @property
    def fields(self) -> Mapping[str, str]:
        """The properties of its features."""
        found = {**_FIELDS[self.kind]}
        if self.live and self.kind == "incidents":
            found |= _OF_SINGLES
        return found

    def lowest_zoom(self, city: City, by: str | None) -> int:
        """The zoom from which it is drawn; cells and areas from that of their own layers."""
        if self.kind != "counts" or by is None:
            return LOWEST_ZOOM
        return layers_of(city)["cells" if by == CELL_LEVEL else by].lowest_zoom

    def grouping(self, city: City, z: int, by: str | None, resolution: int | None) -> tuple[str, int | None]:
        """What a tile of zoom ``z`` is grouped by: hexes of a resolution, cells, or a level.

        NotFound beyond the layer's zooms, InvalidInput for what it is not grouped by.
        """
        self.check(city, by, resolution)
        lowest = self.lowest_zoom(city, by)
        if not lowest <= z <= HIGHEST_ZOOM:
            raise NotFound(f"{self.name} is drawn at zooms {lowest} to {HIGHEST_ZOOM}, not {z}")
        if self.kind != "counts":
            return HEX, self._resolution(z) if resolution is None else resolution
        return _level_at(city, z) if by is None else by, None

    def check(self, city: City, by: str | None, resolution: int | None) -> None:
        """InvalidInput for what the layer is not grouped by."""
        if self.kind == "counts":
            known = (CELL_LEVEL, *city.levels)
            if by is not None and by not in known:
                raise InvalidInput("by", by, f"must be one of {', '.join(known)}; hexes have layers of their own")
            if resolution is not None:
                raise InvalidInput("resolution", resolution, "belongs to hexes and incidents")
            return
        if by not in (None, HEX):
            raise InvalidInput("by", by, f"{self.name} are by hex; cells and areas have layers of their own")
        lowest, highest = self._resolutions
        if resolution is not None and not lowest <= resolution <= highest:
            raise InvalidInput("resolution", resolution, f"must be {lowest} to {highest} in {self.name}")

    @property
    def _resolutions(self) -> tuple[int, int]:
        return _LIVE_RESOLUTIONS if self.live else (COARSEST_HEX, FINEST_HEX)

    def _resolution(self, z: int) -> int:
        lowest, highest = self._resolutions
        fitting = _RESOLUTION_AT_11 + math.floor((z - 11) / _ZOOMS_PER_RESOLUTION)
        return min(max(fitting, lowest), highest)


_SHOWS = {
    "hexes": "H3 hexes",
    "counts": "Cells, or areas of a level",
    "incidents": "Incidents, a point for each H3 hex",
}
_HEX_FIELDS = {"hex": "H3 index as text", "count": "how many"}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "hexes": _HEX_FIELDS,
    "incidents": _HEX_FIELDS,
    "counts": {
        "level": "cell, or the area's level",
        "code": "code of the registry",
        "name": "name in the city's own language",
        "count": "how many",
    },
}
_OF_SINGLES = {
    "category": f"of a single incident, from zoom {SINGLES_FROM}",
    "happened_at": "when it happened, in city time",
    "cell": "code of its cell",
}

COUNT_LAYERS = {
    layer.name: layer
    for kind in ("hexes", "counts", "incidents")
    for layer in (CountLayer(kind, kind, False), CountLayer(f"live_{kind}", kind, True))
}


def _level_at(city: City, z: int) -> str:
    """Cells or the level that counts are by at a zoom: the finest whose areas are not too small there."""
    if z >= _CELLS_FROM:
        return CELL_LEVEL
    below = [level for level in reversed(city.levels) if level != city.levels[0]] or [city.levels[0]]
    for level, lowest in zip(below, _LEVELS_FROM_BELOW, strict=False):
        if z >= lowest:
            return level
    return below[min(len(_LEVELS_FROM_BELOW), len(below) - 1)]


class Plot:
    """The rows of a heatmap, where they lie in Web Mercator, ready to be drawn tile by tile."""

    def __init__(self, heatmap: Heatmap, places: Places) -> None:
        self.heatmap = heatmap
        self.places = places

    def near(self, address: Address, crs: str) -> Positions:
        """The rows that a tile in ``crs`` may show."""
        west, south, east, north = box_before(crs, box_of(address, _REACH_UNITS))
        low_x, low_y, high_x, high_y = self._bounds.T
        touching = (low_x <= east) & (high_x >= west) & (low_y <= north) & (high_y >= south)
        return np.flatnonzero(touching)

    @cached_property
    def hexagons(self) -> Geometries:
        """The rows' hexes in Web Mercator."""
        return to_mercator(hex_polygons([from_text(key) for key in self.heatmap.keys]))

    @cached_property
    def centres(self) -> Floats:
        """Lon and lat, in WGS 84, of the middles of the rows' hexes, of shape (n, 2)."""
        lon, lat = centres_of(np.array([from_text(key) for key in self.heatmap.keys], np.int64))
        return np.column_stack([lon, lat])

    @cached_property
    def names(self) -> list[str]:
        """The names of the rows' cells or areas."""
        return [] if self.heatmap.name_array is None else list(self.heatmap.name_array.to_pylist())

    @cached_property
    def _bounds(self) -> Floats:
        """West, south, east, north of each row, of shape (n, 4)."""
        by = self.heatmap.question.by
        if by == HEX:
            bounds: Floats = shapely.bounds(self.hexagons)
            return bounds
        layer = self.places.layer(by)
        number = {code: i for i, code in enumerate(layer.codes)}
        degrees = shapely.bounds(self.places.grid.index.degrees)
        of_layer = np.column_stack(
            [
                _of_groups(np.minimum if side < 2 else np.maximum, layer.group_of, degrees[:, side])
                for side in range(4)
            ]
        )
        chosen = of_layer[[number[key] for key in self.heatmap.keys]].reshape(-1, 4)
        corners = [np.column_stack(from_wgs84(MERCATOR, chosen[:, at], chosen[:, at + 1])) for at in (0, 2)]
        return np.hstack(corners)


class Plots:
    """The counts that were drawn last, since a map asks for many tiles of the same ones; of one worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[object, Plot] = LRUCache(_KEPT)

    def get(self, key: object, make: Callable[[], Plot]) -> Plot:
        """The plot of a key, made once however many ask."""
        with self._lock:
            found: Plot | None = self._known.get(key)
            if found is None:
                found = self._known[key] = make()
            return found


class KeptCounts:
    """Released tiles that were drawn last, which never change; live ones are never put here. Of one worker."""

    def __init__(self, most_bytes: int = _MOST_KEPT_BYTES) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[object, tuple[Tile, Any]] = LRUCache(most_bytes, getsizeof=_size)

    def find(self, key: object) -> tuple[Tile, Any] | None:
        """The tile of a key and what it is of."""
        with self._lock:
            found: tuple[Tile, Any] | None = self._known.get(key)
            return found

    def keep(self, key: object, tile: Tile, told: object) -> None:
        """Keep a tile, unless it alone is too large."""
        with self._lock:
            if _size((tile, told)) <= self._known.maxsize:
                self._known[key] = (tile, told)


def _size(kept: tuple[Tile, Any]) -> int:
    return len(kept[0].gzip) + len(kept[0].brotli) + _OVERHEAD_BYTES


def _of_groups(choose: np.ufunc, group_of: NDArray[np.int32], values: Floats) -> Floats:
    """The lowest or the highest value of each group; every group has some."""
    order = np.argsort(group_of, kind="stable")
    begins = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    chosen: Floats = choose.reduceat(values[order], begins)
    return chosen


def draw(connection: Connection, plot: Plot, layer: CountLayer, address: Address, crs: str = "wgs84") -> bytes:
    """A tile of a layer; empty when nothing lies in it. In gcj02 and bd09 all vertices are where these have them.

    Cells and areas then take two statements, which must see one state.
    """
    rows = plot.near(address, crs)
    heatmap, frame = plot.heatmap, frame_of(plot.heatmap.revision, address.z, [address], crs)
    if layer.kind == "incidents":
        x, y = _on_map(crs, *plot.centres[rows].reshape(-1, 2).T)
        own = _within(address, x, y)
        rows, x, y = rows[own], x[own], y[own]
    if not len(rows):
        return b""
    keys = [heatmap.keys[at] for at in rows.tolist()]
    counts = heatmap.counts[rows].tolist()
    if layer.kind == "incidents":
        return store.clusters_tile(connection, frame, layer.name, keys, counts, x.tolist(), y.tolist())
    if layer.kind == "hexes":
        hexagons = plot.hexagons[rows] if crs == "wgs84" else moved(crs, plot.hexagons[rows])
        return store.hexes_tile(connection, frame, layer.name, keys, counts, shapely.to_wkb(hexagons).tolist())
    shown = store.Shown(keys, [plot.names[at] for at in rows.tolist()], counts)
    if heatmap.question.by != CELL_LEVEL:
        return store.areas_tile(connection, frame, layer.name, heatmap.question.by, shown)
    ids = [plot.places.grid.cell(code).id for code in keys]
    return store.cells_tile(connection, frame, layer.name, ids, shown)


def draw_singles(
    connection: Connection,
    facts: Facts,
    question: Question,
    layer: CountLayer,
    address: Address,
    crs: str = "wgs84",
) -> bytes:
    """A tile of single incidents, each in one tile only; for the staff of all that is asked for."""
    found = points_in(facts, question, degrees_of(box_before(crs, box_of(address, 1))))
    x, y = _on_map(crs, found.lon, found.lat)
    rows = np.flatnonzero(_within(address, x, y)).tolist()
    if not rows:
        return b""
    singles = store.Singles(
        [found.ids[at] for at in rows],
        [found.categories[at] for at in rows],
        [found.moments[at] for at in rows],
        [found.cells[at] for at in rows],
        x[rows].tolist(),
        y[rows].tolist(),
    )
    frame = frame_of(facts.revision, address.z, [address], crs)
    return store.incidents_tile(connection, frame, layer.name, singles)


def _on_map(crs: str, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees in WGS 84 to Web Mercator over ``crs``."""
    if crs != "wgs84":
        lon, lat = from_wgs84(crs, lon, lat)
    x, y = from_wgs84(MERCATOR, lon, lat)
    return x, y


def _within(address: Address, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Which points are the tile's own: each is in one tile only."""
    side = side_m(address.z)
    columns, rows = np.floor((x + MERCATOR_HALF_M) / side), np.floor((MERCATOR_HALF_M - y) / side)
    inside: NDArray[np.bool_] = (columns == address.x) & (rows == address.y)
    return inside


def count_fields(layer: CountLayer, lowest_zoom: int) -> list[dict[str, Any]]:
    """The description of a layer's properties, as TileJSON writes it."""
    return [
        {
            "id": layer.name,
            "description": layer.description,
            "minzoom": lowest_zoom,
            "maxzoom": HIGHEST_ZOOM,
            "fields": dict(layer.fields),
        }
    ]
