"""Steps between two states of a small map, and the households that may be told of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

from gridmap.papers.changes import Change, change_between
from gridmap.papers.parts import MapPart
from tests.gridmap.papers.conftest import METRIC, Part

LEFT, RIGHT = shapely.box(0, 0, 60, 100), shapely.box(60, 0, 100, 100)
WHOLE, FAR = shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)
A, B, C, D = "1234001", "1234002", "1234003", "1234004"


def change(before: MapPart, after: MapPart, households: dict[tuple[str, str], int] | None = None) -> Change:
    return change_between(before, after, households, 10, METRIC)


def test_a_split_gives_its_parts_shares_of_area_and_households(part: Part) -> None:
    found = change(part({A: WHOLE, D: FAR}), part({B: LEFT, C: RIGHT, D: FAR}), {(A, B): 30, (A, C): 70})
    (step,) = found.steps
    assert (step.kind, step.old, step.new, step.told) == ("split", (A,), (B, C), True)
    first, second = step.pieces
    assert (first.area_share, second.area_share) == (pytest.approx(0.6, abs=1e-6), pytest.approx(0.4, abs=1e-6))
    assert first.area_m2 == pytest.approx(6000, rel=1e-3)
    assert (first.household_share, second.household_share) == (0.3, 0.7)
    assert (step.before, step.after) == ({A: 100}, {B: 30, C: 70})


def test_merge_move_recode_and_redraw_are_told_apart(part: Part) -> None:
    assert [each.kind for each in change(part({A: LEFT, B: RIGHT}), part({C: WHOLE})).steps] == ["merged"]
    other = shapely.box(0, 0, 50, 100), shapely.box(50, 0, 100, 100)
    moved = change(part({A: LEFT, B: RIGHT}), part(dict(zip((A, B), other, strict=True))))
    assert [(each.kind, each.old) for each in moved.steps] == [("moved", (A, B))]
    assert [each.kind for each in change(part({A: WHOLE}), part({B: WHOLE})).steps] == ["recoded"]
    redrawn = change(part({A: LEFT, B: RIGHT}), part(dict(zip((C, D), other, strict=True))))
    assert [each.kind for each in redrawn.steps] == ["redrawn"]


def test_steps_that_do_not_hang_together_are_several(part: Part) -> None:
    far = shapely.box(300, 0, 400, 100)
    before = part({A: WHOLE, D: far})
    after = part({B: LEFT, C: RIGHT, D: far}, **{D: {"kind": "special"}})
    assert [(each.kind, each.old) for each in change(before, after).steps] == [("split", (A,)), ("renamed", (D,))]


def test_a_new_attribute_is_told_and_a_new_vertex_is_no_change(part: Part) -> None:
    with_vertex = shapely.Polygon([(0, 0), (50, 0), (100, 0), (100, 100), (0, 100)])
    before, after = part({A: WHOLE}), part({A: WHOLE}, **{A: {"name": "新", "services": ("养老",)}})
    told = [(each.attribute, each.before, each.after) for each in change(before, after).steps[0].renamed]
    assert told == [("name", "第1网格", "新"), ("services", "", "养老")]
    touched = part({A: WHOLE}).shapes.copy()
    touched[0] = shapely.segmentize(touched[0], touched[0].length / 8)
    again = MapPart(before.cells, touched, before.areas)
    assert shapely.get_num_coordinates(again.shapes[0]) > shapely.get_num_coordinates(before.shapes[0])
    assert change(before, again).steps == ()
    assert len(change(part({A: LEFT}), part({A: with_vertex})).steps) == 1


@pytest.mark.parametrize("few", [1, 9])
def test_few_households_are_hidden_with_all_they_could_be_worked_out_from(part: Part, few: int) -> None:
    (step,) = change(part({A: WHOLE}), part({B: LEFT, C: RIGHT}), {(A, B): few, (A, C): 200}).steps
    assert not step.told
    assert step.before == {A: 200 + few}
    assert step.after == {B: None, C: None}  # else the few are what A had less what C has
    assert [(each.households, each.household_share) for each in step.pieces] == [(None, None)] * 2


@pytest.mark.parametrize(("number", "is_told"), [(0, True), (10, True), (9, False)])
def test_none_and_k_are_told(part: Part, number: int, is_told: bool) -> None:
    (step,) = change(part({A: WHOLE}), part({B: LEFT, C: RIGHT}), {(A, B): number, (A, C): 200}).steps
    assert step.told == is_told


def test_nothing_hidden_can_be_worked_out_in_any_small_exchange(part: Part) -> None:
    """Two cells exchange pieces: for every hidden number there is another one that fits all that is told."""
    before, after = (
        part({A: LEFT, B: RIGHT}),
        part({C: shapely.box(0, 0, 50, 100), D: shapely.box(50, 0, 100, 100)}),
    )
    # C lies in A; D takes the rest of A and all of B
    pairs = ((A, C), (A, D), (B, D))
    guesses = np.array(list(itertools.product(range(56), repeat=3)))
    for counts in itertools.product((0, 3, 12, 40), repeat=3):
        (step,) = change(before, after, dict(zip(pairs, counts, strict=True))).steps
        fitting = np.ones(len(guesses), bool)
        for each in step.pieces:
            if each.households is not None:
                fitting &= guesses[:, pairs.index((each.old, each.new))] == each.households
        for code, total in {**step.before, **step.after}.items():
            if total is not None:
                fitting &= guesses[:, [code in pair for pair in pairs]].sum(axis=1) == total
        for at, number in enumerate(counts):
            if 0 < number < 10:
                assert len(np.unique(guesses[fitting][:, at])) > 1, (counts, pairs[at])


def test_areas_that_begin_end_and_change_are_told(part: Part) -> None:
    before = part({A: WHOLE})
    areas = dict(before.areas)
    del areas["123"]
    areas["12"] = type(areas["12"])("12", "district", "新区", "1")
    areas["129"] = type(areas["12"])("129", "street", "新街", "12")
    areas["1234"] = type(areas["12"])("1234", "community", "丁社区", "129")
    found = change(before, MapPart(before.cells, before.shapes, areas))
    assert [area.code for area in found.areas_begun] == ["129"]
    assert [area.code for area in found.areas_ended] == ["123"]
    assert [(each.code, each.attribute) for each in found.areas_renamed] == [("12", "name"), ("1234", "parent")]
