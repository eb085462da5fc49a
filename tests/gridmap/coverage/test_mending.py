"""Mending by hand: what becomes of gaps, overlaps, slivers and enclaves; nothing changes in silence."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings, strategies
from shapely import Polygon, box

from gridmap.coverage.mending import Mended, Rules, mend
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.shapes import Geometries


def array(*polygons: shapely.Geometry) -> Geometries:
    result: Geometries = np.empty(len(polygons), object)
    result[:] = polygons
    return result


def holes(mended: Mended) -> list[Polygon]:
    land = shapely.coverage_union_all(mended.polygons)
    return [Polygon(ring) for part in shapely.get_parts(land) for ring in part.interiors]


def ring_of_four(width: float) -> Geometries:
    """Four polygons around a square hole, 100 m across, that is ``width`` wide."""
    low, high = 50 - width / 2, 50 + width / 2
    return array(box(0, 0, 100, low), box(0, high, 100, 100), box(0, low, low, high), box(high, low, 100, high))


def test_an_overlap_goes_to_one_polygon_and_is_listed() -> None:
    mended = mend(array(box(0, 0, 10, 10), box(9, 0, 30, 10)), ["a", "b"])
    assert shapely.coverage_is_valid(mended.polygons)
    assert shapely.area(mended.polygons).sum() == pytest.approx(300)
    (change,) = mended.of("overlap")
    assert change.area_m2 == pytest.approx(10)
    assert change.width_m == pytest.approx(1, rel=0.01)
    assert {change.given_to, *change.taken_from} == {"a", "b"}
    taker = {"a": 0, "b": 1}[str(change.given_to)]
    assert mended.polygons[taker].covers(box(9, 0, 10, 10))
    assert not mended.of("snapped")


def test_a_thin_gap_goes_to_the_longest_border() -> None:
    # a gap of 0.5 by 10 m: 10 m of its border with each side, and 0.5 m with the lid and the floor
    left, right = box(0, 0, 10, 10), box(10.5, 0, 20, 10)
    mended = mend(array(left, right, box(0, 10, 20, 20), box(0, -10, 20, 0)), ["left", "right", "lid", "floor"])
    (change,) = mended.of("gap")
    assert change.area_m2 == pytest.approx(5)
    assert change.given_to in {"left", "right"}
    assert not holes(mended)
    assert shapely.area(mended.polygons).sum() == pytest.approx(600)


def test_a_wide_gap_stays_until_somebody_says_what_it_is() -> None:
    mended = mend(ring_of_four(20), list("abcd"))
    (change,) = mended.of("undecided gap")
    assert (change.area_m2, change.given_to) == (pytest.approx(400), None)
    assert len(holes(mended)) == 1
    named = mend(ring_of_four(20), list("abcd"), Rules(enclaves=((50.0, 50.0),)))
    assert [len(named.of(kind)) for kind in ("enclave", "undecided gap", "gap")] == [1, 0, 0]
    filled = mend(ring_of_four(20), list("abcd"), Rules(gap_width_m=30))
    assert not holes(filled)
    assert filled.of("gap")[0].area_m2 == pytest.approx(400)


def test_a_thin_enclave_that_is_named_stays() -> None:
    mended = mend(ring_of_four(0.5), list("abcd"), Rules(enclaves=((50.0, 50.0),)))
    assert len(holes(mended)) == 1
    assert not mended.of("gap")


def test_an_outline_says_what_is_an_enclave_what_a_gap_and_what_too_much() -> None:
    outline = box(0, 0, 100, 110).difference(box(48, 48, 52, 52))  # the hole is 4 m of 20, and the top was missing
    polygons = ring_of_four(20)
    polygons[0] = box(-5, 0, 100, 40)
    mended = mend(polygons, list("abcd"), Rules(outline=outline))
    assert shapely.coverage_union_all(mended.polygons).equals(outline)
    assert mended.of("enclave")[0].area_m2 == pytest.approx(16)
    (cut,) = mended.of("cut off")
    assert (cut.area_m2, cut.given_to, cut.taken_from) == (pytest.approx(200), None, ("a",))
    assert [gap.area_m2 for gap in mended.of("gap")] == [pytest.approx(1000), pytest.approx(384)]
    assert mended.of("gap")[0].given_to == "b"


def test_a_sliver_apart_from_its_polygon_goes_to_its_neighbour() -> None:
    own, sliver = box(0, 0, 10, 10), box(19.9, 0, 20, 10)
    mended = mend(array(shapely.union(own, sliver), box(10, 0, 19.9, 10)), ["a", "b"])
    (change,) = mended.of("sliver")
    assert (change.given_to, change.taken_from) == ("b", ("a",))
    assert change.area_m2 == pytest.approx(1)
    assert shapely.get_num_geometries(mended.polygons).tolist() == [1, 1]


def test_a_polygon_that_crosses_itself_is_made_valid_and_listed() -> None:
    mended = mend(array(Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), box(10, 0, 20, 10)), ["a", "b"])
    assert shapely.is_valid(mended.polygons).all()
    assert len(mended.of("made valid")) == 1


def test_feet_are_feet() -> None:
    mended = mend(array(box(0, 0, 10, 10), box(9, 0, 30, 10)), ["a", "b"], Rules(unit_m=0.3048))
    assert mended.of("overlap")[0].area_m2 == pytest.approx(10 * 0.3048**2)


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="names"):
        mend(array(box(0, 0, 1, 1), box(1, 0, 2, 1)), ["a", "a"])
    with pytest.raises(InvalidInput, match="'b'"):
        mend(array(box(0, 0, 1, 1), shapely.Point(0, 0)), ["a", "b"])
    with pytest.raises(InvalidInput, match="enclave"):
        mend(ring_of_four(20), list("abcd"), Rules(enclaves=((5.0, 5.0),)))
    with pytest.raises(InvalidInput, match="gap_width_m"):
        Rules(gap_width_m=0)
    with pytest.raises(RuleBroken, match="vanish"):
        mend(array(box(0, 0, 10, 10), box(0, 0, 10, 10)), ["a", "b"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=strategies.integers(0, 10**6), shake=strategies.floats(0.001, 0.3))
def test_a_shaken_partition_comes_out_whole(seed: int, shake: float) -> None:
    """Each polygon's vertices are moved alone, so that all borders gape and overlap."""
    rng = np.random.default_rng(seed)
    corners = [
        np.array([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]) * 10.0 for x in range(5) for y in range(4)
    ]
    polygons = array(*(Polygon(each + rng.uniform(-shake, shake, each.shape)) for each in corners))
    mended = mend(polygons, [str(at) for at in range(len(corners))])
    assert shapely.coverage_is_valid(mended.polygons)
    assert not holes(mended)
    moved = shapely.area(shapely.symmetric_difference(shapely.make_valid(polygons), mended.polygons)).sum()
    listed = sum(
        change.area_m2 * (1 + (change.kind == "sliver"))
        for change in mended.changes
        if change.kind != "made valid"
    )
    assert moved <= listed + 1e-6
