"""Placing many points by PostGIS alone, to compare: ``ST_Covers`` and the lowest code."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from gridmap.store.copy import copy_rows, point_column

_POINTS = sa.Table("placing_points", sa.MetaData(), sa.Column("row", sa.Integer), sa.Column("geom", sa.Text))

# The points have the index and the cells, held back from theirs, are the outer side: the faster way round.
_LOWEST = text(
    """
    WITH cells AS MATERIALIZED (
        SELECT code, geom FROM cell WHERE revisions @> CAST(:revision AS integer)
    )
    SELECT points.row, min(cells.code COLLATE "C") AS code
    FROM cells JOIN placing_points AS points ON ST_Covers(cells.geom, points.geom)
    GROUP BY points.row
    """
)


def lowest_covering(
    connection: Connection, revision: int, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> list[str | None]:
    """The lowest code of the cells of a revision that cover each point, None where none does, by PostGIS."""
    connection.execute(
        text("CREATE TEMPORARY TABLE placing_points (row integer, geom geometry(Point, 4326)) ON COMMIT DROP")
    )
    rows = pa.table({"row": pa.array(np.arange(len(lon), dtype=np.int32)), "geom": point_column(lon, lat)})
    copy_rows(connection, _POINTS, rows)
    connection.execute(text("CREATE INDEX ON placing_points USING gist (geom)"))
    connection.execute(text("ANALYZE placing_points"))
    found: list[str | None] = [None] * len(lon)
    for row, code in connection.execute(_LOWEST, {"revision": revision}):
        found[row] = code
    connection.execute(text("DROP TABLE placing_points"))
    return found
