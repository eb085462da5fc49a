"""The check of a whole section's crs before anything of it is stored. Imports ``crs_check`` and the readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.coverage.index import CoverageIndex
from gridmap.crs import Floats
from gridmap.errors import LoadRefused
from gridmap.ingest.columns import flags_of, floats_of, is_text
from gridmap.ingest.crs_check import BuildingSquares, Verdict, judge
from gridmap.ingest.description import Incidents, Points, Value
from gridmap.ingest.frames import read_frames

# Addresses as rows state them -> lon, lat of those that are one known place.
Places = Callable[[list[str]], Mapping[str, tuple[float, float]]]

# So many rows are looked at, shared out among the files, from the first batch of each.
_MOST_ROWS = 100_000


def check_crs(
    folder: Path,
    section: Points,
    index: CoverageIndex,
    positions: Mapping[str, int],
    buildings: BuildingSquares | None,
    places: Places | None = None,
) -> Verdict:
    """Judge the crs of the files that ``section`` describes; ``positions`` gives a cell code's place in ``index``.

    ``places`` knows where addresses are that rows state.
    Stores nothing and stops nothing: give the verdict to ``refuse_wrong_crs`` unless the user trusts the crs.
    Raises LoadRefused when no file matches, a column is missing or a file cannot be read.
    """
    paths = sorted(folder.glob(section.file))
    if not paths:
        raise LoadRefused(f"{folder / section.file} is not there")
    stated_by = section.stated_cell if isinstance(section, Incidents) else Value()
    parts = []
    for path in paths:
        for frame in read_frames(path, section):
            table = frame.table
            some = np.unique(np.linspace(0, table.num_rows - 1, min(table.num_rows, _MOST_ROWS // len(paths))))
            some_rows = table.take(pa.array(some.astype(np.int64)))
            parts.append(_columns(str(path.relative_to(folder)), some_rows, section, stated_by, positions))
            break
    none = (np.empty(0),) * 4
    x, y, stated, addresses = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else none
    known = stated.astype(np.int32) if stated_by.column is not None else None
    found = None if places is None or section.stated_address.column is None else _where(addresses, places)
    return judge(
        section.crs, x, y, index, buildings, operation=section.operation, stated=known, stated_places=found
    )


def _where(addresses: np.ndarray, places: Places) -> tuple[Floats, Floats]:
    """lon, lat of the address that each row states, NaN where it is not known, or may be several places."""
    known = places(sorted({each for each in addresses.tolist() if each}))
    nowhere = (np.nan, np.nan)
    both = np.array([known.get(each, nowhere) for each in addresses.tolist()], np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _columns(
    file: str, table: pa.Table, section: Points, stated_by: Value, positions: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y, the position of the stated cell (-1: none known) and the stated address (empty: none) of each row."""
    numbers = []
    for source in (section.lon, section.lat):
        column = _column(file, table, source)
        missing = flags_of(pc.is_null(column, nan_is_null=True))
        if is_text(column.type):
            column = pc.utf8_trim_whitespace(column)
            missing |= flags_of(pc.equal(column, ""))
        numbers.append(floats_of(column, missing))
    addresses = np.full(table.num_rows, "", object)
    if section.stated_address.column is not None:
        texts = _column(file, table, section.stated_address).cast(pa.string()).to_pylist()
        addresses[:] = [(text or "").strip() for text in texts]
    if stated_by.column is None:
        return numbers[0], numbers[1], np.empty(0), addresses
    codes = _column(file, table, stated_by).cast(pa.string()).to_pylist()
    stated = [positions.get((code or "").strip(), -1) for code in codes]
    return numbers[0], numbers[1], np.array(stated, np.int32), addresses


def _column(file: str, table: pa.Table, source: Value) -> pa.ChunkedArray:
    if source.column not in table.column_names:
        raise LoadRefused(f"{file} has no column {source.column!r}")
    return table[source.column]
