"""Giving out keys."""

from __future__ import annotations

import secrets
from datetime import datetime

from gridmap.access import Action, require
from gridmap.errors import InvalidInput
from gridmap.model import PUBLIC, ROLES, Actor
from gridmap.store.database import Database
from gridmap.store.keys import insert_key


def create_key(
    database: Database, actor: Actor, holder: Actor, label: str, expires_at: datetime | None = None
) -> str:
    """Make a key that stands for ``holder`` and return its text, which is kept nowhere."""
    require(actor, Action.GIVE_KEYS)
    if holder.role not in ROLES or holder.role == PUBLIC.role:
        raise InvalidInput("role", holder.role, f"must be one of {', '.join(ROLES[1:])}")
    text = f"gm_{secrets.token_urlsafe(32)}"
    with database.begin(actor) as connection:
        insert_key(connection, holder.id, text, holder, label, expires_at)
    return text
