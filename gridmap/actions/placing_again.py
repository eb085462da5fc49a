"""Placing again what stands in the cells that a redraw changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridmap.actions.placing import Placing
from gridmap.coverage.index import HOW
from gridmap.store.database import Connection
from gridmap.store.replacing import place_from, read_standing
from gridmap.store.subjects import Subject


@dataclass(frozen=True)
class Moved:
    """n elements or incidents that are in another cell now: their ids, and the cells' ids before and after."""

    ids: NDArray[np.int64]
    old: NDArray[np.int64]
    new: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many moved."""
        return len(self.ids)


def place_again(
    connection: Connection, gone: Sequence[int], before: Placing, after: Placing, subject: Subject
) -> Moved:
    """Place what stands in changed cells (their ids), and in cells that are in another district now."""
    elsewhere = _in_another_top(before, after)
    chosen = sorted({*gone, *elsewhere})
    none = np.empty(0, np.int64)
    if not chosen:
        return Moved(none, none, none)
    standing = read_standing(connection, subject, chosen)
    placed = after.place_points(standing.lon, standing.lat)
    same = (
        (placed.cell_ids == standing.cell_ids)
        & (placed.how == standing.how)
        & np.isclose(
            placed.edge_distances_m.astype(np.float32), standing.edge_distances_m, 0.0, 0.0, equal_nan=True
        )
        & ~np.isin(standing.cell_ids, elsewhere)
    )
    again = np.flatnonzero(~same)
    where = {
        "top": placed.tops.take(pa.array(again)),
        "cell_id": pa.array(placed.cell_ids[again].astype(np.int32), mask=placed.cell_ids[again] == 0),
        "how": pa.DictionaryArray.from_arrays(pa.array(placed.how[again].astype(np.int8)), HOW).cast(pa.string()),
        "edge_distance_m": pa.array(placed.edge_distances_m[again], pa.float32(), from_pandas=True),
    }
    place_from(connection, subject, after.grid.revision.number, standing.ids[again], where)
    moved = placed.cell_ids != standing.cell_ids
    return Moved(standing.ids[moved], standing.cell_ids[moved], placed.cell_ids[moved])


def _in_another_top(before: Placing, after: Placing) -> list[int]:
    """The ids of cells that lie in another area just below the city than before; placements lead with its code."""
    was, now = before.top_of_id, after.top_of_id
    return [cell for cell, top in now.items() if was.get(cell, top) != top]
