"""Decisions about points and lines are those of rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridmap.redraw.exact import between, cross, crossing, points_on, turn

Point = tuple[float, float]

# Few different numbers, some of them neighbours, so that points fall together and lie on lines.
NUMBERS = st.one_of(
    st.sampled_from([117.0, 117.1, np.nextafter(117.1, 118), 117.2, 117.15, 0.0, 1.0]),
    st.floats(116.0, 118.0, allow_nan=False),
)
POINTS = st.tuples(NUMBERS.map(float), NUMBERS.map(float))


def rational_turn(start: Point, end: Point, point: Point) -> int:
    (x1, y1), (x2, y2), (x, y) = ((Fraction(a), Fraction(b)) for a, b in (start, end, point))
    exact = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
    return (exact > 0) - (exact < 0)


@given(POINTS, POINTS, POINTS)
def test_turn_is_that_of_fractions(start: Point, end: Point, point: Point) -> None:
    assert turn(start, end, point) == rational_turn(start, end, point)


@given(POINTS, POINTS, st.floats(0, 1), st.integers(-3, 3))
def test_turn_next_to_a_line(start: Point, end: Point, share: float, steps: int) -> None:
    x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
    point = (x, float(y + steps * np.spacing(y)))
    assert turn(start, end, point) == rational_turn(start, end, point)


@given(POINTS, POINTS, POINTS, POINTS)
def test_a_crossing_is_rounded_once(start: Point, end: Point, one: Point, other: Point) -> None:
    if not cross(start, end, one, other):
        return
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = ((Fraction(a), Fraction(b)) for a, b in (start, end, one, other))
    below = (x1 - x2) * (y3 - y4) - (y1 - y2) * (x3 - x4)
    first, second = x1 * y2 - y1 * x2, x3 * y4 - y3 * x4
    x = (first * (x3 - x4) - (x1 - x2) * second) / below
    y = (first * (y3 - y4) - (y1 - y2) * second) / below
    assert crossing(start, end, one, other) == (float(x), float(y))


@given(POINTS, POINTS, st.floats(0, 1))
def test_points_on_a_segment_lie_on_it(start: Point, end: Point, wanted: float) -> None:
    if start == end:
        return
    found = list(points_on(start, end, wanted))
    assert set(found[-2:]) == {start, end}
    for point in found[:-2]:
        assert between(point, start, end)
        assert rational_turn(start, end, point) == 0


def test_level_and_upright_edges_have_a_point_at_every_float() -> None:
    for start, end in itertools.permutations([(117.25, 39.0), (117.25, 39.5)]):
        chosen = next(points_on(start, end, 0.3))
        share = (chosen[1] - start[1]) / (end[1] - start[1])
        assert chosen[0] == 117.25
        assert abs(share - 0.3) < 1e-12


def test_most_slanting_edges_have_only_their_ends() -> None:
    rng = np.random.default_rng(1)
    few = 0
    for _ in range(200):
        start, end = (tuple(pair) for pair in rng.uniform((117, 39), (118, 40), (2, 2)).tolist())
        few += len(list(points_on(start, end, 0.5))) <= 4
    assert few > 150
