"""Rows that may be there already: staged in a temporary table of the session, compared and updated as sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from gridmap.store.packed import copy_packed, read_packed
from gridmap.store.subjects import GIVEN, WHERE, Subject

_CHANGES = "staged_change"
_CONFIRM = text(
    "UPDATE element SET recorded_at = clock_timestamp() WHERE id = ANY(CAST(:ids AS bigint[])) "
    "AND class = 'person' AND recorded_at < now() - interval '30 days'"
)


@dataclass(frozen=True)
class Compared:
    """What the database has of n staged rows: the subject's id (0: none), its cell (0: outside), what differs."""

    ids: NDArray[np.int64]
    cell_ids: NDArray[np.int64]
    differs: NDArray[np.bool_]
    moved: NDArray[np.bool_]


def stage(connection: Connection, subject: Subject, rows: pa.Table) -> None:
    """Put the rows of a batch in place of those staged before."""
    name = _name(subject)
    details = "" if subject.details is None else f", {subject.details.name} AS detail"
    columns = ", ".join(
        ("0 AS row_number", *(f"{owner}.{column}" for owner, column in _columns(subject)))
    )  # names come from the tables' own metadata
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ON COMMIT DELETE ROWS AS SELECT {columns} "  # noqa: S608
            f"FROM {subject.table.name} AS subject, {subject.placement.name} AS placement{details} WITH NO DATA"
        )
    )
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {_CHANGES} "
            "(row_number integer, id bigint, moved boolean) ON COMMIT DELETE ROWS"
        )
    )
    connection.execute(text(f"TRUNCATE {name}, {_CHANGES}"))
    numbers = pa.array(np.arange(rows.num_rows, dtype=np.int32))
    arrays = {each: rows.column(each).combine_chunks() for each in rows.column_names}
    copy_packed(connection, name, {"row_number": numbers, **arrays})
    connection.execute(text(f"ANALYZE {name}"))


def compare(connection: Connection, subject: Subject, count: int) -> Compared:
    """Find the staged rows' subjects by source and external id, and what differs from what is stored."""
    joined = ""
    if subject.details is not None:
        joined = f"LEFT JOIN {subject.details.name} AS detail ON detail.element_id = subject.id"
    names = [(owner, name) for owner, name in _columns(subject) if owner != "placement" and name != "hex"]
    stored = ", ".join(f"{owner}.{name}" for owner, name in names)
    given = ", ".join(f"staged.{name}" for _, name in names)
    found = read_packed(
        connection,
        f"SELECT staged.row_number, subject.id, coalesce(placement.cell_id, 0), "  # noqa: S608
        f"(ROW({given}) IS DISTINCT FROM ROW({stored}))::integer, "
        "(staged.geom IS DISTINCT FROM subject.geom)::integer "
        f"FROM {_name(subject)} AS staged JOIN {subject.table.name} AS subject "
        "ON subject.source = staged.source AND subject.external_id = staged.external_id "
        f"LEFT JOIN {subject.placement.name} AS placement "
        f"ON placement.{subject.key} = subject.id AND placement.last_revision IS NULL {joined}",
        {"row": ">i4", "id": ">i8", "cell_id": ">i4", "differs": ">i4", "moved": ">i4"},
    )
    ids, cell_ids = np.zeros(count, np.int64), np.zeros(count, np.int64)
    differs, moved = np.zeros(count, bool), np.zeros(count, bool)
    rows = found["row"].astype(np.int64)
    ids[rows], cell_ids[rows] = found["id"], found["cell_id"]
    differs[rows], moved[rows] = found["differs"] != 0, found["moved"] != 0
    return Compared(ids, cell_ids, differs, moved)


def update_changed(
    connection: Connection, subject: Subject, compared: Compared, chosen: NDArray[np.bool_], revision: int
) -> None:
    """Write the chosen staged rows over what is stored; those that moved are placed anew from ``revision`` on."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return
    changes = {
        "row_number": pa.array(rows.astype(np.int32)),
        "id": pa.array(compared.ids[rows]),
        "moved": pa.array(compared.moved[rows]),
    }
    copy_packed(connection, _CHANGES, changes)
    connection.execute(text(f"ANALYZE {_CHANGES}"))
    source = f"{_name(subject)} AS staged JOIN {_CHANGES} AS change USING (row_number)"
    own = ", ".join(f"{name} = staged.{name}" for name in (*subject.own, *GIVEN))
    connection.execute(
        text(
            f"UPDATE {subject.table.name} AS subject SET {own}, cell_now = staged.cell_id, "  # noqa: S608
            "recorded_at = clock_timestamp() "
            f"FROM {source} WHERE subject.id = change.id"
        )
    )
    if subject.details is not None:
        names = ", ".join(subject.detail_names)
        overwritten = ", ".join(f"{name} = excluded.{name}" for name in subject.detail_names)
        connection.execute(
            text(
                f"INSERT INTO {subject.details.name} (element_id, {names}) SELECT change.id, {names} "  # noqa: S608
                f"FROM {source} ON CONFLICT (element_id) DO UPDATE SET {overwritten}"
            )
        )
    _place_anew(connection, subject, source, revision)


def _place_anew(connection: Connection, subject: Subject, source: str, revision: int) -> None:
    """A placement of an earlier revision is closed and stays; one of this revision is written over."""
    where = ", ".join(WHERE)
    overwritten = ", ".join(f"{name} = excluded.{name}" for name in WHERE)
    connection.execute(
        text(
            f"UPDATE {subject.placement.name} AS placement SET last_revision = :revision - 1 "  # noqa: S608
            f"FROM {_CHANGES} AS change WHERE placement.{subject.key} = change.id AND change.moved "
            "AND placement.last_revision IS NULL AND placement.first_revision < :revision"
        ),
        {"revision": revision},
    )
    connection.execute(
        text(
            f"INSERT INTO {subject.placement.name} ({subject.key}, first_revision, {where}) "  # noqa: S608
            f"SELECT change.id, :revision, {where} FROM {source} WHERE change.moved "
            f"ON CONFLICT ({subject.key}, first_revision) DO UPDATE SET {overwritten}"
        ),
        {"revision": revision},
    )


def _name(subject: Subject) -> str:
    return f"staged_{(subject.details if subject.details is not None else subject.table).name}"


def _columns(subject: Subject) -> list[tuple[str, str]]:
    """(owner, column) of all that is staged of a row."""
    subjects = [("subject", name) for name in ("source", "external_id", *subject.own, *GIVEN)]
    details = [("detail", name) for name in subject.detail_names]
    return [*subjects, *details, *(("placement", name) for name in WHERE)]


def confirm_persons(connection: Connection, ids: Sequence[int]) -> None:
    """Note that the register still names persons, once a month each: their retention is counted from then."""
    if ids:
        connection.execute(_CONFIRM, {"ids": list(ids)})
