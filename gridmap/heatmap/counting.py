"""The compiled loops that count rows into groups, and write the counts. Imports ``compiled``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import BYTES, INT, INTS, LONGS, OUT_BYTES, OUT_INTS, OUT_LONGS, SHORTS, kernel

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Shorts = NDArray[np.int16]
Bytes = NDArray[np.uint8]

_BLOCK = 4096


@kernel()
def _pass_box(east: Ints, north: Ints, box: Ints, first: int, size: int, passed: Bytes) -> None:
    """Leave of the rows of a block that pass those in the box; without branches, so that it is vectorized."""
    west, south, right, top = box[0], box[1], box[2], box[3]
    for i in range(size):
        x, y = east[first + i], north[first + i]
        passed[i] &= (x >= west) & (x <= right) & (y >= south) & (y <= top)


@kernel()
def _pass_kinds(kinds: Shorts, wanted: Shorts, first: int, size: int, passed: Bytes) -> None:
    """Say of each row of a block whether it is of one of the kinds: comparing is quicker than a table."""
    block = kinds[first : first + size]
    passed[:size] = 0
    for kind in wanted:
        for i in range(size):
            passed[i] |= block[i] == kind


@kernel()
def _gather(passed: Bytes, eights: Longs, size: int, chosen: Ints) -> int:
    """Put the rows that pass one behind the other; returns how many there are. ``eights`` are the same bytes."""
    passed[size:] = 0
    found = 0
    for word in range((size + 7) // 8):
        if eights[word]:  # most often nothing of eight passes
            for i in range(8 * word, 8 * word + 8):
                chosen[np.uint32(found)] = i
                found += passed[i]
    return found


@kernel(INTS, INTS, INTS, BYTES, SHORTS, SHORTS, INTS, INTS, INTS, LONGS, OUT_LONGS)
def count_rows(
    codes: Ints,
    group_of: Ints,
    cells: Ints,
    wanted_cells: Bytes,
    kinds: Shorts,
    wanted_kinds: Shorts,
    east: Ints,
    north: Ints,
    box: Ints,
    spans: Longs,
    counts: Longs,
) -> None:
    """Add each row of the spans to ``counts[group_of[codes[row]]]``; no group is below 0.

    ``spans`` are first rows and those behind the last, by turns. ``wanted_cells`` say by cell id which rows count,
    ``wanted_kinds`` are the kinds that do, ``box`` is west, south, east, north, its edges in it; an empty one lets
    all rows pass, and then its column is not read.
    """
    # block by block and without branches: what passes is gathered before it is counted
    passed, chosen = np.zeros(_BLOCK, np.uint8), np.empty(_BLOCK + 8, np.int32)
    eights = passed.view(np.int64)
    for span in range(0, len(spans), 2):
        begins, ends = spans[span], spans[span + 1]
        # indexes without a sign: no test for negative ones, a third of the time
        if len(wanted_cells) + len(wanted_kinds) + len(box) == 0:
            for row in range(begins, ends):
                counts[np.uint32(group_of[np.uint32(codes[row])])] += 1
            continue
        for first in range(begins, ends, _BLOCK):
            size = min(_BLOCK, ends - first)
            if len(wanted_kinds):
                _pass_kinds(kinds, wanted_kinds, first, size, passed)
            else:
                passed[:size] = 1
            if len(box):
                _pass_box(east, north, box, first, size, passed)
            if len(wanted_cells):
                for i in range(size):
                    passed[i] &= wanted_cells[np.uint32(cells[first + i])]
            for i in range(_gather(passed, eights, size, chosen)):
                counts[np.uint32(group_of[np.uint32(codes[first + chosen[i]])])] += 1


@kernel(INTS, INT, OUT_INTS)
def count_before(codes: Ints, step: int, sums: Ints) -> None:
    """Write how often each code stands in the first 0, ``step``, 2 * ``step`` ... rows, set behind set."""
    sets = len(codes) // step + 1
    width = len(sums) // sets
    for each in range(1, sets):
        at = each * width
        sums[at : at + width] = sums[at - width : at]
        for row in range((each - 1) * step, each * step):
            sums[at + codes[row]] += 1


@kernel(INTS, INTS, INTS, OUT_LONGS)
def add_between(before: Ints, after: Ints, group_of: Ints, counts: Longs) -> None:
    """Add how often each code stands after one row and before another to ``counts[group_of[code]]``."""
    for code in range(len(before)):
        counts[np.uint32(group_of[code])] += after[code] - before[code]


@kernel(BYTES, BYTES, INTS, BYTES, LONGS, BYTES, OUT_BYTES)
def write_counts(
    opening: Bytes, keys: Bytes, ends: Ints, middle: Bytes, counts: Longs, closing: Bytes, to: Bytes
) -> int:
    """Write a row for each count: opening, the key between ``ends[i]`` and ``ends[i + 1]``, middle, the digits of
    the count, closing. ``to`` must have room for 20 digits in each row. Returns how many bytes were written.
    """
    at = 0
    digits = np.empty(20, np.uint8)
    for row in range(len(counts)):
        for i in range(len(opening)):
            to[at + i] = opening[i]
        at += len(opening)
        for i in range(ends[row], ends[row + 1]):
            to[at] = keys[i]
            at += 1
        for i in range(len(middle)):
            to[at + i] = middle[i]
        at += len(middle)
        left, size = counts[row], 0
        if left < 0:
            to[at] = 45  # the minus sign
            at += 1
            left = -left
        while size == 0 or left > 0:
            digits[size] = 48 + left % 10
            left //= 10
            size += 1
        for i in range(size):
            to[at + i] = digits[size - 1 - i]
        at += size
        for i in range(len(closing)):
            to[at + i] = closing[i]
        at += len(closing)
    return at


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
