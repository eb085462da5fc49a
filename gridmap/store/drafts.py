"""Drafts and their edits: read, written and locked. What stands beside the edits is in ``reviews``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, literal, or_, select, update

from gridmap.errors import NotFound
from gridmap.model import Actor
from gridmap.redraw.draft import Draft, RecordedEdit
from gridmap.store.tables import draft as table
from gridmap.store.tables import draft_edit

_COLUMNS = (
    table.c.id,
    table.c.name,
    table.c.base,
    table.c.owner,
    table.c.shared_with,
    table.c.state,
    table.c.version,
    table.c.places,
    table.c.made_at,
    table.c.changed_at,
    table.c.publish_at,
    table.c.publisher,
    table.c.revision,
    table.c.problem,
    table.c.reason,
)


def insert_draft(connection: Connection, actor: Actor, name: str, base: int, reason: str = "") -> Draft:
    """A new draft without edits, owned by the actor."""
    values = {"name": name, "base": base, "owner": actor.id, "reason": reason}
    return _draft(connection.execute(insert(table).values(values).returning(*_COLUMNS)).one())


def find_draft(connection: Connection, draft: int, *, lock: bool = False) -> Draft | None:
    """The draft with a number, or None. With ``lock`` nobody else changes it until the transaction ends."""
    query = select(*_COLUMNS).where(table.c.id == draft)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _draft(row)


def list_drafts(connection: Connection, actor_id: str | None, states: Collection[str]) -> list[Draft]:
    """Drafts in some states, newest first; ``actor_id`` leaves those that are this actor's or shared with them."""
    query: Select[Any] = select(*_COLUMNS).where(table.c.state == func.any(list(states)))
    if actor_id is not None:
        query = query.where(or_(table.c.owner == actor_id, literal(actor_id) == func.any(table.c.shared_with)))
    return [_draft(row) for row in connection.execute(query.order_by(table.c.id.desc()))]


def list_due(connection: Connection, now: datetime) -> list[int]:
    """The numbers of scheduled drafts whose time has come, the earliest first."""
    due = select(table.c.id).where(table.c.state == "scheduled", table.c.publish_at <= now)
    return list(connection.execute(due.order_by(table.c.publish_at, table.c.id)).scalars())


def update_draft(connection: Connection, draft: int, **values: object) -> Draft:
    """Change some columns, and when it was changed last; returns the draft as it is then."""
    statement = update(table).where(table.c.id == draft).values(changed_at=func.clock_timestamp(), **values)
    row = connection.execute(statement.returning(*_COLUMNS)).one_or_none()
    if row is None:
        raise NotFound(f"no draft {draft}")
    return _draft(row)


def find_by_notice(connection: Connection, sha256: str) -> Draft | None:
    """The draft that a public notice's link shows."""
    row = connection.execute(select(*_COLUMNS).where(table.c.notice_sha256 == sha256)).one_or_none()
    return None if row is None else _draft(row)


def read_edits(connection: Connection, draft: int) -> list[RecordedEdit]:
    """All edits in their order; undone ones are the last."""
    names = ("seq", "meant", "actor", "made_at", "undone", "weights")
    query = select(*(draft_edit.c[name] for name in names)).where(draft_edit.c.draft == draft)
    rows = connection.execute(query.order_by(draft_edit.c.seq))
    return [
        RecordedEdit(
            row.seq,
            row.meant,
            row.actor,
            row.made_at,
            row.undone,
            None if row.weights is None else tuple(row.weights),
        )
        for row in rows
    ]


def append_edit(
    connection: Connection,
    draft: int,
    actor: Actor,
    meant: Mapping[str, object],
    weights: Sequence[float] | None,
    standing: Sequence[RecordedEdit],
) -> int:
    """Record an edit after the ``standing`` ones; what was undone before it can no longer be redone."""
    kept = sum(not edit.undone for edit in standing)
    connection.execute(delete(draft_edit).where(draft_edit.c.draft == draft, draft_edit.c.undone))
    values = {"draft": draft, "seq": kept + 1, "meant": dict(meant), "actor": actor.id}
    connection.execute(insert(draft_edit).values(**values, weights=None if weights is None else list(weights)))
    return kept + 1


def mark_edit(connection: Connection, draft: int, seq: int, *, undone: bool) -> None:
    """Undo or redo one edit."""
    chosen = (draft_edit.c.draft == draft, draft_edit.c.seq == seq)
    connection.execute(update(draft_edit).where(*chosen).values(undone=undone))


def _draft(row: Row[*tuple[Any, ...]]) -> Draft:
    values = dict(row._mapping)
    lists = {name: tuple(values[name]) for name in ("shared_with", "places")}
    return Draft(**{**values, **lists})
