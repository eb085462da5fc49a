"""Snapping to streets, and the way along them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.metres import Metres
from gridmap.redraw.streets import Streets

METRES = Metres.at(39.1)


def streets(*lines: list[tuple[float, float]]) -> Streets:
    return Streets(np.array([shapely.LineString(line) for line in lines], object))


# A level street, one that leaves it northwards at a vertex, and one that only crosses the first.
NET = streets(
    [(117.0, 39.1), (117.1, 39.1), (117.2, 39.1)],
    [(117.1, 39.1), (117.1, 39.2)],
    [(117.15, 39.05), (117.15, 39.15)],
)


def test_points_near_a_street_go_there_and_others_stay() -> None:
    near, far = NET.snapped([(117.05, 39.10001), (117.05, 39.105)], METRES, 10.0)
    assert near == (117.05, 39.1)
    assert far == (117.05, 39.105)
    assert Streets().snapped([(117.0, 39.0)], METRES, 10.0) == [(117.0, 39.0)]


def test_the_way_turns_where_streets_meet() -> None:
    way = NET.way((117.05, 39.1001), (117.1001, 39.15), METRES, 20.0)
    assert way == [(117.05, 39.1), (117.1, 39.1), (117.1, 39.15)]


def test_a_way_between_two_points_of_one_stretch() -> None:
    assert NET.way((117.02, 39.1), (117.03, 39.1), METRES, 20.0) == [(117.02, 39.1), (117.03, 39.1)]


def test_streets_that_only_cross_do_not_meet() -> None:
    with pytest.raises(RuleBroken, match="no way along streets"):
        NET.way((117.05, 39.1), (117.15, 39.06), METRES, 20.0)


def test_a_point_off_the_streets_is_refused_with_its_distance() -> None:
    with pytest.raises(
        InvalidInput, match=r"points\[1\]: must be within 20 m of a street; the nearest street is 1110"
    ):
        NET.way((117.05, 39.1), (117.05, 39.11), METRES, 20.0)
    with pytest.raises(InvalidInput, match="no street is near"):
        Streets().way((117.05, 39.1), (117.05, 39.11), METRES, 20.0)
