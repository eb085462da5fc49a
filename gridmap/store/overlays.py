"""Overlays: polygons with posts of their own that lie over the grid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, func, select

from gridmap.model import Overlay
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.copy import copy_rows, geometry_column


def insert_overlays(connection: Connection, overlays: Sequence[Overlay], shapes: Geometries) -> None:
    """New overlays, valid without bounds; shapes are multipolygons in EPSG:4326."""
    rows = {
        "code": [overlay.code for overlay in overlays],
        "name": [overlay.name for overlay in overlays],
        "kind": [overlay.kind for overlay in overlays],
        "geom": geometry_column(shapes),
    }
    copy_rows(connection, tables.overlay, pa.table(rows))


def read_overlays(connection: Connection, at: datetime) -> tuple[list[Overlay], Geometries]:
    """The overlays valid at a time, by code, with their multipolygons."""
    table = tables.overlay
    query = select(table.c.code, table.c.name, table.c.kind, func.ST_AsBinary(table.c.geom).label("wkb"))
    rows = connection.execute(query.where(table.c.valid.op("@>")(at)).order_by(table.c.code)).all()
    wkb = np.array([bytes(row.wkb) for row in rows], dtype=object)
    return [Overlay(*row[:3]) for row in rows], np.asarray(shapely.from_wkb(wkb), dtype=object)
