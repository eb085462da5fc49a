"""What differs between two revisions: cells, areas, and which ground has another code. Pure.

Imports ``restore``, ``change``, ``coverage``, ``crs`` and ``model``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.codes import Change
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.model import Area, Cell
from gridmap.redraw.change import area_shares
from gridmap.redraw.restore import change_back
from gridmap.shapes import Geometries

_ATTRIBUTES = ("code", "name", "kind", "services", "community")
_POLYGON = 3

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Part:
    """The ground that was in ``old`` and is in ``new``: its share of the old cell's area, m², and its polygon.

    ``changes``: what of the cell is another one there, of ``code``, ``name``, ``kind``, ``services``,
    ``community`` and ``shape``.
    """

    old: Cell
    new: Cell
    changes: tuple[str, ...]
    area_share: float
    area_m2: float
    piece: BaseGeometry


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """An area before and after; None where it was not, or is no more."""

    before: Area | None
    after: Area | None

    @property
    def area(self) -> Area:
        """As it is, or last was."""
        found = self.after or self.before
        assert found is not None, "an area that never was is no difference"
        return found


@dataclass(frozen=True)
class Difference:
    """Two grids, and the parts of those cells that differ, by the old code and then the new one's.

    A cell that only got vertices of a neighbour's is none of them.
    """

    before: Grid
    after: Grid
    parts: tuple[Part, ...]
    areas: tuple[AreaDifference, ...]

    @property
    def old_ids(self) -> list[int]:
        """The ids of the cells before that differ."""
        return sorted({part.old.id for part in self.parts})

    def within(self, box: Box) -> tuple[Part, ...]:
        """The parts of which the old cell or the new one touches west, south, east, north."""
        frame = shapely.box(*box)
        sides = ((self.before, [part.old for part in self.parts]), (self.after, [part.new for part in self.parts]))
        hits = np.zeros(len(self.parts), bool)
        for grid, cells in sides:
            hits |= shapely.intersects(shapes_of(grid, cells), frame)
        return tuple(part for part, hit in zip(self.parts, hits.tolist(), strict=True) if hit)


def shapes_of(grid: Grid, cells: Iterable[Cell]) -> Geometries:
    """The polygons of some cells of a grid."""
    positions = np.array([grid.by_code[cell.code] for cell in cells], np.intp)
    found: Geometries = grid.index.degrees[positions]
    return found


def difference(before: Grid, after: Grid, metric_crs: str) -> Difference:
    """What differs between two grids of one city, whichever came first."""
    back = change_back(before, after)
    rows = Change.of(before.index.codes, back.ended, back.drawn)
    gone, drawn = rows.gone, rows.drawn
    old = {before.cells[at].id: at for at in gone.tolist()}
    new = {after.cells[at].id: at for at in drawn.tolist()}
    shares = area_shares(before, after, gone, drawn)
    pairs = [(old[was], new[now]) for was, now in shares]
    pieces = _pieces(before, after, pairs)
    sizes = shapely.area(_metric(pieces, metric_crs))
    parts = [
        Part(before.cells[was], after.cells[now], _changes(before, after, was, now), share, float(size), piece)
        for (was, now), share, size, piece in zip(pairs, shares.values(), sizes, pieces, strict=True)
    ]
    parts = sorted((part for part in parts if part.changes), key=lambda part: (part.old.code, part.new.code))
    areas = [
        AreaDifference(before.areas.get(code), after.areas.get(code))
        for code in sorted({*before.areas, *after.areas})
        if before.areas.get(code) != after.areas.get(code)
    ]
    return Difference(before, after, tuple(parts), tuple(areas))


def _pieces(before: Grid, after: Grid, pairs: Sequence[tuple[int, int]]) -> Geometries:
    """The polygons of the common ground; points and lines that two cells share besides are left out."""
    old: NDArray[np.intp] = np.array([pair[0] for pair in pairs], np.intp)
    new: NDArray[np.intp] = np.array([pair[1] for pair in pairs], np.intp)
    common = shapely.intersection(before.index.degrees[old], after.index.degrees[new])
    pieces = np.empty(len(pairs), object)
    for at, each in enumerate(common):
        polygons = [part for part in shapely.get_parts(each) if shapely.get_type_id(part) == _POLYGON]
        pieces[at] = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return pieces


def _changes(before: Grid, after: Grid, was: int, now: int) -> tuple[str, ...]:
    old, new = before.cells[was], after.cells[now]
    found = [name for name in _ATTRIBUTES if getattr(old, name) != getattr(new, name)]
    if not shapely.equals(before.index.degrees[was], after.index.degrees[now]):
        found.append("shape")
    return tuple(found)


def _metric(shapes: Geometries, crs: str) -> Geometries:
    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    metric: Geometries = shapely.transform(shapes, convert)
    return metric
