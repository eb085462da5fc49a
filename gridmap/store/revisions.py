"""Revisions: which one is current, which one was valid when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from gridmap.errors import NotFound
from gridmap.model import Actor, Revision
from gridmap.store.tables import revision as table

# PostgreSQL's integer.
_LARGEST = 2**31 - 1
_COLUMNS = (table.c.number, table.c.valid_from, table.c.published_at, table.c.note)


def insert_revision(
    connection: Connection, actor: Actor, number: int, valid_from: datetime, note: str
) -> Revision:
    """Publish a revision's row; its cells and areas are written in the same transaction."""
    values = {"number": number, "valid_from": valid_from, "actor": actor.id, "note": note}
    row = connection.execute(insert(table).values(values).returning(*_COLUMNS)).one()
    return Revision(*row)


def find_current(connection: Connection) -> Revision | None:
    """The newest revision, None before the first."""
    row = connection.execute(select(*_COLUMNS).order_by(table.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else Revision(*row)


def read_current(connection: Connection) -> Revision:
    """The newest revision; NotFound before the first."""
    found = find_current(connection)
    if found is None:
        raise NotFound("no revision is published yet: load the city's cells first")
    return found


def read_revision(connection: Connection, number: int) -> Revision:
    """The revision with this number; NotFound when there is none."""
    known = 1 <= number <= _LARGEST
    row = connection.execute(select(*_COLUMNS).where(table.c.number == number)).one_or_none() if known else None
    if row is None:
        raise NotFound(f"no revision {number}")
    return Revision(*row)


def revision_valid_at(connection: Connection, at: datetime) -> Revision:
    """The revision that was valid at a time; NotFound before revision 1."""
    newest_then = select(*_COLUMNS).where(table.c.valid_from <= at).order_by(table.c.number.desc()).limit(1)
    row = connection.execute(newest_then).one_or_none()
    if row is None:
        raise NotFound(f"no grid was valid at {at.isoformat()}: that is before revision 1")
    return Revision(*row)


def list_revisions(connection: Connection) -> list[Revision]:
    """All revisions, newest first."""
    return [Revision(*row) for row in connection.execute(select(*_COLUMNS).order_by(table.c.number.desc()))]


def read_actors(connection: Connection) -> dict[int, str]:
    """Revision -> who published it."""
    return {row.number: row.actor for row in connection.execute(select(table.c.number, table.c.actor))}
