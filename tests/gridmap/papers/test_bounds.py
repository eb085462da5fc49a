"""Bounds in words 四至, of shapes drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.affinity import rotate

from gridmap.access import OPERATOR
from gridmap.errors import NotFound
from gridmap.papers.bounds import SIDES, Bounds, CentreLines, bounds_in, bounds_of
from gridmap.papers.parts import MapPart
from gridmap.papers.words import words_in
from gridmap.store.centre_lines import read_centre_lines
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.papers.conftest import Degrees, Lines, Part

SQUARE = shapely.box(0, 0, 100, 100)


def told(bounds: Bounds) -> dict[str, list[tuple[str, str | None, str | None]]]:
    return {side: [(each.kind, each.name, each.beyond) for each in getattr(bounds, side)] for side in SIDES}


def test_each_side_of_a_square_has_the_line_that_runs_along_it(degrees: Degrees, lines: Lines) -> None:
    around = lines(
        ("street", "东路", [(103, -50), (103, 150)]),
        ("water", "南河", [(-50, -5), (150, -5)]),
        ("street", "西路", [(0, 150), (0, -50)]),
        ("wall", None, [(0, 100), (100, 100)]),
        ("street", "对角路", [(0, 0), (100, 100)]),
    )
    found = bounds_of(degrees(SQUARE), {"7": degrees(shapely.box(0, 100, 100, 200))}, around)
    assert told(found) == {
        "east": [("street", "东路", None)],
        "south": [("water", "南河", None)],
        "west": [("street", "西路", None)],
        "north": [("wall", None, "7")],
    }
    assert [round(getattr(found, side)[0].length_m) for side in SIDES] == [100] * 4


@pytest.mark.parametrize(
    ("away_m", "turn", "is_told"), [(14, 0, True), (16, 0, False), (5, 19, True), (5, 21, False)]
)
def test_a_line_counts_within_15_m_and_20_degrees(
    degrees: Degrees, lines: Lines, away_m: float, turn: float, is_told: bool
) -> None:
    # turned about the middle of a side of 20 m, it stays near
    short = shapely.box(0, 0, 20, 20)
    line = rotate(shapely.LineString([(20 + away_m, -8), (20 + away_m, 28)]), turn, origin=(20 + away_m, 10))
    found = bounds_of(degrees(short), {}, lines(("street", "东路", list(line.coords))))
    assert (("street", "东路", None) in told(found)["east"]) == is_told


def test_without_a_line_the_neighbour_is_told_and_without_one_the_city_ends(part: Part, lines: Lines) -> None:
    cells = part(
        {"1234001": SQUARE, "1234002": shapely.box(100, 0, 200, 100), "1234003": shapely.box(100, 100, 200, 200)}
    )
    found = told(bounds_in(cells, "1234001", lines()))
    # 003 touches by its corner only
    assert found == {
        "east": [("cell", None, "1234002")],
        **{side: [("outside", None, None)] for side in ("south", "west", "north")},
    }
    with pytest.raises(NotFound, match="1234009"):
        bounds_in(cells, "1234009", lines())


def test_two_streets_on_one_side_are_told_in_their_order(degrees: Degrees, lines: Lines) -> None:
    given = [
        ("street", "北段", [(100, 60), (100, 110)]),
        ("street", "南段", [(100, -10), (100, 60)]),
        ("street", "西段", [(-10, 0), (40, 0)]),
        ("street", "东段", [(40, 0), (110, 0)]),
    ]
    for order in (given, given[::-1]):
        found = told(bounds_of(degrees(SQUARE), {}, lines(*order)))
        assert [name for _, name, _ in found["east"]] == ["北段", "南段"]
        assert [name for _, name, _ in found["south"]] == ["西段", "东段"]


def test_what_bounds_less_than_an_eighth_is_a_corner_and_not_told(degrees: Degrees, lines: Lines) -> None:
    found = bounds_of(
        degrees(SQUARE),
        {},
        lines(("street", "长", [(100, 10), (100, 110)]), ("street", "短", [(100, -20), (100, 10)])),
    )
    assert [each.name for each in found.east] == ["长"]


def test_the_inner_side_of_a_bay_is_no_side(degrees: Degrees, lines: Lines) -> None:
    """A U that is open to the north: its left arm's inner edge looks east, and is behind the right arm."""
    bay = shapely.Polygon([(0, 0), (90, 0), (90, 90), (60, 90), (60, 30), (30, 30), (30, 90), (0, 90)])
    found = told(
        bounds_of(
            degrees(bay),
            {},
            lines(
                ("street", "内", [(30, 20), (30, 100)]),
                ("street", "外", [(90, -10), (90, 100)]),
                ("street", "底", [(31, 30), (59, 30)]),
            ),
        )
    )
    assert found["east"] == [("street", "外", None)]
    assert ("street", "底", None) in found["north"]  # it can be seen from the north


def test_a_hole_is_no_bound(degrees: Degrees, lines: Lines) -> None:
    ring = shapely.difference(SQUARE, shapely.box(40, 40, 60, 60))
    found = bounds_of(degrees(ring), {"2": degrees(shapely.box(40, 40, 60, 60))}, lines())
    assert all(getattr(found, side)[0].kind == "outside" for side in SIDES)
    assert round(sum(each.length_m for side in SIDES for each in getattr(found, side))) == 400


def test_a_triangle_on_its_tip_still_has_four_sides(degrees: Degrees, lines: Lines) -> None:
    flat = shapely.Polygon([(0, 10), (50, 0), (100, 10)])
    found = bounds_of(degrees(flat), {}, lines())
    assert all(getattr(found, side) for side in SIDES)


def test_of_lines_at_one_distance_the_water_is_told(degrees: Degrees, lines: Lines) -> None:
    along = [(100, -10), (100, 110)]
    for order in (
        [("street", "路", along), ("water", "河", along)],
        [("water", "河", along), ("street", "路", along)],
    ):
        assert [each.name for each in bounds_of(degrees(SQUARE), {}, lines(*order)).east] == ["河"]


def test_where_the_ring_begins_and_which_way_it_runs_makes_no_difference(degrees: Degrees, lines: Lines) -> None:
    shape = shapely.Polygon([(0, 0), (120, 10), (100, 110), (40, 90), (-10, 100)])
    near = lines(("street", "甲", [(0, 0), (120, 10)]), ("street", "乙", [(100, 110), (40, 90), (-10, 100)]))
    expected = told(bounds_of(degrees(shape), {}, near))
    ring = list(shape.exterior.coords)[:-1]
    for turn in range(1, 5):
        turned = [*ring[turn:], *ring[:turn]]
        assert told(bounds_of(degrees(shapely.Polygon(turned)), {}, near)) == expected
        assert told(bounds_of(degrees(shapely.Polygon(turned[::-1])), {}, near)) == expected


def test_the_words_are_those_of_a_deed(part: Part, lines: Lines) -> None:
    cells = part(
        {"1234001": SQUARE, "1234002": shapely.box(100, 0, 200, 100), "1234003": shapely.box(0, -100, 100, 0)}
    )
    near = lines(("street", "西路", [(0, 0), (0, 100)]), ("wall", None, [(0, 0), (100, 0)]))
    found = bounds_in(cells, "1234001", near)
    names = {cell.code: cell.name for cell in cells.cells}
    assert words_in("zh").bounds(found, names.__getitem__) == (
        "东至与第2网格的交界，南至与第3网格之间的围墙，西至西路，北至市界。"
    )
    assert words_in("en").bounds(found, names.__getitem__) == (
        "east to the boundary with 第2网格; south to the wall towards 第3网格; west to 西路; "
        "north to the city's limit."
    )


@pytest.fixture(scope="module")
def heping_map(heping: Database) -> tuple[MapPart, CentreLines]:
    with heping.begin(OPERATOR) as connection:
        city = read_city(connection)
        grid = read_grid(connection, city)
        box = tuple(grid.index.bounds)
        return MapPart.of(grid, box), read_centre_lines(connection, city.metric_crs, box)


def test_every_tenth_cell_of_a_district_is_bounded_by_what_lies_there(
    heping_map: tuple[MapPart, CentreLines],
) -> None:
    """What is told is there: within 15 m of the cell runs a line of that name, or the neighbour touches it."""
    cells, centre = heping_map
    by_name: dict[str, list[int]] = {}
    for at, name in enumerate(centre.names):
        by_name.setdefault(name or "", []).append(at)
    for cell in list(cells.cells)[::10]:
        shape, near = cells.shape(cell.code), cells.neighbours(cell.code)
        for side in SIDES:
            stretches = getattr(bounds_in(cells, cell.code, centre), side)
            assert stretches, (cell.code, side)
            for each in stretches:
                if each.name is not None:
                    closest = min(shapely.distance(centre.shapes[by_name[each.name]], shape))
                    assert closest < 15 / 86_000, (cell.code, side, each)
                if each.beyond is not None:
                    assert each.beyond in near
    assert np.mean([name is not None for name in centre.names]) > 0.5
