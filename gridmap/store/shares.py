"""Elements that are lines or polygons: their shapes, and how much of each lies in which cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, delete, func, select

from gridmap.store import tables
from gridmap.store.copy import copy_rows, geometry_column


def replace_shares(connection: Connection, shares: Mapping[int, Mapping[int, float]], revision: int) -> None:
    """By element id the share by cell id (0: the part in no cell), from ``revision`` until a later one's."""
    if not shares:
        return
    table = tables.element_share
    connection.execute(
        delete(table).where(table.c.element_id == func.any(list(shares)), table.c.first_revision == revision)
    )
    flat = [(element_id, cell_id, share) for element_id, each in shares.items() for cell_id, share in each.items()]
    element_ids, cell_ids, parts = zip(*flat, strict=True)
    rows = {
        "element_id": pa.array(element_ids, pa.int64()),
        "first_revision": pa.array([revision] * len(flat), pa.int32()),
        "cell_id": pa.array(cell_ids, pa.int32()),
        "share": pa.array(parts, pa.float64()),
    }
    copy_rows(connection, table, pa.table(rows))


def replace_shapes(connection: Connection, shapes: Mapping[int, BaseGeometry]) -> None:
    """By element id the line or polygon in EPSG:4326 that it is now."""
    if not shapes:
        return
    table = tables.element_shape
    connection.execute(delete(table).where(table.c.element_id == func.any(list(shapes))))
    geometries = np.array(list(shapes.values()), dtype=object)
    rows = {"element_id": pa.array(list(shapes), pa.int64()), "geom": geometry_column(geometries)}
    copy_rows(connection, table, pa.table(rows))


def read_shapes(connection: Connection, element_ids: Sequence[int]) -> dict[int, BaseGeometry]:
    """By element id the line or polygon that it is; points have none."""
    table = tables.element_shape
    query = select(table.c.element_id, func.ST_AsBinary(table.c.geom)).where(
        table.c.element_id == func.any(list(element_ids))
    )
    return {int(element_id): shapely.from_wkb(bytes(wkb)) for element_id, wkb in connection.execute(query)}


def elements_shared_by(connection: Connection, cell_ids: Sequence[int]) -> list[int]:
    """The ids of elements that have a share in one of some cells now."""
    table, shape = tables.element_share, tables.element_shape
    each = table.alias("each")
    newest = select(func.max(each.c.first_revision)).where(each.c.element_id == table.c.element_id)
    query = (
        select(shape.c.element_id)
        .join(table, table.c.element_id == shape.c.element_id)
        .where(table.c.cell_id == func.any(list(cell_ids)), table.c.first_revision == newest.scalar_subquery())
        .distinct()
    )
    return list(connection.execute(query).scalars())


def newest_shares(connection: Connection, element_ids: Sequence[int]) -> dict[int, dict[int, float]]:
    """By element id the share by cell id, as of the newest revision that has any; points have none."""
    table = tables.element_share
    newest = func.max(table.c.first_revision).over(partition_by=table.c.element_id).label("newest")
    found = select(table, newest).where(table.c.element_id == func.any(list(element_ids))).subquery()
    query = select(found.c.element_id, found.c.cell_id, found.c.share).where(
        found.c.first_revision == found.c.newest
    )
    shares: dict[int, dict[int, float]] = {}
    for element_id, cell_id, share in connection.execute(query):
        shares.setdefault(int(element_id), {})[int(cell_id)] = float(share)
    return shares


def read_shares(connection: Connection, element_id: int, revision: int) -> dict[int, float]:
    """Cell id (0: no cell) to share of one element, as of ``revision``, the largest first; empty for a point."""
    table = tables.element_share
    newest = (
        select(func.max(table.c.first_revision))
        .where(table.c.element_id == element_id, table.c.first_revision <= revision)
        .scalar_subquery()
    )
    query = (
        select(table.c.cell_id, table.c.share)
        .where(table.c.element_id == element_id, table.c.first_revision == newest)
        .order_by(table.c.share.desc(), table.c.cell_id)
    )
    return {int(cell_id): float(share) for cell_id, share in connection.execute(query)}
