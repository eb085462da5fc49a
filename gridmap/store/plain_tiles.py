"""The usual way to tiles, for a benchmark to compare with: ``ST_AsMVTGeom`` on the stored geometry."""

from __future__ import annotations

from sqlalchemy import Connection, text

_ENVELOPE = "ST_MakeEnvelope(:west, :south, :east, :north, 3857)"
_DRAWN = f"ST_AsMVTGeom(ST_Transform(geom, 3857), {_ENVELOPE}::box2d, 4096, 64, true)"
_NEAR = f"geom && ST_Transform(ST_Expand({_ENVELOPE}, :margin), 4326)"

_CELLS = text(
    "SELECT ST_AsMVT(feature, 'cells', 4096, 'geom', 'id') FROM ("  # noqa: S608 - constants of this module
    f"SELECT id, code, name, kind, community, {_DRAWN} AS geom FROM cell "
    f"WHERE {_NEAR} AND revisions @> :revision) AS feature WHERE geom IS NOT NULL"
)
_AREAS = text(
    "SELECT ST_AsMVT(feature, :level, 4096, 'geom') FROM ("  # noqa: S608 - constants of this module
    f"SELECT area.code, area.name, area.parent, {_DRAWN} AS geom FROM area_shape AS shape "
    "JOIN area ON area.code = shape.code AND area.revisions @> :revision "
    f"WHERE {_NEAR} AND shape.level = :level AND shape.revisions @> :revision) AS feature WHERE geom IS NOT NULL"
)


def plain_tile(connection: Connection, layer: str, revision: int, box: tuple[float, float, float, float]) -> bytes:
    """The tile of cells, or of a level of area, in a box in Web Mercator metres."""
    west, south, east, north = box
    wanted = {"west": west, "south": south, "east": east, "north": north, "margin": (east - west) * 64 / 4096}
    query, more = (_CELLS, {}) if layer == "cells" else (_AREAS, {"level": layer})
    return bytes(connection.execute(query, {**wanted, **more, "revision": revision}).scalar_one() or b"")
