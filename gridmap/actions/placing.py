"""Places rows by one revision's grid, and says which places an actor may write."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from gridmap.access import covers
from gridmap.coverage.grid import Grid, top_code
from gridmap.coverage.index import OUTSIDE
from gridmap.crs import Floats
from gridmap.hexes import hexes_of
from gridmap.model import Actor, City
from gridmap.store.subjects import OUTSIDE_TOP, Placed


class Placing:
    """The grid as arrays by position, with one more at the end for OUTSIDE, which is -1."""

    def __init__(self, grid: Grid, city: City) -> None:
        self.grid = grid
        self._city = city
        self._cell_ids = np.array([cell.id for cell in grid.cells] + [0], np.int64)
        top_of = {code: top_code(grid.chain(code), city) for code in {cell.community for cell in grid.cells}}
        tops = [top_of[cell.community] for cell in grid.cells]
        self.top_of_id = {cell.id: top for cell, top in zip(grid.cells, tops, strict=True)}
        self._tops = pa.array([*tops, OUTSIDE_TOP])
        self._by_id = np.argsort(self._cell_ids, kind="stable")

    def place(self, rows: pd.DataFrame) -> Placed:
        """Where the points of the columns ``lon`` and ``lat`` are."""
        return self.place_points(rows["lon"].to_numpy(np.float64), rows["lat"].to_numpy(np.float64))

    def place_points(self, lon: Floats, lat: Floats) -> Placed:
        """Where n points are."""
        positions, how = self.grid.index.locate_many(lon, lat)
        return Placed(
            positions=positions,
            cell_ids=self._cell_ids[positions],
            tops=self._tops.take(pa.array(np.where(positions == OUTSIDE, len(self.grid.cells), positions))),
            how=how,
            edge_distances_m=self.grid.index.edge_distances_m(positions, lon, lat),
            hexes=hexes_of(lon, lat),
        )

    def writable(self, actor: Actor) -> NDArray[np.bool_]:
        """By position, whether the actor's territories cover the cell; what is outside is the whole city's."""
        communities = {
            code: covers(actor, [area.code for area in self.grid.chain(code)])
            for code in {cell.community for cell in self.grid.cells}
        }
        cells = [communities[cell.community] or covers(actor, [cell.code]) for cell in self.grid.cells]
        return np.array([*cells, covers(actor, [self._city.code])])

    def cell_ids_of(self, positions: NDArray[np.int32]) -> NDArray[np.int64]:
        """Ids of the cells at positions; 0 for OUTSIDE."""
        return self._cell_ids[positions]

    def positions_of(self, cell_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of cells by their ids; OUTSIDE for 0."""
        found = self._by_id[np.searchsorted(self._cell_ids, cell_ids, sorter=self._by_id)]
        return np.where(cell_ids == 0, OUTSIDE, found)

    def name(self, position: int) -> str:
        """A place for a message."""
        return "outside the city" if position == OUTSIDE else f"cell {self.grid.cells[position].code}"
