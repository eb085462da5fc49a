"""Migrations: from nothing, twice, as a plain owner, and to exactly the tables of the metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.store.database import Connection, Database
from gridmap.store.migrate import newest, standing, upgrade
from gridmap.store.tables import metadata


@pytest.fixture(scope="module")
def migrated(make_database: Callable[[str], Database]) -> Database:
    return make_database("migrated")


@pytest.fixture
def open_connection(migrated: Database) -> Iterator[Connection]:
    with migrated.begin(OPERATOR) as connection:
        yield connection


def test_it_stands_at_the_newest(open_connection: Connection) -> None:
    assert standing(open_connection) == newest()


def test_a_second_time_changes_nothing(open_connection: Connection) -> None:
    def everything() -> list[object]:
        query = "SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
        return list(open_connection.execute(text(query)))

    before = everything()
    upgrade(open_connection)
    assert everything() == before


def test_the_database_is_what_the_metadata_says(open_connection: Connection) -> None:
    def ours(_obj: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return not (kind == "table" and name == "spatial_ref_sys")

    options = {"include_object": ours, "compare_type": True, "target_metadata": metadata}
    context = MigrationContext.configure(open_connection, opts=options)
    assert compare_metadata(context, metadata) == []


def _constraints(connection: Connection, kind: str) -> set[str]:
    query = (
        "SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid "
        "WHERE contype = :kind AND relnamespace = 'public'::regnamespace AND relname <> 'spatial_ref_sys'"
    )
    return set(connection.execute(text(query), {"kind": kind}).scalars())


@pytest.mark.parametrize(("kind", "of"), [("c", "CheckConstraint"), ("x", "ExcludeConstraint")])
def test_checks_and_exclusions_are_those_of_the_metadata(open_connection: Connection, kind: str, of: str) -> None:
    """Alembic compares neither."""
    wanted = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if type(constraint).__name__ == of
    }
    assert wanted
    assert _constraints(open_connection, kind) == wanted


def test_it_runs_as_an_owner_who_is_no_superuser(open_connection: Connection) -> None:
    query = text("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user")
    assert tuple(open_connection.execute(query).one()) == ("gridmap_owner", False)


def test_the_grid_indexes_by_place(open_connection: Connection) -> None:
    indexes = "SELECT tablename FROM pg_indexes WHERE indexdef LIKE '%USING gist (geom)%'"
    assert {"cell", "area_shape", "line", "overlay"} <= set(open_connection.execute(text(indexes)).scalars())


def test_codes_compare_by_bytes(open_connection: Connection) -> None:
    """Law 1's lowest code: every column that holds a code of the grid is COLLATE "C"."""
    query = (
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' "
        "AND column_name IN ('code', 'community', 'parent', 'territory', 'top', 'stated_cell')"
    )
    assert list(open_connection.execute(text(query)).scalars()) == []
