"""How much of each edge runs along a line: near it and in about its direction. Imports ``compiled``.

A place within a distance of a segment lies in a convex shape, so what an edge has in it is one stretch; an edge's
stretches are joined, so that nothing counts twice. Exact but for rounding: no buffers.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.compiled import FLOAT, FLOAT_ROWS, FLOATS, LONGS, kernel
from gridmap.crs import Floats

# DESIGN: within 20° of the bearing, and within 15 m; beside it 5 and 30 m.
BEARING_DEGREES = 20.0
TOLERANCES_M = (5.0, 15.0, 30.0)

_BATCH = 50_000
_SINE = float(np.sin(np.radians(BEARING_DEGREES)))
_OUT_ROWS = FLOAT_ROWS.copy(readonly=False)

Longs = NDArray[np.int64]


class Segments:
    """Straight pieces of centre lines (k, 4) x, y, x, y in metres, to be found by place."""

    def __init__(self, ends: Floats) -> None:
        self.ends = np.ascontiguousarray(ends, np.float64)
        self._tree = shapely.STRtree(np.asarray(shapely.linestrings(self.ends.reshape(-1, 2, 2))))

    @classmethod
    def of(cls, lines: NDArray[np.object_]) -> Segments:
        """The segments of line strings in a metric crs."""
        points, line = shapely.get_coordinates(lines, return_index=True)
        same = line[1:] == line[:-1]
        ends = np.hstack([points[:-1][same], points[1:][same]])
        return cls(ends[(ends[:, :2] != ends[:, 2:]).any(axis=1)])

    def along_m(self, edges: Floats) -> Floats:
        """(m, 3): of m edges (m, 4) in metres, the metres along a segment within each of TOLERANCES_M."""
        result = np.zeros((len(edges), len(TOLERANCES_M)))
        reach = TOLERANCES_M[-1]
        for start in range(0, len(edges), _BATCH):
            part = np.ascontiguousarray(edges[start : start + _BATCH], np.float64)
            west, east = np.minimum(part[:, 0], part[:, 2]) - reach, np.maximum(part[:, 0], part[:, 2]) + reach
            south, north = np.minimum(part[:, 1], part[:, 3]) - reach, np.maximum(part[:, 1], part[:, 3]) + reach
            edge, segment = self._tree.query(shapely.box(west, south, east, north))
            order = np.argsort(edge, kind="stable")
            firsts = np.searchsorted(edge[order], np.arange(len(part) + 1)).astype(np.int64)
            near = segment[order].astype(np.int64)
            _join(part, self.ends, firsts, near, np.array(TOLERANCES_M), _SINE, result[start : start + _BATCH])
        return result


@kernel()
def _stretch(ax: float, ay: float, bx: float, by: float, segment: Floats, reach: float) -> tuple[float, float]:
    """The part from..to (shares of the edge a-b) within ``reach`` of a segment; from > to when there is none."""
    dx, dy = bx - ax, by - ay
    sx, sy = segment[2] - segment[0], segment[3] - segment[1]
    length = np.sqrt(sx * sx + sy * sy)
    ux, uy = sx / length, sy / length
    begin, end = 2.0, -1.0
    # beside the segment: the distance from its line, and the way along it, are linear in the share
    low, high = 0.0, 1.0
    along0, along_d = (ax - segment[0]) * ux + (ay - segment[1]) * uy, dx * ux + dy * uy
    off0, off_d = (ay - segment[1]) * ux - (ax - segment[0]) * uy, dy * ux - dx * uy
    for k in range(2):
        value, slope = (along0, along_d) if k == 0 else (off0, off_d)
        least, most = (0.0, length) if k == 0 else (-reach, reach)
        if slope == 0.0:
            if value < least or value > most:
                low, high = 2.0, -1.0
        else:
            first, second = (least - value) / slope, (most - value) / slope
            low, high = max(low, min(first, second)), min(high, max(first, second))
    if low <= high:
        begin, end = low, high
    # round its two ends
    square = dx * dx + dy * dy
    for k in range(2):
        cx, cy = ax - segment[2 * k], ay - segment[2 * k + 1]
        half = cx * dx + cy * dy
        root2 = half * half - square * (cx * cx + cy * cy - reach * reach)
        if root2 >= 0.0:
            root = np.sqrt(root2)
            low, high = max(0.0, (-half - root) / square), min(1.0, (-half + root) / square)
            if low <= high:
                begin, end = min(begin, low), max(end, high)
    return begin, end


@kernel(FLOAT_ROWS, FLOAT_ROWS, LONGS, LONGS, FLOATS, FLOAT, _OUT_ROWS)
def _join(
    edges: Floats, segments: Floats, firsts: Longs, near: Longs, tolerances: Floats, sine: float, out: Floats
) -> None:
    """Fill ``out`` (m, k); the segments near edge i are ``near[firsts[i]:firsts[i + 1]]``."""
    for edge in range(len(edges)):
        ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        dx, dy = bx - ax, by - ay
        length = np.sqrt(dx * dx + dy * dy)
        if length == 0.0:
            continue
        count = firsts[edge + 1] - firsts[edge]
        begins, ends = np.empty(count), np.empty(count)
        for k in range(len(tolerances)):
            found = 0
            for at in range(firsts[edge], firsts[edge + 1]):
                segment = segments[near[at]]
                sx, sy = segment[2] - segment[0], segment[3] - segment[1]
                cross = abs(dx * sy - dy * sx)
                if cross > sine * length * np.sqrt(sx * sx + sy * sy):
                    continue
                begin, end = _stretch(ax, ay, bx, by, segment, tolerances[k])
                if begin < end:
                    begins[found], ends[found] = begin, end
                    found += 1
            order = np.argsort(begins[:found])
            total, reached = 0.0, 0.0
            for place in order:
                if ends[place] > reached:
                    total += ends[place] - max(begins[place], reached)
                    reached = ends[place]
            out[edge, k] = total * length
