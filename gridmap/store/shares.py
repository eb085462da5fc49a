"""How much of an element that is a line or polygon lies in which cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlalchemy import Connection, delete, func, select

from gridmap.store import tables
from gridmap.store.copy import copy_rows


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
