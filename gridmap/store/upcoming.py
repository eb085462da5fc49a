"""Drafts that have a time: the cells that will change then, for look-ups to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, func, insert, select

from gridmap.coverage.upcoming import Upcoming
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.copy import copy_rows, geometry_column


def write_upcoming(
    connection: Connection, draft: int, begins: datetime, gone: Sequence[str], cells: Mapping[str, BaseGeometry]
) -> None:
    """What a scheduled draft will change; replaces what was written of it before."""
    drop_upcoming(connection, draft)
    connection.execute(insert(tables.upcoming).values(draft=draft, begins=begins, gone=list(gone)))
    shapes: Geometries = np.empty(len(cells), object)
    shapes[:] = list(cells.values())
    rows = {
        "draft": pa.array(np.full(len(cells), draft, np.int32)),
        "code": list(cells),
        "geom": geometry_column(shapes),
    }
    copy_rows(connection, tables.upcoming_cell, pa.table(rows))


def drop_upcoming(connection: Connection, draft: int) -> None:
    """Tell no more of a draft: it is published, or has no time any more."""
    connection.execute(delete(tables.upcoming).where(tables.upcoming.c.draft == draft))


def read_upcoming(connection: Connection) -> tuple[Upcoming, ...]:
    """All drafts that have a time, the earliest first."""
    head, cell = tables.upcoming, tables.upcoming_cell
    query = select(cell.c.draft, cell.c.code, func.ST_AsBinary(cell.c.geom).label("wkb")).order_by(cell.c.code)
    drawn: dict[int, list[tuple[str, bytes]]] = {}
    for row in connection.execute(query):
        drawn.setdefault(row.draft, []).append((row.code, bytes(row.wkb)))
    rows = connection.execute(select(head).order_by(head.c.begins, head.c.draft)).all()
    found = []
    for row in rows:
        codes = tuple(code for code, _ in drawn.get(row.draft, []))
        shapes = shapely.from_wkb(np.array([wkb for _, wkb in drawn.get(row.draft, [])], object))
        found.append(Upcoming(row.draft, row.begins, frozenset(row.gone), codes, shapes))
    return tuple(found)
