"""Writes a load's rejected rows as lines or as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from gridmap.access import Action, require
from gridmap.cli.environment import say
from gridmap.model import Actor, RejectedRow
from gridmap.spreadsheets import harmless
from gridmap.store.audit import note
from gridmap.store.database import Database
from gridmap.store.loads import latest_rejected, read_load, read_rejected, rejected_columns

_OWN = ("file", "line", "reason")


def write_rejected(database: Database, actor: Actor, load_id: int | None, out: Path | None) -> None:
    """Print the rows, or write them to ``out``, in UTF-8 with a mark for spreadsheets; NotFound without any."""
    require(actor, Action.READ_LOADS)
    with database.begin(actor, long_work=True) as connection:
        load = read_load(connection, latest_rejected(connection) if load_id is None else load_id)
        note(connection, {"read": {"what": "rejected rows", "load": load.id}, "codes": list(load.territories)})
        rows = read_rejected(connection, load.id)
        if out is None:
            for row in rows:
                print(f"{row.file}:{row.line}: {row.reason}")
        else:
            _write(out, rejected_columns(connection, load.id), rows)
    say(f"load {load.id}, {load.what} of the source {load.source}: {load.counts.rejected:,} rows were rejected")


def _write(out: Path, columns: list[str], rows: Iterable[RejectedRow]) -> None:
    # a column of the source may be called like one of ours
    header = [*_OWN, *(f"source_{name}" if name in _OWN else name for name in columns)]
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(harmless, header))
        for row in rows:
            values = (row.columns.get(name, "") for name in columns)
            writer.writerow(map(harmless, [row.file, row.line, row.reason, *values]))
