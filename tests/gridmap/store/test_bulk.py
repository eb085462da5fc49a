"""Tables filled without their indexes have all of them afterwards, and rows that break a key are refused."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gridmap.store import tables
from gridmap.store.bulk import bulk_filling
from gridmap.store.database import Connection

FILLED = (tables.element, tables.building, tables.element_placement)


def keys_and_indexes(connection: Connection) -> list[tuple[object, ...]]:
    query = text(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid::regclass::text NOT LIKE 'pg_%' UNION ALL "
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"
    )
    return [tuple(row) for row in connection.execute(query)]


def test_everything_stands_again_afterwards(connection: Connection) -> None:
    before = keys_and_indexes(connection)
    with bulk_filling(connection, FILLED):
        assert len(keys_and_indexes(connection)) < len(before) - 8
    assert keys_and_indexes(connection) == before


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE element SET external_id = 'same'", "uq_element_source_external_id"),
        ("DELETE FROM element WHERE id IN (SELECT element_id FROM building LIMIT 1)", "fk_building_element_id"),
    ],
)
def test_what_breaks_a_key_is_refused(connection: Connection, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), bulk_filling(connection, FILLED):
        connection.execute(text(statement))
