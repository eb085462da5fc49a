"""Edits of areas: what becomes of areas, their cells and codes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from gridmap.errors import InvalidInput, NotFound, RuleBroken
from gridmap.model import Area
from gridmap.redraw.descent import area_lineage, cell_lineage
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base
from tests.gridmap.redraw.attack import assert_law_2, cells_of
from tests.gridmap.redraw.grids import CITY, GRIDS
from tests.gridmap.redraw.test_cell_edits import LATTICE, at, box, code_at, edited

SW, NW, SE, NE = "120101001001", "120101001002", "120101002001", "120101002002"
WEST, EAST_STREET = "120101001", "120101002"


def shares(plan: Plan) -> dict[tuple[str, str], float]:
    return {(each.old, each.new): round(each.share, 9) for each in area_lineage(plan)}


def test_a_renamed_area_is_the_same_in_all_else() -> None:
    plan = edited({"op": "change_area", "area": SW, "name": "South-west"})
    change = plan.change()
    assert change.areas_drawn == {SW: Area(SW, "community", "South-west", WEST)}
    assert (change.areas_ended, change.ended, change.drawn) == (frozenset(), frozenset(), {})
    assert area_lineage(plan) == ()


def test_a_recoded_community_takes_its_cells_along_with_their_numbers() -> None:
    plan = edited({"op": "change_area", "area": SW, "code": "120101001009"})
    change = plan.change()
    assert change.areas_ended == {SW}
    assert change.areas_drawn["120101001009"].parent == WEST
    assert change.ended == {f"{SW}{number:03d}" for number in range(1, 10)}
    assert set(change.drawn) == {f"120101001009{number:03d}" for number in range(1, 10)}
    assert {(each.old[-3:], each.share) for each in cell_lineage(plan)} == {
        (f"{n:03d}", 1.0) for n in range(1, 10)
    }
    assert all(each.old[-3:] == each.new[-3:] for each in cell_lineage(plan))
    assert shares(plan) == {(SW, "120101001009"): 1.0}
    for code, cell in change.drawn.items():
        assert cell.shape is LATTICE.grid.index.degrees[LATTICE.grid.by_code[f"{SW}{code[-3:]}"]]


def test_a_number_that_was_used_there_is_not_taken_again() -> None:
    base = Base(LATTICE.grid, CITY, used_codes=["120101001009004"])
    plan = edited({"op": "change_area", "area": SW, "code": "120101001009"}, base=base)
    assert "120101001009004" not in plan.change().drawn
    assert "120101001009010" in plan.change().drawn


def test_a_recoded_street_keeps_its_communities_and_their_codes() -> None:
    plan = edited({"op": "change_area", "area": WEST, "code": "120101005", "name": "Fifth"})
    change = plan.change()
    assert change.areas_ended == {WEST}
    assert {code: area.parent for code, area in change.areas_drawn.items()} == {
        "120101005": "120101",
        SW: "120101005",
        NW: "120101005",
    }
    assert change.drawn == {}
    assert shares(plan) == {(WEST, "120101005"): 1.0}


def test_merged_communities_are_one_that_goes_on_or_a_new_one() -> None:
    goes_on = edited({"op": "merge_areas", "areas": [SW, NW], "code": SW})
    assert goes_on.change().areas_ended == {NW}
    assert goes_on.change().ended == {f"{NW}{number:03d}" for number in range(1, 10)}
    assert len(goes_on.state.cells_of(SW)) == 18
    assert shares(goes_on) == {(NW, SW): 1.0}
    new = edited({"op": "merge_areas", "areas": [SW, NW], "code": "120101001009", "name": "New"})
    assert new.change().areas_ended == {SW, NW}
    assert len(new.state.cells_of("120101001009")) == 18
    assert shares(new) == {(SW, "120101001009"): 1.0, (NW, "120101001009"): 1.0}


def test_merged_streets_hand_their_communities_over() -> None:
    plan = edited({"op": "merge_areas", "areas": [WEST, EAST_STREET], "code": WEST})
    assert plan.change().areas_ended == {EAST_STREET}
    assert plan.state.areas_of(WEST) == [SW, NW, SE, NE]
    assert plan.change().drawn == {}


def test_a_split_community_deals_its_cells_out() -> None:
    west, rest = (
        [code_at(0, row) for row in range(3)],
        [code_at(column, row) for column in (1, 2) for row in range(3)],
    )
    plan = edited(
        {
            "op": "split_area",
            "area": SW,
            "into": [
                {"code": SW, "name": "Rest", "members": rest},
                {"code": "120101001007", "name": "West", "members": west},
            ],
        }
    )
    assert plan.state.cells_of(SW) == sorted(rest)
    assert len(plan.state.cells_of("120101001007")) == 3
    assert plan.change().ended == set(west)
    assert shares(plan) == {(SW, SW): pytest.approx(2 / 3), (SW, "120101001007"): pytest.approx(1 / 3)}


def test_a_created_community_takes_cells_from_others() -> None:
    members = [code_at(2, 0), code_at(3, 0)]
    plan = edited(
        {"op": "create_area", "code": "120101002005", "name": "New", "parent": EAST_STREET, "members": members}
    )
    assert plan.change().areas_drawn["120101002005"] == Area("120101002005", "community", "New", EAST_STREET)
    assert plan.state.cells_of("120101002005") == ["120101002005001", "120101002005003"]
    assert shares(plan)[WEST, EAST_STREET] == pytest.approx(1 / 18)
    street = edited(
        {"op": "create_area", "code": "120101003", "name": "Third", "parent": "120101", "members": [SW]}
    )
    assert street.change().areas_drawn[SW].parent == "120101003"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"op": "change_area", "area": "x", "name": "n"}, "no area 'x'"),
        ({"op": "change_area", "area": "120000", "name": "n"}, "must be below the city"),
        ({"op": "change_area", "area": SW}, "must say what changes"),
        ({"op": "change_area", "area": SW, "code": NW}, "is that of another area"),
        ({"op": "change_area", "area": SW, "code": code_at(0, 0)}, "is or was that of a cell"),
        ({"op": "change_area", "area": SW, "parent": "120101"}, "must be of level street"),
        ({"op": "change_area", "area": SW, "parent": NE}, "must be of level street"),
        ({"op": "merge_areas", "areas": [SW, WEST], "code": SW}, "must be of one level"),
        ({"op": "merge_areas", "areas": [SW, NW], "code": SE, "name": "n"}, "is that of another area"),
        ({"op": "merge_areas", "areas": [SW, NW], "code": "120101001009"}, "name: is needed"),
        ({"op": "merge_areas", "areas": [SW, SE], "code": "120101001009", "name": "n"}, "needs `parent`"),
        (
            {"op": "create_area", "code": "m", "name": "n", "parent": SW, "members": [code_at(0, 0)]},
            "lowest level",
        ),
        ({"op": "create_area", "code": "m", "name": "n", "parent": WEST, "members": [SW]}, f"no cell '{SW}'"),
        (
            {"op": "create_area", "code": "m", "name": "n", "parent": "120101", "members": [WEST]},
            "must be of level",
        ),
        (
            {"op": "create_area", "code": "m", "name": "n", "parent": "120101", "members": [SW, NW]},
            "no members left",
        ),
        ({"op": "change", "cell": code_at(0, 0), "community": "x"}, "no area 'x'"),
    ],
)
def test_edits_of_areas_that_are_refused(edit: dict[str, Any], reason: str) -> None:
    with pytest.raises((InvalidInput, NotFound, RuleBroken), match=reason):
        edited(edit)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([[0, 1], [2, 3]], "must be in one of the parts"),
        ([[0, 1, 2, 3, 4], [4, 5, 6, 7, 8]], "must be a member of one part"),
        ([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]], "must be a member of"),
    ],
)
def test_all_members_of_a_split_area_go_to_one_part_each(parts: list[list[int]], reason: str) -> None:
    members = [*LATTICE.members[SW], code_at(4, 4)]
    into = [
        {"code": f"12010100100{7 + at}", "name": "n", "members": [members[i] for i in part]}
        for at, part in enumerate(parts)
    ]
    with pytest.raises(InvalidInput, match=reason):
        edited({"op": "split_area", "area": SW, "into": into})


def test_a_code_of_an_area_is_never_issued_again() -> None:
    base = Base(LATTICE.grid, CITY, used_area_codes=["120101001009"])
    with pytest.raises(RuleBroken, match="never issued again"):
        edited({"op": "change_area", "area": SW, "code": "120101001009"}, base=base)
    there, back = (
        {"op": "change_area", "area": SW, "code": "120101001009"},
        {"op": "change_area", "area": "120101001009", "code": SW},
    )
    with pytest.raises(RuleBroken, match="never issued again"):
        edited(there, back)
    twice = [there, {"op": "change_area", "area": "120101001009", "code": "120101001008"}]
    with pytest.raises(RuleBroken, match="never issued again"):
        edited(*twice, {"op": "change_area", "area": "120101001008", "code": "120101001009"})


def supplied(*boxes: tuple[float, float, float, float], shift: float = 0.0) -> list[dict[str, Any]]:
    """Boxes as others would supply them: with 7 decimals, perhaps off by a little."""
    cells = []
    for one in boxes:
        ring = [[round(x + shift, 7), round(y - shift, 7)] for x, y in box(*one)["coordinates"][0]]
        cells.append({"geometry": {"type": "Polygon", "coordinates": [ring]}})
    return cells


@pytest.mark.parametrize("name", ["rectilinear", "crooked"])
@pytest.mark.parametrize("shift", [0.0, 2e-6])
def test_a_community_is_redrawn_from_polygons_that_do_not_quite_fit(name: str, shift: float) -> None:
    base = GRIDS[name]()
    region = shapely.coverage_union_all([base.drawn(base.grid.by_code[code]).shape for code in base.members[SW]])
    middle = at(1.4, 0)[0]
    halves = [
        shapely.intersection(region, shapely.box(*bounds))
        for bounds in ((117, 39, middle, 40), (middle - 1e-7, 39, 118, 40))
    ]
    cells = []
    for half in halves:
        ring = [[round(x + shift, 7), round(y - shift, 7)] for x, y in half.exterior.coords]
        cells.append({"geometry": {"type": "Polygon", "coordinates": [ring]}})
    cells[1] |= {"code": code_at(2, 2), "name": "East"}
    plan = edited({"op": "redraw_area", "crs": "wgs84", "area": SW, "cells": cells, "outer_m": 500}, base=base)
    assert len(plan.state.cells_of(SW)) == 2
    assert code_at(2, 2) in plan.state.cells_of(SW)
    assert plan.state.cell(code_at(2, 2)).name == "East"
    now = shapely.coverage_union_all([plan.state.cell(code).shape for code in plan.state.cells_of(SW)])
    assert shapely.symmetric_difference(now, region).area < 1e-9 * region.area
    assert_law_2(plan, shapely.coverage_union_all(base.grid.index.degrees))


def test_what_a_redraw_leaves_of_a_community_is_refused_with_the_place() -> None:
    redraw = {"op": "redraw_area", "crs": "wgs84", "area": SW}
    with pytest.raises(RuleBroken, match=r"the polygons leave \d+\.\d m² of the community uncovered at 117"):
        edited({**redraw, "cells": supplied((0, 0, 2, 3))})
    with pytest.raises(InvalidInput, match=r"cells\[1\].geometry: must have a part in common with"):
        edited({**redraw, "cells": supplied((0, 0, 3, 3), (4, 4, 5, 5))})
    with pytest.raises(InvalidInput, match=r"cells\[\d\].geometry: is covered by the other polygons"):
        edited({**redraw, "cells": supplied((0, 0, 3, 3), (0, 0, 3, 3))})
    with pytest.raises(InvalidInput, match="must be the code of a cell of"):
        edited({**redraw, "cells": [{**supplied((0, 0, 3, 3))[0], "code": code_at(4, 4)}]})
    with pytest.raises(InvalidInput, match="must be of level community"):
        edited({**redraw, "area": WEST, "cells": supplied((0, 0, 3, 3))})


def test_areas_and_cells_are_edited_in_one_plan() -> None:
    plan = edited(
        {"op": "change_area", "area": SW, "code": "120101001009", "name": "Ninth"},
        {"op": "split", "cell": "120101001009005", "line": [at(1.3, 0.8), at(1.3, 2.2)]},
        {"op": "merge_areas", "areas": ["120101001009", NW], "code": NW},
        {"op": "change_area", "area": WEST, "code": "120101004"},
    )
    change = plan.change()
    assert change.areas_ended == {SW, WEST}
    assert set(change.areas_drawn) == {NW, "120101004"}
    assert change.areas_drawn[NW].parent == "120101004"
    assert len(cells_of(plan)) == 37
    assert shares(plan) == {(SW, NW): 1.0, (WEST, "120101004"): 1.0}
