"""Points on lines without rounding: on which side, where two segments cross, which floats lie on an edge.

Imports nothing of GridMap. Points are pairs of floats; decisions are those of rational arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

Point = tuple[float, float]

# A determinant of differences of floats larger than this share of its terms has the right sign (Shewchuk 1997).
_SURE = 3.3306690738754716e-16
# So many of an edge's exact points are looked at on each side of the wanted one before its ends are taken.
_TRIES = 8


def turn(start: Point, end: Point, point: Point) -> int:
    """1 when the point is left of the way from start to end, -1 when right, 0 when on its line."""
    left = (end[0] - start[0]) * (point[1] - start[1])
    right = (end[1] - start[1]) * (point[0] - start[0])
    rest = left - right
    if abs(rest) > _SURE * (abs(left) + abs(right)):
        return 1 if rest > 0 else -1
    (x1, y1), (x2, y2), (x, y) = (_rational(each) for each in (start, end, point))
    exact = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
    return (exact > 0) - (exact < 0)


def between(point: Point, start: Point, end: Point) -> bool:
    """Whether a point lies on a segment, not at its ends."""
    if point in (start, end) or turn(start, end, point) != 0:
        return False
    return all(min(a, b) <= value <= max(a, b) for value, a, b in zip(point, start, end, strict=True))


def cross(start: Point, end: Point, one: Point, other: Point) -> bool:
    """Whether two segments cross in the interior of both, not along each other."""
    return (
        turn(start, end, one) * turn(start, end, other) < 0 and turn(one, other, start) * turn(one, other, end) < 0
    )


def crossing(start: Point, end: Point, one: Point, other: Point) -> Point:
    """Where two segments that cross do so, rounded once."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (_rational(each) for each in (start, end, one, other))
    below = (x2 - x1) * (y4 - y3) - (y2 - y1) * (x4 - x3)
    share = ((x3 - x1) * (y4 - y3) - (y3 - y1) * (x4 - x3)) / below
    return float(x1 + share * (x2 - x1)), float(y1 + share * (y2 - y1))


def points_on(start: Point, end: Point, wanted: float) -> Iterator[Point]:
    """Points of floats exactly on a segment, those nearest to the share ``wanted`` (0 to 1) of its way first.

    In units of the last place the ends are whole numbers, so the whole points between them are as many as the
    greatest common divisor of the differences; most slanting edges have none. The ends come last, nearer first.
    """
    units = [min(math.ulp(a), math.ulp(b)) for a, b in zip(start, end, strict=True)]
    whole = [int(Fraction(b - 0.0) / Fraction(unit)) for b, unit in zip(start, units, strict=True)]
    far = [int(Fraction(b - 0.0) / Fraction(unit)) for b, unit in zip(end, units, strict=True)]
    steps = math.gcd(far[0] - whole[0], far[1] - whole[1])
    near = round(Fraction(wanted) * steps)
    for step in sorted(
        range(max(1, near - _TRIES), min(steps, near + _TRIES + 1)), key=lambda k: (abs(k - near), k)
    ):
        exact = [
            Fraction(a + (b - a) // steps * step) * Fraction(u) for a, b, u in zip(whole, far, units, strict=True)
        ]
        point = (float(exact[0]), float(exact[1]))
        if Fraction(point[0]) == exact[0] and Fraction(point[1]) == exact[1]:
            yield point
    yield from (start, end) if wanted <= 0.5 else (end, start)


def _rational(point: Point) -> tuple[Fraction, Fraction]:
    return Fraction(point[0]), Fraction(point[1])
