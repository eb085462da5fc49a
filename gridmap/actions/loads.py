"""Reading loads and their rejected rows: staff see those whose actor could write in their territories only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gridmap.access import Action, covers, require
from gridmap.coverage.grid import Grid
from gridmap.errors import NotFound
from gridmap.model import Actor, City, Load
from gridmap.store.database import Connection, Database
from gridmap.store.loads import list_loads, read_load


def loads_of(
    database: Database, actor: Actor, city: City, grid: Grid, *, before: int | None, limit: int
) -> list[Load]:
    """The newest loads that the actor may see, with an id below ``before``."""
    require(actor, Action.READ_LOADS)
    with database.begin(actor) as connection:
        return list_loads(connection, before=before, limit=limit, within=_territories_below(actor, city, grid))


@contextmanager
def open_load(
    database: Database, actor: Actor, city: City, grid: Grid, load_id: int
) -> Iterator[tuple[Connection, Load]]:
    """One load and the transaction in which to read more of it; NotFound also when the actor may not see it."""
    require(actor, Action.READ_LOADS)
    with database.begin(actor) as connection:
        load = read_load(connection, load_id)
        within = _territories_below(actor, city, grid)
        if within is not None and not set(load.territories) <= set(within):
            raise NotFound(f"no load {load_id}")
        yield connection, load


def _territories_below(actor: Actor, city: City, grid: Grid) -> list[str] | None:
    """The codes that the actor's territories cover; None when that is the whole city."""
    if covers(actor, [city.code]):
        return None
    chains = {code: [area.code for area in grid.chain(code)] for code in grid.areas}
    areas = {code for code, chain in chains.items() if covers(actor, chain)}
    cells = {cell.code for cell in grid.cells if cell.community in areas}
    return sorted(areas | cells | set(actor.territories))
