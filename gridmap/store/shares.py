"""How much of an element that is a line or polygon lies in which cell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from gridmap.crs import Floats
from gridmap.store import tables
from gridmap.store.copy import copy_rows


def insert_shares(
    connection: Connection,
    element_ids: NDArray[np.int64],
    cell_ids: NDArray[np.int64],
    shares: Floats,
    revision: int,
) -> None:
    """Shares of n rows, 0 as cell id for the part in no cell; they hold from ``revision`` until a later one's."""
    rows = {
        "element_id": pa.array(element_ids, pa.int64()),
        "first_revision": pa.array(np.full(len(element_ids), revision, np.int32)),
        "cell_id": pa.array(cell_ids, pa.int32()),
        "share": pa.array(shares, pa.float64()),
    }
    copy_rows(connection, tables.element_share, pa.table(rows))


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
