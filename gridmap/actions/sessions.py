"""Logging in to the pages and out again."""

from __future__ import annotations

import secrets
from datetime import datetime

from gridmap.errors import NotIdentified
from gridmap.model import PUBLIC, WORKER, Actor
from gridmap.store.database import Database
from gridmap.store.keys import key_hash
from gridmap.store.sessions import end_session, insert_session


def open_session(
    database: Database,
    actor: Actor,
    ends: datetime,
    key_id: str | None = None,
    instead_of: str | None = None,
) -> str:
    """Begin a session of ``actor`` and return what its cookie says, which is kept nowhere.

    One begun with a key ends with it. ``instead_of`` is the cookie of a session that ends now. NotIdentified for
    the public, who need no session.
    """
    if actor.role == PUBLIC.role:
        raise NotIdentified("this key stands for the public: there is nothing to log in to")
    cookie = secrets.token_urlsafe(32)
    with database.begin(WORKER) as connection:  # the server's own book
        if instead_of is not None:
            end_session(connection, key_hash(instead_of))
        insert_session(connection, key_hash(cookie), actor, key_id, ends)
    return cookie


def close_session(database: Database, cookie: str) -> None:
    """End a session."""
    with database.begin(WORKER) as connection:  # the server's own book
        end_session(connection, key_hash(cookie))
