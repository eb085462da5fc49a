"""How placements compare with the cells that a publisher states for the same rows: evidence, never a place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gridmap.coverage.grid import Grid
from gridmap.store.subjects import Placed

# How far a point lies from the cell that its publisher states, in metres: less than the first, less than …
STATED_WITHIN_M = (1.0, 10.0, 100.0, 1000.0)


@dataclass
class Stated:
    """How many placements agree with the stated cells, and how far off they are where they do not."""

    compared: int = 0
    agree: int = 0
    not_in_this_grid: int = 0
    without_statement: int = 0
    off_by_m: dict[str, int] = field(default_factory=dict)

    def compare(self, grid: Grid, rows: pd.DataFrame, placed: Placed) -> None:
        """Count a batch; a row that is outside and states nothing is not one to compare."""
        counted = (placed.positions >= 0) | rows["stated_cell"].notna().to_numpy()
        rows, positions = rows[counted], placed.positions[counted]
        given = rows["stated_cell"]
        self.without_statement += int(given.isna().sum())
        stated = given.map(grid.by_code)
        known = stated.notna().to_numpy()
        self.not_in_this_grid += int((given.notna() & ~known).sum())
        rows, positions, named = rows[known], positions[known], stated[known].astype(np.int64).to_numpy()
        agree = named == positions
        self.compared += len(rows)
        self.agree += int(agree.sum())
        off = rows[~agree]
        for distance in grid.index.distances_m(named[~agree], off["lon"].to_numpy(), off["lat"].to_numpy()):
            within = next((f"< {limit:g} m" for limit in STATED_WITHIN_M if distance < limit), "farther")
            self.off_by_m[within] = self.off_by_m.get(within, 0) + 1
