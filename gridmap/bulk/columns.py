"""The columns that placing adds to a file, as Arrow arrays. Imports ``coverage`` only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridmap.coverage.grid import Grid
from gridmap.coverage.index import HOW
from gridmap.coverage.placing import NOWHERE_CODE, REASONS, Placements
from gridmap.errors import InvalidInput
from gridmap.hexes import hex_text
from gridmap.model import City

_TEXT = pa.dictionary(pa.int32(), pa.string())


class Added:
    """The columns for one grid: text that repeats is a dictionary that all batches share.

    ``plain`` makes all text plain, and candidates one text parted by blanks, for formats without lists.
    """

    def __init__(self, grid: Grid, city: City, prefix: str = "", *, plain: bool = False) -> None:
        self.revision = grid.revision.number
        self.plain = plain
        self.prefix = prefix
        self.levels = city.levels
        self._codes = pa.array([cell.code for cell in grid.cells], pa.string())
        self._areas = _areas(grid, city)
        text = pa.string() if plain else _TEXT
        candidates = pa.string() if plain else pa.list_(pa.string())
        kinds = {
            "cell": text,
            **dict.fromkeys(city.levels, text),
            "hex": pa.string(),
            "revision": pa.int32(),
            "how": text,
            "nearest": text,
            "nearest_m": pa.float64(),
            "edge_distance_m": pa.float64(),
            "candidates": candidates,
            "reason": text,
        }
        self.fields = [pa.field(prefix + name, kind) for name, kind in kinds.items()]

    def check_names(self, names: Sequence[str], file: str) -> None:
        """InvalidInput when a file has a column that would be added."""
        clash = [field.name for field in self.fields if field.name in names]
        if clash:
            rule = f"{file} has columns of the names that are added; put letters before these with --prefix"
            raise InvalidInput("columns", ", ".join(clash), rule)

    def arrays(self, placed: Placements) -> list[pa.Array]:
        """One array for each of ``fields``."""
        nowhere = placed.how == NOWHERE_CODE
        how = np.minimum(placed.how, len(HOW) - 1).astype(np.int32)
        return [
            self._text(placed.positions, self._codes),
            *(self._text(of_cell[placed.positions], codes) for of_cell, codes in self._areas),
            hex_text(placed.hexes),
            pa.array(np.full(len(placed), self.revision, np.int32)),
            self._text(np.where(nowhere, -1, how), pa.array(HOW)),
            self._text(placed.nearest, self._codes),
            _numbers(placed.nearest_m),
            _numbers(placed.edge_distances_m),
            self._candidates(placed),
            self._text(placed.reasons.astype(np.int32) - 1, pa.array(REASONS[1:])),
        ]

    def _text(self, indices: NDArray[np.int32], values: pa.Array) -> pa.Array:
        """The values at the indices, null at -1."""
        taken = pa.array(indices.astype(np.int32), mask=indices < 0)
        return pc.take(values, taken) if self.plain else pa.DictionaryArray.from_arrays(taken, values)

    def _candidates(self, placed: Placements) -> pa.Array:
        codes = pc.take(self._codes, pa.array(placed.candidates))
        lists = pa.ListArray.from_arrays(pa.array(placed.offsets.astype(np.int32)), codes)
        return pc.binary_join(lists, " ") if self.plain else lists


def _areas(grid: Grid, city: City) -> list[tuple[NDArray[np.int32], pa.Array]]:
    """For each level, which of its codes every cell has, with -1 at the end for a position of -1."""
    chains = {community: grid.chain(community) for community in {cell.community for cell in grid.cells}}
    columns = []
    for level in city.levels:
        above = {
            community: next(area.code for area in chain if area.level == level)
            for community, chain in chains.items()
        }
        codes = sorted(set(above.values()))
        number = {code: i for i, code in enumerate(codes)}
        of_cell = np.array([*(number[above[cell.community]] for cell in grid.cells), -1], np.int32)
        columns.append((of_cell, pa.array(codes, pa.string())))
    return columns


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
