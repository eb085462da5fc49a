"""What stands in the cells that a change touches, and what else names them; nothing else is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy import Connection, text

from gridmap.model import ELEMENT_CLASSES
from gridmap.redraw.impact import Standing
from gridmap.shapes import Geometries
from gridmap.store.packed import read_packed

# The leading code narrows the index of placements before the cells do.
_HERE = (
    "placement.top = ANY(%(tops)s) AND placement.cell_id = ANY(%(cells)s) "
    "AND placement.first_revision <= %(revision)s "
    "AND (placement.last_revision IS NULL OR placement.last_revision >= %(revision)s)"
)
_CLASS = " ".join(f"WHEN '{name}' THEN {at}" for at, name in enumerate(ELEMENT_CLASSES))
_ELEMENTS = (
    f"SELECT ST_X(element.geom), ST_Y(element.geom), CASE element.class {_CLASS} END, "  # noqa: S608 - constants
    "coalesce(building.households, 0), (building.number IS NOT NULL)::int, (building.element_id IS NOT NULL)::int "
    "FROM element_placement AS placement JOIN element ON element.id = placement.element_id "
    f"LEFT JOIN building ON building.element_id = element.id WHERE {_HERE}"
)
_INCIDENTS = (
    "SELECT ST_X(incident.geom), ST_Y(incident.geom) FROM incident_placement AS placement "  # noqa: S608 - constants
    f"JOIN incident ON incident.id = placement.incident_id WHERE {_HERE} AND incident.closed_at IS NULL"
)

_POSTS = text(
    """
    SELECT post.code, post.kind, post.title, post.territory, count(shift.id)
    FROM post LEFT JOIN shift ON shift.post = post.code
        AND shift.recorded @> CAST(:at AS timestamptz)
        AND shift.valid @> CAST((CAST(:at AS timestamptz) AT TIME ZONE :zone) AS date)
    WHERE post.territory = ANY(:codes) AND post.level = 'cell'
      AND post.valid @> CAST(:at AS timestamptz) AND post.recorded @> CAST(:at AS timestamptz)
    GROUP BY post.code, post.kind, post.title, post.territory ORDER BY post.code
    """
)
_POLYGONS = text(
    """
    SELECT ST_AsBinary(shape.geom) FROM element_shape AS shape
    JOIN building ON building.element_id = shape.element_id
    WHERE shape.element_id IN (SELECT element_id FROM element_share WHERE cell_id = ANY(:cells))
      AND GeometryType(shape.geom) IN ('POLYGON', 'MULTIPOLYGON')
    """
)
_OVERLAYS = text(
    """
    SELECT code FROM overlay WHERE valid @> CAST(:at AS timestamptz)
      AND ST_Intersects(geom, ST_GeomFromWKB(:area, 4326)) ORDER BY code
    """
)
_KEYS = text(
    "SELECT id FROM api_key WHERE revoked_at IS NULL AND territories && CAST(:codes AS text[]) ORDER BY id"
)
_RELEASED = text(
    """
    SELECT DISTINCT period FROM release_row
    WHERE top = ANY(:tops) AND level = 'cell' AND code = ANY(:codes) ORDER BY period
    """
)


def read_standing_in(
    connection: Connection, revision: int, tops: Sequence[str], cell_ids: Sequence[int]
) -> tuple[dict[str, Standing], Geometries]:
    """By class, ``households``, ``addresses`` and ``open_incidents`` what is placed in some cells at a revision.

    And the points of the buildings there, in EPSG:4326. ``tops``: the leading codes of the cells' placements.
    """
    cursor = connection.connection.cursor()
    given = {"tops": list(tops), "cells": list(cell_ids), "revision": revision}
    fields = {"lon": ">f8", "lat": ">f8", "class": ">i4", "households": ">i4", "address": ">i4", "building": ">i4"}
    rows = read_packed(connection, cursor.mogrify(_ELEMENTS, given).decode(), fields)
    lon, lat = rows["lon"].astype(np.float64), rows["lat"].astype(np.float64)
    found: dict[str, Standing] = {}
    for at, name in enumerate(ELEMENT_CLASSES):
        own = rows["class"] == at
        found[name] = Standing(lon[own], lat[own], np.ones(int(own.sum())))
    built = rows["building"] == 1
    found["households"] = Standing(lon[built], lat[built], rows["households"][built].astype(np.float64))
    addressed = rows["address"] == 1
    found["addresses"] = Standing(lon[addressed], lat[addressed], np.ones(int(addressed.sum())))
    incidents = read_packed(connection, cursor.mogrify(_INCIDENTS, given).decode(), {"lon": ">f8", "lat": ">f8"})
    found["open_incidents"] = Standing(
        incidents["lon"].astype(np.float64), incidents["lat"].astype(np.float64), np.ones(len(incidents))
    )
    return found, np.asarray(shapely.points(lon[built], lat[built]), dtype=object)


def read_posts_of(
    connection: Connection, codes: Sequence[str], at: datetime, timezone: str
) -> list[tuple[str, str, str, str, int]]:
    """Code, kind, title, cell and number of shifts of the posts that cells have at a time."""
    rows = connection.execute(_POSTS, {"codes": list(codes), "at": at, "zone": timezone})
    return [(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]


def read_building_polygons(connection: Connection, cell_ids: Sequence[int]) -> Geometries:
    """The polygons of buildings that have a share in some cells; most cities have points only."""
    wkb = [bytes(row[0]) for row in connection.execute(_POLYGONS, {"cells": list(cell_ids)})]
    return np.asarray(shapely.from_wkb(np.array(wkb, dtype=object)), dtype=object)


def read_overlays_on(connection: Connection, area: bytes, at: datetime) -> tuple[str, ...]:
    """Codes of the overlays that touch an area (WKB in EPSG:4326)."""
    return tuple(connection.execute(_OVERLAYS, {"area": area, "at": at}).scalars())


def read_keys_of(connection: Connection, codes: Sequence[str]) -> tuple[str, ...]:
    """Ids of the keys that name one of some codes as a territory."""
    return tuple(connection.execute(_KEYS, {"codes": list(codes)}).scalars())


def read_released_periods(connection: Connection, tops: Sequence[str], codes: Sequence[str]) -> tuple[str, ...]:
    """The periods whose releases show a count of one of some cells."""
    given = {"tops": list(tops), "codes": list(codes)}
    return tuple(str(each) for each in connection.execute(_RELEASED, given).scalars())
