"""Changes of areas for tests: renamed, under another code, parted, united, under another parent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely

from gridmap.coverage.grid import Grid
from gridmap.model import Area
from gridmap.redraw.change import DrawnCell, GridChange

Rng = np.random.Generator


def drawn_in(grid: Grid, code: str, **other: object) -> DrawnCell:
    """The cell of a code as it is, but for what is given."""
    cell, shape = grid.cell(code), grid.index.degrees[grid.by_code[code]]
    drawn = DrawnCell(cell.name, cell.kind, cell.community, cell.services, shape)
    return replace(drawn, **other)  # type: ignore[arg-type]


def cells_of(grid: Grid, community: str) -> list[str]:
    """The codes of a community's cells."""
    return [cell.code for cell in grid.cells if cell.community == community]


def any_of(grid: Grid, rng: Rng, level: str, least: int = 1) -> str:
    """An area of a level with at least so many cells or areas in it."""
    inside: dict[str, int] = {}
    for cell in grid.cells:
        inside[cell.community] = inside.get(cell.community, 0) + 1
    for area in grid.areas.values():
        inside[area.parent or ""] = inside.get(area.parent or "", 0) + 1
    found = [area.code for area in grid.areas.values() if area.level == level and inside[area.code] >= least]
    return str(rng.choice(found))


def a_new_name(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A community and a street are called something else."""
    codes = [any_of(grid, rng, level) for level in ("community", "street")]
    areas = {code: replace(grid.areas[code], name=f"改名{name}{at}") for at, code in enumerate(codes)}
    return GridChange(frozenset(), {}, areas_drawn=areas)


def a_new_code(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A community and its cells get other codes: lineage 1:1."""
    code = any_of(grid, rng, "community")
    new = f"{code[:-3]}N{name}"
    cells = cells_of(grid, code)
    return GridChange(
        frozenset(cells),
        {f"{new}{at:03d}": drawn_in(grid, each, community=new) for at, each in enumerate(cells)},
        frozenset({code}),
        {new: replace(grid.areas[code], code=new)},
    )


def a_new_community(grid: Grid, rng: Rng, name: str) -> GridChange:
    """Half of a community's cells, with their codes, become a community of their own."""
    code = any_of(grid, rng, "community", least=2)
    new = f"{code[:-3]}S{name}"
    cells = cells_of(grid, code)
    leaving = {each: drawn_in(grid, each, community=new) for each in cells[: len(cells) // 2]}
    return GridChange(
        frozenset(), leaving, areas_drawn={new: Area(new, "community", f"新{name}", grid.areas[code].parent)}
    )


def two_communities_in_one(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A community's cells go to another one of its street, and it ends."""
    street = any_of(grid, rng, "street", least=2)
    codes = sorted(area.code for area in grid.areas.values() if area.parent == street)
    moving = {each: drawn_in(grid, each, community=codes[0]) for each in cells_of(grid, codes[1])}
    return GridChange(frozenset(), moving, frozenset({codes[1]}))


def another_parent(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A community goes to another street, its cells with it; no cell changes."""
    code = any_of(grid, rng, "community")
    areas = grid.areas
    parent = areas[code].parent
    siblings = [each for each in areas.values() if each.parent == parent]
    others = [each.code for each in areas.values() if each.level == "street" and each.code != parent]
    if len(siblings) < 2:
        return another_parent(grid, rng, name)
    return GridChange(frozenset(), {}, areas_drawn={code: replace(areas[code], parent=str(rng.choice(others)))})


def a_new_district(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A street becomes part of a new district, so that all placements in it lead with another code."""
    street = any_of(grid, rng, "street")
    city = next(area for area in grid.areas.values() if area.parent is None)
    new = f"1201D{name}"
    return GridChange(
        frozenset(),
        {},
        areas_drawn={
            new: Area(new, "district", f"新区{name}", city.code),
            street: replace(grid.areas[street], parent=new),
        },
    )


CHANGES: list[Callable[[Grid, Rng, str], GridChange]] = [
    a_new_name,
    a_new_code,
    a_new_community,
    two_communities_in_one,
    another_parent,
    a_new_district,
]


def same_shapes(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same cells, areas and polygons, vertex by vertex."""
    same = (one.cells, dict(one.areas)) == (other.cells, dict(other.areas))
    return same and bool(shapely.equals_exact(one.index.degrees, other.index.degrees, 0.0).all())
