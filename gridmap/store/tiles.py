"""Vector tiles by ``ST_AsMVT``, several of one zoom in one query. Imports ``tables`` and below.

A polygon is clipped to the tile and its buffer while it is still the valid one of the stored band; then every
vertex is put into the tile's units and rounded by itself. So neighbours, which have the same vertices, still have
the same ones. ``ST_AsMVTGeom`` would mend and thin out each polygon without regard to its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from gridmap.coverage.bands import MERCATOR_HALF_M

# Column and row -> the tile's bytes; empty tiles are left out.
Tiles = Mapping[tuple[int, int], bytes]


@dataclass(frozen=True)
class Frame:
    """Tiles of one zoom at one revision: columns and rows, their west and north sides and side in Mercator metres.

    ``band`` is the number of the zoom's band, ``margin_m`` how far beyond its sides a tile is drawn.
    """

    revision: int
    band: int
    x: Sequence[int]
    y: Sequence[int]
    west: Sequence[float]
    north: Sequence[float]
    side_m: float
    margin_m: float


_FRAME = """
    WITH tile AS MATERIALIZED (
        SELECT x, y, west, north,
            ST_MakeEnvelope(west, north - :side, west + :side, north, 3857) AS inner_box,
            ST_MakeEnvelope(
                west - :margin, north - :side - :margin, west + :side + :margin, north + :margin, 3857
            ) AS box
        FROM unnest(CAST(:x AS int[]), CAST(:y AS int[]), CAST(:west AS float8[]), CAST(:north AS float8[]))
            AS tile (x, y, west, north)
    )
"""
# Cast, or the index would not be asked for it.
_BAND = "band.band = CAST(:band AS smallint)"
_VALID = "band.first_revision <= :revision AND (band.last_revision IS NULL OR band.last_revision >= :revision)"
_IN_UNITS = "ST_Affine({}, 4096 / :side, 0, 0, -4096 / :side, -west * 4096 / :side, north * 4096 / :side)"
# Rings of a polygon turn counter-clockwise by their numbers: y runs down, so that it is clockwise to the eye.
_DRAWN = (
    "ST_ForcePolygonCCW(ST_CollectionExtract(ST_SnapToGrid("
    + _IN_UNITS.format("ST_ClipByBox2D(band.geom, box)")
    + ", 1.0), 3))"
)
# A label is in one tile only; && compares boxes that are rounded outwards.
_IN_TILE = "floor((ST_X(band.label) + :half) / :side) = x AND floor((:half - ST_Y(band.label)) / :side) = y"
_POINT = "ST_SnapToGrid(" + _IN_UNITS.format("band.label") + ", 1.0)"
# A number below 2^52, which every language holds, from text that no number stands for.
_TEXT_ID = "('x' || left(md5({}), 13))::bit(52)::bigint"
_ENCODE = """
    SELECT x, y, ST_AsMVT(feature, :layer, 4096, 'geom', 'id' ORDER BY feature.id)
    FROM found, LATERAL (SELECT {columns}) AS feature
    GROUP BY x, y
"""
# The exclusion constraints' indexes are found by code and id, too, but take ten times as long as plain ones; an
# expression that only a plain one has leaves no choice. LIMIT keeps the planner, which cannot know how many rows a
# tile has, from reading the whole table instead.
_CELL = (
    "LATERAL (SELECT id, code, name, kind, community FROM cell "
    "WHERE cell.id + 0 = {id} AND cell.revisions @> :revision LIMIT 1) AS cell ON true"
)
_AREA = (
    "LATERAL (SELECT level, code, name, parent FROM area "
    "WHERE area.code || '' = {code} AND area.revisions @> :revision LIMIT 1) AS {alias} ON true"
)

_AREAS = text(
    _FRAME
    + f"""
    , found AS (
        SELECT drawn.*, {_TEXT_ID.format("drawn.code")} AS id, area.name, area.parent
        FROM (
            SELECT x, y, band.code, {_DRAWN} AS geom
            FROM tile JOIN area_band AS band
                ON band.level = :level AND {_BAND} AND band.geom && box AND {_VALID}
            OFFSET 0
        ) AS drawn
        JOIN {_AREA.format(code="drawn.code", alias="area")}
        WHERE ST_Area(drawn.geom) > 0
    )
    """
    + _ENCODE.format(columns="found.id, found.geom, found.code, found.name, found.parent")
)

_LABELS = text(
    _FRAME
    + f"""
    , found AS (
        SELECT x, y, area.level, area.code, area.name, {_TEXT_ID.format("area.code")} AS id, {_POINT} AS geom
        FROM tile
        JOIN area_band AS band
            ON band.level = ANY(:levels) AND {_BAND} AND band.geom && box AND band.label && inner_box
            AND {_VALID}
        JOIN {_AREA.format(code="band.code", alias="area")}
        WHERE {_IN_TILE}
        UNION ALL
        SELECT x, y, 'cell', cell.code, cell.name, cell.id, {_POINT}
        FROM tile
        JOIN cell_band AS band
            ON :with_cells AND {_BAND} AND band.geom && box AND band.label && inner_box AND {_VALID}
        JOIN {_CELL.format(id="band.cell_id")}
        WHERE {_IN_TILE}
    )
    """
    + _ENCODE.format(columns="found.id, found.geom, found.level, found.code, found.name")
)

_OVERLAYS = text(
    _FRAME
    + """
    , found AS (
        SELECT x, y, overlay.id, overlay.code, overlay.name, overlay.kind,
            ST_AsMVTGeom(ST_Transform(overlay.geom, 3857), inner_box::box2d, 4096, :buffer, true) AS geom
        FROM tile JOIN overlay ON overlay.geom && ST_Transform(box, 4326) AND overlay.valid @> now()
        OFFSET 0
    )
    """
    + _ENCODE.format(
        columns="found.id, found.geom, found.code, found.name, found.kind WHERE found.geom IS NOT NULL"
    )
)

_LINES = text(
    _FRAME
    + f"""
    , found AS (
        SELECT x, y, {_TEXT_ID.format("line.id")} AS id, line.kind, line.road_class, line.name,
            ST_AsMVTGeom(ST_Transform(line.geom, 3857), inner_box::box2d, 4096, :buffer, true) AS geom
        FROM tile JOIN line ON line.geom && ST_Transform(box, 4326)
        WHERE line.kind = ANY(:kinds) OR line.kind = 'street' AND CASE
            WHEN line.road_class = ANY(:known) THEN line.road_class = ANY(:classes) ELSE :others END
        OFFSET 0
    )
    """
    + _ENCODE.format(
        columns="found.id, found.geom, found.kind, found.road_class, found.name WHERE found.geom IS NOT NULL"
    )
)


def cell_tiles(connection: Connection, frame: Frame, layer: str, levels: Sequence[str]) -> Tiles:
    """Cells with code, name, kind and, by the keys in ``levels`` (lowest first), the codes of their areas."""
    keys = {f"level{n}": level for n, level in enumerate(levels)}
    return _tiles(connection.execute(_cells(len(levels)), {**_parameters(frame), **keys, "layer": layer}))


def area_tiles(connection: Connection, frame: Frame, layer: str, level: str) -> Tiles:
    """The areas of a level with code, name and parent."""
    return _tiles(connection.execute(_AREAS, {**_parameters(frame), "layer": layer, "level": level}))


def label_tiles(
    connection: Connection, frame: Frame, layer: str, levels: Sequence[str], with_cells: bool
) -> Tiles:
    """A point for each area of some levels, and for each cell; every point is in one tile only."""
    wanted = {"layer": layer, "levels": list(levels), "with_cells": with_cells}
    return _tiles(connection.execute(_LABELS, {**_parameters(frame), **wanted}))


def overlay_tiles(connection: Connection, frame: Frame, layer: str) -> Tiles:
    """The overlays that are valid now with code, name and kind."""
    return _tiles(connection.execute(_OVERLAYS, {**_parameters(frame), "layer": layer}))


def line_tiles(
    connection: Connection,
    frame: Frame,
    layer: str,
    kinds: Sequence[str],
    classes: Sequence[str],
    known: Sequence[str],
    others: bool,
) -> Tiles:
    """Lines of some kinds, and streets of some classes; ``others``: also of classes that are not ``known``."""
    wanted = {"layer": layer, "kinds": list(kinds), "classes": list(classes), "known": list(known)}
    return _tiles(connection.execute(_LINES, {**_parameters(frame), **wanted, "others": others}))


@cache
def _cells(levels: int) -> TextClause:
    """The statement for cells; one join for each level of area, the lowest first."""
    codes = ["cell.community", *(f"above{n}.parent" for n in range(levels - 1))]
    joins = " ".join(f"LEFT JOIN {_AREA.format(code=code, alias=f'above{n}')}" for n, code in enumerate(codes))
    pairs = ", ".join(f"CAST(:level{n} AS text), above{n}.code" for n in range(levels))
    return text(
        _FRAME
        + f"""
        , found AS (
            SELECT drawn.*, cell.code, cell.name, cell.kind, jsonb_build_object({pairs}) AS areas
            FROM (
                SELECT x, y, band.cell_id AS id, {_DRAWN} AS geom
                FROM tile JOIN cell_band AS band ON {_BAND} AND band.geom && box AND {_VALID}
                OFFSET 0
            ) AS drawn
            JOIN {_CELL.format(id="drawn.id")}
            {joins}
            WHERE ST_Area(drawn.geom) > 0
        )
        """
        + _ENCODE.format(columns="found.id, found.geom, found.code, found.name, found.kind, found.areas")
    )


def _parameters(frame: Frame) -> dict[str, object]:
    return {
        "revision": frame.revision,
        "band": frame.band,
        "x": list(frame.x),
        "y": list(frame.y),
        "west": list(frame.west),
        "north": list(frame.north),
        "side": frame.side_m,
        "margin": frame.margin_m,
        "half": MERCATOR_HALF_M,
        "buffer": round(4096 * frame.margin_m / frame.side_m),
    }


def _tiles(rows: Iterable[Any]) -> Tiles:
    return {(x, y): bytes(content) for x, y, content in rows}
