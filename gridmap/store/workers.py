"""Which workers serve the city now, and which revision each calls the current one."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from gridmap.store.tables import worker

# A worker that was not seen for so long is taken for dead; it may call a revision current for a shorter time only.
LEASE = timedelta(seconds=10)


def renew_worker(connection: Connection, worker_id: str, revision: int) -> None:
    """Say that a worker is alive and which revision it serves as the current one."""
    seen = {"revision": revision, "seen_at": func.clock_timestamp()}
    statement = insert(worker).values(id=worker_id, **seen)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=seen))


def end_worker(connection: Connection, worker_id: str) -> None:
    """Forget a worker that stops, and all that died."""
    dead = worker.c.seen_at < func.clock_timestamp() - 10 * LEASE
    connection.execute(delete(worker).where((worker.c.id == worker_id) | dead))


def count_behind(connection: Connection, revision: int) -> int:
    """How many workers that may be alive serve an earlier revision as the current one."""
    alive = worker.c.seen_at > func.clock_timestamp() - LEASE
    query = select(func.count()).select_from(worker).where(worker.c.revision < revision, alive)
    return int(connection.execute(query).scalar_one())
