"""The registry: areas and cells of any revision, with counts by kind and, where asked for, their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Subquery,
    cast,
    func,
    null,
    select,
    text,
)

from gridmap.errors import NotFound
from gridmap.model import CELL_KINDS
from gridmap.store import tables

_CELL = text(
    """
    SELECT id, code, name, kind, services, community, lower(revisions) AS first,
           upper(revisions) - 1 AS last, ST_AsBinary(geom) AS wkb
    FROM cell WHERE code = :code AND lower(revisions) <= :revision ORDER BY lower(revisions) DESC LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class AreaRow:
    """An area of the registry with its cells counted; ``wkb`` is its derived shape where asked for."""

    code: str
    level: str
    name: str
    parent: str | None
    cells: int
    kinds: dict[str, int]
    wkb: bytes | None


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell of the registry; ``wkb`` is its polygon where asked for."""

    id: int
    code: str
    name: str
    kind: str
    services: tuple[str, ...]
    community: str
    wkb: bytes | None


@dataclass(frozen=True, slots=True)
class CellHistory:
    """A cell's row at or before a revision; ``last`` is None while it is valid, else its last revision."""

    cell: CellRow
    last: int | None


def valid_in(revisions: ColumnElement[Any], revision: int) -> ColumnElement[bool]:
    """The condition that a range of revisions has this one."""
    return revisions.op("@>", is_comparison=True)(cast(revision, Integer))


def counted_areas(revision: int, lowest: str) -> Subquery:
    """Every area with cells at ``revision``: ``code``, ``cells``, and a column for each kind."""
    above, cell = _above(revision, lowest), tables.cell
    kinds = (func.count().filter(cell.c.kind == kind).label(kind) for kind in CELL_KINDS)
    query = (
        select(above.c.code, func.count().label("cells"), *kinds)
        .join(cell, (cell.c.community == above.c.community) & valid_in(cell.c.revisions, revision))
        .group_by(above.c.code)
    )
    return query.subquery("counted")


def communities_below(codes: Sequence[str], revision: int, lowest: str) -> Select[Any]:
    """A query for the codes of the lowest areas that are one of ``codes`` or lie below one."""
    above = _above(revision, lowest)
    return select(above.c.community).where(above.c.code.in_(codes))


def _above(revision: int, lowest: str) -> CTE:
    """Pairs of a lowest area, ``community``, and an area at or above it, ``code``."""
    area = tables.area
    lowest_ones = select(area.c.code.label("community"), area.c.code, area.c.parent).where(
        area.c.level == lowest, valid_in(area.c.revisions, revision)
    )
    above = lowest_ones.cte("above", recursive=True)
    step = select(above.c.community, area.c.code, area.c.parent).join(
        area, (area.c.code == above.c.parent) & valid_in(area.c.revisions, revision)
    )
    return above.union_all(step)


def _octets(geometry: ColumnElement[Any], wanted: bool) -> ColumnElement[Any]:
    return (func.ST_AsBinary(geometry) if wanted else null()).label("wkb")


def read_areas(
    connection: Connection,
    revision: int,
    lowest: str,
    *,
    level: str | None = None,
    code: str | None = None,
    parent: str | None = None,
    after: str = "",
    limit: int = 10_000,
    shapes: bool = False,
) -> list[AreaRow]:
    """Areas at ``revision`` by code, beginning after one; ``lowest`` is the city's lowest level."""
    area, shape = tables.area, tables.area_shape
    counted = counted_areas(revision, lowest)
    query = (
        select(
            *(area.c[name] for name in ("code", "level", "name", "parent")),
            *(counted.c[name] for name in ("cells", *CELL_KINDS)),
            _octets(shape.c.geom, shapes),
        )
        .join(counted, counted.c.code == area.c.code)
        .where(valid_in(area.c.revisions, revision), area.c.code > after)
        .order_by(area.c.code)
        .limit(limit)
    )
    if shapes:
        query = query.outerjoin(shape, (shape.c.code == area.c.code) & valid_in(shape.c.revisions, revision))
    for name, value in (("level", level), ("code", code), ("parent", parent)):
        if value is not None:
            query = query.where(area.c[name] == value)
    rows = connection.execute(query)
    return [
        AreaRow(
            row.code,
            row.level,
            row.name,
            row.parent,
            row.cells,
            {kind: getattr(row, kind) for kind in CELL_KINDS},
            _bytes(row.wkb),
        )
        for row in rows
    ]


def read_cells(
    connection: Connection,
    revision: int,
    lowest: str,
    *,
    area: str | None = None,
    kind: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    after: str = "",
    limit: int = 10_000,
    shapes: bool = False,
) -> list[CellRow]:
    """Cells at ``revision`` by code, beginning after one; ``bbox`` is west, south, east, north in degrees."""
    cell = tables.cell
    query = (
        select(
            *(cell.c[name] for name in ("id", "code", "name", "kind", "services", "community")),
            _octets(cell.c.geom, shapes),
        )
        .where(valid_in(cell.c.revisions, revision), cell.c.code > after)
        .order_by(cell.c.code)
        .limit(limit)
    )
    if area is not None:
        query = query.where(cell.c.community.in_(communities_below([area], revision, lowest)))
    if kind is not None:
        query = query.where(cell.c.kind == kind)
    if bbox is not None:
        query = query.where(func.ST_Intersects(cell.c.geom, func.ST_MakeEnvelope(*bbox, tables.SRID)))
    rows = connection.execute(query)
    return [_cell_row(row) for row in rows]


def read_cell(connection: Connection, revision: int, code: str) -> CellHistory:
    """A cell as it is at ``revision`` or last was before; NotFound when the code was never issued by then."""
    row = connection.execute(_CELL, {"code": code, "revision": revision}).one_or_none()
    if row is None:
        raise NotFound(f"no cell {code!r} up to revision {revision}")
    retired = row.last is not None and row.last < revision
    return CellHistory(_cell_row(row), row.last if retired else None)


def read_cell_by_id(connection: Connection, revision: int, cell_id: int) -> CellRow:
    """The cell with this id at a revision, without its shape; NotFound when it had none."""
    cell = tables.cell
    columns = (cell.c[name] for name in ("id", "code", "name", "kind", "services", "community"))
    query = select(*columns, null().label("wkb")).where(cell.c.id == cell_id, valid_in(cell.c.revisions, revision))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no cell with the id {cell_id} in revision {revision}")
    return _cell_row(row)


def count_kinds(connection: Connection, revision: int) -> dict[str, int]:
    """Cells of a revision by kind; every kind is there."""
    query = text("SELECT kind, count(*) FROM cell WHERE revisions @> CAST(:revision AS integer) GROUP BY kind")
    counted = {row[0]: row[1] for row in connection.execute(query, {"revision": revision})}
    return {kind: counted.get(kind, 0) for kind in CELL_KINDS}


def _cell_row(row: Row[*tuple[Any, ...]]) -> CellRow:
    return CellRow(row.id, row.code, row.name, row.kind, tuple(row.services), row.community, _bytes(row.wkb))


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)
