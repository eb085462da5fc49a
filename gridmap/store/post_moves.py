"""Posts that go to another territory with a redraw; what was known before stays answerable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.postgresql import Range

from gridmap.model import Post
from gridmap.store import tables
from gridmap.store.duty import close_rows, list_posts

_COLUMNS = ("code", "kind", "title", "level", "territory", "phone", "required", "department", "categories")


def posts_at(connection: Connection, territories: Sequence[str], at: datetime, known_at: datetime) -> list[Post]:
    """The posts that stand at some territories at a time, by code, as known at another."""
    return list_posts(connection, at, territories=territories, known_at=known_at)


def move_posts(connection: Connection, moves: Mapping[str, str], at: datetime, now: datetime) -> None:
    """Post code -> its territory from ``at`` on; known from ``now`` on. Shifts follow, for they name the post.

    A row that holds before and after ``at`` is parted there, one that begins later goes over as a whole.
    """
    if not moves:
        return
    table = tables.post
    since = func.tstzrange(at, None)
    found = (
        select(table)
        .where(table.c.code.in_(list(moves)), func.upper_inf(table.c.recorded), table.c.valid.op("&&")(since))
        .with_for_update()
    )
    old = connection.execute(found).mappings().all()
    close_rows(connection, table, [row["id"] for row in old], now)
    fresh = []
    for row in old:
        values = {name: row[name] for name in _COLUMNS} | {"recorded": Range(now, None)}
        begins, ends = row["valid"].lower, row["valid"].upper
        if begins is None or begins < at:
            fresh.append({**values, "valid": Range(begins, at)})
        starts = at if begins is None or begins < at else begins
        fresh.append({**values, "territory": moves[row["code"]], "valid": Range(starts, ends)})
    if fresh:
        connection.execute(insert(table), fresh)
