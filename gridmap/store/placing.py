"""Placing many points by PostGIS alone, to compare: ``ST_Covers`` and the lowest code."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from gridmap.store.packed import copy_packed, point_octets
from gridmap.store.tables import SRID

_CELLS = "SELECT code, geom FROM cell WHERE revisions @> CAST(:revision AS integer)"
_JOIN = """
    SELECT points.row, min(cells.code COLLATE "C") AS code
    FROM cells JOIN placing_points AS points ON ST_Covers(cells.geom, points.geom)
    GROUP BY points.row
"""
PLANS = {
    # The points have the index and the cells, held back from theirs, are the outer side: the faster way round.
    "indexed_points": text(f"WITH cells AS MATERIALIZED ({_CELLS}) {_JOIN}"),
    # What a user writes, as the planner likes it.
    "own": text(f"WITH cells AS NOT MATERIALIZED ({_CELLS}) {_JOIN}"),
}


def lowest_covering(
    connection: Connection,
    revision: int,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    plan: str = "indexed_points",
) -> list[str | None]:
    """The lowest code of a revision's cells that cover each point, None where none does, as PostGIS has it."""
    connection.execute(
        text("CREATE TEMPORARY TABLE placing_points (row integer, geom geometry(Point, 4326)) ON COMMIT DROP")
    )
    rows = {"row": pa.array(np.arange(len(lon), dtype=np.int32)), "geom": point_octets(lon, lat, SRID)}
    copy_packed(connection, "placing_points", rows)
    if plan == "indexed_points":
        connection.execute(text("CREATE INDEX ON placing_points USING gist (geom)"))
    connection.execute(text("ANALYZE placing_points"))
    found: list[str | None] = [None] * len(lon)
    for row, code in connection.execute(PLANS[plan], {"revision": revision}):
        found[row] = code
    connection.execute(text("DROP TABLE placing_points"))
    return found
