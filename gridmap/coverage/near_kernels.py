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


@kernel(
    FLOATS, FLOATS, LONGS, LONGS, FLOAT_ROWS, FLOAT_ROWS, FLOAT_ROWS, FLOATS, LONGS, INTS, OUT_INTS, OUT_FLOATS
)
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
    found: Ints,
    distances: Floats,
) -> None:
    """The cell with the nearest edge and its distance for points in no cell; the lowest of equally near ones.

    Looks in ever wider squares of buckets; a square as wide as the city holds every cell.
    """
    columns, rows = int(frame[3]), int(frame[4])
    for i in range(len(x)):
        reach = frame[2] / 4.0
        cell_found, best2 = -1, np.inf
        while True:
            west = _column(x[i] - reach, frame[0], frame[2], columns)
            east = _column(x[i] + reach, frame[0], frame[2], columns)
            south = _column(y[i] - reach, frame[1], frame[2], rows)
            north = _column(y[i] + reach, frame[1], frame[2], rows)
            for row in range(south, north + 1):
                for column in range(west, east + 1):
                    bucket = row * columns + column
                    for place in range(bucket_starts[bucket], bucket_starts[bucket + 1]):
                        cell = bucket_cells[place]
                        if _box_distance2(x[i], y[i], boxes[cell]) > best2:
                            continue
                        distance2 = _edge_distance2(x[i], y[i], starts[cell], counts[cell], base, recent)
                        if distance2 < best2 or (distance2 == best2 and cell < cell_found):
                            cell_found, best2 = cell, distance2
            whole = west == 0 and south == 0 and east == columns - 1 and north == rows - 1
            if best2 <= reach * reach or whole:
                break
            reach *= 4.0
        found[i] = cell_found
        distances[i] = np.sqrt(best2)
