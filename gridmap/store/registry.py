"""The registry: areas and cells of any revision, with counts by kind and, where asked for, their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from gridmap.errors import NotFound
from gridmap.model import CELL_KINDS

# The areas at or below which community lies: (ancestor, community) pairs of one revision.
_ABOVE = """
    WITH RECURSIVE above AS (
        SELECT code AS community, code, parent FROM area
        WHERE level = :lowest AND revisions @> CAST(:revision AS integer)
        UNION ALL
        SELECT above.community, area.code, area.parent
        FROM above JOIN area ON area.code = above.parent AND area.revisions @> CAST(:revision AS integer)
    )
"""

_KINDS = ", ".join(f"count(*) FILTER (WHERE cell.kind = '{kind}') AS {kind}" for kind in CELL_KINDS)

_AREAS = text(
    f"""
    {_ABOVE}, counted AS (
        SELECT above.code, count(*) AS cells, {_KINDS}
        FROM above JOIN cell ON cell.community = above.community AND cell.revisions @> CAST(:revision AS integer)
        GROUP BY above.code
    )
    SELECT area.code, area.level, area.name, area.parent, cells, {", ".join(CELL_KINDS)},
           CASE WHEN :shapes THEN ST_AsBinary(area_shape.geom) END AS wkb
    FROM area JOIN counted USING (code)
    LEFT JOIN area_shape ON :shapes AND area_shape.code = area.code
        AND area_shape.revisions @> CAST(:revision AS integer)
    WHERE area.revisions @> CAST(:revision AS integer)
      AND (CAST(:level AS text) IS NULL OR area.level = :level)
      AND (CAST(:code AS text) IS NULL OR area.code = :code)
      AND (CAST(:parent AS text) IS NULL OR area.parent = :parent)
      AND area.code > :after
    ORDER BY area.code LIMIT :limit
    """  # noqa: S608 - the parts are constants of this module
)

_CELLS = text(
    f"""
    {_ABOVE}
    SELECT cell.id, cell.code, cell.name, cell.kind, cell.services, cell.community,
           CASE WHEN :shapes THEN ST_AsBinary(cell.geom) END AS wkb
    FROM cell
    WHERE cell.revisions @> CAST(:revision AS integer)
      AND (CAST(:area AS text) IS NULL
           OR cell.community IN (SELECT community FROM above WHERE above.code = :area))
      AND (CAST(:kind AS text) IS NULL OR cell.kind = :kind)
      AND (CAST(:west AS float8) IS NULL
           OR ST_Intersects(cell.geom, ST_MakeEnvelope(:west, :south, :east, :north, 4326)))
      AND cell.code > :after
    ORDER BY cell.code LIMIT :limit
    """  # noqa: S608 - the parts are constants of this module
)

_CELL = text(
    """
    SELECT id, code, name, kind, services, community, lower(revisions) AS first,
           upper(revisions) - 1 AS last, ST_AsBinary(geom) AS wkb
    FROM cell WHERE code = :code AND lower(revisions) <= :revision ORDER BY lower(revisions) DESC LIMIT 1
    """
)

_SUCCESSORS = text(
    """
    SELECT cell.code, lineage.area_share, lineage.element_share
    FROM lineage JOIN cell ON cell.id = lineage.to_id AND cell.revisions @> lineage.revision
    WHERE lineage.from_id = :id AND lineage.revision = :revision ORDER BY lineage.area_share DESC, cell.code
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
    successors: Sequence[tuple[str, float, float | None]]


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
    given: dict[str, Any] = {"level": level, "code": code, "parent": parent, "after": after, "limit": limit}
    rows = connection.execute(_AREAS, {**given, "revision": revision, "lowest": lowest, "shapes": shapes})
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
    box = dict(zip(("west", "south", "east", "north"), bbox or (None,) * 4, strict=True))
    given: dict[str, Any] = {"area": area, "kind": kind, "after": after, "limit": limit, **box}
    rows = connection.execute(_CELLS, {**given, "revision": revision, "lowest": lowest, "shapes": shapes})
    return [_cell_row(row) for row in rows]


def read_cell(connection: Connection, revision: int, code: str) -> CellHistory:
    """A cell as it is at ``revision`` or last was before; NotFound when the code was never issued by then."""
    row = connection.execute(_CELL, {"code": code, "revision": revision}).one_or_none()
    if row is None:
        raise NotFound(f"no cell {code!r} up to revision {revision}")
    retired = row.last is not None and row.last < revision
    successors = []
    if retired:
        found = connection.execute(_SUCCESSORS, {"id": row.id, "revision": row.last + 1})
        successors = [(each.code, each.area_share, each.element_share) for each in found]
    return CellHistory(_cell_row(row), row.last if retired else None, successors)


def count_kinds(connection: Connection, revision: int) -> dict[str, int]:
    """Cells of a revision by kind; every kind is there."""
    query = text("SELECT kind, count(*) FROM cell WHERE revisions @> CAST(:revision AS integer) GROUP BY kind")
    counted = {row[0]: row[1] for row in connection.execute(query, {"revision": revision})}
    return {kind: counted.get(kind, 0) for kind in CELL_KINDS}


def _cell_row(row: Row[Any]) -> CellRow:
    return CellRow(row.id, row.code, row.name, row.kind, tuple(row.services), row.community, _bytes(row.wkb))


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)
