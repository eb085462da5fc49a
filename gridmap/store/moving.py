"""What tiles in gcj02 and bd09 draw: read in the box that it may come from, and moved vertex by vertex.

PostGIS knows no such projection, so the polygons come here and go back. Imports ``tables`` and ``prepared``; the
statements that draw are in ``tiles``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import Connection

from gridmap.coverage.bands import Box, moved, to_mercator
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.prepared import Prepared

Given = Mapping[str, object]


@dataclass(frozen=True)
class Frame:
    """Tiles of one zoom at one revision: columns and rows, their west and north sides and side in Mercator metres.

    ``band`` is the number of the zoom's band, ``margin_m`` how far beyond its sides a tile is drawn. In another
    ``crs`` than wgs84 all that the tiles show lies in ``before``, in Mercator metres over WGS 84.
    """

    revision: int
    band: int
    x: Sequence[int]
    y: Sequence[int]
    west: Sequence[float]
    north: Sequence[float]
    side_m: float
    margin_m: float
    crs: str = "wgs84"
    before: Box | None = None

    @property
    def moves(self) -> bool:
        """Whether what is drawn is moved first."""
        return self.crs != "wgs84"


_TYPES = {
    "west": "float8",
    "south": "float8",
    "east": "float8",
    "north": "float8",
    "band": "smallint",
    "revision": "integer",
    "level": "text",
    "levels": "text[]",
    "kinds": "text[]",
    "classes": "text[]",
    "known": "text[]",
    "others": "boolean",
}
LINES_SHOWN = """line.kind = ANY(:kinds) OR line.kind = 'street' AND CASE
            WHEN line.road_class = ANY(:known) THEN line.road_class = ANY(:classes) ELSE :others END"""
_BOX = "ST_MakeEnvelope(:west, :south, :east, :north, 3857)"
_VALID = "first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision)"
_IN_BAND = f"band = :band AND geom && {_BOX} AND {_VALID}"


def _prepared(name: str, sql: str) -> Prepared:
    return Prepared(f"gridmap_moving_{name}", sql, _TYPES)


_CELLS = _prepared("cells", f"SELECT cell_id, ST_AsBinary(geom) FROM cell_band WHERE {_IN_BAND}")
_AREAS = _prepared("areas", f"SELECT code, ST_AsBinary(geom) FROM area_band WHERE level = :level AND {_IN_BAND}")
_CELL_LABELS = _prepared(
    "cell_labels", f"SELECT cell_id, ST_X(label), ST_Y(label) FROM cell_band WHERE {_IN_BAND} AND label && {_BOX}"
)
_AREA_LABELS = _prepared(
    "area_labels",
    "SELECT code, ST_X(label), ST_Y(label) FROM area_band "
    f"WHERE level = ANY(:levels) AND {_IN_BAND} AND label && {_BOX}",
)
_OVERLAYS = _prepared(
    "overlays",
    f"SELECT id, ST_AsBinary(geom) FROM overlay WHERE geom && ST_Transform({_BOX}, 4326) AND valid @> now()",
)
_LINES = _prepared(
    "lines",
    f"SELECT id, ST_AsBinary(geom) FROM line WHERE geom && ST_Transform({_BOX}, 4326) AND ({LINES_SHOWN})",
)


def cells(connection: Connection, frame: Frame) -> Given:
    """``ids`` and ``shapes`` of the cells."""
    return _shapes(connection, _CELLS, frame, "ids")


def areas(connection: Connection, frame: Frame, level: str) -> Given:
    """``codes`` and ``shapes`` of the areas of a level."""
    return _shapes(connection, _AREAS, frame, "codes", level=level)


def labels(connection: Connection, frame: Frame, levels: Sequence[str], with_cells: bool) -> Given:
    """``codes``, ``label_x`` and ``label_y`` of areas, ``ids``, ``cell_x`` and ``cell_y`` of cells."""
    codes, label_x, label_y = _places(connection, _AREA_LABELS, frame, levels=list(levels))
    given = {"codes": codes, "label_x": label_x, "label_y": label_y, "ids": [], "cell_x": [], "cell_y": []}
    if with_cells:
        given["ids"], given["cell_x"], given["cell_y"] = _places(connection, _CELL_LABELS, frame)
    return given


def overlays(connection: Connection, frame: Frame) -> Given:
    """``ids`` and ``shapes`` of the overlays that are valid now."""
    return _shapes(connection, _OVERLAYS, frame, "ids", in_degrees=True)


def lines(connection: Connection, frame: Frame, shown: Mapping[str, object]) -> Given:
    """``codes`` and ``shapes`` of the lines that ``LINES_SHOWN`` chooses by ``shown``."""
    return _shapes(connection, _LINES, frame, "codes", in_degrees=True, **shown)


def _shapes(
    connection: Connection,
    statement: Prepared,
    frame: Frame,
    keys: str,
    *,
    in_degrees: bool = False,
    **more: object,
) -> Given:
    rows = statement.rows(connection, {**_values(frame), **more})
    shapes = np.array(shapely.from_wkb([bytes(wkb) for _, wkb in rows]), dtype=object).reshape(-1)
    drawn = moved(frame.crs, to_mercator(shapes) if in_degrees else shapes)
    marked = shapely.set_srid(drawn, tables.MERCATOR_SRID)
    # As one literal: thousands of elements would each be parsed as an expression.
    written = ",".join(shapely.to_wkb(marked, hex=True, include_srid=True))
    return {keys: [key for key, _ in rows], "shapes": f"{{{written}}}"}


def _places(
    connection: Connection, statement: Prepared, frame: Frame, **more: list[str]
) -> tuple[list[object], list[object], list[object]]:
    rows = statement.rows(connection, {**_values(frame), **more})
    points: Geometries = np.array([shapely.Point(x, y) for _, x, y in rows], dtype=object)
    x, y = shapely.get_coordinates(moved(frame.crs, points)).T.tolist()
    return [key for key, *_ in rows], x, y


def _values(frame: Frame) -> dict[str, object]:
    assert frame.before is not None
    box = dict(zip(("west", "south", "east", "north"), frame.before, strict=True))
    return {**box, "band": frame.band, "revision": frame.revision}
