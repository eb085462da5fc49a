"""Counts per cell as a file: points, how many of them are sure, how many near an edge. Imports its neighbours."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pyarrow as pa

from gridmap.bulk import sinks
from gridmap.coverage.grid import Grid
from gridmap.coverage.placing import CellCounts
from gridmap.model import City

# What stands in place of a cell's code for points in no cell, and for rows without a usable point.
OUTSIDE, REJECTED = "outside", "rejected"


def counts_table(grid: Grid, city: City, counts: CellCounts) -> pa.Table:
    """One row for each cell with its areas, then ``outside`` and ``rejected``: ``points`` adds up to all rows."""
    chains = [{area.level: area.code for area in grid.chain(cell.community)} for cell in grid.cells]
    columns: dict[str, pa.Array] = {"cell": pa.array([*(cell.code for cell in grid.cells), OUTSIDE, REJECTED])}
    for level in city.levels:
        columns[level] = pa.array([*(chain[level] for chain in chains), None, None], pa.string())
    columns["points"] = pa.array(np.append(counts.points, [counts.outside, counts.nowhere]))
    for name, values in (("sure", counts.sure), ("near_edge", counts.near_edge)):
        columns[name] = pa.array([*values.tolist(), None, None], pa.int64())
    columns["near_m"] = pa.array([counts.near_m] * len(columns["cell"]))
    return pa.table(columns)


def write_counts(path: Path, grid: Grid, city: City, counts: CellCounts) -> None:
    """Write the table; the suffix says the format, one without geometry."""
    table = counts_table(grid, city, counts)

    def batches() -> Generator[pa.RecordBatch, None, None]:
        yield from table.to_batches()

    sinks.write(path, table.schema, None, batches())
