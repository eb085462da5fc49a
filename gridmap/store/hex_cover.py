"""The hex cover of each revision: written by publishing, compared by verify, read as a whole for a file.

A revision rewrites only what it changes: a row that stays the same goes on, one that does not is closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, MetaData, func, or_, select, text

from gridmap import hexes
from gridmap.coverage.hex_cover import HexCover
from gridmap.store import tables
from gridmap.store.copy import copy_rows

# Places points, given with their hexes at resolution 11: an exact test only where the hex straddles. A point in no
# cell gets no code. README.md shows the same for a table of one's own.
PLACE_BY_HEX = """
    SELECT point.number, coalesce(whole.code, tested.code) AS code
    FROM unnest(CAST(:hexes AS bigint[]), CAST(:lon AS double precision[]), CAST(:lat AS double precision[]))
        WITH ORDINALITY AS point (hex, lon, lat, number)
    LEFT JOIN LATERAL (
        SELECT ends, cell_id, candidates FROM hex_cover
        WHERE begins <= point.hex AND first_revision <= :revision
          AND (last_revision IS NULL OR last_revision >= :revision)
        ORDER BY begins DESC LIMIT 1
    ) AS cover ON point.hex <= cover.ends
    LEFT JOIN cell AS whole ON whole.id = cover.cell_id AND whole.revisions @> CAST(:revision AS integer)
    LEFT JOIN LATERAL (
        SELECT min(code) AS code  -- codes are COLLATE "C": the lowest by bytes
        FROM unnest(cover.candidates) AS candidate (id) JOIN cell USING (id)
        WHERE revisions @> CAST(:revision AS integer)
          AND ST_Covers(geom, ST_SetSRID(ST_MakePoint(point.lon, point.lat), 4326))
    ) AS tested ON true
    ORDER BY point.number
"""

_NEW = tables.hex_cover.to_metadata(MetaData(), name="new_hex_cover")
# Rows are compared below some hexes only: those of the temporary table hex_range.
_IN_RANGE = "old.begins BETWEEN hex_range.begins AND hex_range.ends"
_GOING_ON = "old.first_revision <= :revision AND (old.last_revision IS NULL OR old.last_revision >= :revision)"
_SAME = (
    "old.begins = new.begins AND old.hex = new.hex AND old.cell_id IS NOT DISTINCT FROM new.cell_id "
    "AND old.candidates IS NOT DISTINCT FROM new.candidates"
)
_VANISHED = f"{_IN_RANGE} AND {_GOING_ON} AND NOT EXISTS (SELECT FROM new_hex_cover AS new WHERE {_SAME})"
_ADDED = f"NOT EXISTS (SELECT FROM hex_cover AS old WHERE {_GOING_ON} AND {_SAME})"
_COLUMNS = "begins, ends, hex, cell_id, candidates"
_BATCH = 50_000
_LAST_HEX = 2**63 - 1

# What this very revision wrote is corrected, what an earlier one wrote ends.
_CORRECT = text(
    "DELETE FROM hex_cover AS old USING hex_range "  # noqa: S608 - constants of this module
    f"WHERE {_VANISHED} AND old.first_revision = :revision"
)
_END = text(f"UPDATE hex_cover AS old SET last_revision = :revision - 1 FROM hex_range WHERE {_VANISHED}")  # noqa: S608
_ADD = text(
    f"INSERT INTO hex_cover (first_revision, {_COLUMNS}) "  # noqa: S608 - constants of this module
    f"SELECT :revision, {_COLUMNS} FROM new_hex_cover AS new WHERE {_ADDED}"
)
_COMPARE = text(
    "SELECT hex, count(*) OVER () AS wrong FROM ("  # noqa: S608 - constants of this module
    f"SELECT old.hex FROM hex_cover AS old, hex_range WHERE {_VANISHED} UNION "
    f"SELECT hex FROM new_hex_cover AS new WHERE {_ADDED}) AS either ORDER BY hex LIMIT :most"
)

_HAS_COARSER = text(
    """
    SELECT EXISTS (
        SELECT FROM unnest(CAST(:begins AS bigint[]), CAST(:ends AS bigint[]), CAST(:hexes AS bigint[]))
            AS part (begins, ends, hex)
        CROSS JOIN LATERAL (
            SELECT old.hex, old.ends FROM hex_cover AS old
            WHERE old.begins <= part.begins AND old.first_revision <= :revision
              AND (old.last_revision IS NULL OR old.last_revision >= :revision)
            ORDER BY old.begins DESC LIMIT 1
        ) AS above
        WHERE above.ends >= part.ends AND above.hex <> part.hex
    )
    """
)


@dataclass(frozen=True, slots=True)
class Differences:
    """How many hexes are stored that should not be or are missing, and some of them."""

    count: int
    some: Sequence[int]


def has_hex_cover(connection: Connection) -> bool:
    """Whether any revision has a cover."""
    return bool(connection.execute(select(select(tables.hex_cover.c.begins).exists())).scalar_one())


def write_hex_cover(
    connection: Connection,
    revision: int,
    cover: HexCover,
    cell_ids: Sequence[int],
    within: NDArray[np.int64] | None = None,
) -> int:
    """Make this the cover of the newest revision; returns how many rows were added or closed.

    ``cell_ids``: the ids of the cells at the cover's positions; ``within``: hexes below which the cover is given,
    the rest of it stays; None for the whole.
    """
    rows = _rows(cover, cell_ids, revision)
    if not has_hex_cover(connection):
        copy_rows(connection, tables.hex_cover, rows)
        return len(rows)
    _bring(connection, rows, within)
    changed = [connection.execute(each, {"revision": revision}).rowcount for each in (_CORRECT, _END, _ADD)]
    connection.execute(text("DROP TABLE new_hex_cover, hex_range"))
    return sum(changed)


def has_coarser(connection: Connection, revision: int, within: NDArray[np.int64]) -> bool:
    """Whether one of these hexes lies in a coarser one that a revision's cover has."""
    begins, ends = hexes.descendants(within)
    given = {"revision": revision, "begins": begins.tolist(), "ends": ends.tolist(), "hexes": within.tolist()}
    return bool(connection.execute(_HAS_COARSER, given).scalar_one())


def compare_hex_cover(
    connection: Connection, revision: int, cover: HexCover, cell_ids: Sequence[int], most: int
) -> Differences:
    """How the stored cover of a revision differs from one computed anew; names up to ``most`` hexes."""
    _bring(connection, _rows(cover, cell_ids, revision), None)
    found = connection.execute(_COMPARE, {"revision": revision, "most": most}).all()
    connection.execute(text("DROP TABLE new_hex_cover, hex_range"))
    return Differences(int(found[0].wrong) if found else 0, [int(row.hex) for row in found])


def _bring(connection: Connection, rows: pa.Table, within: NDArray[np.int64] | None) -> None:
    connection.execute(text("CREATE TEMPORARY TABLE new_hex_cover (LIKE hex_cover) ON COMMIT DROP"))
    copy_rows(connection, _NEW, rows)
    connection.execute(text("CREATE TEMPORARY TABLE hex_range (begins bigint, ends bigint) ON COMMIT DROP"))
    begins, ends = ([0], [_LAST_HEX]) if within is None else (each.tolist() for each in hexes.descendants(within))
    ranges = text("INSERT INTO hex_range SELECT * FROM unnest(CAST(:begins AS bigint[]), CAST(:ends AS bigint[]))")
    connection.execute(ranges, {"begins": begins, "ends": ends})
    connection.execute(text("ANALYZE new_hex_cover"))
    connection.execute(text("ANALYZE hex_range"))


def _rows(cover: HexCover, cell_ids: Sequence[int], revision: int) -> pa.Table:
    """The rows of the table, in the order of their hexes' descendants."""
    ids = np.array([*cell_ids, 0], np.int32)  # position -1 is outside
    named = pa.array(ids[cover.candidates]).cast(pa.string())
    lists = pc.binary_join(pa.ListArray.from_arrays(pa.array(cover.starts, pa.int32()), named), ",")
    arrays = pc.binary_join_element_wise("{", lists, "}", "")
    inner, straddling = len(cover.inner), len(cover.straddling)
    every = np.concatenate([cover.inner, cover.straddling])
    begins, ends = hexes.descendants(every)
    rows = pa.table(
        {
            "begins": begins,
            "first_revision": np.full(len(every), revision, np.int32),
            "ends": ends,
            "hex": every,
            "cell_id": pa.concat_arrays([pa.array(ids[cover.cells]), pa.nulls(straddling, pa.int32())]),
            "candidates": pa.concat_arrays([pa.nulls(inner, pa.string()), arrays]),
        }
    )
    return rows.take(pa.array(np.argsort(begins, kind="stable")))


@dataclass(frozen=True)
class CoverRows:
    """Some rows of a revision's cover, in order: wholly inside the cell, or (cell 0) straddling candidates."""

    hexes: NDArray[np.int64]
    cell_ids: NDArray[np.int32]
    candidates: list[list[int] | None]


def read_hex_cover(connection: Connection, revision: int) -> Iterator[CoverRows]:
    """The cover of a revision, in batches."""
    table = tables.hex_cover
    valid = or_(table.c.last_revision.is_(None), table.c.last_revision >= revision)
    query = (
        select(table.c.hex, func.coalesce(table.c.cell_id, 0), table.c.candidates)
        .where(table.c.first_revision <= revision, valid)
        .order_by(table.c.begins)
        .execution_options(yield_per=_BATCH)
    )
    rows = connection.execute(query)
    for batch in rows.partitions():
        numbers, cells, candidates = zip(*batch, strict=True)
        yield CoverRows(np.array(numbers, np.int64), np.array(cells, np.int32), list(candidates))
