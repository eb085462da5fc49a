"""The compiled heart of the exact index: orientation signs, pairs, the filling of the raster, look-ups.

Imports ``compiled``, which says why kernels that call each other stand in one module. ``raster`` explains the
raster and why an answer read from it is exact.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gridmap.compiled import (
    BYTES,
    FLOAT,
    FLOAT_ROWS,
    FLOATS,
    INT,
    INT_ROWS,
    INTS,
    LONG_ROWS,
    LONGS,
    OUT_BYTES,
    OUT_INTS,
    kernel,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Row = TypeVar("Row", Floats, Ints)

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
_NO_RANK = 1 << _CELL_BITS
_FREE = -1
# A redraw that fails says no more than this about where.
_MOST_FAULTS = 1000

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
def _same(rows: Floats, a: int, b: int) -> bool:
    alike = rows[a, 0] == rows[b, 0] and rows[a, 1] == rows[b, 1]
    return bool(alike and rows[a, 2] == rows[b, 2] and rows[a, 3] == rows[b, 3])


@kernel()
def _find(table: Ints, rows: Floats, wanted: int) -> int:
    """Where in a hash table of row numbers one like ``rows[wanted]`` stands, or may be put."""
    bits = rows[wanted].view(np.uint64)
    mixed = np.uint64(0)
    for word in range(4):
        mixed = (mixed ^ bits[word]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    place = np.int64(mixed & np.uint64(len(table) - 1))
    while table[place] != _FREE and not _same(rows, table[place], wanted):
        place = (place + 1) & (len(table) - 1)
    return int(place)


@kernel()
def _hash_table(most: int) -> Ints:
    """An empty table for so many rows: a power of two that leaves at least half of the places free."""
    size = 16
    while size < 2 * most:
        size *= 2
    return np.full(size, _FREE, np.int32)


@kernel(FLOAT_ROWS, FLOAT_ROWS, INTS)
def pair(starts: Floats, ends: Floats, owners: Ints) -> tuple[Floats, Ints, Longs]:
    """Find each segment's twin: the rows and cells of ``Edges``, from segments with their cell on the left.

    Also returns the numbers of the segments whose side of an edge was taken, or that have their own cell on the
    other side too.
    """
    table = _hash_table(len(owners))
    rows = np.empty((len(owners), 4), np.float64)
    cells = np.zeros((len(owners), 2), np.int32)
    taken = np.empty(len(owners), np.int64)
    found = 0
    faults = 0
    for segment in range(len(owners)):
        x1, y1 = starts[segment, 0], starts[segment, 1]
        x2, y2 = ends[segment, 0], ends[segment, 1]
        reverse = 0
        if x1 > x2 or (x1 == x2 and y1 > y2):
            x1, y1, x2, y2 = x2, y2, x1, y1
            reverse = 1
        rows[found] = (x1, y1, x2, y2)
        place = _find(table, rows, found)
        edge = table[place]
        if edge == _FREE:
            edge = found
            table[place] = edge
            found += 1
        if cells[edge, reverse] != 0 or cells[edge, 1 - reverse] == owners[segment]:
            taken[faults] = segment
            faults += 1
        cells[edge, reverse] = owners[segment]
    return rows[:found].copy(), cells[:found].copy(), taken[:faults].copy()


@kernel()
def _clash(ends: Floats, a: int, b: int) -> bool:
    """Whether two different edges meet elsewhere than in a common end; exact."""
    ax1, ay1, ax2, ay2 = ends[a, 0], ends[a, 1], ends[a, 2], ends[a, 3]
    bx1, by1, bx2, by2 = ends[b, 0], ends[b, 1], ends[b, 2], ends[b, 3]
    if ax2 < bx1 or bx2 < ax1 or max(ay1, ay2) < min(by1, by2) or max(by1, by2) < min(ay1, ay2):
        return False
    if ax1 == bx1 and ay1 == by1:
        return _side(ax1, ay1, ax2, ay2, bx2, by2) == 0
    if ax2 == bx2 and ay2 == by2:
        return _side(ax1, ay1, ax2, ay2, bx1, by1) == 0
    if (ax2 == bx1 and ay2 == by1) or (bx2 == ax1 and by2 == ay1):
        return False  # one goes on where the other ends, so they lie on both sides of that end
    first = _side(ax1, ay1, ax2, ay2, bx1, by1)
    if first != 0 and first == _side(ax1, ay1, ax2, ay2, bx2, by2):
        return False
    first = _side(bx1, by1, bx2, by2, ax1, ay1)
    return first == 0 or first != _side(bx1, by1, bx2, by2, ax2, ay2)


@kernel()
def _quarter(ends: Floats, edge: int, x: float, y: float) -> int:
    """Where an edge leaves a vertex, clockwise from just right of straight up; -1 when it does not end there."""
    upright = ends[edge, 0] == ends[edge, 2]
    if ends[edge, 0] == x and ends[edge, 1] == y:
        return 3 if upright else 0
    if ends[edge, 2] == x and ends[edge, 3] == y:
        return 1 if upright else 2
    return -1


@kernel()
def _is_before(ends: Floats, a: int, b: int, x: float, y: float) -> bool:
    """Whether edge a leaves a vertex before edge b, clockwise from just right of straight up."""
    quarter, other = _quarter(ends, a, x, y), _quarter(ends, b, x, y)
    if quarter != other:
        return quarter < other
    if quarter == 0:
        return _side(x, y, ends[a, 2], ends[a, 3], ends[b, 2], ends[b, 3]) < 0
    return quarter == 2 and _side(x, y, ends[a, 0], ends[a, 1], ends[b, 0], ends[b, 1]) < 0


@kernel()
def _check_vertex(cell: int, ends: Floats, cells: Ints, edges: Ints, x: float, y: float, faults: Bytes) -> None:
    """Mark edges that leave a vertex and have not the same cell between them; ``cell`` is the one just above."""
    start = -1
    for edge in edges:
        if _quarter(ends, edge, x, y) < 0:
            continue
        if start < 0 or _is_before(ends, edge, start, x, y):
            start = edge
    for edge in edges:
        leaving = _quarter(ends, edge, x, y)
        if leaving < 0:
            continue
        follower = -1
        for other in edges:
            if other == edge or _quarter(ends, other, x, y) < 0 or not _is_before(ends, edge, other, x, y):
                continue
            if follower < 0 or _is_before(ends, other, follower, x, y):
                follower = other
        if follower < 0:
            follower = start
        backwards = leaving in (1, 2)
        after = cells[edge, 0 if backwards else 1]
        turned = _quarter(ends, follower, x, y)
        if after != cells[follower, 1 if turned in (1, 2) else 0] or (follower == start and after != cell):
            faults[edge] = 1
            faults[follower] = 1


@kernel()
def _check_box(
    cell: int,
    ends: Floats,
    cells: Ints,
    edges: Ints,
    x: float,
    y: float,
    next_x: float,
    next_y: float,
    faults: Bytes,
) -> None:
    """Mark the edges of a box that are not those of a coverage; its corner (x, y) is in ``cell``.

    No two edges may meet but in a common end; and around every vertex in the box the cells on the sides of the
    edges must fit together, and be what the way from the corner says. ``raster`` says why that is enough.
    """
    for a in range(len(edges)):
        for b in range(a):
            if _clash(ends, edges[a], edges[b]):
                faults[edges[a]] = 1
                faults[edges[b]] = 1
    for a in range(len(edges)):
        for end in (0, 2):
            at_x, at_y = ends[edges[a], end], ends[edges[a], end + 1]
            seen = not (x <= at_x < next_x and y <= at_y < next_y)
            for b in range(a):
                seen = seen or _quarter(ends, edges[b], at_x, at_y) >= 0
            if not seen:
                above = _walk(cell, ends, cells, edges, x, y, at_x, at_y)
                _check_vertex(above, ends, cells, edges, at_x, at_y, faults)


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
def _with_room(row: Row, used: int, more: int) -> Row:
    """The row itself, or a longer copy when it has no room for so many more."""
    if used + more <= len(row):
        return row
    larger = np.empty(2 * len(row) + more, row.dtype)
    larger[:used] = row[:used]
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
    faults: Bytes,
) -> tuple[Floats, int, int]:
    """Fill one tile's boxes, whose south-west corner is in ``cell``; returns the cell at the south-east corner.

    ``faults`` has a mark for each edge and gets those that ``_check_box`` sets.
    """
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
            _check_box(climbing, ends, cells, here, x, y, next_x, next_y, faults)
            boxes[box] = -used - 1
            records = _with_room(records, used, 1 + _WORDS_PER_EDGE * len(here))
            used = _write(records, used, climbing, here, ends, cells, x, y)
            climbing = _walk(climbing, ends, cells, here, x, y, x, next_y)
        bottom = listed[starts[i] : starts[i + 1]]
        cell = _walk(cell, ends, cells, bottom, x, origin_y, next_x, origin_y)
    return records, used, cell


@kernel(FLOAT_ROWS, INT_ROWS, FLOATS, INT)
def fill(ends: Floats, cells: Ints, frame: Floats, boxes_per_edge: int) -> tuple[Longs, Ints, Floats, Bytes]:
    """Tiles, boxes and records of edges in the form of ``Edges``; ``raster`` says what these and a frame are.

    The west side of the frame lies outside all cells. Also returns a mark for each edge that is wrong.
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
    faults = np.zeros(len(ends), np.uint8)
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
                    part, records, used, cell, edges, ends, cells, frame, column, row, depth, faults
                )
    return tiles, boxes, records[:used].copy(), faults


@kernel()
def _boxes_of(tile: int, boxes: Ints, more_boxes: Ints) -> Ints:
    """The boxes of a tile; they stand in one of the two rows."""
    first, count = tile >> 4, 1 << (2 * (tile & 15))
    if first < len(boxes):
        return boxes[first : first + count]
    return more_boxes[first - len(boxes) : first - len(boxes) + count]


@kernel()
def _record(content: int, records: Floats, more_records: Floats) -> Floats:
    """The record of a box with edges, and whatever follows it."""
    at = -content - 1
    return records[at:] if at < len(records) else more_records[at - len(records) :]


@kernel()
def _corner_cell(content: int, records: Floats, more_records: Floats) -> int:
    return content if content >= 0 else int(_record(content, records, more_records).view(np.int64)[0] >> 32)


@kernel()
def _has_gone(content: int, records: Floats, more_records: Floats, gone: Bytes) -> bool:
    """Whether a box has to do with a cell that is gone."""
    if content >= 0:
        return bool(gone[content] != 0)
    record = _record(content, records, more_records)
    words = record.view(np.int64)
    if gone[words[0] >> 32]:
        return True
    for i in range(words[0] & _COUNT_MASK):
        label = words[_WORDS_PER_EDGE * (i + 1)]
        if gone[(label >> _CELL_BITS) & _CELL_MASK] or gone[label & _CELL_MASK]:
            return True
    return False


@kernel()
def _tile_edges(
    contents: Ints, records: Floats, more_records: Floats, gone: Bytes, ends: Floats, cells: Ints, drawn: Ints
) -> tuple[Floats, Ints, Bytes]:
    """The edges that a tile has after a redraw, with a mark for each: whether two cells are on one side of it.

    Those that it had, less the cells that are gone, and the ``drawn`` ones of (``ends``, ``cells``).
    """
    most = len(drawn) + 1
    for content in contents:
        if content < 0:
            most += _record(content, records, more_records).view(np.int64)[0] & _COUNT_MASK
    table = _hash_table(most)
    rows = np.empty((most, 4), np.float64)
    sides = np.zeros((most, 2), np.int32)
    faults = np.zeros(most, np.uint8)
    found = 0
    for content in contents:
        if content >= 0:
            continue
        record = _record(content, records, more_records)
        words = record.view(np.int64)
        for i in range(words[0] & _COUNT_MASK):
            label = words[_WORDS_PER_EDGE * (i + 1)]
            left, right = (label >> _CELL_BITS) & _CELL_MASK, label & _CELL_MASK
            left, right = (0 if gone[left] else left), (0 if gone[right] else right)
            if left == 0 and right == 0:
                continue
            rows[found] = record[_WORDS_PER_EDGE * i + 1 : _WORDS_PER_EDGE * i + 5]
            place = _find(table, rows, found)
            if table[place] == _FREE:
                table[place] = found
                sides[found] = (left, right)
                found += 1
    for edge in drawn:
        rows[found] = ends[edge]
        place = _find(table, rows, found)
        if table[place] == _FREE:
            table[place] = found
            found += 1
        at = table[place]
        for i in (0, 1):
            if cells[edge, i] != 0:
                if sides[at, i] != 0:
                    faults[at] = 1
                sides[at, i] = cells[edge, i]
    return rows[:found], sides[:found], faults[:found]


@kernel()
def _any_gone(contents: Ints, records: Floats, more_records: Floats, gone: Bytes) -> bool:
    found = False
    for content in contents:
        found = found or _has_gone(content, records, more_records, gone)
    return found


@kernel()
def _windows_of(windows: Longs, first_column: int, first_row: int, columns: int, rows: int) -> Bytes:
    """A mark for each tile, row by row, of the part of the raster that holds all windows: whether one holds it."""
    chosen = np.zeros((rows, columns), np.uint8)
    for i in range(len(windows)):
        chosen[
            windows[i, 2] - first_row : windows[i, 3] - first_row + 1,
            windows[i, 0] - first_column : windows[i, 1] - first_column + 1,
        ] = 1
    return chosen.ravel()


@kernel()
def _corners(
    ends: Floats, cells: Ints, starts: Longs, listed: Ints, frame: Floats, first: int, row: int, columns: int
) -> Ints:
    """The cells at the south-west corners of a row of tiles: outside at the first, and none but those of edges."""
    corners = np.zeros(columns, np.int32)
    y = _corner(frame[1], frame[2], row, 0, 0)
    for i in range(columns - 1):
        x, next_x = _corner(frame[0], frame[2], first + i, 0, 0), _corner(frame[0], frame[2], first + i + 1, 0, 0)
        corners[i + 1] = _walk(corners[i], ends, cells, listed[starts[i] : starts[i + 1]], x, y, next_x, y)
    return corners


@kernel(FLOAT_ROWS, INT_ROWS, LONG_ROWS, BYTES, INT, FLOATS, LONGS, INTS, FLOATS, INTS, FLOATS)
def refill(
    ends: Floats,
    cells: Ints,
    windows: Longs,
    gone: Bytes,
    boxes_per_edge: int,
    frame: Floats,
    tiles: Longs,
    boxes: Ints,
    records: Floats,
    more_boxes: Ints,
    more_records: Floats,
) -> tuple[Longs, Longs, Ints, Floats, Floats, Ints]:
    """The tiles that a redraw changes, made anew from what they hold; the arrays given stay as they are.

    ``ends, cells``: the edges of the cells that are drawn, taken alone. ``windows``: (k, 4) the first and last
    column and row of the tiles that each cell drawn or gone comes into. ``gone``: a mark for each cell's number.
    Returns the changed tiles, their values, boxes and records (as if these were the first ones), and the ends and
    cells of edges that are wrong.
    """
    first, first_row = windows[:, 0].min(), windows[:, 2].min()
    columns, rows = windows[:, 1].max() - first + 1, windows[:, 3].max() - first_row + 1
    chosen = _windows_of(windows, first, first_row, columns, rows)
    west, south = _corner(frame[0], frame[2], first, 0, 0), _corner(frame[1], frame[2], first_row, 0, 0)
    every_edge = np.arange(len(ends)).astype(np.int32)
    starts, listed = _spread(ends, every_edge, west, south, frame[5], columns, rows)
    changed, values = np.empty(len(chosen), np.int64), np.empty(len(chosen), np.int64)
    new_boxes, new_records = np.empty(4096, np.int32), np.empty(16384, np.float64)
    wrong_ends, wrong_cells = np.empty((_MOST_FAULTS, 4), np.float64), np.empty((_MOST_FAULTS, 2), np.int32)
    count, boxes_used, used, wrong = 0, 0, 0, 0
    corners = np.zeros(columns, np.int32)
    for i in range(len(chosen)):
        row, column = first_row + i // columns, first + i % columns
        if column == first:
            corners = _corners(ends, cells, starts[i : i + columns + 1], listed, frame, first, row, columns)
        if not chosen[i]:
            continue
        tile = row * int(frame[3]) + column
        drawn, cell = listed[starts[i] : starts[i + 1]], corners[i % columns]
        contents = _boxes_of(tiles[tile], boxes, more_boxes)
        if len(drawn) == 0 and cell == 0 and not _any_gone(contents, records, more_records, gone):
            continue
        before = _corner_cell(contents[0], records, more_records)
        if before != 0 and not gone[before]:
            if cell != 0 and wrong < _MOST_FAULTS:
                x, y = _corner(frame[0], frame[2], column, 0, 0), _corner(frame[1], frame[2], row, 0, 0)
                wrong_ends[wrong] = (x, y, x, y)
                wrong_cells[wrong, 0], wrong_cells[wrong, 1] = cell, before
                wrong += 1
            cell = before
        tile_ends, tile_cells, faults = _tile_edges(contents, records, more_records, gone, ends, cells, drawn)
        depth = _depth(len(tile_ends), boxes_per_edge)
        across = 1 << (2 * depth)
        new_boxes = _with_room(new_boxes, boxes_used, across)
        changed[count], values[count] = tile, (boxes_used << 4) | depth
        count += 1
        part = new_boxes[boxes_used : boxes_used + across]
        boxes_used += across
        if len(tile_ends) == 0:
            part[0] = cell
            continue
        tile_edges = np.arange(len(tile_ends)).astype(np.int32)
        new_records, used, _ = _fill_tile(
            part, new_records, used, cell, tile_edges, tile_ends, tile_cells, frame, column, row, depth, faults
        )
        for edge in np.flatnonzero(faults)[: _MOST_FAULTS - wrong]:
            wrong_ends[wrong], wrong_cells[wrong] = tile_ends[edge], tile_cells[edge]
            wrong += 1
    return (
        changed[:count].copy(),
        values[:count].copy(),
        new_boxes[:boxes_used].copy(),
        new_records[:used].copy(),
        wrong_ends[:wrong].copy(),
        wrong_cells[:wrong].copy(),
    )


@kernel(LONGS, INTS, FLOATS, INTS, FLOATS, INTS)
def compact(
    tiles: Longs, boxes: Ints, records: Floats, more_boxes: Ints, more_records: Floats, ranks: Ints
) -> tuple[Longs, Ints, Floats]:
    """Tiles, boxes and records without what no tile refers to any more; cells are numbered by rank then."""
    total, words = 0, 0
    for tile in tiles:
        contents = _boxes_of(tile, boxes, more_boxes)
        total += len(contents)
        for content in contents:
            if content < 0:
                head = _record(content, records, more_records).view(np.int64)[0]
                words += 1 + _WORDS_PER_EDGE * (head & _COUNT_MASK)
    new_tiles, new_boxes, new_records = (
        np.empty_like(tiles),
        np.empty(total, np.int32),
        np.empty(words, np.float64),
    )
    labels = new_records.view(np.int64)
    total, used = 0, 0
    for i in range(len(tiles)):
        new_tiles[i] = (total << 4) | (tiles[i] & 15)
        for content in _boxes_of(tiles[i], boxes, more_boxes):
            if content >= 0:
                new_boxes[total] = ranks[content] + 1
            else:
                record = _record(content, records, more_records)
                head = record.view(np.int64)[0]
                size = 1 + _WORDS_PER_EDGE * (head & _COUNT_MASK)
                new_records[used : used + size] = record[:size]
                labels[used] = (np.int64(ranks[head >> 32] + 1) << 32) | (head & _COUNT_MASK)
                for at in range(used + _WORDS_PER_EDGE, used + size, _WORDS_PER_EDGE):
                    left, right = (labels[at] >> _CELL_BITS) & _CELL_MASK, labels[at] & _CELL_MASK
                    sides = (np.int64(ranks[left] + 1) << _CELL_BITS) | np.int64(ranks[right] + 1)
                    labels[at] = (labels[at] & (_SPANS_CORNER | _CORNER_LEFT)) | sides
                new_boxes[total] = -used - 1
                used += size
            total += 1
    return new_tiles, new_boxes, new_records


@kernel()
def _box_at(lon: float, lat: float, frame: Floats, tiles: Longs, boxes: Ints) -> tuple[int, float, int]:
    """The content of the box that a point is in, 0 off the raster; the longitude of its corner; and its place.

    A place behind the boxes is in the room, and the content given is that of another box. To look there at once
    would make all look-ups slower by two thirds.
    """
    west, south, step, columns, rows = frame[0], frame[1], frame[2], frame[3], frame[4]
    x, y = (lon - west) * frame[5], (lat - south) * frame[5]
    if not (x >= 0.0 and y >= 0.0 and x < columns and y < rows):
        return 0, 0.0, 0
    column, row = int(x), int(y)
    tile = tiles[row * int(columns) + column]
    depth = tile & 15
    across = 1 << depth
    i, j = int((x - column) * across), int((y - row) * across)
    at = (tile >> 4) + (j << depth) + i
    return boxes[min(at, len(boxes) - 1)], _corner(west, step, column, depth, i), at


@kernel()
def _answer(cell: int) -> int:
    return (cell << 2) | (_INSIDE if cell > 0 else _OUTSIDE)


@kernel()
def _touches_end(x1: float, y1: float, x2: float, y2: float, lon: float, lat: float) -> bool:
    """Whether a point lies on an end of an edge or on a level edge, which needs no sign."""
    at_first, at_second = x1 == lon and y1 == lat, x2 == lon and y2 == lat
    return at_first or at_second or (y1 == y2 and y1 == lat and x1 <= lon <= x2)


@kernel()
def _resolve(records: Floats, words: Longs, at: int, corner_x: float, lon: float, lat: float, ranks: Ints) -> int:
    """The cell of a point in a box with edges, and whether it lies on one: number << 2 | how."""
    head = words[at]
    cell = head >> 32
    lowest, first = _NO_RANK, 0
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
            for number in ((label >> _CELL_BITS) & _CELL_MASK, label & _CELL_MASK):
                if 0 <= ranks[number] < lowest:
                    lowest, first = ranks[number], number
    if first != 0:
        return (first << 2) | _EDGE
    return _answer(cell)


@kernel()
def _answer_in_room(
    content: int, words: int, corner_x: float, lon: float, lat: float, more_records: Floats, ranks: Ints
) -> int:
    """Number << 2 | how of a point in a box that a redraw has made; ``words`` stand before the room's."""
    if content >= 0:
        return _answer(content)
    return _resolve(more_records, more_records.view(np.int64), -content - 1 - words, corner_x, lon, lat, ranks)


@kernel(FLOAT, FLOAT, FLOATS, LONGS, INTS, FLOATS, INTS, INTS, FLOATS)
def locate(
    lon: float,
    lat: float,
    frame: Floats,
    tiles: Longs,
    boxes: Ints,
    records: Floats,
    ranks: Ints,
    more_boxes: Ints,
    more_records: Floats,
) -> int:
    """One point's position << 2 | how; position -1 is outside."""
    content, corner_x, at = _box_at(lon, lat, frame, tiles, boxes)
    if at >= len(boxes):
        content = more_boxes[at - len(boxes)]
        answer = _answer_in_room(content, len(records), corner_x, lon, lat, more_records, ranks)
    elif content >= 0:
        answer = _answer(content)
    else:
        answer = _resolve(records, records.view(np.int64), -content - 1, corner_x, lon, lat, ranks)
    return int(ranks[answer >> 2] << 2) | (answer & 3)


@kernel(FLOATS, FLOATS, OUT_INTS, OUT_BYTES, FLOATS, LONGS, INTS, FLOATS, INTS, INTS, FLOATS)
def locate_many(
    lon: Floats,
    lat: Floats,
    positions: Ints,
    how: Bytes,
    frame: Floats,
    tiles: Longs,
    boxes: Ints,
    records: Floats,
    ranks: Ints,
    more_boxes: Ints,
    more_records: Floats,
) -> int:
    """Positions and how-codes of many points, written into the two arrays given for them.

    Points go in blocks, and what a block needs is touched before it is used, so that the waits for memory overlap.
    Points in the room are done again after the others, whose loops so stay short.
    """
    words = records.view(np.int64)
    contents = np.empty(_BLOCK, np.int32)
    places = np.empty(_BLOCK, np.int64)
    corners = np.empty(_BLOCK, np.float64)
    touched = 0
    for start in range(0, len(lon), _BLOCK):
        count = min(_BLOCK, len(lon) - start)
        highest = 0
        for i in range(count):
            contents[i], corners[i], places[i] = _box_at(lon[start + i], lat[start + i], frame, tiles, boxes)
            highest = max(highest, places[i])
        for i in range(count):
            if contents[i] < 0:
                touched += words[-contents[i] - 1] & words[-contents[i] - 1 + _WORDS_PER_EDGE]
        for i in range(count):
            if contents[i] >= 0:
                answer = _answer(contents[i])
            else:
                answer = _resolve(
                    records, words, -contents[i] - 1, corners[i], lon[start + i], lat[start + i], ranks
                )
            positions[start + i] = answer >> 2
            how[start + i] = answer & 3
        if highest >= len(boxes):
            for i in range(count):
                if places[i] >= len(boxes):
                    content, x, y = more_boxes[places[i] - len(boxes)], lon[start + i], lat[start + i]
                    answer = _answer_in_room(content, len(words), corners[i], x, y, more_records, ranks)
                    positions[start + i] = answer >> 2
                    how[start + i] = answer & 3
        for i in range(count):
            positions[start + i] = ranks[positions[start + i]]
    return touched
