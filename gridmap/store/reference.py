"""Reference layers that the grid is checked against: outlines, street and water lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection

from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.copy import copy_rows, geometry_column


def insert_outlines(connection: Connection, outlines: Mapping[str, Sequence[Any]], shapes: Geometries) -> None:
    """Reference multipolygons: columns ``level, code, name, source`` and ``dated`` (dates or None)."""
    rows = {name: pa.array(outlines[name], pa.string()) for name in ("level", "code", "name", "source")}
    rows["dated"] = pa.array(outlines["dated"], pa.date32())
    rows["geom"] = geometry_column(shapes)
    copy_rows(connection, tables.outline, pa.table(rows))


def insert_lines(connection: Connection, lines: Mapping[str, Sequence[Any]], shapes: Geometries) -> None:
    """Centre lines: columns ``id, kind``, and ``name, road_class`` (text or None)."""
    rows = {name: pa.array(lines[name], pa.string()) for name in ("id", "kind", "name", "road_class")}
    rows["geom"] = geometry_column(shapes)
    copy_rows(connection, tables.line, pa.table(rows))
