"""The zoom bands: rows of cells and areas per band and range of revisions, and where revisions redrew them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, Table, delete, func, insert, or_, select, update

from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.packed import copy_packed

Box = tuple[float, float, float, float]


def has_bands(connection: Connection) -> bool:
    """Whether any revision has bands."""
    return bool(connection.execute(select(select(tables.cell_band.c.cell_id).exists())).scalar_one())


def insert_cell_bands(
    connection: Connection,
    revision: int,
    band: int,
    cell_ids: Sequence[int],
    shapes: Geometries,
    labels: Geometries,
) -> None:
    """Cells as a band shows them from ``revision`` on: multipolygons and points in Web Mercator."""
    key = {"cell_id": pa.array(cell_ids, pa.int32())}
    copy_packed(connection, "cell_band", {**key, **_rows(revision, band, shapes, labels)})


def insert_area_bands(
    connection: Connection,
    revision: int,
    band: int,
    level: str,
    codes: Sequence[str],
    shapes: Geometries,
    labels: Geometries,
) -> None:
    """Areas of a level as a band shows them from ``revision`` on."""
    key = {"code": pa.array(codes, pa.string()), "level": pa.array([level] * len(codes), pa.string())}
    copy_packed(connection, "area_band", {**key, **_rows(revision, band, shapes, labels)})


def end_cell_bands(connection: Connection, revision: int, band: int, cell_ids: Sequence[int]) -> None:
    """Let a band's rows of these cells end before ``revision``."""
    _end(connection, tables.cell_band, "cell_id", revision, band, cell_ids)


def end_area_bands(connection: Connection, revision: int, band: int, codes: Sequence[str]) -> None:
    """Let a band's rows of these areas end before ``revision``."""
    _end(connection, tables.area_band, "code", revision, band, codes)


def read_cell_bands(
    connection: Connection, revision: int, band: int, cell_ids: Sequence[int] | None = None
) -> dict[int, tuple[BaseGeometry, BaseGeometry]]:
    """Cell id -> polygon and label of a band at a revision, of all cells or of some."""
    return _read(connection, tables.cell_band, "cell_id", revision, band, cell_ids)


def read_area_bands(
    connection: Connection, revision: int, band: int, codes: Sequence[str] | None = None
) -> dict[str, tuple[BaseGeometry, BaseGeometry]]:
    """Area code -> polygon and label of a band at a revision, of all areas or of some."""
    return _read(connection, tables.area_band, "code", revision, band, codes)


def insert_boxes(connection: Connection, revision: int, boxes: Sequence[Box]) -> None:
    """Where a revision shows another map than the one before: west, south, east, north in Web Mercator metres."""
    rows = [dict(zip(("west", "south", "east", "north"), box, strict=True)) for box in boxes]
    if rows:
        connection.execute(insert(tables.redrawn_box), [{"revision": revision, **row} for row in rows])


def read_boxes(connection: Connection) -> Mapping[int, Sequence[Box]]:
    """Revision -> its boxes, of all revisions that have any."""
    table = tables.redrawn_box
    columns = (table.c.revision, table.c.west, table.c.south, table.c.east, table.c.north)
    found: dict[int, list[Box]] = {}
    for revision, *box in connection.execute(select(*columns).order_by(table.c.id)):
        found.setdefault(revision, []).append(tuple(box))
    return found


def _rows(revision: int, band: int, shapes: Geometries, labels: Geometries) -> dict[str, pa.Array]:
    count = len(shapes)
    return {
        "band": pa.array(np.full(count, band, np.int16)),
        "first_revision": pa.array(np.full(count, revision, np.int32)),
        "geom": _ewkb(shapes),
        "label": _ewkb(labels),
    }


def _ewkb(shapes: Geometries) -> pa.Array:
    marked = shapely.set_srid(shapes, tables.MERCATOR_SRID)
    return pa.array(shapely.to_wkb(marked, include_srid=True), pa.large_binary())


def _end(
    connection: Connection, table: Table, key: str, revision: int, band: int, chosen: Sequence[int] | Sequence[str]
) -> None:
    """What an earlier revision wrote ends, what this very revision wrote is corrected."""
    rows = (table.c[key] == func.any(list(chosen)), table.c.band == band)
    connection.execute(delete(table).where(*rows, table.c.first_revision == revision))
    ended = update(table).where(*rows, table.c.first_revision < revision, table.c.last_revision.is_(None))
    connection.execute(ended.values(last_revision=revision - 1))


def _read(
    connection: Connection,
    table: Table,
    key: str,
    revision: int,
    band: int,
    chosen: Sequence[int] | Sequence[str] | None,
) -> dict[Any, tuple[BaseGeometry, BaseGeometry]]:
    valid = or_(table.c.last_revision.is_(None), table.c.last_revision >= revision)
    columns = (table.c[key], func.ST_AsBinary(table.c.geom), func.ST_AsBinary(table.c.label))
    query = select(*columns).where(table.c.band == band, table.c.first_revision <= revision, valid)
    if chosen is not None:
        query = query.where(table.c[key] == func.any(list(chosen)))
    names, shapes, labels = tuple(zip(*connection.execute(query), strict=True)) or ((), (), ())
    drawn = zip(_shapes(shapes), _shapes(labels), strict=True)
    return dict(zip(names, drawn, strict=True))


def _shapes(wkb: Sequence[memoryview]) -> Geometries:
    return np.asarray(shapely.from_wkb([bytes(each) for each in wkb]), dtype=object)
