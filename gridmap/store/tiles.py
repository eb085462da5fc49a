"""Vector tiles by ``ST_AsMVT``, several of one zoom in one query. Imports ``prepared`` and ``moving``.

A polygon is clipped to the tile and its buffer while it is still the valid one of the stored band; then every
vertex is put into the tile's units and rounded by itself. So neighbours, which have the same vertices, still have
the same ones. ``ST_AsMVTGeom`` would mend and thin out each polygon without regard to its neighbours.

In gcj02 and bd09 the same statements draw what ``moving`` has read and moved vertex by vertex, instead of a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Connection

from gridmap.coverage.bands import MERCATOR_HALF_M
from gridmap.errors import InvalidInput
from gridmap.store import moving
from gridmap.store.moving import LINES_SHOWN, Frame
from gridmap.store.prepared import Prepared

__all__ = ["Frame", "Tiles", "area_tiles", "cell_tiles", "label_tiles", "line_tiles", "overlay_tiles"]

# Column and row -> the tile's bytes; empty tiles are left out.
Tiles = Mapping[tuple[int, int], bytes]
# The keys of a tile are names of columns, which are no longer in PostgreSQL.
_KEY, _LONGEST_KEY = re.compile(r"[\w-]+"), 63

_TYPES = {
    "x": "integer[]",
    "y": "integer[]",
    "west": "float8[]",
    "north": "float8[]",
    "side": "float8",
    "margin": "float8",
    "half": "float8",
    "buffer": "integer",
    "band": "smallint",
    "revision": "integer",
    "layer": "text",
    "level": "text",
    "levels": "text[]",
    "with_cells": "boolean",
    "kinds": "text[]",
    "classes": "text[]",
    "known": "text[]",
    "others": "boolean",
    "ids": "integer[]",
    "codes": "text[]",
    "shapes": "text[]",
    "label_x": "float8[]",
    "label_y": "float8[]",
    "cell_x": "float8[]",
    "cell_y": "float8[]",
}
_FRAME = """
    WITH tile AS MATERIALIZED (
        SELECT x, y, west, north,
            ST_MakeEnvelope(west, north - :side, west + :side, north, 3857) AS inner_box,
            ST_MakeEnvelope(
                west - :margin, north - :side - :margin, west + :side + :margin, north + :margin, 3857
            ) AS box
        FROM unnest(:x, :y, :west, :north) AS tile (x, y, west, north)
    )
"""
# What is drawn: rows of a band, or rows that were moved.
_CELL_BAND = "cell_band AS band ON band.band = :band AND band.geom && box AND {valid}"
_AREA_BAND = "area_band AS band ON band.level = :level AND band.band = :band AND band.geom && box AND {valid}"
_MOVED = """(
        SELECT key AS {key}, shape::geometry AS geom
        FROM unnest(:{keys}, :shapes) AS given (key, shape) OFFSET 0
    ) AS band ON band.geom && box"""
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


_FEATURE = "ST_AsMVTGeom({}, inner_box::box2d, 4096, :buffer, true) AS geom"


def cell_tiles(connection: Connection, frame: Frame, layer: str, levels: Sequence[str]) -> Tiles:
    """Cells with code, name, kind and, by the keys in ``levels`` (lowest first), the codes of their areas."""
    given = moving.cells(connection, frame) if frame.moves else {}
    return _tiles(connection, _cells(tuple(levels), frame.moves), frame, {**given, "layer": layer})


def area_tiles(connection: Connection, frame: Frame, layer: str, level: str) -> Tiles:
    """The areas of a level with code, name and parent."""
    given = moving.areas(connection, frame, level) if frame.moves else {}
    return _tiles(connection, _areas(frame.moves), frame, {**given, "layer": layer, "level": level})


def label_tiles(
    connection: Connection, frame: Frame, layer: str, levels: Sequence[str], with_cells: bool
) -> Tiles:
    """A point for each area of some levels, and for each cell; every point is in one tile only."""
    given = moving.labels(connection, frame, levels, with_cells) if frame.moves else {}
    wanted = {"layer": layer, "levels": list(levels), "with_cells": with_cells}
    return _tiles(connection, _labels(frame.moves), frame, {**given, **wanted})


def overlay_tiles(connection: Connection, frame: Frame, layer: str) -> Tiles:
    """The overlays that are valid now with code, name and kind."""
    given = moving.overlays(connection, frame) if frame.moves else {}
    return _tiles(connection, _overlays(frame.moves), frame, {**given, "layer": layer})


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
    shown = {"kinds": list(kinds), "classes": list(classes), "known": list(known), "others": others}
    given = moving.lines(connection, frame, shown) if frame.moves else {}
    return _tiles(connection, _lines(frame.moves), frame, {**given, **shown, "layer": layer})


@cache
def _cells(levels: tuple[str, ...], moved: bool) -> Prepared:
    """The statement for cells; one join for each level of area, the lowest first."""
    source = _MOVED.format(key="cell_id", keys="ids") if moved else _CELL_BAND.format(valid=_VALID)
    codes = ["cell.community", *(f"above{n}.parent" for n in range(len(levels) - 1))]
    joins = " ".join(f"LEFT JOIN {_AREA.format(code=code, alias=f'above{n}')}" for n, code in enumerate(codes))
    found_codes = ", ".join(f"above{n}.code AS code{n}" for n in range(len(levels)))
    found = f"""
        , found AS (
            SELECT drawn.*, cell.code, cell.name, cell.kind, {found_codes}
            FROM (SELECT x, y, band.cell_id AS id, {_DRAWN} AS geom FROM tile JOIN {source} OFFSET 0) AS drawn
            JOIN {_CELL.format(id="drawn.id")}
            {joins}
            WHERE ST_Area(drawn.geom) > 0
        )
        """
    keys = ", ".join(f"found.code{n} AS {_named(level)}" for n, level in enumerate(levels))
    encode = _ENCODE.format(columns=f"found.id, found.geom, found.code, found.name, found.kind, {keys}")
    return _prepared("cells", moved, found + encode)


@cache
def _areas(moved: bool) -> Prepared:
    source = _MOVED.format(key="code", keys="codes") if moved else _AREA_BAND.format(valid=_VALID)
    found = f"""
    , found AS (
        SELECT drawn.*, {_TEXT_ID.format("drawn.code")} AS id, area.name, area.parent
        FROM (SELECT x, y, band.code, {_DRAWN} AS geom FROM tile JOIN {source} OFFSET 0) AS drawn
        JOIN {_AREA.format(code="drawn.code", alias="area")}
        WHERE ST_Area(drawn.geom) > 0
    )
    """
    encode = _ENCODE.format(columns="found.id, found.geom, found.code, found.name, found.parent")
    return _prepared("areas", moved, found + encode)


@cache
def _labels(moved: bool) -> Prepared:
    in_tile = "band.band = :band AND band.geom && box AND band.label && inner_box AND " + _VALID
    areas, cells = (
        f"area_band AS band ON band.level = ANY(:levels) AND {in_tile}",
        f"cell_band AS band ON {in_tile}",
    )
    if moved:
        given = (
            "(SELECT key AS {}, ST_Point(px, py, 3857) AS label FROM unnest(:{}, :{}, :{}) AS given (key, px, py))"
        )
        areas = given.format("code", "codes", "label_x", "label_y") + " AS band ON true"
        cells = given.format("cell_id", "ids", "cell_x", "cell_y") + " AS band ON true"
    found = f"""
    , found AS (
        SELECT x, y, area.level, area.code, area.name, {_TEXT_ID.format("area.code")} AS id, {_POINT} AS geom
        FROM tile
        JOIN {areas}
        JOIN {_AREA.format(code="band.code", alias="area")}
        WHERE {_IN_TILE}
        UNION ALL
        SELECT x, y, 'cell', cell.code, cell.name, cell.id, {_POINT}
        FROM tile
        JOIN {cells}
        JOIN {_CELL.format(id="band.cell_id")}
        WHERE :with_cells AND {_IN_TILE}
    )
    """
    encode = _ENCODE.format(columns="found.id, found.geom, found.level, found.code, found.name")
    return _prepared("labels", moved, found + encode)


@cache
def _overlays(moved: bool) -> Prepared:
    source = "overlay ON overlay.geom && ST_Transform(box, 4326) AND overlay.valid @> now()"
    if moved:
        source = _MOVED.format(key="id", keys="ids") + " JOIN overlay USING (id)"
    shape = "band.geom" if moved else "ST_Transform(overlay.geom, 3857)"
    found = f"""
    , found AS (
        SELECT x, y, overlay.id, overlay.code, overlay.name, overlay.kind, {_FEATURE.format(shape)}
        FROM tile JOIN {source}
        OFFSET 0
    )
    """
    columns = "found.id, found.geom, found.code, found.name, found.kind WHERE found.geom IS NOT NULL"
    return _prepared("overlays", moved, found + _ENCODE.format(columns=columns))


@cache
def _lines(moved: bool) -> Prepared:
    source = "line ON line.geom && ST_Transform(box, 4326)"
    if moved:
        source = _MOVED.format(key="id", keys="codes") + " JOIN line USING (id)"
    shape = "band.geom" if moved else "ST_Transform(line.geom, 3857)"
    found = f"""
    , found AS (
        SELECT x, y, {_TEXT_ID.format("line.id")} AS id, line.kind, line.road_class, line.name,
            {_FEATURE.format(shape)}
        FROM tile JOIN {source}
        WHERE {LINES_SHOWN}
        OFFSET 0
    )
    """
    columns = "found.id, found.geom, found.kind, found.road_class, found.name WHERE found.geom IS NOT NULL"
    return _prepared("lines", moved, found + _ENCODE.format(columns=columns))


def _prepared(name: str, moved: bool, sql: str) -> Prepared:
    return Prepared(f"gridmap_{name}{'_moved' if moved else ''}", _FRAME + sql, _TYPES)


def _named(key: str) -> str:
    """A level's key as the name of a column."""
    if len(key.encode()) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise InvalidInput(
            "levels", key, f"must be letters, digits, _ and -, {_LONGEST_KEY} bytes at most, in tiles"
        )
    return f'"{key}"'


def _tiles(connection: Connection, statement: Prepared, frame: Frame, more: Mapping[str, object]) -> Tiles:
    values = {
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
        **more,
    }
    return {(x, y): bytes(content) for x, y, content in statement.rows(connection, values)}
