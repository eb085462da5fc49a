"""The compiled heart of the exact index: orientation signs, the filling of the raster, the look-up of points.

Imports ``compiled``, which says why kernels that call each other stand in one module. ``raster``
explains the raster and why an answer read from it is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import (
    FLOAT,
    FLOAT_ROWS,
    FLOATS,
    INT,
    INT_ROWS,
    INTS,
    LONGS,
    OUT_BYTES,
    OUT_INTS,
    kernel,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# A tile is cut into 4**k boxes; corners of boxes lie on the finest grid, which has 2**FINEST lines per tile.
FINEST = 6
# A box takes in every edge that comes this close to it, in widths of the box: far more than rounding can shift.
_MARGIN = 2.0**-18

# A record is a head (cell << 32 | number of edges), then for each edge its two ends and a label.
_WORDS_PER_EDGE = 5
_COUNT_MASK = 0xFFFFFFFF
_CELL_BITS = 30
_CELL_MASK = (1 << _CELL_BITS) - 1
# In the label, above the two cells: the vertical through the corner meets the edge; the corner is on its left.
_SPANS_CORNER = 1 << 60
_CORNER_LEFT = 1 << 61
_NO_CELL = 1 << _CELL_BITS

_INSIDE, _EDGE, _OUTSIDE = 0, 1, 2  # the codes of ``index``
_BLOCK = 128

# Shewchuk, "Adaptive Precision Floating-Point Arithmetic" (1997): the error bound of a 2 x 2 determinant is
# (3 + 16 u) u, u = 2**-53, of the sum of its products, where these do not underflow.
_RELATIVE_ERROR = (3.0 + 16.0 * 2.0**-53) * 2.0**-53
_UNDERFLOW = 1e-290
_SPLITTER = 2.0**27 + 1.0
_SCALE = 2.0**500


@kernel()
def _exact_product(a: float, b: float) -> tuple[float, float]:
    """a * b as a rounded product and its exact error (Dekker)."""
    product = a * b
    wide = _SPLITTER * a
    a_high = wide - (wide - a)
    a_low = a - a_high
    wide = _SPLITTER * b
    b_high = wide - (wide - b)
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@kernel()
def _exact_difference(a: float, b: float) -> tuple[float, float]:
    """a - b as a rounded difference and its exact error (Knuth)."""
    difference = a - b
    b_seen = a - difference
    a_seen = difference + b_seen
    return difference, (a - a_seen) + (b_seen - b)


@kernel()
def _add_exactly(terms: Floats, count: int, value: float) -> int:
    """Add a value to an expansion, a sum of terms that do not overlap, smallest first; returns how many it has."""
    total = value
    for i in range(count):
        rounded = total + terms[i]
        term_seen = rounded - total
        total_seen = rounded - term_seen
        terms[i] = (total - total_seen) + (terms[i] - term_seen)
        total = rounded
    terms[count] = total
    return count + 1


@kernel()
def _exact_side(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> int:
    """``_side`` without any rounding.

    Numbers are scaled up, lest products underflow. The ends are 0 or at least 2**-100, so one product still can,
    that of x and y when both are below 2**-900; it then stands on both sides, rounded alike, and cancels out.
    """
    west, west_error = _exact_difference(x1 * _SCALE, x * _SCALE)
    north, north_error = _exact_difference(y2 * _SCALE, y * _SCALE)
    south, south_error = _exact_difference(y1 * _SCALE, y * _SCALE)
    east, east_error = _exact_difference(x2 * _SCALE, x * _SCALE)
    terms = np.empty(16, np.float64)
    count = 0
    for a in (west, west_error):
        for b in (north, north_error):
            product, error = _exact_product(a, b)
            count = _add_exactly(terms, count, error)
            count = _add_exactly(terms, count, product)
    for a in (south, south_error):
        for b in (east, east_error):
            product, error = _exact_product(-a, b)
            count = _add_exactly(terms, count, error)
            count = _add_exactly(terms, count, product)
    for i in range(count - 1, -1, -1):
        if terms[i] != 0.0:
            return 1 if terms[i] > 0.0 else -1
    return 0


@kernel()
def _side(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> int:
    """1 when (x, y) is on the left of the way from end 1 to end 2, -1 on the right, 0 on the line; exact."""
    left = (x1 - x) * (y2 - y)
    right = (y1 - y) * (x2 - x)
    sign = left - right
    if abs(sign) > _RELATIVE_ERROR * (abs(left) + abs(right)) + _UNDERFLOW:
        return 1 if sign > 0.0 else -1
    if (x1 == x or y2 == y) and (y1 == y or x2 == x):
        return 0
    return _exact_side(x1, y1, x2, y2, x, y)


@kernel(FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT)
def side(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> int:
    """1 when (x, y) is on the left of the way from end 1 to end 2, -1 on the right, 0 on the line.

    Exact for coordinates that are 0 or at least 2**-100 in size, and at most 360; (x, y) may be any so large.
    """
    return _side(x1, y1, x2, y2, x, y)


@kernel()
def _on_left(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> bool:
    """Whether a point is on the left of an edge, after a nudge up and a far smaller one to the right.

    The nudge takes every point off every line. The edge goes right, or straight up.
    """
    sign = _side(x1, y1, x2, y2, x, y)
    return sign > 0 or (sign == 0 and x2 > x1)


@kernel()
def _walk(cell: int, ends: Floats, cells: Ints, edges: Ints, x: float, y: float, to_x: float, to_y: float) -> int:
    """The cell at (to_x, to_y) (nudged): from ``cell`` at (x, y) first up or down, then across.

    On the way it crosses no other edges than the listed ones.
    """
    for edge in edges:
        x1, y1, x2, y2 = ends[edge, 0], ends[edge, 1], ends[edge, 2], ends[edge, 3]
        upright = (x1 <= x) != (x2 <= x)
        level = (y1 <= to_y) != (y2 <= to_y)
        if upright or level:
            turn = _on_left(x1, y1, x2, y2, x, to_y)
            crossed = upright and _on_left(x1, y1, x2, y2, x, y) != turn
            if level and _on_left(x1, y1, x2, y2, to_x, to_y) != turn:
                crossed = not crossed
            if crossed:
                cell ^= cells[edge, 0] ^ cells[edge, 1]
    return cell


@kernel()
def _misses(x1: float, y1: float, x2: float, y2: float, column: int, row: int) -> bool:
    """Whether all corners of a box, margin included, are on one side of the line; all in widths of the box."""
    dx, dy = x2 - x1, y2 - y1
    west, south = column - _MARGIN - x1, row - _MARGIN - y1
    width = 1.0 + 2.0 * _MARGIN
    corner = dx * south - dy * west
    up, across = dx * width, -dy * width
    lowest = corner + min(up, 0.0) + min(across, 0.0)
    highest = corner + max(up, 0.0) + max(across, 0.0)
    return lowest > 0.0 or highest < 0.0


@kernel()
def _spread(
    ends: Floats, edges: Ints, west: float, south: float, per_degree: float, columns: int, rows: int
) -> tuple[Longs, Ints]:
    """Which of the edges touch which box of a grid: box i has ``listed[starts[i]:starts[i + 1]]``."""
    starts = np.zeros(columns * rows + 1, np.int64)
    listed = np.empty(0, np.int32)
    for filling in (False, True):
        if filling:
            total = 0
            for box in range(columns * rows):
                count = starts[box]
                starts[box] = total
                total += count
            starts[columns * rows] = total
            listed = np.empty(total, np.int32)
        for edge in edges:
            x1, y1 = (ends[edge, 0] - west) * per_degree, (ends[edge, 1] - south) * per_degree
            x2, y2 = (ends[edge, 2] - west) * per_degree, (ends[edge, 3] - south) * per_degree
            lowest, highest = min(y1, y2) - _MARGIN, max(y1, y2) + _MARGIN
            for row in range(max(0, int(lowest)), min(rows - 1, int(highest)) + 1):
                for column in range(max(0, int(x1 - _MARGIN)), min(columns - 1, int(x2 + _MARGIN)) + 1):
                    if x2 + _MARGIN < column or highest < row or _misses(x1, y1, x2, y2, column, row):
                        continue
                    box = row * columns + column
                    if filling:
                        listed[starts[box]] = edge
                    starts[box] += 1
    for box in range(columns * rows, 0, -1):
        starts[box] = starts[box - 1]
    starts[0] = 0
    return starts, listed


@kernel()
def _corner(origin: float, step: float, tile: int, depth: int, box: int) -> float:
    """Degrees of the lower corner of a box: the same number, to the last bit, for whoever asks."""
    return origin + ((tile << FINEST) + (box << (FINEST - depth))) * (step / (1 << FINEST))


@kernel()
def _with_room(records: Floats, used: int, more: int) -> Floats:
    if used + more <= len(records):
        return records
    larger = np.empty(2 * len(records) + more, np.float64)
    larger[:used] = records[:used]
    return larger


@kernel()
def _write(
    records: Floats, used: int, cell: int, edges: Ints, ends: Floats, cells: Ints, x: float, y: float
) -> int:
    """Append the record of a box with its corner at (x, y) in ``cell``; returns how many words are used then."""
    words = records.view(np.int64)
    words[used] = (cell << 32) | len(edges)
    used += 1
    for edge in edges:
        x1, y1, x2, y2 = ends[edge, 0], ends[edge, 1], ends[edge, 2], ends[edge, 3]
        records[used], records[used + 1], records[used + 2], records[used + 3] = x1, y1, x2, y2
        label = (np.int64(cells[edge, 0]) << _CELL_BITS) | np.int64(cells[edge, 1])
        if (x1 <= x) != (x2 <= x):
            label |= _SPANS_CORNER
            if _on_left(x1, y1, x2, y2, x, y):
                label |= _CORNER_LEFT
        words[used + 4] = label
        used += _WORDS_PER_EDGE
    return used


@kernel()
def _depth(edges: int, boxes_per_edge: int) -> int:
    """The k of a tile's 4**k boxes: one box when no edge is there, else ``boxes_per_edge`` if k allows it."""
    depth = 0
    while edges > 0 and depth < FINEST and (1 << (2 * depth)) < boxes_per_edge * edges:
        depth += 1
    return depth


@kernel()
def _fill_tile(
    boxes: Ints,
    records: Floats,
    used: int,
    cell: int,
    edges: Ints,
    ends: Floats,
    cells: Ints,
    frame: Floats,
    column: int,
    row: int,
    depth: int,
) -> tuple[Floats, int, int]:
    """Fill one tile's boxes, whose south-west corner is in ``cell``; returns the cell at the south-east corner."""
    west, south, step = frame[0], frame[1], frame[2]
    across = 1 << depth
    origin_x, origin_y = _corner(west, step, column, 0, 0), _corner(south, step, row, 0, 0)
    starts, listed = _spread(ends, edges, origin_x, origin_y, across / step, across, across)
    for i in range(across):
        x, next_x = _corner(west, step, column, depth, i), _corner(west, step, column, depth, i + 1)
        climbing = cell
        for j in range(across):
            y, next_y = _corner(south, step, row, depth, j), _corner(south, step, row, depth, j + 1)
            box = j * across + i
            here = listed[starts[box] : starts[box + 1]]
            if len(here) == 0:
                boxes[box] = climbing
                continue
            boxes[box] = -used - 1
            records = _with_room(records, used, 1 + _WORDS_PER_EDGE * len(here))
            used = _write(records, used, climbing, here, ends, cells, x, y)
            climbing = _walk(climbing, ends, cells, here, x, y, x, next_y)
        bottom = listed[starts[i] : starts[i + 1]]
        cell = _walk(cell, ends, cells, bottom, x, origin_y, next_x, origin_y)
    return records, used, cell


@kernel(FLOAT_ROWS, INT_ROWS, FLOATS, INT)
def fill(ends: Floats, cells: Ints, frame: Floats, boxes_per_edge: int) -> tuple[Longs, Ints, Floats]:
    """Tiles, boxes and records of edges in the form of ``Edges``; ``raster`` says what these and a frame are.

    The west side of the frame lies outside all cells.
    """
    columns, rows = int(frame[3]), int(frame[4])
    every_edge = np.arange(len(ends)).astype(np.int32)
    tile_starts, tile_edges = _spread(ends, every_edge, frame[0], frame[1], frame[5], columns, rows)
    tiles = np.empty(columns * rows, np.int64)
    total = 0
    for tile in range(columns * rows):
        depth = _depth(tile_starts[tile + 1] - tile_starts[tile], boxes_per_edge)
        tiles[tile] = (total << 4) | depth
        total += 1 << (2 * depth)
    boxes = np.empty(total, np.int32)
    records = np.empty(16 * len(ends) + 1024, np.float64)
    used = 0
    for row in range(rows):
        cell = 0
        for column in range(columns):
            tile = row * columns + column
            edges = tile_edges[tile_starts[tile] : tile_starts[tile + 1]]
            first, depth = tiles[tile] >> 4, tiles[tile] & 15
            if len(edges) == 0:
                boxes[first] = cell
            else:
                part = boxes[first : first + (1 << (2 * depth))]
                records, used, cell = _fill_tile(
                    part, records, used, cell, edges, ends, cells, frame, column, row, depth
                )
    return tiles, boxes, records[:used].copy()


@kernel()
def _box_at(lon: float, lat: float, frame: Floats, tiles: Longs, boxes: Ints) -> tuple[int, float]:
    """The content of the box that a point is in and the longitude of the box's corner; 0 off the raster."""
    west, south, step, columns, rows = frame[0], frame[1], frame[2], frame[3], frame[4]
    x, y = (lon - west) * frame[5], (lat - south) * frame[5]
    if not (x >= 0.0 and y >= 0.0 and x < columns and y < rows):
        return 0, 0.0
    column, row = int(x), int(y)
    tile = tiles[row * int(columns) + column]
    depth = tile & 15
    across = 1 << depth
    i, j = int((x - column) * across), int((y - row) * across)
    return boxes[(tile >> 4) + (j << depth) + i], _corner(west, step, column, depth, i)


@kernel()
def _answer(cell: int) -> int:
    return ((cell - 1) << 2) | (_INSIDE if cell > 0 else _OUTSIDE)


@kernel()
def _touches_end(x1: float, y1: float, x2: float, y2: float, lon: float, lat: float) -> bool:
    """Whether a point lies on an end of an edge or on a level edge, which needs no sign."""
    at_first, at_second = x1 == lon and y1 == lat, x2 == lon and y2 == lat
    return at_first or at_second or (y1 == y2 and y1 == lat and x1 <= lon <= x2)


@kernel()
def _resolve(records: Floats, words: Longs, at: int, corner_x: float, lon: float, lat: float) -> int:
    """The cell of a point in a box with edges, and whether it lies on one: position << 2 | how."""
    head = words[at]
    cell = head >> 32
    lowest = _NO_CELL
    at += 1
    for _ in range(head & _COUNT_MASK):
        x1, y1, x2, y2 = records[at], records[at + 1], records[at + 2], records[at + 3]
        label = words[at + 4]
        at += _WORDS_PER_EDGE
        touching = False
        level = (y1 <= lat) != (y2 <= lat)
        upright = (label & _SPANS_CORNER) != 0
        if level or upright:
            turn = _on_left(x1, y1, x2, y2, corner_x, lat)
            crossed = upright and turn != ((label & _CORNER_LEFT) != 0)
            if level:
                sign = _side(x1, y1, x2, y2, lon, lat)
                touching = sign == 0
                if (sign > 0) != turn:
                    crossed = not crossed
            if crossed:
                cell ^= ((label >> _CELL_BITS) & _CELL_MASK) ^ (label & _CELL_MASK)
        if touching or (not level and _touches_end(x1, y1, x2, y2, lon, lat)):
            left, right = (label >> _CELL_BITS) & _CELL_MASK, label & _CELL_MASK
            if 0 < left < lowest:
                lowest = left
            if 0 < right < lowest:
                lowest = right
    if lowest != _NO_CELL:
        return ((lowest - 1) << 2) | _EDGE
    return _answer(cell)


@kernel(FLOAT, FLOAT, FLOATS, LONGS, INTS, FLOATS)
def locate(lon: float, lat: float, frame: Floats, tiles: Longs, boxes: Ints, records: Floats) -> int:
    """One point's position << 2 | how; position -1 is outside."""
    content, corner_x = _box_at(lon, lat, frame, tiles, boxes)
    if content >= 0:
        return _answer(content)
    return _resolve(records, records.view(np.int64), -content - 1, corner_x, lon, lat)


@kernel(FLOATS, FLOATS, OUT_INTS, OUT_BYTES, FLOATS, LONGS, INTS, FLOATS)
def locate_many(
    lon: Floats,
    lat: Floats,
    positions: Ints,
    how: NDArray[np.uint8],
    frame: Floats,
    tiles: Longs,
    boxes: Ints,
    records: Floats,
) -> int:
    """Positions and how-codes of many points, written into the two arrays given for them.

    Points go in blocks, and what a block needs is touched before it is used, so that the waits for memory overlap.
    """
    words = records.view(np.int64)
    contents = np.empty(_BLOCK, np.int32)
    corners = np.empty(_BLOCK, np.float64)
    touched = 0
    for start in range(0, len(lon), _BLOCK):
        count = min(_BLOCK, len(lon) - start)
        for i in range(count):
            contents[i], corners[i] = _box_at(lon[start + i], lat[start + i], frame, tiles, boxes)
        for i in range(count):
            if contents[i] < 0:
                touched += words[-contents[i] - 1] & words[-contents[i] - 1 + _WORDS_PER_EDGE]
        for i in range(count):
            if contents[i] >= 0:
                answer = _answer(contents[i])
            else:
                answer = _resolve(records, words, -contents[i] - 1, corners[i], lon[start + i], lat[start + i])
            positions[start + i] = answer >> 2
            how[start + i] = answer & 3
    return touched
