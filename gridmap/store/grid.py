"""Cells, areas and derived shapes of a revision: written by publishing and loading, read as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import ColumnElement, Connection, Table, func, not_, select, text, update

from gridmap.model import Area, Cell
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.copy import array_column, copy_rows, geometry_column


def reserve_cell_ids(connection: Connection, count: int) -> list[int]:
    """``count`` cell ids that nobody else gets."""
    query = text("SELECT nextval('cell_id')::int FROM generate_series(1, :count)")
    return list(connection.execute(query, {"count": count}).scalars())


def insert_cells(connection: Connection, revision: int, cells: Sequence[Cell], shapes: Geometries) -> None:
    """Cells that are valid from ``revision`` on, with their polygons in EPSG:4326."""
    rows = {
        "id": pa.array([cell.id for cell in cells], pa.int32()),
        "code": [cell.code for cell in cells],
        "revisions": [f"[{revision},)"] * len(cells),
        "name": [cell.name for cell in cells],
        "kind": [cell.kind for cell in cells],
        "services": array_column([cell.services for cell in cells]),
        "community": [cell.community for cell in cells],
        "geom": geometry_column(shapes),
    }
    copy_rows(connection, tables.cell, pa.table(rows))


def insert_areas(connection: Connection, revision: int, areas: Sequence[Area]) -> None:
    """Areas that are valid from ``revision`` on."""
    rows = {
        "code": [area.code for area in areas],
        "level": [area.level for area in areas],
        "revisions": [f"[{revision},)"] * len(areas),
        "name": [area.name for area in areas],
        "parent": pa.array([area.parent for area in areas], pa.string()),
    }
    copy_rows(connection, tables.area, pa.table(rows))


def insert_area_shapes(
    connection: Connection, revision: int, level: str, codes: Sequence[str], shapes: Geometries
) -> None:
    """The derived polygons of a level's areas from ``revision`` on."""
    rows = {
        "code": list(codes),
        "level": [level] * len(codes),
        "revisions": [f"[{revision},)"] * len(codes),
        "geom": geometry_column(shapes),
    }
    copy_rows(connection, tables.area_shape, pa.table(rows))


def end_cells(connection: Connection, revision: int, cell_ids: Sequence[int]) -> None:
    """Let cells that are valid now end before ``revision``."""
    _end(connection, tables.cell, "id", revision, cell_ids)


def end_areas(connection: Connection, revision: int, codes: Sequence[str]) -> None:
    """Let areas that are valid now end before ``revision``."""
    _end(connection, tables.area, "code", revision, codes)


def end_area_shapes(connection: Connection, revision: int, codes: Sequence[str]) -> None:
    """Let derived polygons that are valid now end before ``revision``."""
    _end(connection, tables.area_shape, "code", revision, codes)


def _end(
    connection: Connection, table: Table, key: str, revision: int, chosen: Sequence[int] | Sequence[str]
) -> None:
    valid = func.int4range(func.lower(table.c.revisions), revision)
    going_on = (table.c[key] == func.any(list(chosen)), func.upper_inf(table.c.revisions))
    connection.execute(update(table).where(*going_on).values(revisions=valid))


def read_cells(connection: Connection, revision: int) -> tuple[list[Cell], Geometries]:
    """All cells valid at ``revision`` with their polygons."""
    return _cells(connection, tables.cell.c.revisions.contains(revision))


def read_cells_in(
    connection: Connection, revision: int, box: tuple[float, float, float, float]
) -> tuple[list[Cell], Geometries]:
    """The cells valid at ``revision`` that meet a box: west, south, east, north in degrees."""
    meets = tables.cell.c.geom.op("&&")(func.ST_MakeEnvelope(*box, tables.SRID))
    return _cells(connection, tables.cell.c.revisions.contains(revision), meets)


def _cells(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[list[Cell], Geometries]:
    table = tables.cell
    columns = (table.c.id, table.c.code, table.c.name, table.c.kind, table.c.community, table.c.services)
    wkb = func.ST_AsBinary(table.c.geom).label("wkb")
    rows = connection.execute(select(*columns, wkb).where(*conditions)).all()
    cells = [Cell(*row[:5], services=tuple(row.services)) for row in rows]
    return cells, _shapes([bytes(row.wkb) for row in rows])


def read_cells_not_at(connection: Connection, revision: int, other: int) -> tuple[list[Cell], Geometries]:
    """The cells valid at ``revision`` whose rows are not valid at ``other``, with their polygons."""
    valid = tables.cell.c.revisions.contains
    return _cells(connection, valid(revision), not_(valid(other)))


def read_codes_not_at(connection: Connection, revision: int, other: int) -> set[str]:
    """The codes of cells valid at ``revision`` whose rows are not valid at ``other``."""
    table = tables.cell
    valid = table.c.revisions.contains
    return set(connection.execute(select(table.c.code).where(valid(revision), not_(valid(other)))).scalars())


def read_cell_codes(connection: Connection, revision: int) -> dict[int, str]:
    """Cell id -> code of all cells valid at ``revision``."""
    table = tables.cell
    query = select(table.c.id, table.c.code).where(table.c.revisions.contains(revision))
    return {row.id: row.code for row in connection.execute(query)}


def read_codes_of(connection: Connection, cell_ids: Sequence[int], revision: int) -> dict[int, str]:
    """Cell id -> code at ``revision``, of those of some cells that are valid then."""
    table = tables.cell
    chosen = table.c.id + 0 == func.any(list(cell_ids))
    query = select(table.c.id, table.c.code).where(chosen, table.c.revisions.contains(revision))
    return {row.id: row.code for row in connection.execute(query)}


def read_areas(connection: Connection, revision: int) -> list[Area]:
    """All areas valid at ``revision``."""
    table = tables.area
    columns = (table.c.code, table.c.level, table.c.name, table.c.parent)
    query = select(*columns).where(table.c.revisions.contains(revision)).order_by(table.c.code)
    return [Area(*row) for row in connection.execute(query)]


def read_area_shapes(
    connection: Connection, revision: int, level: str, codes: Sequence[str] | None = None
) -> tuple[list[str], Geometries]:
    """Codes and stored derived polygons of a level at ``revision``, by code; of all its areas or of some."""
    table = tables.area_shape
    query = (
        select(table.c.code, func.ST_AsBinary(table.c.geom).label("wkb"))
        .where(table.c.revisions.contains(revision), table.c.level == level)
        .order_by(table.c.code)
    )
    if codes is not None:
        query = query.where(table.c.code == func.any(list(codes)))
    rows = connection.execute(query).all()
    return [row.code for row in rows], _shapes([bytes(row.wkb) for row in rows])


def _shapes(wkb: list[bytes]) -> Geometries:
    return np.asarray(shapely.from_wkb(np.array(wkb, dtype=object)), dtype=object)
