"""Orientation signs against rational arithmetic: near, on and beside lines, and all but zero."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.coverage import kernels

Six = tuple[float, float, float, float, float, float]

SMALLEST = 2.0**-100
vertex = st.one_of(st.just(0.0), st.floats(SMALLEST, 180), st.floats(-180, -SMALLEST))
anywhere = st.floats(-180, 180)
denormal = st.integers(-9, 9).map(lambda count: count * 5e-324)


def true_sign(six: Six) -> int:
    x1, y1, x2, y2, x, y = (Fraction(value) for value in six)
    turn = (x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)
    return (turn > 0) - (turn < 0)


@given(vertex, vertex, vertex, vertex, anywhere, anywhere)
@settings(max_examples=500, deadline=None)
def test_signs_anywhere(x1: float, y1: float, x2: float, y2: float, x: float, y: float) -> None:
    six = (x1, y1, x2, y2, x, y)
    assert kernels.side(*six) == true_sign(six)


@given(vertex, vertex, vertex, vertex, st.floats(0, 1), st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=1500, deadline=None)
def test_signs_within_three_steps_of_a_line(
    x1: float, y1: float, x2: float, y2: float, share: float, dx: int, dy: int
) -> None:
    x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
    six = (x1, y1, x2, y2, x + dx * float(np.spacing(x)), y + dy * float(np.spacing(y)))
    assert kernels.side(*six) == true_sign(six)


@given(st.integers(1, 2**20), st.integers(1, 2**20), st.integers(1, 2**10))
@settings(max_examples=300, deadline=None)
def test_points_exactly_on_a_line_are_on_it(dx: int, dy: int, steps: int) -> None:
    unit = 2.0**-40
    x1, y1 = 117.0, 39.0
    six = (x1, y1, x1 + 1024 * dx * unit, y1 + 1024 * dy * unit, x1 + steps * dx * unit, y1 + steps * dy * unit)
    assert kernels.side(*six) == 0
    beside = (*six[:4], float(np.nextafter(six[4], 0)), six[5])
    assert kernels.side(*beside) == 1 == true_sign(beside)


@given(vertex, vertex, vertex, vertex, denormal, st.one_of(denormal, vertex))
@settings(max_examples=1000, deadline=None)
def test_signs_of_points_that_are_all_but_zero(
    x1: float, y1: float, x2: float, y2: float, x: float, y: float
) -> None:
    for six in ((x1, y1, x2, y2, x, y), (y1, x1, y2, x2, y, x), (0.0, 0.0, x2, y2, x, y)):
        assert kernels.side(*six) == true_sign(six)


@pytest.mark.parametrize(
    "six",
    [
        (0.0, 0.0, 1.0, 0.5, 5e-324, 0.0),
        (0.0, 0.0, 1.0, 0.5, 1e-323, 5e-324),  # on the line
        (0.0, 0.0, 0.3, 0.1, 1.5e-323, 5e-324),  # 0.3 is not three times 0.1
        (-1.0, -1.0, 1.0, 1.0, 5e-324, 5e-324),
        (-1.0, 0.0, 1.0, 0.0, 0.3, 5e-324),
        (0.0, -1.0, 0.0, 1.0, -5e-324, 0.3),
        (SMALLEST, SMALLEST, 1.0, 1.0, 5e-324, 1e-323),
    ],
)
def test_signs_in_the_last_bit_around_zero(six: Six) -> None:
    assert kernels.side(*six) == true_sign(six)


@given(st.sampled_from([3, 5, 7, 11]), st.integers(2**40, 2**49), st.integers(0, 60), st.integers(-1, 1))
@settings(max_examples=500, deadline=None)
def test_signs_where_products_are_denormal(slope: int, multiple: int, power: int, beside: int) -> None:
    unit = 2.0 ** (power - 1074)
    x, y = slope * multiple * unit, multiple * unit
    six = (-float(slope), -1.0, float(slope), 1.0, x + beside * unit, y)
    assert kernels.side(*six) == true_sign(six) == -beside


def test_changing_ends_changes_the_side() -> None:
    assert kernels.side(117.0, 39.0, 117.1, 39.1, 117.0, 39.1) == 1
    assert kernels.side(117.1, 39.1, 117.0, 39.0, 117.0, 39.1) == -1
