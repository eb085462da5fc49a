"""Where to cut a face in two: candidate chords along two directions, weighed by share, length and junctions.

Pure arithmetic on one ring of points; imports only plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.tianjin.plane import Floats, Integers

# Offsets tried per direction, as shares of the face's width around the wanted one.
_OFFSETS = np.linspace(-0.24, 0.24, 11)
_JUNCTIONS_TRIED = 6
_STRAIGHT_DEGREES = 22.0
_SNAP_SHARE = 0.13
_CORNER_SHARE = 0.30
# How far the share of a chord may be from the wanted one: to be taken at once, at all, in the last resort.
_GOOD_ERROR, _MOST_ERROR, _LOOSE_ERROR = 0.035, 0.14, 0.42
# The angle between a chord and a side that it meets, at least.
LEAST_ANGLE, _LOOSE_ANGLE = math.radians(38.0), math.radians(14.0)
# How far a chord stays from other corners, in square roots of the face's area.
CLEARANCE, _LOOSE_CLEARANCE = 0.04, 0.015


@dataclass(frozen=True, slots=True)
class End:
    """One end of a chord: on ring edge ``index`` at ``share`` of its way, or at ring vertex ``index`` (None)."""

    index: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Chord:
    """A cut from ``start`` to ``stop``; the side asked for is its left one or its right one."""

    start: End
    stop: End
    wanted_left: bool


@dataclass(frozen=True, slots=True)
class Face:
    """One ring in the plane (n, 2), counter-clockwise, with the degree of each vertex."""

    points: Floats
    degrees: Integers


def best_chord(face: Face, angle: float, toward: tuple[float, float], share: float) -> Chord | None:
    """Return the best chord that leaves about ``share`` of the area on the side that faces ``toward``.

    ``angle`` (radians) is the local street direction; chords run along it or across it. None when even the
    loose rules find none.
    """
    for turn, loose in ((0.0, False), (0.4, False), (0.0, True), (0.4, True), (0.8, True), (1.2, True)):
        chord = _chord_along(face, angle + turn, toward, share, loose)
        if chord is not None:
            return chord
    return None


def _chord_along(face: Face, angle: float, toward: tuple[float, float], share: float, loose: bool) -> Chord | None:
    """The best chord along or across ``angle``; ``loose`` drops the rules of beauty but not of validity."""
    points = face.points
    after = following(points)
    cross = points[:, 0] * after[:, 1] - points[:, 1] * after[:, 0]
    sums = np.concatenate(((0.0,), np.cumsum(cross)))
    area = 0.5 * float(sums[-1])
    sides = after - points
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    joinable = _joinable(face, sides, lengths)

    lines = _lines(points, joinable, angle, toward, share)
    pieces = _pieces(points, sums, lines)
    if pieces is None:
        return None
    size = math.sqrt(area)
    error = np.abs(pieces.ahead - lines.wanted[pieces.line])
    cost = (
        (error / 0.07) ** 2
        + 1.3 * pieces.length / size
        + _ends_cost(pieces, lines, sides, lengths, joinable, size)
    )
    best, least = None, _LOOSE_ERROR if loose else _MOST_ERROR
    usable = (error < least) & (np.abs(pieces.ahead - 0.5) < 0.44) & (pieces.length > 0.08 * size)
    order = np.argsort(cost, kind="stable")
    for k in order[usable[order]][: 12 if loose else 8]:
        start = _end(int(pieces.start[k]), float(pieces.start_share[k]), lengths, joinable, size, loose)
        stop = _end(int(pieces.stop[k]), float(pieces.stop_share[k]), lengths, joinable, size, loose)
        if start is None or stop is None:
            continue
        line = pieces.line[k]
        # Joining a junction moves the chord, so its share is taken again.
        miss = abs(_ahead(points, sums, start, stop, area) - float(lines.wanted[line]))
        if miss < least and _is_inside(points, start, stop, size, loose=loose):
            best, least = Chord(start, stop, bool(lines.near_left[line])), miss
            if miss < _GOOD_ERROR:
                break
    return best


def following(values: Floats) -> Floats:
    """The rows of a ring, each in the place of the one before it (``np.roll`` takes ten times as long)."""
    return np.concatenate((values[1:], values[:1]))


def _joinable(face: Face, sides: Floats, lengths: Floats) -> np.ndarray:
    """Which vertices a chord may end at: junctions on a straight side, and re-entrant corners."""
    before = np.concatenate((sides[-1:], sides[:-1]))
    turn = np.degrees(
        np.arctan2(
            before[:, 0] * sides[:, 1] - before[:, 1] * sides[:, 0],
            before[:, 0] * sides[:, 0] + before[:, 1] * sides[:, 1],
        )
    )
    return np.asarray((turn < _STRAIGHT_DEGREES) & (face.degrees < 4))


class _Lines(NamedTuple):
    """Straight lines across a face (r): direction (r, 2), offset to its left, and the share wanted there."""

    direction: Floats
    offset: Floats
    wanted: Floats
    near_left: np.ndarray


class _Pieces(NamedTuple):
    """The pieces of lines inside a face: line, edges and shares of both ends, share of area ahead, length."""

    line: Integers
    start: Integers
    stop: Integers
    start_share: Floats
    stop_share: Floats
    ahead: Floats
    length: Floats


def _lines(
    points: Floats, joinable: np.ndarray, angle: float, toward: tuple[float, float], share: float
) -> _Lines:
    """Lines to try, along ``angle`` and across it: around the wanted offset, and through near junctions."""
    directions: list[tuple[float, float]] = []
    offsets: list[Floats] = []
    wanted: list[float] = []
    near_left: list[bool] = []
    for turned in (angle, angle + math.pi / 2):
        ux, uy = math.cos(turned), math.sin(turned)
        across = points[:, 1] * ux - points[:, 0] * uy
        low, high = float(across.min()), float(across.max())
        is_near = toward[1] * ux - toward[0] * uy > 0
        left = share if is_near else 1.0 - share
        middle = high - left * (high - low)
        near = across[joinable]
        near = near[np.argsort(np.abs(near - middle), kind="stable")[:_JUNCTIONS_TRIED]]
        near = near[np.abs(near - middle) < 0.3 * (high - low)]
        tried = np.concatenate((middle + _OFFSETS * (high - low), near))
        directions += [(ux, uy)] * len(tried)
        offsets.append(tried)
        wanted += [left] * len(tried)
        near_left += [is_near] * len(tried)
    return _Lines(np.array(directions), np.concatenate(offsets), np.array(wanted), np.array(near_left))


def _pieces(points: Floats, sums: Floats, lines: _Lines) -> _Pieces | None:
    """Cut the lines by the ring; ``sums[k]`` is the sum of cross products of the ring's edges before edge k."""
    direction = lines.direction
    across = direction[:, :1] * points[:, 1] - direction[:, 1:] * points[:, 0] - lines.offset[:, None]
    above = across >= 0
    rows, edges = np.nonzero(above != np.concatenate((above[:, 1:], above[:, :1]), axis=1))
    if len(rows) < 2:
        return None
    here = across[rows, edges]
    shares = here / (here - across[rows, (edges + 1) % len(points)])
    at = points[edges] + shares[:, None] * (following(points)[edges] - points[edges])
    where = direction[rows, 0] * at[:, 0] + direction[rows, 1] * at[:, 1]
    # Along each line every second stretch between crossings lies inside.
    order = np.lexsort((where, rows))
    rows, edges, shares, where, at = rows[order], edges[order], shares[order], where[order], at[order]
    # Twice the area swept from the ring's first vertex along the ring to each crossing.
    swept = sums[edges] + points[edges, 0] * at[:, 1] - points[edges, 1] * at[:, 0]
    p, q = at[0::2], at[1::2]
    area = 0.5 * sums[-1]
    right = 0.5 * (swept[1::2] - swept[0::2] + q[:, 0] * p[:, 1] - q[:, 1] * p[:, 0])
    right += np.where(right < 0, area, 0.0)
    return _Pieces(
        line=rows[0::2],
        start=edges[0::2],
        stop=edges[1::2],
        start_share=shares[0::2],
        stop_share=shares[1::2],
        ahead=1.0 - right / area,
        length=where[1::2] - where[0::2],
    )


def _ahead(points: Floats, sums: Floats, start: End, stop: End, area: float) -> float:
    """Share of the area on the left of the chord between two ends of the ring; ``sums`` as in _pieces."""
    if start.index > stop.index:
        return 1.0 - _ahead(points, sums, stop, start, area)
    (px, py), (qx, qy) = _pair(end_position(points, start)), _pair(end_position(points, stop))
    (ax, ay), (bx, by) = _pair(points[(start.index + 1) % len(points)]), _pair(points[stop.index])
    ring = float(sums[stop.index]) - float(sums[start.index + 1])
    twice = px * ay - py * ax + ring + bx * qy - by * qx + qx * py - qy * px
    return 1.0 - 0.5 * twice / area


def _pair(point: Floats) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def _ends_cost(
    pieces: _Pieces, lines: _Lines, sides: Floats, lengths: Floats, joinable: np.ndarray, size: float
) -> Floats:
    """What the ends cost: less at a junction from the other side, more near a corner or at a sharp angle."""
    cost = np.zeros(len(pieces.line))
    direction = lines.direction[pieces.line]
    for edges, shares in ((pieces.start, pieces.start_share), (pieces.stop, pieces.stop_share)):
        along = lengths[edges]
        to_origin, to_end = shares * along, (1.0 - shares) * along
        nearest = np.where(to_origin < to_end, edges, (edges + 1) % len(lengths))
        distance = np.minimum(to_origin, to_end) / size
        crossing = joinable[nearest] & (distance < _SNAP_SHARE)
        close = np.maximum(0.0, 1.0 - distance / _CORNER_SHARE)
        cost += np.where(crossing, -0.8 + 2.0 * distance, 2.0 * close)
        sine = np.abs(direction[:, 0] * sides[edges, 1] - direction[:, 1] * sides[edges, 0]) / along
        cost += 2.5 * (1.0 - sine)
    return cost


def _end(edge: int, share: float, lengths: Floats, joinable: np.ndarray, size: float, loose: bool) -> End | None:
    """The end as it will be built: snapped to a near junction; None where it would crowd a corner."""
    tolerance = _SNAP_SHARE * size
    count = len(lengths)
    length = float(lengths[edge])
    to_origin, to_end = share * length, (1.0 - share) * length
    near, distance = (edge, to_origin) if to_origin < to_end else ((edge + 1) % count, to_end)
    if distance < tolerance and joinable[near]:
        return End(near, None)
    if distance < tolerance * (0.15 if loose else 0.8):
        return None
    return End(edge, share)


def _is_inside(points: Floats, start: End, stop: End, size: float, *, loose: bool) -> bool:
    """Whether the chord runs inside the ring, touches it only at its ends and meets it at a fair angle."""
    if start.index == stop.index:
        return False
    p, q = end_position(points, start), end_position(points, stop)
    if not runs_clear(points, p, q, (start, stop), size * (_LOOSE_CLEARANCE if loose else CLEARANCE)):
        return False
    inward = (q - p) / float(np.hypot(*(q - p)))
    least = _LOOSE_ANGLE if loose else LEAST_ANGLE
    return meets_well(points, start, inward, least) and meets_well(points, stop, -inward, least)


def runs_clear(points: Floats, p: Floats, q: Floats, ends: Sequence[End], clearance: float) -> bool:
    """Whether the segment p-q crosses no edge of the ring and passes no vertex within ``clearance``.

    ``ends`` are where the segment itself ends on the ring: their edges and vertices do not count.
    """
    way = q - p
    length = math.hypot(way[0], way[1])
    offsets = points - p
    side = (offsets[:, 1] * way[0] - offsets[:, 0] * way[1]) / length
    along = (offsets[:, 0] * way[0] + offsets[:, 1] * way[1]) / length
    close = (np.abs(side) < clearance) & (along > 0.0) & (along < length)
    edges = following(points) - points
    of_p = edges[:, 1] * offsets[:, 0] - edges[:, 0] * offsets[:, 1]
    of_q = of_p - edges[:, 1] * way[0] + edges[:, 0] * way[1]
    crossed = (side * following(side) <= 0) & (of_p * of_q <= 0)
    for end in ends:
        crossed[end.index] = False
        if end.share is None:
            crossed[end.index - 1] = False
            close[end.index] = False
    return not (crossed.any() or close.any())


def end_position(points: Floats, end: End) -> Floats:
    """Where on the ring ``end`` lies."""
    here = points[end.index]
    if end.share is None:
        return np.asarray(here)
    return np.asarray(here + end.share * (points[(end.index + 1) % len(points)] - here))


def meets_well(points: Floats, end: End, inward: Floats, least: float) -> bool:
    """Whether ``inward`` leaves the ring to its inside, by more than the angle ``least`` from both sides."""
    here = points[end.index]
    ahead = points[(end.index + 1) % len(points)] - here
    turn_ahead = math.atan2(ahead[1], ahead[0])
    inner = math.pi
    if end.share is None:
        behind = points[end.index - 1] - here
        inner = (math.atan2(behind[1], behind[0]) - turn_ahead) % (2 * math.pi)
    of_chord = (math.atan2(inward[1], inward[0]) - turn_ahead) % (2 * math.pi)
    return least <= of_chord <= inner - least
