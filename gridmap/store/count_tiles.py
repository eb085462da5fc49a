"""Vector tiles of counts by ``ST_AsMVT``: rows that come from elsewhere, on the shapes of a zoom band or of hexes.

Polygons are clipped while valid and then rounded vertex by vertex, as those of the geometry layers are. In gcj02
and bd09 the cells and areas are those that ``moving`` has read and moved. Imports ``moving``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, TextClause, text

from gridmap.store import moving
from gridmap.store.moving import Frame


@dataclass(frozen=True)
class Shown:
    """n rows that a tile shows: codes and names of cells or areas, and their counts."""

    codes: Sequence[str]
    names: Sequence[str]
    counts: Sequence[int]


@dataclass(frozen=True)
class Singles:
    """n incidents: ids, categories, times as text, codes of their cells, x and y in Mercator metres."""

    ids: Sequence[int]
    categories: Sequence[str]
    moments: Sequence[str]
    cells: Sequence[str]
    x: Sequence[float]
    y: Sequence[float]


_TILE = """
    WITH tile AS MATERIALIZED (
        SELECT west, north, side, ST_MakeEnvelope(
            west - margin, north - side - margin, west + side + margin, north + margin, 3857
        ) AS box
        FROM (VALUES (
            CAST(:west AS float8), CAST(:north AS float8), CAST(:side AS float8), CAST(:margin AS float8)
        )) AS given (west, north, side, margin)
    )
"""
_IN_UNITS = "ST_Affine({}, 4096 / side, 0, 0, -4096 / side, -west * 4096 / side, north * 4096 / side)"
_DRAWN = (
    "ST_ForcePolygonCCW(ST_CollectionExtract(ST_SnapToGrid("
    + _IN_UNITS.format("ST_ClipByBox2D({}, box)")
    + ", 1.0), 3))"
)
_POINT = "ST_SnapToGrid(" + _IN_UNITS.format("ST_SetSRID(ST_MakePoint(row.x, row.y), 3857)") + ", 1.0)"
# A number below 2^52, which every language holds, from text that no number stands for.
_TEXT_ID = "('x' || left(md5({}), 13))::bit(52)::bigint"
_VALID = "band.first_revision <= :revision AND (band.last_revision IS NULL OR band.last_revision >= :revision)"
_ENCODE = """
    SELECT ST_AsMVT(feature, :layer, 4096, 'geom', 'id' ORDER BY feature.id)
    FROM (SELECT {columns} FROM found WHERE {drawn}) AS feature
"""
_AREA = _ENCODE.format(columns="id, geom, level, code, name, count", drawn="ST_Area(geom) > 0")

# What cells and areas are drawn from: rows of a band, or rows that were moved.
_BAND = f"band.band = CAST(:band AS smallint) AND {_VALID}"
_CELL_BAND = f"cell_band AS band ON band.cell_id = row.id AND {_BAND}"
_AREA_BAND = f"area_band AS band ON band.code = row.code AND band.level = :level AND {_BAND}"
_MOVED = """(
        SELECT key, shape::geometry AS geom
        FROM unnest(CAST(:moved AS {kind}[]), CAST(:shapes AS text[])) AS given (key, shape) OFFSET 0
    ) AS band ON band.key = row.{key} AND band.geom && box"""


def _cells(source: str) -> TextClause:
    found = f""", found AS (
        SELECT row.id, 'cell' AS level, row.code, row.name, row.count, {_DRAWN.format("band.geom")} AS geom
        FROM tile CROSS JOIN unnest(
            CAST(:ids AS int[]), CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:counts AS bigint[])
        ) AS row (id, code, name, count)
        JOIN {source}
    )
    """
    return text(_TILE + found + _AREA)


def _areas(source: str) -> TextClause:
    found = f""", found AS (
        SELECT {_TEXT_ID.format("row.code")} AS id, CAST(:level AS text) AS level, row.code, row.name, row.count,
            {_DRAWN.format("band.geom")} AS geom
        FROM tile CROSS JOIN unnest(
            CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:counts AS bigint[])
        ) AS row (code, name, count)
        JOIN {source}
    )
    """
    return text(_TILE + found + _AREA)


_CELLS, _CELLS_MOVED = _cells(_CELL_BAND), _cells(_MOVED.format(kind="int", key="id"))
_AREAS, _AREAS_MOVED = _areas(_AREA_BAND), _areas(_MOVED.format(kind="text", key="code"))

_HEXES = text(
    _TILE
    + f""", found AS (
        SELECT {_TEXT_ID.format("row.hex")} AS id, row.hex, row.count,
            {_DRAWN.format("ST_GeomFromWKB(row.shape, 3857)")} AS geom
        FROM tile CROSS JOIN unnest(
            CAST(:hexes AS text[]), CAST(:counts AS bigint[]), CAST(:shapes AS bytea[])
        ) AS row (hex, count, shape)
    )
    """
    + _ENCODE.format(columns="id, geom, hex, count", drawn="ST_Area(geom) > 0")
)

_CLUSTERS = text(
    _TILE
    + f""", found AS (
        SELECT {_TEXT_ID.format("row.hex")} AS id, row.hex, row.count, {_POINT} AS geom
        FROM tile CROSS JOIN unnest(
            CAST(:hexes AS text[]), CAST(:counts AS bigint[]), CAST(:x AS float8[]), CAST(:y AS float8[])
        ) AS row (hex, count, x, y)
    )
    """
    + _ENCODE.format(columns="id, geom, hex, count", drawn="true")
)

_SINGLE = text(
    _TILE
    + f""", found AS (
        SELECT row.id, 1 AS count, row.category, row.happened_at, row.cell, {_POINT} AS geom
        FROM tile CROSS JOIN unnest(
            CAST(:ids AS bigint[]), CAST(:categories AS text[]), CAST(:moments AS text[]),
            CAST(:cells AS text[]), CAST(:x AS float8[]), CAST(:y AS float8[])
        ) AS row (id, category, happened_at, cell, x, y)
    )
    """
    + _ENCODE.format(columns="id, geom, count, category, happened_at, cell", drawn="true")
)


def cells_tile(connection: Connection, frame: Frame, layer: str, ids: Sequence[int], shown: Shown) -> bytes:
    """Cells, by ``ids``, of the frame's revision with their counts, as its zoom band draws them."""
    more = {"ids": list(ids), **_rows(shown)}
    if not frame.moves:
        return _tile(connection.execute(_CELLS, {**_given(frame, layer), **_in_band(frame), **more}).scalar_one())
    given = moving.cells(connection, frame)
    moved = {"moved": given["ids"], "shapes": given["shapes"]}
    return _tile(connection.execute(_CELLS_MOVED, {**_given(frame, layer), **moved, **more}).scalar_one())


def areas_tile(connection: Connection, frame: Frame, layer: str, level: str, shown: Shown) -> bytes:
    """Areas of a level at the frame's revision with their counts, as its zoom band draws them."""
    more = {"level": level, **_rows(shown)}
    if not frame.moves:
        return _tile(connection.execute(_AREAS, {**_given(frame, layer), **_in_band(frame), **more}).scalar_one())
    given = moving.areas(connection, frame, level)
    moved = {"moved": given["codes"], "shapes": given["shapes"]}
    return _tile(connection.execute(_AREAS_MOVED, {**_given(frame, layer), **moved, **more}).scalar_one())


def hexes_tile(
    connection: Connection,
    frame: Frame,
    layer: str,
    hexes: Sequence[str],
    counts: Sequence[int],
    shapes: Sequence[bytes],
) -> bytes:
    """Hexes with their counts; ``shapes`` are their polygons as WKB, in Web Mercator."""
    more = {"hexes": list(hexes), "counts": list(counts), "shapes": list(shapes)}
    return _tile(connection.execute(_HEXES, {**_given(frame, layer), **more}).scalar_one())


def clusters_tile(
    connection: Connection,
    frame: Frame,
    layer: str,
    hexes: Sequence[str],
    counts: Sequence[int],
    x: Sequence[float],
    y: Sequence[float],
) -> bytes:
    """A point for each hex, at ``x``, ``y`` in Mercator metres, with its count."""
    more = {"hexes": list(hexes), "counts": list(counts), "x": list(x), "y": list(y)}
    return _tile(connection.execute(_CLUSTERS, {**_given(frame, layer), **more}).scalar_one())


def incidents_tile(connection: Connection, frame: Frame, layer: str, singles: Singles) -> bytes:
    """Single incidents, each with a count of 1."""
    more = {each.name: list(getattr(singles, each.name)) for each in fields(singles)}
    return _tile(connection.execute(_SINGLE, {**_given(frame, layer), **more}).scalar_one())


def _given(frame: Frame, layer: str) -> dict[str, object]:
    """The frame's one tile."""
    (west,), (north,) = frame.west, frame.north
    return {"layer": layer, "west": west, "north": north, "side": frame.side_m, "margin": frame.margin_m}


def _in_band(frame: Frame) -> dict[str, object]:
    return {"revision": frame.revision, "band": frame.band}


def _rows(shown: Shown) -> dict[str, object]:
    return {"codes": list(shown.codes), "names": list(shown.names), "counts": list(shown.counts)}


def _tile(content: memoryview | None) -> bytes:
    return b"" if content is None else bytes(content)
