"""API keys: only their hashes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, text, update

from gridmap.coverage.snapshot import Key
from gridmap.model import Actor
from gridmap.store import tables
from gridmap.store.places import territory_chain


def key_hash(text: str) -> str:
    """What is stored of a key. Keys are long random text, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """All that is known of a key: whom it stands for, who gave it, when it ends, and the day of its last use."""

    id: str
    holder: Actor
    label: str
    origins: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_on: date | None

    @property
    def state(self) -> str:
        """``revoked``, ``expired`` or ``valid``."""
        if self.revoked_at is not None:
            return "revoked"
        ended = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return "expired" if ended else "valid"

    def fields(self) -> dict[str, Any]:
        """All of it in one row, as it is shown."""
        return {
            "id": self.id,
            "holder": self.holder.id,
            "role": self.holder.role,
            "territories": list(self.holder.territories),
            "scopes": list(self.holder.scopes),
            "origins": list(self.origins),
            "label": self.label,
            "state": self.state,
            "created_by": self.created_by,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
            "revoked_by": self.revoked_by,
            "last_used_on": self.last_used_on,
        }


def insert_key(
    connection: Connection,
    key_id: str,
    text: str,
    actor: Actor,
    label: str,
    expires_at: datetime | None,
    origins: Sequence[str] = (),
    created_by: str = "",
) -> None:
    """Store a new key's hash with whom it stands for."""
    connection.execute(
        insert(tables.api_key).values(
            id=key_id,
            holder=actor.id,
            sha256=key_hash(text),
            role=actor.role,
            territories=list(actor.territories),
            scopes=list(actor.scopes),
            origins=list(origins),
            label=label,
            created_by=created_by,
            expires_at=expires_at,
        )
    )


def read_keys(connection: Connection) -> Sequence[Key]:
    """The keys that are neither revoked nor expired."""
    table = tables.api_key
    alive = or_(table.c.expires_at.is_(None), table.c.expires_at > func.clock_timestamp())
    query = select(table).where(table.c.revoked_at.is_(None), alive).order_by(table.c.id)
    return [
        Key(row.sha256, _holder(row), row.expires_at, row.id, tuple(row.origins))
        for row in connection.execute(query)
    ]


def list_keys(connection: Connection) -> Sequence[KeyRecord]:
    """Every key that was given out, the newest first."""
    query = select(tables.api_key).order_by(tables.api_key.c.created_at.desc(), tables.api_key.c.id)
    return [_record(row) for row in connection.execute(query)]


def find_key(connection: Connection, key_id: str) -> KeyRecord | None:
    """A key by its id; None when there is none."""
    row = connection.execute(select(tables.api_key).where(tables.api_key.c.id == key_id)).one_or_none()
    return None if row is None else _record(row)


def _holder(row: Row[tuple[object, ...]]) -> Actor:
    return Actor(row.holder, row.role, tuple(row.territories), tuple(row.scopes))


def _record(row: Row[tuple[object, ...]]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        holder=_holder(row),
        label=row.label,
        origins=tuple(row.origins),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        last_used_on=row.last_used_on,
    )


def lock_holder(connection: Connection, holder: str) -> None:
    """Give no other key to the same holder until the transaction ends."""
    locked = text("SELECT pg_advisory_xact_lock(hashtextextended('gridmap holder ' || :holder, 0))")
    connection.execute(locked, {"holder": holder})


def roles_of(connection: Connection, holder: str) -> set[str]:
    """The roles of all keys that the holder ever had."""
    query = select(tables.api_key.c.role).where(tables.api_key.c.holder == holder)
    return set(connection.execute(query).scalars())


def revoke(connection: Connection, key_id: str, by: str) -> None:
    """End a key and the sessions that were begun with it; a key that is revoked stays as it is."""
    table = tables.api_key
    ended = update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None))
    connection.execute(ended.values(revoked_at=func.clock_timestamp(), revoked_by=by))
    connection.execute(delete(tables.session).where(tables.session.c.key_id == key_id))


def note_used(connection: Connection, key_ids: Collection[str], day: date) -> None:
    """Say that these keys were used on a day."""
    table = tables.api_key
    older = or_(table.c.last_used_on.is_(None), table.c.last_used_on < day)
    connection.execute(update(table).where(table.c.id.in_(key_ids), older).values(last_used_on=day))


def place_chain(connection: Connection, code: str) -> tuple[str, ...]:
    """A cell's or area's code and those above it in the current revision; empty when there is no such place."""
    return territory_chain(connection, "cell", code) or territory_chain(connection, "", code)
