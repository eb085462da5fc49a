"""What the principles are measured on: outlines, centre lines, weighed points and the lineage of a year."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from gridmap.crs import Floats
from gridmap.model import ELEMENT_CLASSES
from gridmap.redraw.principles.ground import Outlines, Pair
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.packed import read_packed

_FIELDS = {"lon": ">f8", "lat": ">f8", "weight": ">f8"}
_HOUSEHOLDS = (
    "SELECT ST_X(element.geom), ST_Y(element.geom), building.households::float8 FROM building "
    "JOIN element ON element.id = building.element_id WHERE building.households IS NOT NULL"
)
_ELEMENTS = "SELECT ST_X(geom), ST_Y(geom), 1::float8 FROM element WHERE class = '{}'"
_INCIDENTS = "SELECT ST_X(geom), ST_Y(geom), 1::float8 FROM incident WHERE closed_at IS NULL"
# By the names of WORKLOAD_PARTS.
_PARTS = {
    "households": _HOUSEHOLDS,
    **{each: _ELEMENTS.format(each) for each in ELEMENT_CLASSES},
    "open_incidents": _INCIDENTS,
}

_LINES_VERSION = text("SELECT version FROM data_version WHERE part = 'lines'")


def read_outlines(connection: Connection, level: str) -> Outlines | None:
    """The newest outline of each area of a level; None when there is none."""
    table = tables.outline
    query = (
        select(table.c.code, table.c.source, table.c.dated, func.ST_AsBinary(table.c.geom).label("wkb"))
        .where(table.c.level == level)
        .ext(distinct_on(table.c.code))
        .order_by(table.c.code, table.c.dated.desc().nulls_last(), table.c.id.desc())
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    named = {f"{row.source} ({row.dated.isoformat()})" if row.dated else row.source for row in rows}
    shapes = np.asarray(shapely.from_wkb([bytes(row.wkb) for row in rows]), dtype=object)
    return Outlines(level, tuple(row.code for row in rows), shapes, "; ".join(sorted(named)))


def read_centre_lines(connection: Connection) -> Geometries | None:
    """Street and water centre lines; None when there are none. Walls are none."""
    table = tables.line
    query = select(func.ST_AsBinary(table.c.geom)).where(table.c.kind.in_(("street", "water")))
    wkb = [bytes(each) for each in connection.execute(query).scalars()]
    return np.asarray(shapely.from_wkb(wkb), dtype=object) if wkb else None


def read_lines_version(connection: Connection) -> int:
    """Rises when a centre line changes."""
    return int(connection.execute(_LINES_VERSION).scalar_one())


def read_weighed(connection: Connection, weights: Mapping[str, float]) -> tuple[Floats, Floats, Floats]:
    """lon, lat and weight of the points of each part that has a weight; empty when the city has none of them."""
    found = []
    for part, weight in weights.items():
        if weight:
            rows = read_packed(connection, _PARTS[part], _FIELDS)
            found.append(np.column_stack([rows["lon"], rows["lat"], rows["weight"] * weight]).astype(np.float64))
    every = np.concatenate(found) if found else np.empty((0, 3))
    return every[:, 0].copy(), every[:, 1].copy(), every[:, 2].copy()


def read_steps(connection: Connection, since: datetime, until: int) -> dict[int, dict[Pair, float]]:
    """By revision, of those valid from ``since`` on up to ``until``: the shares of area by old and new cell id."""
    table, revision = tables.lineage, tables.revision
    query = (
        select(table.c.revision, table.c.from_id, table.c.to_id, table.c.area_share)
        .join(revision, revision.c.number == table.c.revision)
        .where(revision.c.valid_from >= since, table.c.revision <= until)
    )
    steps: dict[int, dict[Pair, float]] = {}
    for number, old, new, share in connection.execute(query):
        steps.setdefault(int(number), {})[int(old), int(new)] = float(share)
    return steps
