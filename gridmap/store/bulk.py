"""Filling empty tables: indexes, keys and FORCEd policies are taken away before and put back after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Table, text

# What is taken away, in this order; it is built anew in the opposite one. Foreign keys lean on the keys they name.
_KEYS = text(
    """
    SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE (conrelid = ANY(CAST(:tables AS regclass[])) AND contype IN ('p', 'u', 'f'))
       OR (confrelid = ANY(CAST(:tables AS regclass[])) AND contype = 'f')
    ORDER BY contype <> 'f', conname
    """
)
_INDEXES = text(
    """
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = ANY(CAST(:tables AS regclass[]))
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    ORDER BY 1
    """
)

_FORCED = text("SELECT relname FROM pg_class WHERE relforcerowsecurity AND relnamespace = 'public'::regnamespace")


@contextmanager
def bulk_filling(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Fill tables that nobody else uses yet; RuleBroken at the end when the rows break one of their keys.

    The tables are locked against readers until the transaction ends, and an error in between must end it.
    """
    # Whoever takes the keys away owns the tables; without FORCE the owner may COPY into them.
    forced = set(connection.execute(_FORCED).scalars())
    bound = [table.name for table in tables if table.name in forced]
    for name in bound:
        connection.execute(text(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"))
    named = {"tables": [table.name for table in tables]}
    keys = connection.execute(_KEYS, named).all()
    indexes = connection.execute(_INDEXES, named).all()
    for key in keys:
        connection.execute(text(f'ALTER TABLE {key.owner} DROP CONSTRAINT "{key.name}"'))
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index.name}"))
    yield
    for index in indexes:
        connection.execute(text(index.definition))
    for key in reversed(keys):
        connection.execute(text(f'ALTER TABLE {key.owner} ADD CONSTRAINT "{key.name}" {key.definition}'))
    for name in bound:
        connection.execute(text(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"))
