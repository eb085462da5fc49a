"""What was loaded: counts that add up, and the rejected rows with line and reason."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy import Connection, insert, text, update

from gridmap.model import Actor, LoadCounts, RejectedRow
from gridmap.store import tables
from gridmap.store.copy import copy_rows


def insert_load(connection: Connection, actor: Actor, what: str, source: str, file: str) -> int:
    """Begin a load's record and return its id."""
    values = {"what": what, "source": source, "file": file, "actor": actor.id}
    counts = dict.fromkeys(("rows", "placed", "outside", "rejected"), 0)
    returning = insert(tables.load).values(**values, **counts).returning(tables.load.c.id)
    return int(connection.execute(returning).scalar_one())


def finish_load(connection: Connection, load_id: int, counts: LoadCounts) -> None:
    """Write the counts; the table refuses counts that do not add up to the rows."""
    values = {"rows": counts.rows, "placed": counts.placed, "outside": counts.outside, "rejected": counts.rejected}
    connection.execute(update(tables.load).where(tables.load.c.id == load_id).values(**values))


def insert_rejected(connection: Connection, load_id: int, rejected: Sequence[RejectedRow]) -> None:
    """Keep the rejected rows of a batch."""
    rows = {
        "load_id": pa.array([load_id] * len(rejected), pa.int32()),
        "file": [row.file for row in rejected],
        "line": [row.line for row in rejected],
        "reason": [row.reason for row in rejected],
        "columns": [json.dumps(dict(row.columns), ensure_ascii=False) for row in rejected],
    }
    copy_rows(connection, tables.rejected_row, pa.table(rows))


def analyze(connection: Connection) -> None:
    """Let the planner know what a bulk load has put there, before anybody asks."""
    for table in tables.metadata.sorted_tables:
        connection.execute(text(f'ANALYZE "{table.name}"'))
