"""The compiled loop that counts rows into groups. Imports ``compiled``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import BYTES, INT, INTS, LONGS, OUT_BYTES, OUT_LONGS, SHORTS, kernel

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Shorts = NDArray[np.int16]
Bytes = NDArray[np.uint8]


@kernel(INTS, INTS, INTS, BYTES, SHORTS, BYTES, BYTES, BYTES, INTS, INTS, INTS, INT, INT, OUT_LONGS)
def count_rows(
    codes: Ints,
    group_of: Ints,
    cells: Ints,
    wanted_cells: Bytes,
    kinds: Shorts,
    wanted_kinds: Bytes,
    hours: Bytes,
    wanted_hours: Bytes,
    east: Ints,
    north: Ints,
    box: Ints,
    begins: int,
    ends: int,
    counts: Longs,
) -> None:
    """Add each row from ``begins`` to before ``ends`` to ``counts[group_of[codes[row]]]``, but for a group of -1.

    ``wanted_*`` say by cell id, kind and hour of the week which rows count, ``box`` is west, south, east, north,
    its edges in it; an empty one lets all rows pass, and then its column is not read.
    """
    by_cell, by_kind, by_hour, by_box = (
        len(wanted_cells) > 0,
        len(wanted_kinds) > 0,
        len(wanted_hours) > 0,
        len(box) > 0,
    )
    for row in range(begins, ends):
        if by_kind and wanted_kinds[kinds[row]] == 0:
            continue
        if by_hour and wanted_hours[hours[row]] == 0:
            continue
        if by_box and not (box[0] <= east[row] <= box[2] and box[1] <= north[row] <= box[3]):
            continue
        if by_cell and wanted_cells[cells[row]] == 0:
            continue
        group = group_of[codes[row]]
        if group >= 0:
            counts[group] += 1


@kernel(LONGS, LONGS, LONGS, OUT_BYTES)
def mark_spanned(ids: Longs, firsts: Longs, lasts: Longs, marks: Bytes) -> None:
    """Mark the ids that lie in a span; spans are sorted, do not overlap and include both ends."""
    lowest, highest = firsts[0], lasts[-1]
    for row in range(len(ids)):
        each = ids[row]
        if each < lowest or each > highest:
            continue
        span = np.searchsorted(firsts, each, side="right") - 1
        if each <= lasts[span]:
            marks[row] = 1
