"""How far in Web Mercator what is drawn reaches. Imports ``tables``."""

from __future__ import annotations

from sqlalchemy import Connection, text

Box = tuple[float, float, float, float]

_GRID = text(
    "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM ("
    "SELECT ST_Extent(geom) AS box FROM cell_band "
    "WHERE first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision)) AS every"
)
_IN_DEGREES = (
    "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM ("
    "SELECT ST_Transform(ST_SetSRID(ST_Extent(geom)::geometry, 4326), 3857) AS box FROM {}) AS every"
)
_PARTS = {"overlays": text(_IN_DEGREES.format("overlay")), "lines": text(_IN_DEGREES.format("line"))}


def read_extent(connection: Connection, revision: int, part: str | None) -> Box | None:
    """West, south, east, north of the grid's bands at a revision, or of overlays or lines; None without any."""
    query = _GRID if part is None else _PARTS[part]
    row = connection.execute(query, {"revision": revision} if part is None else {}).one()
    return None if row[0] is None else (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
