"""The compiled loop that counts rows into groups. Imports ``compiled``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import BYTES, INT, INTS, LONGS, OUT_BYTES, OUT_LONGS, SHORTS, kernel

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Shorts = NDArray[np.int16]
Bytes = NDArray[np.uint8]

_BLOCK = 4096


@kernel()
def _pass_box(east: Ints, north: Ints, box: Ints, first: int, size: int, passed: Bytes) -> None:
    """Say of each row of a block whether it lies in the box; without branches, so that it is vectorized."""
    west, south, right, top = box[0], box[1], box[2], box[3]
    for i in range(size):
        x, y = east[first + i], north[first + i]
        passed[i] = (x >= west) & (x <= right) & (y >= south) & (y <= top)


@kernel()
def _gather(passed: Bytes, size: int, chosen: Ints) -> int:
    """Put the rows that pass one behind the other; returns how many there are."""
    found = 0
    for i in range(size):
        chosen[found] = i
        found += passed[i]
    return found


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
    """Add each row from ``begins`` to before ``ends`` to ``counts[group_of[codes[row]]]``; no group is below 0.

    ``wanted_*`` say by cell id, kind and hour of the week which rows count, ``box`` is west, south, east, north,
    its edges in it; an empty one lets all rows pass, and then its column is not read.
    """
    # indexes without a sign: no test for negative ones, a third of the time
    if len(wanted_cells) + len(wanted_kinds) + len(wanted_hours) + len(box) == 0:
        for row in range(begins, ends):
            counts[np.uint32(group_of[np.uint32(codes[row])])] += 1
        return
    # block by block, so that rows that pass are gathered before they are counted
    passed, chosen = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.int32)
    for first in range(begins, ends, _BLOCK):
        size = min(_BLOCK, ends - first)
        passed[:size] = 1
        if len(box):
            _pass_box(east, north, box, first, size, passed)
        if len(wanted_kinds):
            for i in range(size):
                passed[i] &= wanted_kinds[np.uint16(kinds[first + i])]
        if len(wanted_hours):
            for i in range(size):
                passed[i] &= wanted_hours[hours[first + i]]
        if len(wanted_cells):
            for i in range(size):
                passed[i] &= wanted_cells[np.uint32(cells[first + i])]
        for i in range(_gather(passed, size, chosen)):
            counts[np.uint32(group_of[np.uint32(codes[first + chosen[i]])])] += 1


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
