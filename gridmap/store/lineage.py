"""Lineage: which cells became which at a revision, with the shares of area and of elements."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert

from gridmap.store import tables

Pair = tuple[int, int]


def insert_lineage(
    connection: Connection, revision: int, areas: Mapping[Pair, float], elements: Mapping[Pair, float | None]
) -> None:
    """(old id, new id) -> share of the old cell's area, and of the elements in it (None: it had none)."""
    rows = [
        {
            "revision": revision,
            "from_id": old,
            "to_id": new,
            "area_share": share,
            "element_share": elements[old, new],
        }
        for (old, new), share in areas.items()
    ]
    if rows:
        connection.execute(insert(tables.lineage), rows)
