"""The hex cover: computed and stored with each revision, computed anew on demand, written to a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gridmap import hexes
from gridmap.access import Action, require
from gridmap.coverage.grid import Grid
from gridmap.coverage.hex_cover import hex_cover, hex_cover_within, hexes_near
from gridmap.errors import InvalidInput, NotFound
from gridmap.model import Actor
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.grid import read_cell_codes
from gridmap.store.hex_cover import CoverRows, has_coarser, read_hex_cover, write_hex_cover
from gridmap.store.revisions import read_current, read_revision
from gridmap.store.snapshot import read_grid

Progress = Callable[[str], None]
Positions = NDArray[np.intp]

# A redraw computes the cover below hexes of the first of these resolutions in which no coarser hex is in play.
_PARTS = (7, 6, 5, 4)

# The columns of the file. README.md explains them and shows how to place points with them.
_COLUMNS = pa.schema(
    [
        pa.field("begins", pa.int64(), nullable=False),
        pa.field("ends", pa.int64(), nullable=False),
        pa.field("hex", pa.int64(), nullable=False),
        pa.field("hex_text", pa.string(), nullable=False),
        pa.field("resolution", pa.int8(), nullable=False),
        pa.field("inside", pa.bool_(), nullable=False),
        pa.field("cell_id", pa.int32()),
        pa.field("cell", pa.string()),
        pa.field("candidates", pa.list_(pa.string())),
        pa.field("maybe_outside", pa.bool_(), nullable=False),
    ]
)


@dataclass
class HexReport:
    """What a cover has: hexes wholly inside a cell and straddling ones; how many rows were added or closed."""

    revision: int
    inside: int
    straddling: int
    changed: int | None = None


def publish_cover(connection: Connection, grid: Grid, progress: Progress) -> HexReport:
    """Compute and store the cover of a revision, in the transaction that publishes it; rows that stay are kept."""
    cover = hex_cover(grid.index, progress)
    changed = write_hex_cover(connection, grid.revision.number, cover, [cell.id for cell in grid.cells])
    return HexReport(grid.revision.number, len(cover.inner), len(cover.straddling), changed)


def redraw_cover(
    connection: Connection, before: Grid, after: Grid, gone: Positions, drawn: Positions, progress: Progress
) -> None:
    """Bring the cover from one revision to the next: compute only what lies near the cells that change.

    ``gone`` and ``drawn``: positions in ``before`` and in ``after`` of cells that end, begin or change.
    """
    changed = np.concatenate([before.index.degrees[gone], after.index.degrees[drawn]])
    ids = [cell.id for cell in after.cells]
    for resolution in _PARTS:
        within = hexes_near(changed, resolution)
        if has_coarser(connection, before.revision.number, within):
            continue
        part = hex_cover_within(after.index, within, progress)
        if part is not None:
            write_hex_cover(connection, after.revision.number, part, ids, within)
            return
    publish_cover(connection, after, progress)


def rebuild_hexes(database: Database, actor: Actor, progress: Progress) -> HexReport:
    """Compute the current revision's cover anew and store what differs."""
    require(actor, Action.REBUILD_HEXES)
    with database.begin(actor, long_work=True) as connection:
        return publish_cover(connection, read_grid(connection, read_city(connection)), progress)


def export_hexes(
    database: Database, actor: Actor, path: Path, revision: int | None, progress: Progress
) -> HexReport:
    """Write a revision's cover (the current one for None) to a Parquet file, which appears when it is whole.

    InvalidInput when the name is not a Parquet file's in a folder that is there, NotFound when there is no such
    revision or it has no cover.
    """
    if path.suffix != ".parquet" or not path.parent.is_dir():
        raise InvalidInput("output", str(path), "must be a name ending in .parquet, in a folder that is there")
    with database.begin(actor, long_work=True, one_state=True) as connection:
        found = read_current(connection) if revision is None else read_revision(connection, revision)
        described = {
            "gridmap.city": read_city(connection).code,
            "gridmap.revision": str(found.number),
            "gridmap.point_resolution": str(hexes.RESOLUTION),
        }
        report = HexReport(found.number, 0, 0)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            _write(connection, unfinished, described, report, progress)
            if not report.inside + report.straddling:
                raise NotFound(f"revision {found.number} has no hex cover: run gridmap hexes --rebuild")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return report


def _write(
    connection: Connection, path: Path, described: Mapping[str, str], report: HexReport, progress: Progress
) -> None:
    codes = read_cell_codes(connection, report.revision)
    with pq.ParquetWriter(path, _COLUMNS.with_metadata(described), compression="zstd") as writer:
        for rows in read_hex_cover(connection, report.revision):
            writer.write_table(_table(rows, codes, described))
            inside = int((rows.cell_ids > 0).sum())
            report.inside += inside
            report.straddling += len(rows.hexes) - inside
            progress(f"{report.inside + report.straddling:,} hexes written")


def _table(rows: CoverRows, codes: Mapping[int, str], described: Mapping[str, str]) -> pa.Table:
    begins, ends = hexes.descendants(rows.hexes)
    cell_ids = rows.cell_ids.tolist()
    columns = [
        begins,
        ends,
        rows.hexes,
        [hexes.to_text(each) for each in rows.hexes.tolist()],
        ((rows.hexes >> 52) & 15).astype(np.int8),
        rows.cell_ids > 0,
        pa.array(rows.cell_ids, mask=rows.cell_ids == 0),
        [codes.get(cell) for cell in cell_ids],
        [None if each is None else [codes[cell] for cell in each if cell] for each in rows.candidates],
        [each is not None and 0 in each for each in rows.candidates],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _COLUMNS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_COLUMNS.with_metadata(described))
