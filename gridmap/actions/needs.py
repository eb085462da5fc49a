"""The needs of a cell's buildings: opened for an hour by breaking the glass, or read with a purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from gridmap.access import EVERYWHERE, Action, covers, may, may_at, require
from gridmap.coverage.grid import Grid, top_code
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.model import BREAK_GLASS_REASONS, PERSON_CATEGORIES, PERSON_PURPOSES, Actor, Cell, City
from gridmap.redraw.change import neighbours
from gridmap.store import needs as store
from gridmap.store.audit import note
from gridmap.store.database import Connection, Database
from gridmap.store.needs import Grant, Person

OPEN_FOR = timedelta(hours=1)
# For this reason and this purpose people are fetched one by one: their references are told with their buildings.
EVACUATION = "evacuation"


@dataclass(frozen=True)
class Opened:
    """A breaking of the glass, and the codes of the cells that touch the one it opens: these stay shut."""

    grant: Grant
    neighbours: tuple[str, ...]


@dataclass
class BuildingNeeds:
    """How many persons of which need a building has. ``references`` are told in an evacuation only."""

    building: str | None
    address: str | None
    lon: float
    lat: float
    needs: Counter[str] = field(default_factory=Counter)
    references: list[str] | None = None


@dataclass(frozen=True)
class CellNeeds:
    """The needs of a cell; ``grant`` by which they are open, None for whoever reads them with a purpose."""

    cell: str
    buildings: list[BuildingNeeds]
    neighbours: tuple[str, ...]
    grant: Grant | None


def break_glass(database: Database, actor: Actor, grid: Grid, code: str, reason: str) -> Opened:
    """Open the needs of one cell to the actor for an hour; another hour is another entry, told again.

    For a cell of his territory, or one that touches it: a fire knows no border. NotFound without such a cell,
    InvalidInput for another reason, NotAllowed further off.
    """
    require(actor, Action.BREAK_GLASS)
    if reason not in BREAK_GLASS_REASONS:
        raise InvalidInput("reason", reason, f"must be one of {', '.join(BREAK_GLASS_REASONS)}")
    cell = _cell(grid, code)
    beside = _beside(grid, code)
    if not any(covers(actor, _places(grid, each)) for each in (cell, *beside)):
        raise NotAllowed(f"cell {code} neither lies in your territories nor touches them")
    with database.begin(actor) as connection:
        grant = store.insert_grant(connection, actor, reason, cell.id, _places(grid, cell), OPEN_FOR)
    return Opened(grant, tuple(each.code for each in beside))


def read_needs(
    database: Database, actor: Actor, city: City, grid: Grid, code: str, purpose: str | None = None
) -> CellNeeds:
    """The needs of a cell, by building: for whoever has opened it, or with a purpose for its caseworker.

    NotAllowed for all others, InvalidInput when a caseworker of the territory names no purpose of the list.
    """
    shut = NotAllowed(f"the needs of cell {code} are not open to you; break the glass, or ask its caseworker")
    if not may(actor, Action.READ_NEEDS):
        require(actor, Action.BREAK_GLASS)
        if code not in grid.by_code:
            raise shut
    cell = _cell(grid, code)
    with database.begin(actor, Action.READ_NEEDS, Action.BREAK_GLASS) as connection:
        grant = None if purpose is not None else store.find_grant(connection, actor, cell.id)
        if grant is None and not may_at(actor, Action.READ_NEEDS, _places(grid, cell)):
            raise shut
        if grant is None and purpose not in PERSON_PURPOSES:
            rule = f"must be one of {', '.join(PERSON_PURPOSES)}, or the glass be broken"
            raise InvalidInput("purpose", purpose, rule)
        categories = PERSON_CATEGORIES if grant else PERSON_PURPOSES[purpose or ""]
        top = top_code(grid.chain(cell.community), city)
        persons = store.read_persons(connection, top, cell.id, categories)
        named = EVACUATION in (purpose, grant and grant.reason)
        _leave_trace(connection, _places(grid, cell), persons, purpose, grant)
    beside = tuple(each.code for each in _beside(grid, code))
    return CellNeeds(code, _by_building(persons, named=named), beside, grant)


def list_broken_glass(database: Database, actor: Actor, *, before: int | None, limit: int) -> list[Grant]:
    """Who opened what in the auditor's territories, the newest first."""
    require(actor, Action.READ_AUDIT)
    territories = None if EVERYWHERE in actor.territories else actor.territories
    with database.begin(actor) as connection:
        return store.list_grants(connection, territories, before, limit)


def _cell(grid: Grid, code: str) -> Cell:
    if code not in grid.by_code:
        raise NotFound(f"no cell {code!r} in revision {grid.revision.number}")
    return grid.cell(code)


def _places(grid: Grid, cell: Cell) -> list[str]:
    return [cell.code, *(area.code for area in grid.chain(cell.community))]


def _beside(grid: Grid, code: str) -> list[Cell]:
    """The cells that touch one, by code."""
    ids = set(neighbours(grid, np.array([grid.by_code[code]])))
    return [cell for cell in grid.cells if cell.id in ids]


def _by_building(persons: Sequence[Person], *, named: bool) -> list[BuildingNeeds]:
    found: dict[object, BuildingNeeds] = {}
    for one in persons:
        key = one.building if one.building is not None else (one.lon, one.lat)
        here = found.setdefault(key, BuildingNeeds(one.building, one.address, one.lon, one.lat))
        here.needs[one.category] += 1
        if named:
            here.references = [*(here.references or []), one.reference]
    return list(found.values())


def _leave_trace(
    connection: Connection,
    places: Sequence[str],
    persons: Sequence[Person],
    purpose: str | None,
    grant: Grant | None,
) -> None:
    by = {} if grant is None else {"break_glass": grant.id}
    facts = {
        "purpose": purpose if grant is None else grant.reason,
        "read": {"what": "needs", "rows": len(persons), "cell": places[0], **by},
        "codes": list(places),
        "refs": [one.reference for one in persons],
    }
    note(connection, facts)
