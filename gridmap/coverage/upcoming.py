"""What scheduled redraws will change, for look-ups to tell. Pure; imports ``grid`` and ``shapes``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from gridmap.coverage.grid import Grid
from gridmap.shapes import Geometries


@dataclass(frozen=True, eq=False)
class Upcoming:
    """A draft that begins at a time: the codes of cells that end or change then, and codes and polygons after.

    The polygons of ``codes`` are in EPSG:4326.
    """

    draft: int
    begins: datetime
    gone: frozenset[str]
    codes: tuple[str, ...]
    degrees: Geometries


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a place: the revision's number as it is planned, when it begins, and the cell then."""

    revision: int
    begins: datetime
    cell: str


def next_of(
    upcoming: Sequence[Upcoming], grid: Grid, where: tuple[str | None, bool], lon: float, lat: float
) -> Next | None:
    """The first change by which a place comes to a cell of another code; None when there is none.

    ``where``: the code of the cell that it is in now, None outside, and whether it lies on an edge.
    """
    cell, on_edge = where
    if cell is None:
        return None
    for place, each in enumerate(upcoming, 1):
        if cell not in each.gone:
            continue
        covering = np.flatnonzero(shapely.intersects_xy(each.degrees, lon, lat))
        codes = [each.codes[at] for at in covering.tolist()]
        if on_edge:  # a cell that goes on may cover the place, too
            codes += _going_on(grid, each.gone, lon, lat)
        then = min(codes, key=str.encode, default=cell)
        if then != cell:
            return Next(grid.revision.number + place, each.begins, then)
    return None


def _going_on(grid: Grid, gone: frozenset[str], lon: float, lat: float) -> list[str]:
    near = [one.position for one in grid.index.candidates(lon, lat, 0.0)]
    covers = shapely.intersects_xy(grid.index.degrees[near], lon, lat)
    codes = [grid.cells[at].code for at, yes in zip(near, covers, strict=True) if yes]
    return [code for code in codes if code not in gone]
