"""Writing elements or incidents that come row by row, not as files; by the same rules as :mod:`points`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gridmap.access import require
from gridmap.actions.duplicates import SeenIds
from gridmap.actions.placing import Placing
from gridmap.actions.sections import fields_of, kind_of
from gridmap.actions.writer import FATES, REFUSED, PointWriter, Prepared, Written
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import OUTSIDE
from gridmap.errors import InvalidInput, Unavailable
from gridmap.ingest.description import Elements, Incidents, Points
from gridmap.ingest.points import PointBatch, read_points
from gridmap.ingest.privacy import looks_personal, mask
from gridmap.model import Actor, City, LoadCounts
from gridmap.store.categories import read_categories
from gridmap.store.database import Database
from gridmap.store.forgetting import read_forgotten
from gridmap.store.loads import finish_load, insert_load, insert_rejected
from gridmap.store.locks import limit_waiting, lock_revision, lock_sources
from gridmap.store.revisions import read_current
from gridmap.store.subjects import has_source

_FILE = "request.parquet"
_WAIT_S = 5
_NUMBERS = ("lon", "lat", "accuracy_m")
_COMMON = ("id", *_NUMBERS)
ELEMENT_FIELDS = (*_COMMON, "class", "category", "name", "building")
INCIDENT_FIELDS = (*_COMMON, "category", "happened_at", "reported_at", "closed_at", "reporter")


@dataclass(frozen=True, slots=True)
class RowFate:
    """What became of one row: where it is (``placed``, ``outside`` or ``rejected``), what was done, why not."""

    status: str
    change: str | None = None
    cell: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SavedRows:
    """What became of the rows of one request, in their order."""

    load_id: int
    revision: int
    counts: LoadCounts
    rows: list[RowFate]


def elements_section(crs: str, source: str) -> Elements:
    """The description of rows that carry :data:`ELEMENT_FIELDS`."""
    return Elements.model_validate(_described(crs, source, ELEMENT_FIELDS))


def incidents_section(crs: str, source: str) -> Incidents:
    """The description of rows that carry :data:`INCIDENT_FIELDS`."""
    return Incidents.model_validate(_described(crs, source, INCIDENT_FIELDS))


def save_rows(
    database: Database, actor: Actor, section: Points, rows: Sequence[Mapping[str, Any]], grid: Grid, city: City
) -> SavedRows:
    """Write rows, each with its own fate; ``grid`` is the caller's, and must be the current one.

    InvalidInput for a crs or source that may not be, Unavailable when the grid or the source is being changed.
    """
    kind = kind_of(section)
    require(actor, kind.action)
    if looks_personal(section.source):
        raise InvalidInput("source", mask(section.source), "must not hold an ID or mobile number")
    with database.begin(actor, kind.action) as connection:
        limit_waiting(connection, _WAIT_S)
        lock_sources(connection, [section.source])
        lock_revision(connection)
        if read_current(connection).number != grid.revision.number:
            raise Unavailable("the grid is changing at this moment; try again")
        categories = {} if kind.categories is None else read_categories(connection, kind.categories)
        placing = Placing(grid, city)
        is_new = not has_source(connection, kind.subject, section.source)
        forgotten = read_forgotten(connection)
        writer = PointWriter(placing, actor, kind, section, categories, SeenIds(), forgotten, is_new=is_new)
        (batch,) = _read(section, rows, city)
        prepared = writer.prepare(batch)
        load_id = insert_load(connection, actor, kind.what, section.source, _FILE)
        written = writer.write(connection, prepared)
        insert_rejected(connection, load_id, written.rejected)
        finish_load(connection, load_id, written.counts)
    return SavedRows(load_id, grid.revision.number, written.counts, _fates(prepared, written, grid))


def _described(crs: str, source: str, fields: Sequence[str]) -> dict[str, str]:
    return {"file": _FILE, "crs": crs, "source": source, **{name: name for name in fields}}


def _read(section: Points, rows: Sequence[Mapping[str, Any]], city: City) -> Iterator[PointBatch]:
    """The rows through the reader of files, so that a row is checked in one way however it comes."""
    names = ELEMENT_FIELDS if isinstance(section, Elements) else INCIDENT_FIELDS
    kinds = {name: pa.float64() if name in _NUMBERS else pa.string() for name in names}
    table = pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, Path(folder) / _FILE)
        yield from read_points(Path(folder), section, fields_of(section), city.zone)


def _fates(prepared: Prepared, written: Written, grid: Grid) -> list[RowFate]:
    by_line = {row.line: RowFate("rejected", reason=row.reason) for row in written.rejected}
    positions = prepared.placed.positions
    for line, fate, position in zip(prepared.rows["line"], written.fates, positions, strict=True):
        if fate != REFUSED:
            cell = None if position == OUTSIDE else grid.cells[position].code
            by_line[int(line)] = RowFate("outside" if cell is None else "placed", FATES[fate], cell)
    return [by_line[line] for line in sorted(by_line)]
