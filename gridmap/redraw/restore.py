"""Going back: the change that makes the grid of an earlier revision the next one. Pure; imports ``change``."""

from __future__ import annotations

import shapely

from gridmap.coverage.grid import Grid
from gridmap.model import Cell
from gridmap.redraw.change import DrawnCell, GridChange


def change_back(now: Grid, then: Grid) -> GridChange:
    """What turns ``now`` into ``then``: cells and areas as they were, codes made since end.

    A code that has ended is opened again, on the identical polygon; cells that are the same in both are left out.
    """
    drawn = [cell for cell in then.cells if not _same(now, then, cell)]
    return GridChange(
        ended=frozenset(now.by_code.keys() - then.by_code.keys()),
        drawn={cell.code: _drawn(then, cell) for cell in drawn},
        areas_ended=frozenset(now.areas.keys() - then.areas.keys()),
        areas_drawn={code: area for code, area in then.areas.items() if now.areas.get(code) != area},
    )


def reopened_ids(now: Grid, then: Grid) -> dict[str, int]:
    """Code -> id of the cells that :func:`change_back` opens again: each code keeps the id that it had."""
    return {cell.code: cell.id for cell in then.cells if cell.code not in now.by_code}


def _same(now: Grid, then: Grid, cell: Cell) -> bool:
    position = now.by_code.get(cell.code)
    if position is None or now.cells[position] != cell:
        return False
    shapes = now.index.degrees[position], then.index.degrees[then.by_code[cell.code]]
    return shapes[0] is shapes[1] or bool(shapely.equals_exact(*shapes, 0.0))


def _drawn(grid: Grid, cell: Cell) -> DrawnCell:
    shape = grid.index.degrees[grid.by_code[cell.code]]
    return DrawnCell(cell.name, cell.kind, cell.community, cell.services, shape)
