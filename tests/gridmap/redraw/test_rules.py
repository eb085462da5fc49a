"""The rules refuse what a careless edit would do: each is seen to bite, on steps that no edit makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import RuleBroken
from gridmap.model import Area
from gridmap.redraw.plan import Plan
from gridmap.redraw.rules import RULES, fresh_codes, nested, seamless, usable
from gridmap.redraw.state import Base, Limits, State, Step
from tests.gridmap.redraw.grids import CITY
from tests.gridmap.redraw.test_cell_edits import CROOKED, LATTICE, at, code_at, edited

SW = "120101001001"
STATE = State(LATTICE)
CELL, EAST = code_at(1, 1), code_at(2, 1)
WEST_OUTER = code_at(0, 1)


def ring(*places: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon([at(*place) for place in places])


def redrawn(**shapes: BaseGeometry) -> Step:
    """A step that gives cells other shapes: names are ``cell``, ``east`` and so on."""
    named = {"cell": CELL, "east": EAST, "outer": WEST_OUTER, "south": code_at(1, 0)}
    return Step(drawn={named[key]: replace(STATE.cell(named[key]), shape=shape) for key, shape in shapes.items()})


def check(step: Step, state: State = STATE) -> None:
    after = state.after(step)
    for rule in RULES:
        rule(state, step, after)


WHOLE = ring((1, 1), (2, 1), (2, 2), (1, 2))
BAD_SHAPES = {
    "a gap": (redrawn(cell=ring((1, 1), (1.9, 1), (1.9, 2), (1, 2))), "leave a gap or move an outer line at"),
    "an overlap": (redrawn(cell=ring((1, 1), (2.1, 1), (2.1, 2), (1, 2))), "leave a gap or move an outer line at"),
    "an overlap with one that changes": (
        redrawn(cell=ring((1, 1), (2.1, 1), (2.1, 2), (1, 2)), east=ring((2, 1), (3, 1), (3, 2), (2, 2))),
        "leave a gap or move an outer line at|overlap",
    ),
    "the same twice": (redrawn(cell=WHOLE, east=WHOLE), "cells would overlap at"),
    "a vertex that the neighbour lacks": (
        redrawn(cell=ring((1, 1), (1.5, 1), (2, 1), (2, 2), (1, 2))),
        f"cell {code_at(1, 0)} lacks a vertex that its neighbour has at",
    ),
    "a vertex beside the edge": (
        redrawn(cell=ring((1, 1), (1.5, 0.9999999), (2, 1), (2, 2), (1, 2))),
        "leave a gap or move an outer line at",
    ),
    "a bow": (redrawn(cell=ring((1, 1), (2, 2), (2, 1), (1, 2))), "would not be valid: Self-intersection"),
    "an outer line that moves": (
        redrawn(outer=ring((-0.1, 1), (1, 1), (1, 2), (0, 2))),
        "leave a gap or move an outer line at",
    ),
}


@pytest.mark.parametrize("what", BAD_SHAPES)
def test_cells_that_are_no_coverage_are_refused_with_the_place(what: str) -> None:
    step, reason = BAD_SHAPES[what]
    with pytest.raises(RuleBroken, match=reason):
        seamless(STATE, step, STATE.after(step))
    with pytest.raises(RuleBroken):
        check(step)


def test_a_vertex_of_the_outer_line_must_lie_exactly_on_it() -> None:
    """One step of the smallest size beside it is refused; no measuring with a tolerance would see that."""
    on = redrawn(outer=ring((0, 1), (1, 1), (1, 2), (0, 2), (0, 1.5)))
    check(on)
    lon, lat = at(0, 1.5)
    beside = shapely.Polygon([at(0, 1), at(1, 1), at(1, 2), at(0, 2), (lon - 2**-46, lat)])
    with pytest.raises(RuleBroken, match="move an outer line"):
        check(redrawn(outer=beside))


def test_the_same_cell_with_one_more_vertex_on_both_sides_is_well() -> None:
    check(
        redrawn(
            cell=ring((1, 1), (1.5, 1), (2, 1), (2, 2), (1, 2)),
            south=ring((1, 0), (2, 0), (2, 1), (1.5, 1), (1, 1)),
        )
    )


def test_cells_that_cannot_be_used_are_refused() -> None:
    thin = redrawn(cell=ring((1, 1), (1.01, 1), (1.01, 2), (1, 2)))
    with pytest.raises(RuleBroken, match=r"would be 2\.0 m wide, less than 3"):
        usable(STATE, thin, STATE.after(thin))
    small = redrawn(cell=ring((1, 1), (1.03, 1), (1.03, 1.03), (1, 1.03)))
    with pytest.raises(RuleBroken, match=r"would have 3\d\.\d m², less than 100"):
        usable(STATE, small, STATE.after(small))
    torn = redrawn(
        cell=shapely.MultiPolygon(
            [ring((1, 1), (1.4, 1), (1.4, 2), (1, 2)), ring((1.6, 1), (2, 1), (2, 2), (1.6, 2))]
        )
    )
    with pytest.raises(RuleBroken, match="would fall into 2 parts"):
        usable(STATE, torn, STATE.after(torn))


def test_a_cell_that_was_too_small_may_grow_and_be_renamed_but_not_shrink() -> None:
    base = Base(LATTICE.grid, CITY, limits=Limits(least_area_m2=1e6))  # more than any cell has
    edited({"op": "merge", "cells": [CELL, EAST]}, base=base)
    edited({"op": "change", "cell": CELL, "code": f"{SW}100"}, base=base)
    with pytest.raises(RuleBroken, match="less than"):
        edited({"op": "split", "cell": CELL, "line": [at(1.3, 0.8), at(1.3, 2.2)]}, base=base)


def test_areas_that_are_not_nested_are_refused() -> None:
    cell = STATE.cell(CELL)
    for step, reason in (
        (Step(drawn={CELL: replace(cell, community="120101001")}), "must be in an area of level community"),
        (Step(areas_drawn={SW: Area(SW, "community", "n", "120101")}), "must be in an area of level street"),
        (Step(areas_ended=(SW,)), "still has members and cannot end"),
        (Step(areas_drawn={"m": Area("m", "community", "n", "120101001")}), "would have no members left"),
    ):
        with pytest.raises(RuleBroken, match=reason):
            nested(STATE, step, STATE.after(step))


def test_codes_that_are_not_new_are_refused() -> None:
    cell = STATE.cell(CELL)
    plan = edited({"op": "split", "cell": CELL, "line": [at(1.3, 0.8), at(1.3, 2.2)]})
    for state, code, minted, reason in (
        (STATE, f"{SW}500", (), "new cells and new codes differ"),
        (plan.state, CELL, (CELL,), "was used before"),
        (STATE, "120101001002500", ("120101001002500",), "is not by the city's pattern"),
    ):
        step = Step(drawn={code: cell}, minted=minted)
        with pytest.raises(RuleBroken, match=reason):
            fresh_codes(state, step, state.after(step))


def test_a_refused_edit_leaves_the_plan_as_it_was() -> None:
    plan = Plan.on(CROOKED)
    with pytest.raises(RuleBroken):
        edited({"op": "merge", "cells": [code_at(0, 0), code_at(2, 0)]}, base=CROOKED)
    assert plan.change().drawn == {}
