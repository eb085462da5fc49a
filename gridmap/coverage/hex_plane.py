"""Which hexes does an edge touch: worked out in the planes in which H3's hexes are regular hexagons.

Imports ``compiled`` and ``hexes``. H3 projects the globe from its centre onto the faces of an icosahedron. There a
great circle is a straight line, and the hexes of one resolution are regular hexagons around the points of a
lattice. The corners of the icosahedron are H3's pentagons; a face's centre is a point of the lattice, its corners
are 2 * sqrt(7)**resolution steps away, and the lattice of an odd resolution is turned by asin(sqrt(3 / 28)).
A hex that lies on two faces is on each the part of a regular hexagon that lies on that face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gridmap import hexes
from gridmap.compiled import FLOAT_ROWS, INT, INT_ROWS, kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# A hex is widened by this much on the ground before one asks what touches it. It covers all that is not exact,
# h3's rounding (tests find less than a micrometre) and the bend of an edge that is straight in lon and lat (at
# most ``_BEND`` below), and leaves more than a centimetre for the rounding of other programs.
MARGIN_M = 0.02
# The least metres that an angle of one spans on the ground (along a meridian, at the equator), and the most that a
# face's plane stretches: 1 / cos**2 of the 37.4 degrees to its corner.
_LEAST_METRES = 6_335_000.0
_MOST_STRETCH = 1.7

_ANGLE_OF_ODD = math.asin(math.sqrt(3 / 28))
# Edges are cut into pieces that bend by less than this (radians: a millimetre) and are shorter than this.
_BEND = 1.5e-10
_LONGEST = 1e-3
# A piece is also looked at on a face whose centre is nearly as near as the nearest: more than a piece's length.
_NEARLY = 2e-3
_HALF_HEIGHT = 1 / math.sqrt(3)
_ROW = math.sqrt(3) / 2

# A lattice point in 63 bits: resolution, face, and two coordinates that may be negative.
_FACE_BIT, _COLUMN_BIT, _RESOLUTION_BIT = 52, 26, 57
_HALF_RANGE = 1 << 25
_RANGE_MASK = (1 << 26) - 1
_REMEMBERED = 1 << 16


@cache
def faces() -> Floats:
    """The 20 faces, (20, 9): unit vectors to the centre, from it towards a corner, and square to both."""
    corners = vectors_of(*hexes.icosahedron().T)
    near = corners @ corners.T > 0.4  # neighbours are at 63.4 degrees, all others farther
    rows = []
    for a, b, c in combinations(range(12), 3):
        if near[a, b] and near[b, c] and near[a, c]:
            centre = corners[[a, b, c]].sum(axis=0)
            centre /= np.linalg.norm(centre)
            towards = corners[a] - (corners[a] @ centre) * centre
            towards /= np.linalg.norm(towards)
            rows.append(np.concatenate([centre, towards, np.cross(centre, towards)]))
    return np.array(rows)


@cache
def steps(resolution: int) -> float:
    """The distance of neighbouring lattice points in the plane of a face that touches a globe of radius 1."""
    corner = hexes.icosahedron()[:1]
    to_corner = math.acos(float(np.max(faces()[:, :3] @ vectors_of(*corner.T)[0])))
    return math.tan(to_corner) / 2 / math.sqrt(7) ** resolution


def vectors_of(lon: Floats, lat: Floats) -> Floats:
    """Unit vectors, (n, 3)."""
    east, north = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


def lattice_of(resolutions: int) -> Floats:
    """Step, cosine and sine of the turn, and margin in steps, of as many resolutions from 0 on: (n, 4)."""
    rows = []
    for resolution in range(resolutions):
        turn = _ANGLE_OF_ODD if resolution % 2 else 0.0
        margin = MARGIN_M / _LEAST_METRES * _MOST_STRETCH / steps(resolution)
        rows.append((steps(resolution), math.cos(turn), math.sin(turn), margin))
    return np.array(rows)


@dataclass(frozen=True, slots=True)
class Touched:
    """The hexes of one resolution that edges come close to, and the cells on the sides of those edges.

    ``hexes``: (n,) sorted. ``pairs``: (m,) number of the hex << 32 | cell (position + 1, 0 outside), sorted, each
    once; empty where the cells were not asked for.
    """

    hexes: Longs
    pairs: Longs


def touched(ends: Floats, cells: Ints, finest: int, labelled: int) -> list[Touched]:
    """What edges touch, for each resolution from 0 to ``finest``, with cells from the resolution ``labelled`` on.

    ``ends`` and ``cells`` are those of ``Edges``.
    """
    points, sides = _touch(faces(), lattice_of(finest + 1), ends, cells, labelled)
    resolutions = points >> _RESOLUTION_BIT
    return [
        _touched_at(points[here], sides[here], resolution, resolution >= labelled)
        for resolution in range(finest + 1)
        for here in (resolutions == resolution,)
    ]


def _touched_at(points: Longs, sides: Ints, resolution: int, labelled: bool) -> Touched:
    lattice, place = np.unique(points, return_inverse=True)
    # near the rim of a face a hex may have been found from both faces
    found, number = np.unique(_hexes_at(lattice, resolution), return_inverse=True)
    if not labelled:
        return Touched(found, np.empty(0, np.int64))
    pairs = (number[place].astype(np.int64) << 32)[:, np.newaxis] | sides
    return Touched(found, sorted_once(pairs.ravel()))


def sorted_once(values: Longs) -> Longs:
    """The values in order, each once: what ``np.unique`` says after several times the time."""
    in_order = np.sort(values)
    new = np.ones(len(in_order), bool)
    new[1:] = in_order[1:] != in_order[:-1]
    return in_order[new]


def _hexes_at(points: Longs, resolution: int) -> Longs:
    """The hexes around packed lattice points of one resolution."""
    step, cosine, sine, _ = lattice_of(resolution + 1)[resolution]
    rows = (points & _RANGE_MASK) - _HALF_RANGE
    columns = ((points >> _COLUMN_BIT) & _RANGE_MASK) - _HALF_RANGE
    x, y = (columns + rows / 2) * step, rows * _ROW * step
    x, y = x * cosine - y * sine, x * sine + y * cosine
    axes = faces()[(points >> _FACE_BIT) & 31]
    vector = axes[:, :3] + axes[:, 3:6] * x[:, np.newaxis] + axes[:, 6:] * y[:, np.newaxis]
    lon = np.degrees(np.arctan2(vector[:, 1], vector[:, 0]))
    lat = np.degrees(np.arctan2(vector[:, 2], np.hypot(vector[:, 0], vector[:, 1])))
    return hexes.hexes_of(lon, lat, resolution)


@kernel()
def _meets(x1: float, y1: float, x2: float, y2: float, half: float) -> bool:
    """Whether a way meets the hexagon around 0 whose sides are ``half`` away from it."""
    first, last = 0.0, 1.0
    for side in range(3):
        if side == 0:
            a, b = x1, x2
        elif side == 1:
            a, b = 0.5 * x1 + _ROW * y1, 0.5 * x2 + _ROW * y2
        else:
            a, b = -0.5 * x1 + _ROW * y1, -0.5 * x2 + _ROW * y2
        if a == b:
            if abs(a) > half:
                return False
            continue
        enter, leave = (-half - a) / (b - a), (half - a) / (b - a)
        if enter > leave:
            enter, leave = leave, enter
        first, last = max(first, enter), min(last, leave)
    return first <= last


@kernel()
def _pieces(ends: Floats, edge: int) -> int:
    """Into how many pieces an edge is cut: its bend, from the geodesic curvature, grows with the square."""
    east, north = abs(ends[edge, 2] - ends[edge, 0]), abs(ends[edge, 3] - ends[edge, 1])
    east, north = math.radians(east), math.radians(north)
    bend = (east * east / 2 + 2 * east * north) / 8
    return int(max(math.sqrt(bend / _BEND), east / _LONGEST, north / _LONGEST)) + 1


@kernel()
def _slot(point: np.int64, label: np.int64) -> np.int64:
    """Where a finding is remembered."""
    mixed = np.uint64(point) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(label) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.int64(mixed >> np.uint64(48))


@kernel()
def _put(found: Longs, sides: Ints, count: int, point: np.int64, left: int, right: int) -> tuple[Longs, Ints, int]:
    if count == len(found):
        more_found, more_sides = np.empty(2 * count, np.int64), np.empty((2 * count, 2), np.int32)
        more_found[:count], more_sides[:count] = found, sides
        found, sides = more_found, more_sides
    found[count], sides[count, 0], sides[count, 1] = point, left, right
    return found, sides, count + 1


@kernel()
def _aim(axes: Floats, lon: float, lat: float, way: Floats, dots: Floats) -> float:
    """Write the unit vector to a point and its products with the faces' centres; returns the greatest."""
    way[0] = math.cos(lat) * math.cos(lon)
    way[1] = math.cos(lat) * math.sin(lon)
    way[2] = math.sin(lat)
    best = -1.0
    for face in range(len(axes)):
        dots[face] = way[0] * axes[face, 0] + way[1] * axes[face, 1] + way[2] * axes[face, 2]
        best = max(best, dots[face])
    return best


@kernel()
def _onto(axis: Floats, way: Floats, dot: float) -> tuple[float, float]:
    """Where the way to a point meets a face's plane."""
    x = way[0] * axis[3] + way[1] * axis[4] + way[2] * axis[5]
    y = way[0] * axis[6] + way[1] * axis[7] + way[2] * axis[8]
    return x / dot, y / dot


@kernel()
def _columns(x1: float, y1: float, x2: float, y2: float, row: int, margin: float) -> tuple[int, int]:
    """The first and the last column of a row in which a way may meet a hexagon, perhaps one too many."""
    reach = _HALF_HEIGHT + 2 * margin
    first, last = 0.0, 1.0
    if y1 != y2:
        enter, leave = (row * _ROW - reach - y1) / (y2 - y1), (row * _ROW + reach - y1) / (y2 - y1)
        first, last = max(0.0, min(enter, leave)), min(1.0, max(enter, leave))
    a, b = x1 + (x2 - x1) * first, x1 + (x2 - x1) * last
    half = 0.5 + margin + 1e-6
    return math.ceil(min(a, b) - half - row / 2), math.floor(max(a, b) + half - row / 2)


@kernel(FLOAT_ROWS, FLOAT_ROWS, FLOAT_ROWS, INT_ROWS, INT)
def _touch(axes: Floats, lattice: Floats, ends: Floats, cells: Ints, labelled: int) -> tuple[Longs, Ints]:
    """Packed lattice points whose widened hexagons the edges touch, and the edges' cells.

    The same finding may come more than once; most repetitions are noticed and left out, below the resolution
    ``labelled`` whatever the cells are.
    """
    found, sides, count = np.empty(1024, np.int64), np.empty((1024, 2), np.int32), 0
    seen, seen_sides = np.full(_REMEMBERED, -1, np.int64), np.zeros(_REMEMBERED, np.int64)
    ways, dots, best = np.empty((2, 3)), np.empty((2, len(axes))), np.empty(2)
    for edge in range(len(ends)):
        both = (np.int64(cells[edge, 0]) << 32) | np.int64(cells[edge, 1])
        pieces = _pieces(ends, edge)
        for piece in range(pieces):
            for end in range(2):
                share = (piece + end) / pieces
                lon = math.radians(ends[edge, 0] * (1 - share) + ends[edge, 2] * share)
                lat = math.radians(ends[edge, 1] * (1 - share) + ends[edge, 3] * share)
                best[end] = _aim(axes, lon, lat, ways[end], dots[end])
            for face in range(len(axes)):
                if dots[0, face] < best[0] - _NEARLY and dots[1, face] < best[1] - _NEARLY:
                    continue
                east1, north1 = _onto(axes[face], ways[0], dots[0, face])
                east2, north2 = _onto(axes[face], ways[1], dots[1, face])
                for resolution in range(len(lattice)):
                    step, cosine, sine, margin = lattice[resolution]
                    x1, y1 = (east1 * cosine + north1 * sine) / step, (north1 * cosine - east1 * sine) / step
                    x2, y2 = (east2 * cosine + north2 * sine) / step, (north2 * cosine - east2 * sine) / step
                    # the corners of a hexagon widened by the margin are 2 / sqrt(3) of it farther
                    reach = _HALF_HEIGHT + 2 * margin
                    lowest = math.ceil((min(y1, y2) - reach) / _ROW)
                    for row in range(lowest, math.floor((max(y1, y2) + reach) / _ROW) + 1):
                        first, last = _columns(x1, y1, x2, y2, row, margin)
                        for column in range(first, last + 1):
                            x, y = column + row / 2, row * _ROW
                            if not _meets(x1 - x, y1 - y, x2 - x, y2 - y, 0.5 + margin):
                                continue
                            point = (np.int64(resolution) << _RESOLUTION_BIT) | (np.int64(face) << _FACE_BIT)
                            point |= (np.int64(column + _HALF_RANGE) << _COLUMN_BIT) | (row + _HALF_RANGE)
                            label = both if resolution >= labelled else np.int64(0)
                            slot = _slot(point, label)
                            if seen[slot] != point or seen_sides[slot] != label:
                                seen[slot], seen_sides[slot] = point, label
                                left, right = cells[edge, 0], cells[edge, 1]
                                found, sides, count = _put(found, sides, count, point, left, right)
    return found[:count].copy(), sides[:count].copy()
