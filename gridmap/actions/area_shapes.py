"""The areas of a revision: their rows, and their shapes, the unions of what lies below."""

from __future__ import annotations

import numpy as np
import shapely

from gridmap import shapes
from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.redraw.areas import moved_parents
from gridmap.redraw.change import Redrawn
from gridmap.store.database import Connection
from gridmap.store.grid import end_area_shapes, end_areas, insert_area_shapes, insert_areas, read_area_shapes


def write_areas(connection: Connection, result: Redrawn) -> None:
    """End the rows of areas that end or change, and write those that begin or change."""
    after = result.grid
    if result.areas.gone:
        end_areas(connection, after.revision.number, sorted(result.areas.gone))
    if result.areas.drawn:
        insert_areas(connection, after.revision.number, [after.areas[code] for code in sorted(result.areas.drawn)])


def write_area_shapes(connection: Connection, before: Grid, result: Redrawn, city: City) -> set[str]:
    """The unions above the cells and areas that change, level by level, as far up as they become other ones.

    Returns the codes whose shapes begin, end or are other ones.
    """
    after, revision = result.grid, result.grid.revision.number
    touched = {before.cells[at].community for at in result.gone} | {
        after.cells[at].community for at in result.drawn
    }
    positions = [at for at, cell in enumerate(after.cells) if cell.community in touched]
    groups = np.array([after.cells[at].community for at in positions], dtype=object)
    below = after.index.degrees[positions]
    every: set[str] = set()
    levels = list(reversed(city.levels))
    for level, above in zip(levels, [*levels[1:], ""], strict=True):
        names, unions = shapes.unions(below, groups)
        stored_names, stored = read_area_shapes(connection, revision - 1, level, sorted(touched))
        known = dict(zip(stored_names, shapely.normalize(stored), strict=True))
        fresh = [
            at
            for at, (name, union) in enumerate(zip(names, shapely.normalize(unions), strict=True))
            if name not in known or not shapely.equals_exact(known[name], union, 0.0)
        ]
        changed = {names[at] for at in fresh} | (known.keys() - set(names))
        every |= changed
        end_area_shapes(connection, revision, sorted(changed))
        insert_area_shapes(connection, revision, level, [names[at] for at in fresh], unions[fresh])
        parents = {grid.areas[code].parent for grid in (before, after) for code in changed if code in grid.areas}
        touched = {code for code in parents if code is not None}
        touched |= moved_parents(before.areas, after.areas, level)
        if not above:
            break
        children = sorted(area.code for area in after.areas.values() if area.parent in touched)
        codes, below = read_area_shapes(connection, revision, level, children)
        groups = np.array([after.areas[code].parent for code in codes], dtype=object)
    return every
