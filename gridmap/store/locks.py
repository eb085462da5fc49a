"""What a load holds until its transaction ends, so that neither a publish nor a second load comes between."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text


def lock_revision(connection: Connection) -> None:
    """Keep the current revision current until the transaction ends; a publish under way is waited for.

    The lock is one that inserting a revision must wait for, so no publish can forget it. Loads share it, and
    nobody who only reads is held up.
    """
    connection.execute(text("LOCK TABLE revision IN SHARE MODE"))


def lock_data(connection: Connection) -> None:
    """Keep loads and publishes away until the transaction ends; those under way are waited for.

    It conflicts with the lock of :func:`lock_revision`, which every writer of elements and incidents takes first;
    so afterwards no id is given out that is not yet seen. Nobody who only reads is held up.
    """
    connection.execute(text("LOCK TABLE revision IN SHARE ROW EXCLUSIVE MODE"))


def limit_waiting(connection: Connection, seconds: int) -> None:
    """Wait no longer for any lock in this transaction; after that the answer is Unavailable."""
    connection.execute(text("SELECT set_config('lock_timeout', :timeout, true)"), {"timeout": f"{seconds}s"})


def lock_sources(connection: Connection, sources: Sequence[str], say: Callable[[str], None] | None = None) -> None:
    """Be the only one that writes these sources until the transaction ends.

    When another load has one of them, ``say`` is told and it is waited for. They are taken in one order, so that
    two loads never wait for each other.
    """
    for source in sorted(set(sources)):
        key = {"source": f"gridmap source {source}"}
        taken = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:source, 0))")
        if connection.execute(taken, key).scalar_one():
            continue
        if say is not None:
            say(f"another load of the source {source!r} is under way; waiting for its end")
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 0))"), key)
