"""What a change does, counted by hand; and that no count below k can be worked out from what is shown."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings, strategies

from gridmap.model import City, PrincipleSettings
from gridmap.redraw.change import DrawnCell, GridChange, Redrawn, redrawn
from gridmap.redraw.impact import (
    Flow,
    Impact,
    Standing,
    as_redrawn,
    buildings_at,
    compare,
    flows_of,
    moved_boundary,
    rows_of,
    successors,
    told,
)
from gridmap.redraw.joint_hiding import hide_jointly
from tests.gridmap.redraw.principles.test_principles import CITY, METRIC, degrees, grid_of, with_stops

STOPS = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
PEOPLE = replace(CITY, principles=PrincipleSettings(workload={"households": 1.0, "place": 0.5}))


def changed() -> tuple[object, Redrawn]:
    """1101 gives 40 m to 1100; 1203 and 1204 become 1205; 1202 is only written anew."""
    cells = with_stops()
    grid = grid_of(cells)
    left = [*((stop, 0) for stop in STOPS), (1.2, 0), (1.2, 1), *((1 - stop, 1) for stop in STOPS)]
    right = [*((1 + stop, 0) for stop in STOPS[1:]), *((2 - stop, 1) for stop in STOPS[:-1])]
    ring = shapely.get_coordinates(cells["1202"])
    turned = shapely.Polygon(np.vstack([ring[3:-1], ring[:4]]))
    drawn = {
        "1100": DrawnCell("1100", "basic", "11", (), shapely.Polygon(degrees(left))),
        "1101": DrawnCell("1101", "basic", "11", (), shapely.Polygon(degrees(right))),
        "1202": DrawnCell("1202", "basic", "12", (), turned),
        "1205": DrawnCell("1205", "basic", "12", (), shapely.coverage_union_all([cells["1203"], cells["1204"]])),
    }
    change = GridChange(frozenset({"1203", "1204"}), drawn)
    return grid, redrawn(grid, change, replace(grid.revision, number=2), [9])


def standing(*places: tuple[float, float]) -> Standing:
    """One thing at each x (in cells from the west), with its weight."""
    points = degrees([(x, 0.5) for x, _ in places])
    return Standing(points[:, 0], points[:, 1], np.array([weight for _, weight in places], np.float64))


def test_cells_end_begin_change_or_are_only_touched() -> None:
    grid, result = changed()
    rows = rows_of(grid, result)
    assert (rows.ended, rows.new) == (("1203", "1204"), ("1205",))
    assert (rows.changed, rows.touched) == (("1100", "1101"), ("1202",))
    assert successors(grid, result) == {
        "1100": "1100", "1101": "1101", "1202": "1202", "1203": "1205", "1204": "1205",
    }  # fmt: skip


def test_what_differs_between_two_grids_is_found() -> None:
    grid, result = changed()
    found = as_redrawn(grid, result.grid)
    assert found.gone.tolist() == result.gone.tolist()
    assert found.drawn.tolist() == result.drawn.tolist()
    assert len(as_redrawn(grid, grid).gone) == 0


def test_things_are_counted_from_cell_to_cell() -> None:
    grid, result = changed()
    flows = flows_of(grid, result, standing((0.5, 7), (1.1, 3), (1.5, 20), (3.5, 4), (4.5, 5), (9.0, 1)))
    assert flows == {
        ("1100", "1100"): 7, ("1101", "1100"): 3, ("1101", "1101"): 20, ("1203", "1205"): 4,
        ("1204", "1205"): 5, ("", ""): 1,
    }  # fmt: skip


def test_small_counts_of_people_are_hidden_with_what_would_tell_them() -> None:
    flows = {
        "person": {("a", "a"): 40.0, ("a", "b"): 3.0, ("c", "c"): 50.0},
        "place": {("a", "a"): 2.0, ("a", "b"): 1.0},
        "households": {("a", "a"): 100.0, ("a", "b"): 2.0, ("c", "c"): 60.0},
    }
    shown = told(PEOPLE, flows, everything=False)
    assert shown.flows["person"] == (Flow("a", "a", None), Flow("a", "b", None), Flow("c", "c", 50.0))
    assert shown.flows["place"] == (Flow("a", "a", 2.0), Flow("a", "b", 1.0))
    assert shown.moved == {"person": None, "place": 1.0, "households": None}
    assert shown.hidden == 4
    # a workload that rests on a hidden count would tell it
    assert {each.cell: (each.before, each.after) for each in shown.workload} == {
        "a": (None, None), "b": (None, None), "c": (60.0, 60.0),
    }  # fmt: skip
    every = told(PEOPLE, flows, everything=True)
    assert every.hidden == 0
    assert every.moved == {"person": 3.0, "place": 1.0, "households": 2.0}
    assert {each.cell: (each.before, each.after) for each in every.workload} == {
        "a": (103.5, 101.0), "b": (None, 2.5), "c": (60.0, 60.0),
    }  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    table=strategies.dictionaries(
        strategies.tuples(strategies.sampled_from("abcd"), strategies.sampled_from("abcd")),
        strategies.integers(0, 30),
        max_size=10,
    ),
    least=strategies.integers(2, 12),
)
def test_no_row_and_no_column_leaves_one_hidden_count_alone(table: dict[tuple[str, str], int], least: int) -> None:
    hidden = hide_jointly(table, least)
    assert all(pair in hidden for pair, count in table.items() if 0 < count < least)
    assert all(table[pair] > 0 for pair in hidden)
    for side, name in itertools.product((0, 1), "abcd"):
        line = [pair for pair, count in table.items() if pair[side] == name and count > 0]
        concealed = [pair for pair in line if pair in hidden]
        assert len(concealed) != 1 or len(line) == 1


def test_nothing_is_hidden_without_need() -> None:
    assert hide_jointly({("a", "a"): 50, ("a", "b"): 10, ("b", "b"): 0}, 10) == set()


def test_buildings_at_a_boundary_that_moved() -> None:
    grid, result = changed()
    boundary = moved_boundary(grid, result, METRIC)
    assert sum(each.length for each in boundary) == pytest.approx(200, rel=1e-3)
    line = shapely.get_coordinates(boundary[0]).mean(axis=0)
    points = np.array([shapely.Point(line[0] + away, line[1]) for away in (0, 9, -9, 11, 60)], object)
    assert buildings_at(boundary, points, None).near == 3
    none = buildings_at(boundary, points[:0], None)
    assert (none.cut, none.near) == (None, None)
    crossing, beside = shapely.Point(line).buffer(5), shapely.Point(line[0] + 30, line[1]).buffer(5)
    found = buildings_at(boundary, points, np.array([crossing, beside], object))
    assert (found.cut, found.near) == (1, None)


def test_two_impacts_stand_side_by_side() -> None:
    first = Impact(1, ("x",), ("y", "z"), (), (), {}, {"place": 3.0, "person": None}, 2, "", ())
    second = replace(first, new=("y",), moved={"place": 5.0, "person": 4.0})
    rows = {each.figure: (each.first, each.second, each.difference) for each in compare(first, second)}
    assert rows["cells new"] == (2, 1, -1.0)
    assert rows["place that change cell"] == (3.0, 5.0, 2.0)
    assert rows["person that change cell"] == (None, 4.0, None)


def test_the_formula_is_shown_as_it_is_used() -> None:
    assert PEOPLE.principles.formula == "1·households + 0.5·place"
    assert isinstance(PEOPLE, City)
