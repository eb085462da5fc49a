"""Divisions by hand, and at random: even, whole, along streets, locked cells left alone, each an ordinary edit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InvalidInput, NotFound
from gridmap.redraw.edits import parse, to_json
from gridmap.redraw.metres import metric
from gridmap.redraw.plan import Plan, replay
from gridmap.redraw.principles.along import Segments
from gridmap.redraw.proposing.blocks import weight_in
from gridmap.redraw.proposing.division import Division, Terrain, Wish, divisions
from gridmap.redraw.proposing.proposals import proposals_for
from gridmap.redraw.state import Base
from tests.gridmap.redraw.grids import METRIC
from tests.gridmap.redraw.proposing.chessboard import COMMUNITY, NEIGHBOUR, box, chessboard

EVERY_40 = [[40.0] * 4] * 4
BAND = (150.0, 500.0)


def quiet(_: str) -> None:
    """No progress in tests."""


def sizes(division: Division, terrain: Terrain) -> list[float]:
    return sorted(weight_in(np.array(division.drawn, object), terrain.weights).tolist())


def taken(plan: Plan, division: Division) -> Plan:
    return plan.apply(parse(division.edit))


def test_a_chessboard_falls_into_even_halves_along_a_street() -> None:
    plan, terrain = chessboard(EVERY_40)
    found = divisions(plan, COMMUNITY, terrain, Wish(BAND, 2))
    first = found.found[0]
    assert (found.blocks, first.why, first.figures.cells) == (16, "all round", 2)
    assert sizes(first, terrain) == [320.0, 320.0]
    assert (first.figures.share_in_band, first.figures.spread, first.figures.street_share) == (1.0, 0.0, 1.0)
    # two by four blocks of about 200 m
    assert first.figures.compactness == pytest.approx(4 * np.pi * 8 / 144, abs=0.02)


def test_where_households_are_heavy_on_one_side_the_halves_are_of_unlike_size() -> None:
    plan, terrain = chessboard([[160.0, 40.0, 40.0, 40.0, 40.0]])
    found = divisions(plan, COMMUNITY, terrain, Wish(BAND, 2))
    assert sizes(found.found[0], terrain) == [160.0, 160.0]
    assert sorted(shapely.area(found.found[0].drawn) / box(0, 0, 1, 1).area) == pytest.approx([1.0, 4.0])


def test_without_parts_there_are_as_many_as_the_band_asks_for() -> None:
    plan, terrain = chessboard([[100.0] * 4] * 2)
    found = divisions(plan, COMMUNITY, terrain, Wish((150.0, 250.0)))
    assert {one.figures.cells for one in found.found} == {4}
    assert found.found[0].figures.share_in_band == 1.0


def test_proposals_are_unlike_each_other_and_none_is_what_is_there() -> None:
    halves = [box(0, 0, 2, 4), box(2, 0, 2, 4)]
    plan, terrain = chessboard([[20, 60, 20, 60], [60, 20, 90, 20], [20, 60, 20, 60], [10, 20, 60, 90]], halves)
    found = divisions(plan, COMMUNITY, terrain, Wish(BAND, 2))
    grounds = [{shapely.normalize(each).wkb for each in one.drawn} for one in found.found]
    assert len(found.found) >= 2
    assert all(one != other for at, one in enumerate(grounds) for other in grounds[:at])
    assert all(one.figures.stays <= 0.95 for one in found.found)
    assert found.present.spread is not None
    assert found.found[0].figures.spread is not None
    assert found.found[0].figures.spread <= found.present.spread


def test_locked_cells_stay_and_a_cell_that_is_nearly_there_keeps_its_code() -> None:
    thirds = [box(0, 0, 1, 4), box(1, 0, 1, 4), box(2, 0, 2, 4)]
    plan, terrain = chessboard(EVERY_40, thirds)
    locked = plan.base.members[COMMUNITY][0]
    found = divisions(plan, COMMUNITY, terrain, Wish(BAND, 3, [locked]))
    for one in found.found:
        after = taken(plan, one)
        assert after.state.cell(locked).shape.equals_exact(plan.state.cell(locked).shape, 0.0)
        assert one.figures.cells == 3
        assert len(after.state.cells_of(COMMUNITY)) == 4
        for code, shape in zip(one.codes, one.shapes, strict=True):
            if code is not None:
                before = plan.state.cell(code).shape
                assert before.intersection(shape).area >= 0.9 * before.union(shape).area


def test_a_block_too_heavy_for_a_cell_is_cut_between_its_buildings() -> None:
    plan, terrain = chessboard([[40.0, 40.0]])
    rng = np.random.default_rng(3)
    west, south, east, north = box(0, 0, 1, 1).bounds
    lon, lat = rng.uniform(west, east, 90), rng.uniform(south, north, 90)
    weights = replace(terrain.weights, lon=lon, lat=lat, count=np.full(90, 10.0))
    found = divisions(plan, COMMUNITY, replace(terrain, weights=weights), Wish(BAND, 3))
    assert found.blocks > 3
    assert found.found[0].figures.spread == pytest.approx(0.0, abs=0.1)
    apart = min(
        shape.boundary.distance(shapely.Point(x, y))
        for shape in found.found[0].drawn
        for x, y in zip(lon, lat, strict=True)
    )
    assert apart > 0.0


@pytest.mark.parametrize(
    ("area", "wish", "error"),
    [
        ("999999999999", Wish(BAND), NotFound),
        (COMMUNITY, Wish(BAND, 100), InvalidInput),
        (COMMUNITY, Wish(BAND, 2, [NEIGHBOUR + "001"]), InvalidInput),
        (COMMUNITY, Wish(BAND, 2, [COMMUNITY + "001"]), InvalidInput),
        (NEIGHBOUR, Wish(BAND, 2), InvalidInput),
        ("120101001", Wish(BAND, 1), InvalidInput),
    ],
    ids=["unknown area", "more parts than blocks", "another's cell", "all are locked", "no households", "too few"],
)
def test_what_cannot_be_is_said(area: str, wish: Wish, error: type[Exception]) -> None:
    plan, terrain = chessboard(EVERY_40)
    with pytest.raises(error):
        proposals_for(plan, area, terrain, wish, quiet)


def test_a_street_is_divided_community_by_community() -> None:
    plan, terrain = chessboard(EVERY_40)
    found = proposals_for(plan, "120101001", terrain, Wish(BAND), quiet)
    assert [note.split(" ")[0] for note in found.notes] == [NEIGHBOUR]  # nobody lives there
    for one in found.proposals:
        assert [each.community for each in one.divisions] == [COMMUNITY]
        after = plan
        for edit in one.edits:
            after = after.apply(parse(edit))
        assert after.state.cells_of(NEIGHBOUR) == plan.state.cells_of(NEIGHBOUR)


@st.composite
def boards(draw: st.DrawFn) -> tuple[Plan, Terrain, Wish]:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    weights = [[float(draw(st.integers(0, 120))) for _ in range(columns)] for _ in range(rows)]
    weights[0][0] += 50.0
    cut = draw(st.integers(1, columns - 1))
    cells = [box(0, 0, cut, rows), box(cut, 0, columns - cut, rows)]
    plan, terrain = chessboard(weights, cells)
    locked = plan.base.members[COMMUNITY][:1] if draw(st.booleans()) else ()
    blocks = rows * (columns - cut if locked else columns)
    return plan, terrain, Wish(BAND, draw(st.integers(1, min(blocks, 6))), locked, seed=draw(st.integers(0, 99)))


@given(board=boards())
@settings(max_examples=12, deadline=None)
def test_any_board_falls_into_whole_cells_that_cover_it(board: tuple[Plan, Terrain, Wish]) -> None:
    plan, terrain, wish = board
    try:
        found = divisions(plan, COMMUNITY, terrain, wish)
    except InvalidInput as error:
        assert "no weight of any building" in str(error)  # noqa: PT017 - all who live there are in the locked cell
        return
    again = divisions(plan, COMMUNITY, terrain, wish)
    assert [one.edit for one in again.found] == [one.edit for one in found.found]
    ground = shapely.union_all([plan.state.cell(code).shape for code in plan.state.cells_of(COMMUNITY)])
    for one in found.found:
        after = taken(plan, one)
        shapes = [after.state.cell(code).shape for code in after.state.cells_of(COMMUNITY)]
        assert len(one.drawn) == wish.parts
        assert all(shape.geom_type == "Polygon" for shape in shapes)
        assert shapely.coverage_is_valid(np.array(shapes, object))
        assert shapely.union_all(shapes).equals(ground)
        for code in wish.locked:
            assert after.state.cell(code).shape.equals(plan.state.cell(code).shape)
        # what was proposed is what is drawn, and a replay of what is recorded gives the same bytes
        assert all(any(shape.equals(other) for other in one.shapes) for shape in shapes)
        other = replay(plan.base, [parse(to_json(edit)) for edit in after.edits])
        assert [other.state.cell(code).shape.wkb for code in other.state.cells_of(COMMUNITY)] == [
            shape.wkb for shape in shapes
        ]


def test_real_communities_are_divided_no_worse_than_they_are(heping_base: Base) -> None:
    plan = Plan.on(heping_base)
    assert heping_base.households is not None
    segments = Segments.of(metric(heping_base.streets.lines, METRIC))
    terrain = Terrain(heping_base.streets, segments, heping_base.households)
    large = sorted(heping_base.members, key=lambda code: -len(heping_base.members[code]))[:3]
    for code in large:
        found = divisions(plan, code, terrain, Wish(BAND, len(heping_base.members[code])))
        now, first = found.present, found.found[0].figures
        assert (first.share_in_band or 0.0) >= (now.share_in_band or 0.0)
        assert (first.spread or 0.0) <= (now.spread or 0.0) + 1e-9
        assert (first.street_share or 0.0) >= (now.street_share or 0.0) - 1e-9
        assert taken(plan, found.found[0]).change().ended
