"""API keys: only their hashes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select

from gridmap.coverage.snapshot import Key
from gridmap.model import Actor
from gridmap.store import tables


def key_hash(text: str) -> str:
    """What is stored of a key. Keys are long random text, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


def insert_key(
    connection: Connection, key_id: str, text: str, actor: Actor, label: str, expires_at: datetime | None
) -> None:
    """Store a new key's hash with whom it stands for."""
    connection.execute(
        insert(tables.api_key).values(
            id=key_id,
            sha256=key_hash(text),
            role=actor.role,
            territories=list(actor.territories),
            label=label,
            expires_at=expires_at,
        )
    )


def read_keys(connection: Connection) -> Sequence[Key]:
    """The keys that are neither revoked nor expired."""
    table = tables.api_key
    alive = or_(table.c.expires_at.is_(None), table.c.expires_at > func.clock_timestamp())
    query = select(table).where(table.c.revoked_at.is_(None), alive).order_by(table.c.id)
    return [
        Key(row.sha256, Actor(row.id, row.role, tuple(row.territories)), row.expires_at)
        for row in connection.execute(query)
    ]
