"""Streets, waters and walls as what bounds cells. Imports ``tables`` and ``papers.bounds``."""

from __future__ import annotations

import numpy as np
import shapely
from sqlalchemy import Connection, func, select

from gridmap.papers.bounds import CentreLines
from gridmap.store.tables import SRID, line

Box = tuple[float, float, float, float]


def read_centre_lines(connection: Connection, metric_crs: str, box: Box) -> CentreLines:
    """The lines that meet a box (west, south, east, north in degrees), by id."""
    query = (
        select(line.c.kind, line.c.name, line.c.road_class, func.ST_AsBinary(line.c.geom).label("wkb"))
        .where(line.c.geom.op("&&")(func.ST_MakeEnvelope(*box, SRID)))
        .order_by(line.c.id)
    )
    rows = connection.execute(query).all()
    shapes = np.asarray(shapely.from_wkb(np.array([bytes(row.wkb) for row in rows], dtype=object)), dtype=object)
    kinds, names, classes = (
        zip(*((row.kind, row.name, row.road_class) for row in rows), strict=True) if rows else ((),) * 3
    )
    return CentreLines(kinds, names, classes, shapes, metric_crs)
