"""Releases: what is counted for one, its rows once made, and reading them back. A release is written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, insert, select, text

from gridmap.errors import NotFound
from gridmap.model import CELL_LEVEL
from gridmap.releases.rows import restore_table, stored_rows
from gridmap.releases.suppression import HIDDEN, Table
from gridmap.releases.tree import Codes, Longs, Tree, build_tree
from gridmap.store import tables
from gridmap.store.packed import copy_packed

# Placements valid at the revision; cell 0 is outside.
_VALID = "first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision)"

_INCIDENTS = text(
    f"""
    SELECT incident.category, coalesce(cell_id, 0) AS cell_id, count(*) AS count
    FROM incident JOIN incident_placement ON incident_id = incident.id
    WHERE {_VALID} AND happened_at >= :begins AND happened_at < :ends GROUP BY 1, 2
    """  # noqa: S608 - the part is a constant of this module
)

_ELEMENTS = text(
    f"""
    SELECT element.class AS category, coalesce(cell_id, 0) AS cell_id, count(*) AS count
    FROM element JOIN element_placement ON element_id = element.id
    WHERE {_VALID} AND (element.class <> 'person' OR element.id > :after) GROUP BY 1, 2
    """  # noqa: S608 - the part is a constant of this module
)

_TREE_CELLS = text(
    """
    SELECT cell.code, cell.community, release_cell.hex FROM release_cell
    JOIN cell ON cell.id = release_cell.cell_id AND cell.revisions @> release_cell.revision
    WHERE release_cell.revision = :revision
    """
)

_TREE_AREAS = text("SELECT level, code, parent FROM area WHERE revisions @> CAST(:revision AS integer)")

_CELLS_TOUCHING = text(
    """
    SELECT code FROM cell WHERE revisions @> CAST(:revision AS integer)
      AND ST_Intersects(geom, ST_MakeEnvelope(:west, :south, :east, :north, 4326))
    """
)

_AREAS_TOUCHING = text(
    """
    SELECT code FROM area_shape WHERE revisions @> CAST(:revision AS integer) AND level = :level
      AND ST_Intersects(geom, ST_MakeEnvelope(:west, :south, :east, :north, 4326))
    """
)


@dataclass(frozen=True, slots=True)
class Release:
    """The record of one release: its month, the revision it was made on and when."""

    period: str
    begins: datetime
    ends: datetime
    revision: int
    made_at: datetime
    actor: str
    last_element: int | None


@dataclass(frozen=True, slots=True)
class TableHead:
    """A table of a release without its rows; hidden counts are None. ``category`` is empty but for incidents."""

    subject: str
    category: str
    least: int
    inside: int | None
    outside: int | None


_COLUMNS = tuple(tables.release.c)
_HEAD = tuple(tables.release_table.c)[1:]


def highest_element(connection: Connection) -> int:
    """The highest id of an element, 0 without any; ids rise, so what comes later has a higher one."""
    return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM element")).scalar_one())


def last_counted_element(connection: Connection) -> int:
    """The highest id up to which persons are counted in a release; 0 before the first."""
    query = text("SELECT coalesce(max(last_element), 0) FROM release")
    return int(connection.execute(query).scalar_one())


def count_incidents(
    connection: Connection, revision: int, begins: datetime, ends: datetime
) -> list[tuple[str, int, int]]:
    """(category, cell id or 0, count) of the incidents that happened in the half-open time."""
    given = {"revision": revision, "begins": begins, "ends": ends}
    return [tuple(row) for row in connection.execute(_INCIDENTS, given)]


def count_elements(connection: Connection, revision: int, after: int) -> list[tuple[str, int, int]]:
    """(class, cell id or 0, count) of elements; of persons only those with an id above ``after``."""
    given = {"revision": revision, "after": after}
    return [tuple(row) for row in connection.execute(_ELEMENTS, given)]


def insert_release(connection: Connection, release: Release) -> None:
    """The record of a release; RuleBroken when its period has one."""
    names = [column.name for column in _COLUMNS]
    connection.execute(insert(tables.release).values({name: getattr(release, name) for name in names}))


def insert_table(connection: Connection, period: str, head: TableHead, tree: Tree, table: Table) -> int:
    """A table of a release and the rows of it that show; returns how many rows."""
    names = [column.name for column in _HEAD]
    values = {name: getattr(head, name) for name in names}
    connection.execute(insert(tables.release_table).values(period=period, **values))
    stored = stored_rows(tree, table)
    tops = np.concatenate([tree.tops(level)[at] for level, at in stored])
    texts = {
        "top": tops,
        "period": _repeated(period, len(tops)),
        "subject": _repeated(head.subject, len(tops)),
        "category": _repeated(head.category, len(tops)),
        "level": np.concatenate([_repeated(tree.levels[level], len(at)) for level, at in stored]),
        "code": np.concatenate([tree.codes[level][at] for level, at in stored]),
    }
    counts = np.concatenate([table.counts[level][at] for level, at in stored])
    if len(tops):
        columns = {name: pa.array(column, pa.string()) for name, column in texts.items()}
        copy_packed(connection, tables.release_row.name, {**columns, "count": pa.array(counts)})
    return len(tops)


def has_tree(connection: Connection, revision: int) -> bool:
    """Whether a release was made on this revision before."""
    table = tables.release_cell
    query = select(table.c.cell_id).where(table.c.revision == revision).limit(1)
    return connection.execute(query).first() is not None


def insert_tree_cells(connection: Connection, revision: int, cell_ids: Sequence[int], hexes: Longs) -> None:
    """The hexes of resolution 9 of the label points of a revision's cells."""
    columns = {
        "revision": pa.array(np.full(len(hexes), revision, np.int32)),
        "cell_id": pa.array(cell_ids, pa.int32()),
        "hex": pa.array(hexes, pa.int64()),
    }
    copy_packed(connection, tables.release_cell.name, columns)


def read_tree(connection: Connection, revision: int, levels: Sequence[str]) -> Tree:
    """The tree that releases on this revision count over."""
    areas = [tuple(row) for row in connection.execute(_TREE_AREAS, {"revision": revision})]
    cells = connection.execute(_TREE_CELLS, {"revision": revision}).all()
    hexes = np.array([row.hex for row in cells], np.int64)
    return build_tree(revision, levels, areas, [(row.code, row.community) for row in cells], hexes)


def list_releases(connection: Connection) -> list[Release]:
    """All releases, the newest month first."""
    query = select(*_COLUMNS).order_by(tables.release.c.period.desc())
    return [Release(*row) for row in connection.execute(query)]


def list_periods(connection: Connection, subject: str) -> list[str]:
    """The months whose releases count a subject, the newest first."""
    table = tables.release_table
    query = select(table.c.period).distinct().where(table.c.subject == subject).order_by(table.c.period.desc())
    return list(connection.execute(query).scalars())


def read_release(connection: Connection, period: str) -> Release:
    """The release of a month; NotFound when there is none."""
    row = connection.execute(select(*_COLUMNS).where(tables.release.c.period == period)).one_or_none()
    if row is None:
        raise NotFound(f"no release of {period}")
    return Release(*row)


def list_tables(connection: Connection, period: str, subject: str | None = None) -> list[TableHead]:
    """The tables of a release, of one subject if named, by subject and category."""
    table = tables.release_table
    query = select(*_HEAD).where(table.c.period == period).order_by(table.c.subject, table.c.category)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    return [TableHead(*row) for row in connection.execute(query)]


def read_table(connection: Connection, period: str, head: TableHead, tree: Tree) -> Table:
    """A table with what shows of it."""
    row = tables.release_row
    query = select(row.c.level, row.c.code, row.c["count"]).where(
        row.c.period == period, row.c.subject == head.subject, row.c.category == head.category
    )
    found: Iterable[tuple[str, str, int]] = (tuple(each) for each in connection.execute(query))
    return restore_table(tree, found, HIDDEN if head.outside is None else head.outside)


def codes_touching(
    connection: Connection, revision: int, level: str, bbox: tuple[float, float, float, float]
) -> set[str]:
    """The cells, or the areas of a level, that touch west, south, east, north in degrees."""
    box = dict(zip(("west", "south", "east", "north"), bbox, strict=True))
    query = _CELLS_TOUCHING if level == CELL_LEVEL else _AREAS_TOUCHING
    return set(connection.execute(query, {"revision": revision, "level": level, **box}).scalars())


def _repeated(value: str, count: int) -> Codes:
    return np.full(count, value, dtype=object)
