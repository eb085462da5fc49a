"""What a redraw does to a grid: cells and areas that end, begin or change; the grid after it, and the lineage.

Imports ``areas``, ``coverage``, ``model`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.codes import Change
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import CELL_KINDS, Area, Cell, Revision
from gridmap.redraw.areas import AreaChange, areas_after, check_nested, levels_of

Positions = NDArray[np.intp]

# A piece that is a smaller share of its cell than this is rounding, not a part that went elsewhere.
_LEAST_SHARE = 1e-9
# New vertices on a straight edge move it by rounding: by less than this share of a cell's area.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell as it is after the redraw: its attributes, and its polygon in EPSG:4326."""

    name: str
    kind: str
    community: str
    services: tuple[str, ...]
    shape: BaseGeometry


@dataclass(frozen=True)
class GridChange:
    """``ended``: codes of cells that are no more. ``drawn``: by code new cells, and others that change.

    ``areas_ended`` and ``areas_drawn`` say the same of areas: those that begin, or get another name or parent.
    """

    ended: frozenset[str]
    drawn: Mapping[str, DrawnCell]
    areas_ended: frozenset[str] = frozenset()
    areas_drawn: Mapping[str, Area] = field(default_factory=dict)


@dataclass(frozen=True)
class Redrawn:
    """The grid after; ``gone``: positions before of cells that end or change, ``drawn``: theirs after.

    ``areas``: the areas that end, begin or change.
    """

    grid: Grid
    gone: Positions
    drawn: Positions
    areas: AreaChange = field(default_factory=lambda: AreaChange(frozenset(), frozenset()))


def new_codes(before: Grid, change: GridChange) -> list[str]:
    """The codes of cells that begin, in the order in which :func:`redrawn` takes their ids."""
    return sorted((code for code in change.drawn if code not in before.by_code), key=str.encode)


def redrawn(before: Grid, change: GridChange, revision: Revision, new_ids: Sequence[int]) -> Redrawn:
    """The grid after a change. A code that was there keeps its id, new ones take ``new_ids`` in their order.

    InvalidInput for unknown codes, kinds, communities, levels and parents; LoadRefused names cells that would be
    no coverage; RuleBroken when the outer line of the city would be another one, and for an area that would be
    empty.
    """
    _check(before, change)
    areas = areas_after(before, change.areas_ended, change.areas_drawn)
    index = before.index.redrawn(change.ended, {code: cell.shape for code, cell in change.drawn.items()})
    rows = Change.of(before.index.codes, change.ended, change.drawn)
    fresh = iter(new_ids)
    cells = np.empty(len(rows.drawn_codes), object)
    for at, code in enumerate(rows.drawn_codes):
        drawn = change.drawn[code]
        known = before.by_code.get(code)
        cell_id = next(fresh) if known is None else before.cells[known].id
        cells[at] = Cell(cell_id, code, drawn.name, drawn.kind, drawn.community, drawn.services)
    every = np.empty(len(before.cells), object)
    every[:] = before.cells
    after = Grid(revision, tuple(rows.applied(every, cells)), areas, index)
    check_nested(areas, after.cells, levels_of(before))
    if len(rows.gone) or len(rows.drawn):
        _check_outer_line(before, after, rows.gone, rows.drawn)
    return Redrawn(after, rows.gone, rows.drawn, AreaChange.between(before.areas, areas))


def area_shares(before: Grid, after: Grid, gone: Positions, drawn: Positions) -> dict[tuple[int, int], float]:
    """(old id, new id) -> share of the old cell's area, for cells that end or change their shape."""
    old, new = before.index.degrees[gone], after.index.degrees[drawn]
    if not len(old) or not len(new):
        return {}
    inputs, found = shapely.STRtree(new).query(old, predicate="intersects")
    pieces = shapely.area(shapely.intersection(old[inputs], new[found])) / shapely.area(old[inputs])
    return {
        (before.cells[gone[i]].id, after.cells[drawn[j]].id): 1.0 if share > 1 - _LEAST_SHARE else float(share)
        for i, j, share in zip(inputs, found, pieces, strict=True)
        if share > _LEAST_SHARE
    }


def _check(before: Grid, change: GridChange) -> None:
    for code, cell in change.drawn.items():
        if cell.kind not in CELL_KINDS:
            raise InvalidInput("kind", cell.kind, f"of cell {code} must be one of {', '.join(CELL_KINDS)}")
    both = change.ended & change.drawn.keys()
    if both:
        raise InvalidInput("ended", min(both), "cannot end and be drawn in one change")


def _check_outer_line(before: Grid, after: Grid, gone: Positions, drawn: Positions) -> None:
    """What the redraw covers is the same point set before and after."""
    was = shapely.coverage_union_all(before.index.degrees[gone])
    now = shapely.coverage_union_all(after.index.degrees[drawn])
    if shapely.equals(was, now):
        return
    place = shapely.point_on_surface(shapely.symmetric_difference(was, now))
    where = "" if place.is_empty else f" at {place.x:.7f} {place.y:.7f}"
    raise RuleBroken(f"the redraw would leave a gap or move the outer line of what it covers{where}")


def neighbours(grid: Grid, positions: Positions) -> list[int]:
    """The ids of the cells that touch some others, by position, and are none of them.

    A point on a common edge is in the cell with the lowest code, so one in them may go over when a code changes.
    """
    if not len(positions):
        return []
    _, found = shapely.STRtree(grid.index.degrees).query(grid.index.degrees[positions], predicate="intersects")
    return sorted({grid.cells[at].id for at in found.tolist()} - {grid.cells[at].id for at in positions.tolist()})


def same_ground(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    """Whether two polygons are the same but for vertices on their edges."""
    if shapely.equals_identical(one, other):
        return True
    apart = shapely.area(shapely.symmetric_difference(one, other))
    return bool(apart <= _ROUNDING * shapely.area(one))
