"""Broken glass, and the needs of a cell by building."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, cast, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.model import Actor
from gridmap.store.tables import Code, break_glass


@dataclass(frozen=True, slots=True)
class Grant:
    """One breaking of the glass: the needs of ``cell`` are open to ``actor`` until ``expires_at``."""

    id: int
    actor: str
    role: str
    reason: str
    cell: str
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a cell: reference, category, and the building (None: without one) as people find it."""

    reference: str
    category: str
    building: str | None
    address: str | None
    lon: float
    lat: float


_COLUMNS = tuple(break_glass.c[name] for name in Grant.__slots__)

# A person stands at his building; where the register gives none, where the person is registered.
_PERSONS = text(
    """
    SELECT person.external_id AS reference, person.category, person.building,
           nullif(concat_ws(' ', coalesce(building.street || building.number, building.street), building.estate,
                            building.block), '') AS address,
           ST_X(person.geom) AS lon, ST_Y(person.geom) AS lat
    FROM element AS person
    JOIN element_placement AS placement ON placement.element_id = person.id AND placement.last_revision IS NULL
    LEFT JOIN element AS place ON place.source = person.source AND place.external_id = person.building
         AND place.class = 'place'
    LEFT JOIN building ON building.element_id = place.id
    WHERE placement.top = :top AND placement.cell_id = :cell AND person.class = 'person'
      AND person.category = ANY(CAST(:categories AS text[]))
    ORDER BY person.building, person.category, person.external_id
    """
)


def insert_grant(
    connection: Connection, actor: Actor, reason: str, cell_id: int, places: Sequence[str], lasts: timedelta
) -> Grant:
    """Write down that the actor opens a cell from now on; ``places``: its code and those of the areas above it."""
    values = {
        "actor": actor.id,
        "role": actor.role,
        "reason": reason,
        "cell_id": cell_id,
        "cell": places[0],
        "places": list(places),
        "opened_at": func.now(),
        "expires_at": func.now() + lasts,
    }
    return Grant(*connection.execute(insert(break_glass).values(values).returning(*_COLUMNS)).one())


def find_grant(connection: Connection, actor: Actor, cell_id: int) -> Grant | None:
    """The grant by which a cell is open to the actor now, the one that ends last; None when there is none."""
    query = (
        select(*_COLUMNS)
        .where(break_glass.c.actor == actor.id, break_glass.c.cell_id == cell_id)
        .where(break_glass.c.opened_at <= func.now(), break_glass.c.expires_at > func.now())
        .order_by(break_glass.c.expires_at.desc(), break_glass.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Grant(*row)


def list_grants(
    connection: Connection, territories: Sequence[str] | None, before: int | None, limit: int
) -> list[Grant]:
    """Grants in these territories (None: all), the newest first; those with an id below ``before``."""
    query = select(*_COLUMNS).order_by(break_glass.c.id.desc()).limit(limit)
    if territories is not None:
        query = query.where(break_glass.c.places.op("&&")(cast(list(territories), ARRAY(Code))))
    if before is not None:
        query = query.where(break_glass.c.id < before)
    return [Grant(*row) for row in connection.execute(query)]


def read_persons(connection: Connection, top: str, cell_id: int, categories: Sequence[str]) -> list[Person]:
    """The persons of a cell with these needs; ``top``: the code that leads its placements."""
    rows = connection.execute(_PERSONS, {"top": top, "cell": cell_id, "categories": list(categories)})
    return [Person(*row) for row in rows]
