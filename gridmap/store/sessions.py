"""Sessions of the pages: only the hashes of their cookies are kept, and nothing of one that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from gridmap.model import Actor
from gridmap.sessions import Session
from gridmap.store.tables import api_key, data_version, session

# The part of the data whose version says whether sessions have changed.
SESSIONS = "sessions"


def insert_session(
    connection: Connection, sha256: str, actor: Actor, key_id: str | None, expires_at: datetime
) -> None:
    """Store a new session."""
    connection.execute(
        insert(session).values(
            sha256=sha256,
            key_id=key_id,
            actor=actor.id,
            role=actor.role,
            territories=list(actor.territories),
            scopes=list(actor.scopes),
            expires_at=expires_at,
        )
    )


def end_session(connection: Connection, sha256: str) -> None:
    """Forget a session; one that is not there is forgotten already."""
    connection.execute(delete(session).where(session.c.sha256 == sha256))


def find_session(connection: Connection, sha256: str) -> Session | None:
    """A session by the hash of its cookie; None when there is none."""
    row = connection.execute(_QUERY.where(session.c.sha256 == sha256)).one_or_none()
    return None if row is None else _session(row)


def read_sessions(connection: Connection) -> dict[str, Session]:
    """All sessions, by the hashes of their cookies."""
    return {row.sha256: _session(row) for row in connection.execute(_QUERY)}


def read_versions(connection: Connection) -> dict[str, int]:
    """The versions of keys and sessions: what has the same has not changed."""
    query = select(data_version.c.part, data_version.c.version).where(data_version.c.part.in_(("keys", SESSIONS)))
    return {row.part: row.version for row in connection.execute(query)}


def note_seen(connection: Connection, seen: Mapping[str, datetime]) -> None:
    """Say when sessions were last seen, by any worker."""
    for sha256, at in seen.items():
        later = update(session).where(session.c.sha256 == sha256, session.c.seen_at < at)
        connection.execute(later.values(seen_at=at))


def forget_ended(connection: Connection, idle: timedelta) -> int:
    """Remove the sessions that have ended or were not seen for too long; returns how many."""
    now = func.clock_timestamp()
    ended = or_(session.c.expires_at < now, session.c.seen_at < now - idle)
    if connection.execute(select(func.count()).select_from(session).where(ended)).scalar_one() == 0:
        return 0  # removing none would tell all workers that something changed
    return connection.execute(delete(session).where(ended)).rowcount


_QUERY = select(session, api_key.c.sha256.label("key_sha256")).select_from(
    session.outerjoin(api_key, session.c.key_id == api_key.c.id)
)


def _session(row: Row[tuple[object, ...]]) -> Session:
    actor = Actor(row.actor, row.role, tuple(row.territories), tuple(row.scopes))
    return Session(row.sha256, actor, row.key_sha256, row.seen_at, row.expires_at)
