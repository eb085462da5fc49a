"""The compiled part of ``nearby``: distances to the edges of cells, and which cells are near a point.

All in metres of a metric crs. Imports ``compiled``.

Coordinates are rows of x, y; a row of NaN ends each ring, so that no edge leads from one ring to the next: any
comparison with its distance is false. A cell's rows lie in ``base`` or, beyond its end, in ``recent``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import FLOAT_ROWS, FLOATS, INT, INTS, LONGS, OUT_FLOATS, OUT_INTS, OUT_LONGS, kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@kernel()
def _column(value: float, begin: float, step: float, count: int) -> int:
    """The column (or row) of buckets that a coordinate lies in; what lies beyond the frame is in the last one."""
    return int(min(max((value - begin) / step, 0.0), count - 1.0))


@kernel()
def _edge_distance2(x: float, y: float, start: int, count: int, base: Floats, recent: Floats) -> float:
    """The square of the distance from a point to the nearest of a cell's edges; infinite for no edge."""
    rows = base
    if start >= len(base):
        rows = recent
        start -= len(base)
    nearest = np.inf
    for row in range(start, start + count - 1):
        from_x, from_y = rows[row, 0], rows[row, 1]
        along_x, along_y = rows[row + 1, 0] - from_x, rows[row + 1, 1] - from_y
        to_x, to_y = x - from_x, y - from_y
        length2 = along_x * along_x + along_y * along_y
        share = 0.0
        if length2 > 0.0:
            share = min(max((to_x * along_x + to_y * along_y) / length2, 0.0), 1.0)
        off_x, off_y = to_x - share * along_x, to_y - share * along_y
        distance2 = off_x * off_x + off_y * off_y
        if distance2 < nearest:  # noqa: PLR1730 - no min(): it may be NaN
            nearest = distance2
    return nearest


@kernel()
def _box_distance2(x: float, y: float, box: Floats) -> float:
    """The square of the distance from a point to a box (west, south, east, north), 0 in it."""
    away_x = max(box[0] - x, x - box[2], 0.0)
    away_y = max(box[1] - y, y - box[3], 0.0)
    return float(away_x * away_x + away_y * away_y)


@kernel(INTS, FLOATS, FLOATS, LONGS, LONGS, FLOAT_ROWS, FLOAT_ROWS, OUT_FLOATS)
def edge_distances(
    positions: Ints,
    x: Floats,
    y: Floats,
    starts: Longs,
    counts: Longs,
    base: Floats,
    recent: Floats,
    distances: Floats,
) -> None:
    """The distance from each point to the nearest edge of the cell at its position; NaN for a negative one."""
    for i in range(len(positions)):
        cell = positions[i]
        if cell < 0:
            distances[i] = np.nan
        else:
            distances[i] = np.sqrt(_edge_distance2(x[i], y[i], starts[cell], counts[cell], base, recent))


@kernel(FLOAT_ROWS, FLOATS, OUT_LONGS)
def count_in_buckets(boxes: Floats, frame: Floats, starts: Longs) -> None:
    """First half of the directory: ``starts`` (one more than buckets) becomes where each bucket's cells begin."""
    columns, rows = int(frame[3]), int(frame[4])
    for cell in range(len(boxes)):
        if np.isnan(boxes[cell, 0]):
            continue
        for row in range(
            _column(boxes[cell, 1], frame[1], frame[2], rows),
            _column(boxes[cell, 3], frame[1], frame[2], rows) + 1,
        ):
            first = _column(boxes[cell, 0], frame[0], frame[2], columns)
            last = _column(boxes[cell, 2], frame[0], frame[2], columns)
            for column in range(first, last + 1):
                starts[row * columns + column + 1] += 1
    for bucket in range(len(starts) - 1):
        starts[bucket + 1] += starts[bucket]


@kernel(FLOAT_ROWS, FLOATS, LONGS, OUT_INTS)
def fill_buckets(boxes: Floats, frame: Floats, starts: Longs, cells: Ints) -> None:
    """Second half of the directory: the cells of each bucket, ascending."""
    columns, rows = int(frame[3]), int(frame[4])
    ends = starts[:-1].copy()
    for cell in range(len(boxes)):
        if np.isnan(boxes[cell, 0]):
            continue
        for row in range(
            _column(boxes[cell, 1], frame[1], frame[2], rows),
            _column(boxes[cell, 3], frame[1], frame[2], rows) + 1,
        ):
            first = _column(boxes[cell, 0], frame[0], frame[2], columns)
            last = _column(boxes[cell, 2], frame[0], frame[2], columns)
            for column in range(first, last + 1):
                bucket = row * columns + column
                cells[ends[bucket]] = cell
                ends[bucket] += 1


@kernel(
    INT, INTS, FLOATS, FLOATS, FLOATS, LONGS, LONGS, FLOAT_ROWS, FLOAT_ROWS, FLOAT_ROWS, FLOATS, LONGS, INTS,
    OUT_LONGS, OUT_INTS, OUT_FLOATS,
)  # fmt: skip
def within(
    begin: int,
    positions: Ints,
    x: Floats,
    y: Floats,
    reach: Floats,
    starts: Longs,
    counts: Longs,
    base: Floats,
    recent: Floats,
    boxes: Floats,
    frame: Floats,
    bucket_starts: Longs,
    bucket_cells: Ints,
    offsets: Longs,
    found: Ints,
    distances: Floats,
) -> int:
    """The cells within ``reach`` of each point from ``begin`` on, but for the one at its position.

    Those of point i are written to ``found`` and ``distances`` from ``offsets[i]`` to ``offsets[i + 1]``, in no
    order. Returns the first point that did not fit any more.
    """
    columns, rows = int(frame[3]), int(frame[4])
    taken = offsets[begin]
    for i in range(begin, len(x)):
        limit2 = reach[i] * reach[i]
        west = _column(x[i] - reach[i], frame[0], frame[2], columns)
        east = _column(x[i] + reach[i], frame[0], frame[2], columns)
        south = _column(y[i] - reach[i], frame[1], frame[2], rows)
        north = _column(y[i] + reach[i], frame[1], frame[2], rows)
        for row in range(south, north + 1):
            for column in range(west, east + 1):
                bucket = row * columns + column
                for place in range(bucket_starts[bucket], bucket_starts[bucket + 1]):
                    cell = bucket_cells[place]
                    box = boxes[cell]
                    # a cell stands in several buckets: it counts in the first that the search comes to
                    if column != max(west, _column(box[0], frame[0], frame[2], columns)):
                        continue
                    if row != max(south, _column(box[1], frame[1], frame[2], rows)):
                        continue
                    if cell == positions[i] or _box_distance2(x[i], y[i], box) > limit2:
                        continue
                    distance2 = _edge_distance2(x[i], y[i], starts[cell], counts[cell], base, recent)
                    if not distance2 <= limit2:
                        continue
                    if taken == len(found):
                        return i
                    found[taken] = cell
                    distances[taken] = np.sqrt(distance2)
                    taken += 1
        offsets[i + 1] = taken
    return len(x)


@kernel(FLOATS, LONGS, INTS, OUT_INTS)
def fill_seeds(frame: Floats, bucket_starts: Longs, bucket_cells: Ints, seeds: Ints) -> None:
    """For each bucket a cell of a bucket that is about the nearest one with any: where a search begins."""
    columns, rows = int(frame[3]), int(frame[4])
    near = np.full(rows * columns, -1, np.int64)
    for bucket in range(rows * columns):
        if bucket_starts[bucket + 1] > bucket_starts[bucket]:
            near[bucket] = bucket
    # once forwards, with the neighbours to the west and south, and once backwards with the others
    for direction in (1, -1):
        for step in range(rows * columns):
            bucket = step if direction == 1 else rows * columns - 1 - step
            row, column = bucket // columns, bucket % columns
            for beside_row, beside_column in ((0, -1), (-1, -1), (-1, 0), (-1, 1)):
                other_row, other_column = row + direction * beside_row, column + direction * beside_column
                if not (0 <= other_row < rows and 0 <= other_column < columns):
                    continue
                found = near[other_row * columns + other_column]
                if found < 0:
                    continue
                away2 = (found // columns - row) ** 2 + (found % columns - column) ** 2
                mine = near[bucket]
                if mine < 0 or away2 < (mine // columns - row) ** 2 + (mine % columns - column) ** 2:
                    near[bucket] = found
    for bucket in range(rows * columns):
        seeds[bucket] = bucket_cells[bucket_starts[near[bucket]]]


@kernel(
    FLOATS, FLOATS, LONGS, LONGS, FLOAT_ROWS, FLOAT_ROWS, FLOAT_ROWS, FLOATS, LONGS, INTS, INTS, OUT_INTS,
    OUT_FLOATS,
)  # fmt: skip
def nearest(
    x: Floats,
    y: Floats,
    starts: Longs,
    counts: Longs,
    base: Floats,
    recent: Floats,
    boxes: Floats,
    frame: Floats,
    bucket_starts: Longs,
    bucket_cells: Ints,
    seeds: Ints,
    found: Ints,
    distances: Floats,
) -> None:
    """The cell with the nearest edge and its distance for points in no cell; the lowest of equally near ones.

    The seed of the point's bucket is a first answer; only buckets that are nearer than the best one so far are
    looked at, row by row, the point's own first.
    """
    columns, rows = int(frame[3]), int(frame[4])
    for i in range(len(x)):
        own_row = _column(y[i], frame[1], frame[2], rows)
        best = seeds[own_row * columns + _column(x[i], frame[0], frame[2], columns)]
        best2 = _edge_distance2(x[i], y[i], starts[best], counts[best], base, recent)
        for turn in range(2 * rows):
            row = own_row + (turn + 1) // 2 if turn % 2 else own_row - turn // 2
            if not 0 <= row < rows:
                continue
            low = frame[1] + row * frame[2]
            # the last row holds what lies beyond the frame by rounding, too
            away_y = max(low - y[i], y[i] - low - frame[2], 0.0) * (1.0 - 1e-9)
            if away_y * away_y > best2:
                continue
            reach = np.sqrt(best2 - away_y * away_y)
            west = _column(x[i] - reach, frame[0], frame[2], columns)
            east = _column(x[i] + reach, frame[0], frame[2], columns)
            for bucket in range(row * columns + west, row * columns + east + 1):
                for place in range(bucket_starts[bucket], bucket_starts[bucket + 1]):
                    cell = bucket_cells[place]
                    if cell == best or _box_distance2(x[i], y[i], boxes[cell]) > best2:
                        continue
                    distance2 = _edge_distance2(x[i], y[i], starts[cell], counts[cell], base, recent)
                    if distance2 < best2 or (distance2 == best2 and cell < best):
                        best, best2 = cell, distance2
        found[i] = best
        distances[i] = np.sqrt(best2)
