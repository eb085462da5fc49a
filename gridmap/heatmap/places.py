"""One revision's cells and areas as counting needs them. Imports ``coverage``, ``shapes``, ``hexes``, ``crs``."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.errors import InvalidInput, NotFound
from gridmap.hexes import ring_of
from gridmap.model import CELL_LEVEL, City
from gridmap.shapes import Geometries

# Maps of counts show a city or a district: shapes lose corners smaller than this, about 11 m, all cells at once.
TOLERANCE_DEGREES = 1e-4
_M2_PER_KM2 = 1e6


@dataclass(frozen=True)
class Layer:
    """What counts can be grouped by: cells or the areas of one level, by code.

    ``group_of`` (cells,) says for each cell, by position, which of them it is in.
    """

    level: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    group_of: NDArray[np.int32]

    @cached_property
    def code_array(self) -> pa.StringArray:
        """The codes as Arrow has them."""
        return pa.array(self.codes, pa.string())

    @cached_property
    def name_array(self) -> pa.StringArray:
        """The names as Arrow has them."""
        return pa.array(self.names, pa.string())


class Places:
    """The cells of a grid by id, and the layers over them; what takes long is made when it is first asked for."""

    def __init__(self, grid: Grid, city: City) -> None:
        self.grid = grid
        self.city = city
        ids = np.array([cell.id for cell in grid.cells], np.int64)
        self.position_of = np.full(int(ids.max(initial=0)) + 1, -1, np.int32)
        self.position_of[ids] = np.arange(len(ids), dtype=np.int32)
        self.layers = {CELL_LEVEL: _cells(grid), **{level: _areas(grid, level) for level in city.levels}}
        self._lock = threading.Lock()
        self._shapes: dict[str, Geometries] = {}
        self._cells_km2: Floats | None = None

    def layer(self, level: str) -> Layer:
        """The cells (``cell``) or the areas of a level; InvalidInput when the city has no such level."""
        if level not in self.layers:
            rule = f"must be hex, {CELL_LEVEL}, {', '.join(self.city.levels)}"
            raise InvalidInput("by", level, rule)
        return self.layers[level]

    def has_cells(self, ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these ids are cells of the grid."""
        inside = (ids >= 0) & (ids < len(self.position_of))
        there: NDArray[np.bool_] = self.position_of[np.where(inside, ids, 0)] >= 0
        return inside & there

    def chain(self, code: str) -> tuple[str, ...]:
        """The codes of a cell or area and of the areas above it; NotFound when the revision has no such place."""
        grid = self.grid
        if code in grid.by_code:
            return (code, *(area.code for area in grid.chain(grid.cell(code).community)))
        if code in grid.areas:
            return tuple(area.code for area in grid.chain(code))
        raise NotFound(f"no area or cell {code!r} in revision {grid.revision.number}")

    def within(self, code: str) -> NDArray[np.bool_]:
        """For each cell, by position, whether it is, or lies in, the cell or area of this code."""
        grid = self.grid
        inside = np.zeros(len(grid.cells), bool)
        if code in grid.by_code:
            inside[grid.by_code[code]] = True
            return inside
        layer = self.layers[grid.areas[code].level]
        if code in layer.codes:  # else an area without cells
            inside |= layer.group_of == layer.codes.index(code)
        return inside

    def shapes(self, level: str) -> Geometries:
        """Simplified polygons of a layer, in WGS 84 degrees; neighbours share their edges.

        Areas are unions of the same simplified cells.
        """
        with self._lock:  # once, however many ask
            return self._simplify(level)

    def km2(self, level: str) -> Floats:
        """The areas of a layer's polygons in km², in the metric crs."""
        layer = self.layers[level]
        with self._lock:
            cells = self._measure()
        km2: Floats = np.bincount(layer.group_of, cells, len(layer.codes)).astype(np.float64)
        return km2

    def hex_km2(self, hexes: list[int]) -> Floats:
        """The areas of hexes in km², in the metric crs."""
        areas: Floats = shapely.area(self._metric(hex_polygons(hexes))) / _M2_PER_KM2
        return areas

    def _simplify(self, level: str) -> Geometries:
        if CELL_LEVEL not in self._shapes:
            self._shapes[CELL_LEVEL] = shapely.coverage_simplify(self.grid.index.degrees, TOLERANCE_DEGREES)
        if level not in self._shapes:
            self._shapes[level] = _unions(self._shapes[CELL_LEVEL], self.layers[level])
        return self._shapes[level]

    def _measure(self) -> Floats:
        if self._cells_km2 is None:
            self._cells_km2 = shapely.area(self._metric(self.grid.index.degrees)) / _M2_PER_KM2
        return self._cells_km2

    def _metric(self, degrees: Geometries) -> Geometries:
        def convert(coordinates: Floats) -> Floats:
            return np.column_stack(from_wgs84(self.city.metric_crs, coordinates[:, 0], coordinates[:, 1]))

        metric: Geometries = shapely.transform(degrees, convert)
        return metric


def hex_polygons(hexes: list[int]) -> Geometries:
    """The hexagons, in WGS 84 degrees."""
    rings = [ring_of(each) for each in hexes]
    corners = np.array([corner for ring in rings for corner in ring], np.float64).reshape(-1, 2)
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    polygons = np.empty(len(rings), object)
    polygons[:] = shapely.polygons(shapely.linearrings(corners, indices=owner)) if rings else []
    return polygons


def _cells(grid: Grid) -> Layer:
    count = len(grid.cells)
    codes, names = tuple(cell.code for cell in grid.cells), tuple(cell.name for cell in grid.cells)
    return Layer(CELL_LEVEL, codes, names, np.arange(count, dtype=np.int32))


def _areas(grid: Grid, level: str) -> Layer:
    communities = {cell.community for cell in grid.cells}
    above = {each: next(area for area in grid.chain(each) if area.level == level) for each in communities}
    areas = sorted({area.code: area for area in above.values()}.values(), key=lambda area: area.code.encode())
    number = {area.code: i for i, area in enumerate(areas)}
    group_of = np.array([number[above[cell.community].code] for cell in grid.cells], np.int32)
    return Layer(level, tuple(area.code for area in areas), tuple(area.name for area in areas), group_of)


def _unions(cells: Geometries, layer: Layer) -> Geometries:
    order = np.argsort(layer.group_of, kind="stable")
    ends = np.cumsum(np.bincount(layer.group_of, minlength=len(layer.codes)))[:-1]
    unions = [shapely.coverage_union_all(part) for part in np.split(cells[order], ends)]
    made = np.empty(len(unions), object)
    made[:] = unions
    return made
