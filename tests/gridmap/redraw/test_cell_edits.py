"""Edits of cells by hand on the 200 m lattice: what becomes of shapes, codes, neighbours; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import from_wgs84
from gridmap.errors import InvalidInput, NotFound, RuleBroken
from gridmap.redraw.descent import cell_lineage
from gridmap.redraw.edits import parse, to_json
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base
from gridmap.redraw.streets import Streets
from tests.gridmap.redraw.attack import cells_of
from tests.gridmap.redraw.grids import CITY, EAST, GRIDS, NORTH, SOUTH_END, WEST_END, community_at

LATTICE, CROOKED = GRIDS["rectilinear"](), GRIDS["crooked"]()
TOPS = ("120101001001", "120101001002", "120101002001", "120101002002")


def at(column: float, row: float) -> list[float]:
    """A place in columns and rows of the lattice."""
    return [WEST_END + column * EAST, SOUTH_END + row * NORTH]


def code_at(column: int, row: int) -> str:
    """The code of the cell in a column and a row: a community has 3 x 3 of them."""
    return f"{community_at(column, row)}{1 + column % 3 + 3 * (row % 3):03d}"


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)]
    return {"type": "Polygon", "coordinates": [ring]}


def edited(*edits: dict[str, Any], base: Base = LATTICE) -> Plan:
    plan = Plan.on(base)
    for edit in edits:
        plan = plan.apply(parse({"crs": "wgs84", **edit} if "line" in edit or "piece" in edit else edit))
    return plan


def share_of(shape: BaseGeometry) -> float:
    """Area in cells of the lattice."""
    return float(shape.area / (EAST * NORTH))


def test_the_lattice_has_its_codes_where_the_tests_think() -> None:
    for column, row in ((0, 0), (2, 1), (4, 5), (5, 3)):
        shape = LATTICE.grid.index.degrees[LATTICE.grid.by_code[code_at(column, row)]]
        assert shape.contains(shapely.Point(at(column + 0.5, row + 0.5)))


def test_a_split_retires_the_code_and_gives_new_ones_from_west_to_east() -> None:
    cell = code_at(1, 1)
    plan = edited({"op": "split", "cell": cell, "line": [at(1.3, 0.8), at(1.3, 2.2)]})
    west, east = plan.step.minted
    assert (west, east) == ("120101001001010", "120101001001011")
    assert plan.step.ended == (cell,)
    assert share_of(plan.step.drawn[west].shape) == pytest.approx(0.3)
    assert share_of(plan.step.drawn[east].shape) == pytest.approx(0.7)
    assert [plan.step.drawn[code].name for code in (west, east)] == ["Cell 8-1", "Cell 8-2"]
    assert {plan.step.drawn[code].community for code in (west, east)} == {"120101001001"}
    lineage = cell_lineage(plan)
    assert [(each.old, each.new) for each in lineage] == [(cell, west), (cell, east)]
    assert sum(each.share for each in lineage) == pytest.approx(1.0)


def test_parts_one_above_the_other_come_from_north_to_south() -> None:
    plan = edited({"op": "split", "cell": code_at(1, 1), "line": [at(0.8, 1.5), at(2.2, 1.5)]})
    north, south = (plan.step.drawn[code].shape for code in plan.step.minted)
    assert north.centroid.y > south.centroid.y


def test_the_neighbours_across_get_the_ends_of_a_cut_and_are_touched_only() -> None:
    plan = edited({"op": "split", "cell": code_at(1, 1), "line": [at(1.3, 0.8), at(1.3, 2.2)]})
    assert plan.touched() == (code_at(1, 0), code_at(1, 2)) == tuple(plan.step.touched)
    for code in plan.touched():
        old = LATTICE.grid.index.degrees[LATTICE.grid.by_code[code]]
        new = plan.state.cell(code).shape
        assert len(shapely.get_coordinates(new)) == len(shapely.get_coordinates(old)) + 1
        assert shapely.equals(new, old)
        assert code in plan.change().drawn
    assert plan.change().ended == {code_at(1, 1)}


def test_a_cut_near_a_vertex_goes_to_it() -> None:
    near = np.add(at(1, 1), (0.3 / 86_000, 0.3 / 111_000))
    plan = edited({"op": "split", "cell": code_at(1, 1), "line": [near.tolist(), at(2.2, 2.3)]})
    corners = {
        tuple(pair) for pair in shapely.get_coordinates(plan.step.drawn[plan.step.minted[0]].shape).tolist()
    }
    assert tuple(at(1, 1)) in corners
    assert tuple(near.tolist()) not in corners


def test_a_cut_on_an_upright_outer_line_ends_exactly_on_it() -> None:
    plan = edited({"op": "split", "cell": code_at(0, 1), "line": [at(-0.5, 1.4), at(1.5, 1.6)]})
    assert plan.step.notes == ()
    assert len(plan.step.minted) == 2


def test_on_a_slanting_outer_line_a_cut_goes_to_a_vertex_and_says_so_or_is_refused() -> None:
    edit = {"op": "split", "cell": code_at(0, 0), "line": [at(-0.5, 0.4), at(1.5, 0.6)]}
    plan = edited(edit, base=CROOKED)
    assert "moved 45.59 m along the outer line to 117.2004209 39.1004679" in plan.step.notes[0]
    with pytest.raises(
        RuleBroken, match=r"outer line, which must not bend; the nearest point exactly on it is 45\.6 m"
    ):
        edited({**edit, "outer_m": 20}, base=CROOKED)


BAD_LINES: list[tuple[list[list[float]], str]] = [
    ([at(1.2, 1.2), at(1.8, 1.8)], "from edge to edge; it ends inside the cell at"),
    ([at(0.5, 1.5), at(1.5, 1.5)], "from edge to edge; it ends inside the cell at"),
    ([at(3.2, 1.2), at(3.8, 1.8)], r"it does not meet it, the nearest place is 238\.\d m away"),
    ([at(0, 2), at(2, 0)], "it only touches it at"),
    ([at(1, 0.5), at(1, 2.5)], "it only touches it at"),
    ([at(0.8, 1.2), at(2.2, 1.8), at(2.2, 1.2), at(0.8, 1.8)], "must not cross itself"),
    ([[39.1, 117.2], [39.2, 117.2]], r"line\[0\]: must be near the city; lon comes before lat"),
    ([[0, 0], [1, 1]], r"line\[0\]: must be near the city, got"),
    ([[1e300, 1e300], [1, 1]], r"line\[0\]: must be near the city, got"),
    ([at(0.8, 1.0005), at(2.2, 1.0005)], "would have|would be"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_lines_that_do_not_split_are_refused_with_the_reason(line: list[list[float]], reason: str) -> None:
    with pytest.raises((InvalidInput, RuleBroken), match=reason):
        edited({"op": "split", "cell": code_at(1, 1), "line": line, "snap_m": 0.01})


def test_a_line_of_ten_thousand_vertices_is_taken() -> None:
    x = np.linspace(0.8, 2.2, 10_000)
    line = [at(float(a), 1.5 + 0.2 * float(np.sin(a * 40))) for a in x]
    plan = edited({"op": "split", "cell": code_at(1, 1), "line": line})
    assert len(plan.step.minted) == 2
    assert sum(share_of(cell.shape) for cell in plan.step.drawn.values()) == pytest.approx(1.0)


def test_gcj02_is_converted_and_kept_as_it_came() -> None:
    lon, lat = from_wgs84("gcj02", [at(1.3, 0.8)[0], at(1.3, 2.2)[0]], [at(1.3, 0.8)[1], at(1.3, 2.2)[1]])
    line = [[float(a), float(b)] for a, b in zip(lon, lat, strict=True)]
    plan = edited({"op": "split", "crs": "gcj02", "cell": code_at(1, 1), "line": line})
    assert share_of(plan.step.drawn[plan.step.minted[0]].shape) == pytest.approx(0.3, abs=1e-6)
    assert plan.edit is not None
    assert to_json(plan.edit)["line"] == line
    assert to_json(plan.edit)["crs"] == "gcj02"


def test_a_merge_takes_after_the_largest_and_drops_what_lay_between() -> None:
    cells = [code_at(0, 0), code_at(1, 0)]
    plan = edited(
        {"op": "transfer", "from": cells[0], "to": cells[1], "piece": box(0.7, -0.1, 1.1, 1.1)},
        {"op": "change", "cell": cells[1], "kind": "full_service", "services": ["clinic"], "name": "Large"},
        {"op": "merge", "cells": cells},
    )
    merged = plan.step.drawn[plan.step.minted[0]]
    assert (merged.name, merged.kind, merged.services) == ("Large", "full_service", ("clinic",))
    assert plan.step.ended == tuple(sorted(cells))
    assert share_of(merged.shape) == pytest.approx(2.0)


@pytest.mark.parametrize("cells", [[(0, 0), (2, 0)], [(0, 0), (1, 1)]])
def test_cells_that_do_not_touch_by_an_edge_are_not_merged(cells: list[tuple[int, int]]) -> None:
    with pytest.raises(RuleBroken, match="the merged cell would fall into 2 parts, one at 117"):
        edited({"op": "merge", "cells": [code_at(*cell) for cell in cells]})


def test_a_merge_over_communities_says_which_one() -> None:
    merge = {"op": "merge", "cells": [code_at(2, 0), code_at(3, 0)]}
    with pytest.raises(RuleBroken, match="needs `community`: 120101001001, 120101002001"):
        edited(merge)
    plan = edited({**merge, "community": "120101002001"})
    assert plan.step.minted == ("120101002001010",)
    with pytest.raises(InvalidInput, match="must be of level community, not street"):
        edited({**merge, "community": "120101001"})
    with pytest.raises(NotFound, match="no area 'x'"):
        edited({**merge, "community": "x"})


def test_a_moved_boundary_changes_both_and_keeps_the_codes() -> None:
    cells = [code_at(0, 1), code_at(1, 1)]
    plan = edited({"op": "move_boundary", "cells": cells, "line": [at(1, 1.2), at(1.4, 1.5), at(1, 1.8)]})
    one, other = (plan.state.cell(code).shape for code in cells)
    assert share_of(one) == pytest.approx(1.0 + 0.6 * 0.4 / 2)
    assert share_of(other) == pytest.approx(1.0 - 0.6 * 0.4 / 2)
    assert plan.step.ended == plan.step.minted == ()
    assert [(each.old, each.new) for each in cell_lineage(plan)] == [(cells[1], cells[0]), (cells[1], cells[1])]


def test_a_line_that_overshoots_the_boundary_leaves_no_vertices_behind_it() -> None:
    cells = [code_at(0, 1), code_at(1, 1)]
    plan = edited({"op": "move_boundary", "cells": cells, "line": [at(-0.1, 0.9), at(1.4, 1.5), at(-0.1, 2.1)]})
    assert plan.step.touched == {}
    assert share_of(plan.state.cell(cells[0]).shape) > 1.0


def test_a_boundary_that_crosses_itself_back_and_forth_swaps_both_ways() -> None:
    cells = [code_at(0, 1), code_at(1, 1)]
    line = [at(1, 1.1), at(1.3, 1.25), at(1, 1.4), at(0.7, 1.6), at(1, 1.9)]
    plan = edited({"op": "move_boundary", "cells": cells, "line": line})
    assert share_of(plan.state.cell(cells[0]).shape) == pytest.approx(1.0 + 0.3 * 0.3 / 2 - 0.3 * 0.5 / 2)


def test_a_boundary_around_an_enclave_moves() -> None:
    donut = GRIDS["donut"]()
    inner = next(
        code for code, shape in cells_of(Plan.on(donut)).items() if shape.contains(shapely.Point(at(2.5, 2.5)))
    )
    outer = next(
        code for code, shape in cells_of(Plan.on(donut)).items() if shape.contains(shapely.Point(at(1.5, 1.5)))
    )
    plan = Plan.on(donut)
    corners = shapely.get_coordinates(plan.state.cell(inner).shape)
    middle = (corners[0] + corners[1]) / 2 + (corners[0] - corners[2]) * 0.1
    line = [corners[0].tolist(), middle.tolist(), corners[1].tolist()]
    edit = parse({"op": "move_boundary", "crs": "wgs84", "cells": [inner, outer], "line": line})
    after = plan.apply(edit)
    assert after.state.cell(inner).shape.area != plan.state.cell(inner).shape.area
    both = after.state.cell(inner).shape.area + after.state.cell(outer).shape.area
    assert both == pytest.approx(plan.state.cell(inner).shape.area + plan.state.cell(outer).shape.area)


@pytest.mark.parametrize(
    ("cells", "line", "reason"),
    [
        ([(0, 1), (2, 1)], [at(1, 1.2), at(1.4, 1.5), at(1, 1.8)], "share no edge"),
        ([(0, 1), (1, 1)], [at(1.2, 1.2), at(1.4, 1.5), at(1.2, 1.8)], "must leave the boundary that"),
        ([(0, 1), (1, 1)], [at(1, 1.2), at(1, 1.8)], "must leave the boundary that"),
        ([(0, 1), (1, 1)], [at(1, 1.2), at(2.4, 1.5), at(1, 1.8)], "the line leaves cells"),
        ([(0, 1), (1, 1)], [at(1, 1), at(2, 1), at(2, 2), at(1, 2)], "nothing would be left"),
        ([(2, 1), (3, 1)], [at(3, 1.2), at(3.4, 1.5), at(3, 1.8)], "that needs `across`: true"),
    ],
)
def test_boundaries_that_cannot_be_moved(
    cells: list[tuple[int, int]], line: list[list[float]], reason: str
) -> None:
    with pytest.raises((InvalidInput, RuleBroken), match=reason):
        edited({"op": "move_boundary", "cells": [code_at(*cell) for cell in cells], "line": line})


def test_a_communitys_outline_moves_when_it_is_said() -> None:
    cells = [code_at(2, 1), code_at(3, 1)]
    line = [at(3, 1.2), at(3.4, 1.5), at(3, 1.8)]
    plan = edited({"op": "move_boundary", "cells": cells, "line": line, "across": True})
    assert [plan.state.cell(code).community for code in cells] == ["120101001001", "120101002001"]


def test_a_transfer_keeps_both_codes() -> None:
    source, to = code_at(0, 1), code_at(1, 1)
    plan = edited({"op": "transfer", "from": source, "to": to, "piece": box(0.75, 0.5, 1.5, 1.5)})
    assert share_of(plan.state.cell(source).shape) == pytest.approx(1 - 0.25 * 0.5)
    assert share_of(plan.state.cell(to).shape) == pytest.approx(1 + 0.25 * 0.5)
    assert plan.step.ended == plan.step.minted == ()


def test_splinters_go_along_and_are_noted() -> None:
    source, to = code_at(0, 1), code_at(1, 1)
    plan = edited({"op": "transfer", "from": source, "to": to, "piece": box(0.75, 1.004, 1.5, 2.5)})
    assert share_of(plan.state.cell(source).shape) == pytest.approx(0.75, abs=0.002)
    plan = edited({"op": "transfer", "from": source, "to": to, "piece": {"type": "Polygon", "coordinates": [
        [at(0.75, 0.9), at(1.1, 0.9), at(1.1, 1.97), at(0.985, 1.97), at(0.985, 2.1), at(0.75, 2.1), at(0.75, 0.9)]
    ]}})  # fmt: skip
    assert any("a splinter of" in note and "goes along" in note for note in plan.step.notes)
    assert shapely.get_type_id(plan.state.cell(source).shape) == 3


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"from": (0, 1), "to": (0, 1), "piece": box(0, 1, 0.5, 2)}, "must be another cell than from"),
        ({"from": (0, 1), "to": (1, 1), "piece": box(2, 1, 3, 2)}, "must have a part in common with cell"),
        ({"from": (0, 1), "to": (1, 1), "piece": box(-1, 0, 3, 3)}, "the piece has all of cell"),
        ({"from": (0, 1), "to": (1, 1), "piece": box(-0.5, 1.2, 0.5, 1.8)}, "would fall into 2 parts"),
        ({"from": (1, 1), "to": (1, 2), "piece": box(0.5, 1.4, 2.5, 1.6)}, "would fall into 2 parts"),
        ({"from": (2, 1), "to": (3, 1), "piece": box(2.5, 1.2, 3.5, 1.8)}, "that needs `across`: true"),
    ],
)
def test_transfers_that_are_refused(edit: dict[str, Any], reason: str) -> None:
    edit = {**edit, "op": "transfer", "from": code_at(*edit["from"]), "to": code_at(*edit["to"])}
    with pytest.raises((InvalidInput, RuleBroken), match=reason):
        edited(edit)


def test_a_piece_that_is_no_valid_polygon_is_refused() -> None:
    bow = {
        "type": "Polygon",
        "coordinates": [[at(0.6, 1.2), at(1.2, 1.8), at(1.2, 1.2), at(0.6, 1.8), at(0.6, 1.2)]],
    }
    with pytest.raises(InvalidInput, match="piece: must be a valid polygon: Self-intersection"):
        edited({"op": "transfer", "from": code_at(0, 1), "to": code_at(1, 1), "piece": bow})


def test_a_new_cell_is_cut_out_of_several_which_get_new_codes() -> None:
    plan = edited({"op": "cut_new", "name": "Park", "kind": "special", "piece": box(0.5, 0.5, 1.5, 1.5)})
    assert plan.step.ended == tuple(sorted(code_at(*cell) for cell in ((0, 0), (1, 0), (0, 1), (1, 1))))
    assert len(plan.step.minted) == 5
    park = next(cell for cell in plan.step.drawn.values() if cell.name == "Park")
    assert (share_of(park.shape), park.kind) == (pytest.approx(1.0), "special")
    rest = [share_of(cell.shape) for cell in plan.step.drawn.values() if cell.name != "Park"]
    assert rest == pytest.approx([0.75] * 4)


def test_a_new_cell_inside_one_cell_is_an_enclave() -> None:
    plan = edited({"op": "cut_new", "name": "Yard", "piece": box(1.3, 1.3, 1.7, 1.7)})
    yard, rest = sorted((cell.shape for cell in plan.step.drawn.values()), key=lambda shape: shape.area)
    assert len(rest.interiors) == 1
    assert shapely.equals(shapely.Polygon(rest.interiors[0]), yard)
    assert plan.step.touched == {}


def test_a_new_cell_over_communities_says_which_one() -> None:
    piece = box(2.5, 0.5, 3.5, 1.5)
    with pytest.raises(RuleBroken, match="needs `community`: 120101001001, 120101002001"):
        edited({"op": "cut_new", "name": "Park", "piece": piece})
    plan = edited({"op": "cut_new", "name": "Park", "piece": piece, "community": "120101002001"})
    park = next(code for code, cell in plan.step.drawn.items() if cell.name == "Park")
    assert park.startswith("120101002001")
    assert {cell.community for cell in plan.step.drawn.values()} == {"120101001001", "120101002001"}


def test_a_cell_does_not_come_to_touch_itself() -> None:
    triangle = {"type": "Polygon", "coordinates": [[at(1, 1), at(1.6, 1.3), at(1.3, 1.6), at(1, 1)]]}
    with pytest.raises(RuleBroken, match=r"would touch itself at 117.2023000 39.1018000"):
        edited({"op": "cut_new", "name": "Yard", "piece": triangle})


def test_what_is_said_of_a_cell_changes_under_its_code() -> None:
    cell = code_at(1, 1)
    plan = edited({"op": "change", "cell": cell, "name": "Market", "kind": "full_service", "services": ["clinic"]})
    drawn = plan.change().drawn
    assert list(drawn) == [cell]
    assert (drawn[cell].name, drawn[cell].kind, drawn[cell].services) == ("Market", "full_service", ("clinic",))
    assert cell_lineage(plan) == ()
    assert edited({"op": "change", "cell": cell, "name": "Cell 8"}).change().drawn == {}


def test_another_community_is_another_code_and_the_same_cell() -> None:
    cell = code_at(2, 1)
    plan = edited({"op": "change", "cell": cell, "community": "120101002001"})
    assert plan.step.minted == ("120101002001010",)
    assert [(each.old, each.new, each.share) for each in cell_lineage(plan)] == [(cell, "120101002001010", 1.0)]
    given = edited({"op": "change", "cell": cell, "code": "120101001001777"})
    assert given.change().ended == {cell}
    with pytest.raises(InvalidInput, match="must be by the city's pattern"):
        edited({"op": "change", "cell": cell, "community": "120101002001", "code": "120101001001777"})
    with pytest.raises(RuleBroken, match="was used before"):
        edited({"op": "change", "cell": cell, "code": code_at(1, 1)})
    with pytest.raises(InvalidInput, match="must say what changes"):
        edited({"op": "change", "cell": cell})


def test_a_retired_code_names_its_successors_of_today() -> None:
    cell = code_at(1, 1)
    split = {"op": "split", "cell": cell, "line": [at(1.3, 0.8), at(1.3, 2.2)]}
    plan = edited(split)
    again = {"op": "split", "cell": plan.step.minted[1], "line": [at(1.6, 0.8), at(1.6, 2.2)]}
    for gone in (cell, plan.step.minted[1]):
        with pytest.raises(NotFound, match=rf"cell {gone} is retired; its place is now in .*012, 120101001001013"):
            edited(split, again, {"op": "change", "cell": gone, "name": "x"})
    base = Base(LATTICE.grid, CITY, successors={"old": ["new"]})
    with pytest.raises(NotFound, match="cell old is retired; its place is now in new"):
        edited({"op": "change", "cell": "old", "name": "x"}, base=base)
    with pytest.raises(NotFound, match="no cell 'never'"):
        edited({"op": "change", "cell": "never", "name": "x"})


def test_codes_that_other_revisions_used_are_not_given_out() -> None:
    base = Base(LATTICE.grid, CITY, used_codes=["120101001001010", "120101001001400"])
    plan = edited({"op": "split", "cell": code_at(1, 1), "line": [at(1.3, 0.8), at(1.3, 2.2)]}, base=base)
    assert plan.step.minted == ("120101001001401", "120101001001402")


def test_codes_and_names_may_be_given() -> None:
    split = {"op": "split", "cell": code_at(1, 1), "line": [at(1.3, 0.8), at(1.3, 2.2)]}
    plan = edited({**split, "codes": ["120101001001501", "120101001001500"], "names": ["West", "East"]})
    assert plan.step.minted == ("120101001001501", "120101001001500")
    assert plan.step.drawn["120101001001501"].name == "West"
    for more in ({"codes": ["120101001001501"]}, {"names": ["one"]}):
        with pytest.raises(InvalidInput, match="must be one for each of 2"):
            edited({**split, **more})


def test_a_split_follows_the_street_between_two_points() -> None:
    street = shapely.LineString([at(0.5, 1.4), at(1.5, 1.7), at(2.5, 1.4)])
    base = Base(LATTICE.grid, CITY, Streets(np.array([street], object)))
    edit = {"op": "split_along", "crs": "wgs84", "cell": code_at(1, 1)}
    plan = edited({**edit, "points": [at(0.9, 1.51), at(2.1, 1.51)]}, base=base)
    corners = {
        tuple(pair) for cell in plan.step.drawn.values() for pair in shapely.get_coordinates(cell.shape).tolist()
    }
    assert tuple(at(1.5, 1.7)) in corners
    assert len(plan.step.minted) == 2
    inside = edited({**edit, "points": [at(1.1, 1.58), at(1.9, 1.58)]}, base=base)
    assert len(inside.step.minted) == 2
    with pytest.raises(InvalidInput, match=r"points\[1\]: must be within 1000 m of the cell"):
        edited({**edit, "points": [at(0.9, 1.51), at(5.9, 8.9)]}, base=base)
    with pytest.raises(InvalidInput, match=r"points\[0\]: leads to a street inside the cell"):
        edited({**edit, "points": [at(1.5, 1.7), at(2.1, 1.51)], "street_m": 5}, base=base)


def test_lines_snap_to_streets_when_asked() -> None:
    street = shapely.LineString([at(1.3, 0.5), at(1.3, 2.5)])
    base = Base(LATTICE.grid, CITY, Streets(np.array([street], object)))
    line = [at(1.31, 0.8), at(1.29, 2.2)]
    snapped = {"op": "split", "cell": code_at(1, 1), "line": line, "snap_to": ["streets"], "snap_m": 5}
    west = edited(snapped, base=base)
    assert share_of(west.step.drawn[west.step.minted[0]].shape) == pytest.approx(0.3, abs=1e-9)
