"""What lists of elements and incidents share: whose staff may see which part, and the page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.deps import CodeQuery
from gridmap.access import Action, covers, require
from gridmap.coverage.grid import Grid
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import NotAllowed, NotFound
from gridmap.model import Actor
from gridmap.store.listing import Page

MOST_LISTED = 1000

AreaQuery = CodeQuery
AfterQuery = Annotated[int, Query(ge=0, le=2**62, description="go on after this id")]
LimitQuery = Annotated[int, Query(ge=1, le=MOST_LISTED)]


def page_of(
    snapshot: Snapshot,
    actor: Actor,
    action: Action,
    area: str | None,
    category: str | None,
    after: int,
    limit: int,
) -> Page:
    """The page of what ``action`` reads of an area or cell; of the whole city, and outside it, for its staff.

    NotAllowed outside the actor's territories, NotFound for a place that there is not.
    """
    require(actor, action)
    grid = snapshot.grid
    code = snapshot.city.code if area is None else area
    if not covers(actor, _chain(grid, code)):
        raise NotAllowed(f"{code} is outside your territories; name one of yours with area=")
    cell_ids = None
    if code in grid.by_code:
        cell_ids = [grid.cell(code).id]
    elif area is not None:
        communities = {each for each in grid.areas if any(above.code == code for above in grid.chain(each))}
        cell_ids = [cell.id for cell in grid.cells if cell.community in communities]
    return Page(grid.revision.number, cell_ids, category, after, limit + 1)


def places_of(snapshot: Snapshot, area: str | None) -> list[str]:
    """The codes of an area or cell, or of the city, and of those above; NotFound for a place that there is not."""
    return _chain(snapshot.grid, snapshot.city.code if area is None else area)


def cell_codes(snapshot: Snapshot) -> dict[int, str]:
    """Code by id of the current cells."""
    return {cell.id: cell.code for cell in snapshot.grid.cells}


def _chain(grid: Grid, code: str) -> list[str]:
    if code in grid.by_code:
        return [code, *(area.code for area in grid.chain(grid.cell(code).community))]
    if code in grid.areas:
        return [area.code for area in grid.chain(code)]
    raise NotFound(f"no area or cell {code!r} in revision {grid.revision.number}")
