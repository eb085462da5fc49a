"""The five principles by hand: DESIGN's examples, and that a change costs what it costs from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.crs import to_wgs84
from gridmap.model import Area, Cell, City, PrincipleSettings, Revision
from gridmap.redraw.change import DrawnCell, GridChange, redrawn
from gridmap.redraw.principles.along import TOLERANCES_M, Segments
from gridmap.redraw.principles.finding import Compared, Finding
from gridmap.redraw.principles.ground import Buildings, Ground, Outlines, changes_of
from gridmap.redraw.principles.measured import PRINCIPLES, after_change, mark, measured
from gridmap.redraw.principles.numbers import Numbers, numbers_of
from gridmap.redraw.principles.size import gini
from gridmap.shapes import Geometries

METRIC = "EPSG:4548"
SIDE_M = 200.0
WEST, SOUTH = 500_000.0, 4_320_000.0
CITY = City(
    "1", "试", ("city", "community"), "{community}{sequence:02d}", METRIC, "Asia/Shanghai", ("110",), "",
    principles=PrincipleSettings(bands=dict.fromkeys(("basic", "full_service", "special"), (300, 500))),
)  # fmt: skip
REVISION = Revision(1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


def degrees(metric: Sequence[tuple[float, float]]) -> np.ndarray:
    points = np.array(metric, np.float64) * SIDE_M
    return np.column_stack(to_wgs84(METRIC, WEST + points[:, 0], SOUTH + points[:, 1]))


def square(x: float, y: float) -> Polygon:
    return Polygon(degrees([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]))


def array(shapes: Sequence[BaseGeometry]) -> Geometries:
    result: Geometries = np.empty(len(shapes), object)
    result[:] = shapes
    return result


def grid_of(cells: Mapping[str, BaseGeometry]) -> Grid:
    """Cells by code; the community is the code without its last two digits."""
    codes = sorted(cells)
    listed = tuple(Cell(at + 1, code, code, "basic", code[:-2]) for at, code in enumerate(codes))
    areas = {"1": Area("1", "city", "试", None)} | {
        each.community: Area(each.community, "community", each.community, "1") for each in listed
    }
    index = CoverageIndex.build(array([cells[code] for code in codes]), METRIC, codes)
    return Grid(REVISION, listed, areas, index)


def five_in_a_row() -> dict[str, BaseGeometry]:
    """Five squares of 200 m; the first two are community 11, the others 12."""
    return {f"{11 if x < 2 else 12}{x:02d}": square(x, 0) for x in range(5)}


def outlines_of(shapes: Mapping[str, BaseGeometry], level: str = "community") -> Outlines:
    return Outlines(level, tuple(shapes), array(list(shapes.values())), "by hand")


def finding(key: str, given: Compared) -> Finding:
    return next(each for each in measured(given) if each.key == key)


def measured_of(key: str, grid: Grid, ground: Ground) -> Finding:
    return finding(key, Compared(ground, numbers_of(grid, ground)))


def buildings(values: Sequence[float]) -> Buildings:
    points = degrees([(x + 0.5, 0.5) for x in range(len(values))])
    return Buildings(points[:, 0], points[:, 1], np.array(values, np.float64))


def test_three_of_five_cells_are_in_the_band() -> None:
    ground = Ground(CITY, buildings=buildings([200, 300, 400, 500, 600]))
    found = measured_of("size", grid_of(five_in_a_row()), ground)
    assert found.figures["share_in_band"] == 3 / 5
    assert (found.figures["below_band"], found.figures["above_band"]) == (1, 1)
    assert [(each.cell, each.value) for each in found.offenders] == [("1100", 200.0), ("1204", 600.0)]
    assert found.figures["coefficient_of_variation"] == pytest.approx(np.sqrt(2) / 4)
    assert found.figures["gini"] == pytest.approx(0.2)
    assert found.figures["compactness_mean"] == pytest.approx(np.pi / 4, rel=1e-4)
    assert found.passes is None
    assert "share_in_band" in found.of_people
    assert "compactness_mean" not in found.of_people


def test_without_buildings_size_is_not_measured() -> None:
    found = measured_of("size", grid_of(five_in_a_row()), Ground(CITY))
    assert "share_in_band" not in found.figures
    assert found.not_measured is not None


@pytest.mark.parametrize(("values", "expected"), [([1, 1, 1, 1], 0.0), ([0, 0, 0, 4], 0.75), ([0, 0], None)])
def test_gini(values: list[float], expected: float | None) -> None:
    assert gini(np.array(values, np.float64)) == (None if expected is None else pytest.approx(expected))


def test_a_dropped_cell_is_a_gap_of_its_area() -> None:
    cells = five_in_a_row()
    land = outlines_of({"1": shapely.coverage_union_all(list(cells.values()))}, "city")
    ground = Ground(CITY, land=land)
    whole = measured_of("seamless", grid_of(cells), ground)
    assert (whole.passes, whole.figures["gap_m2"], whole.figures["spill_m2"]) == (True, 0.0, 0.0)
    dropped = cells.pop("1202")
    found = measured_of("seamless", grid_of(cells), ground)
    assert found.passes is False
    assert found.blocks
    assert found.figures["gap_m2"] == pytest.approx(ground.area_m2(array([dropped]))[0])
    assert found.figures["gap_m2"] == pytest.approx(SIDE_M**2, rel=1e-3)
    (gap,) = found.offenders
    assert (gap.what, gap.shape.equals(dropped)) == ("gap", True)


def test_what_lies_within_the_outlines_accuracy_is_no_fault() -> None:
    cells = five_in_a_row()
    land = outlines_of({"1": Polygon(degrees([(0.1, 0), (5, 0), (5, 1.1), (0.1, 1.1)]))}, "city")
    exact = measured_of("seamless", grid_of(cells), Ground(CITY, land=land))
    assert exact.passes is False
    assert exact.figures["spill_m2"] == pytest.approx(20 * 200, rel=1e-2)
    assert exact.figures["gap_m2"] == pytest.approx(20 * 980, rel=1e-2)
    coarse = replace(CITY, principles=replace(CITY.principles, outline_accuracy_m=30.0))
    excused = measured_of("seamless", grid_of(cells), Ground(coarse, land=land))
    assert excused.passes is True
    assert excused.figures["gap_m2"] == exact.figures["gap_m2"]


def test_without_an_outline_seamless_is_not_measured() -> None:
    found = measured_of("seamless", grid_of(five_in_a_row()), Ground(CITY))
    assert found.not_measured is not None
    assert found.passes is None


def two_by_three() -> tuple[dict[str, BaseGeometry], Outlines]:
    """Two rows of three; the upper row is community 12, the lower 11."""
    cells = {f"{11 + y}{x:02d}": square(x, y) for y in range(2) for x in range(3)}
    unions = {
        name: shapely.coverage_union_all([cell for code, cell in cells.items() if code.startswith(name)])
        for name in ("11", "12")
    }
    return cells, outlines_of(unions)


def test_a_vertex_moved_20_m_across_an_outline_makes_exactly_the_cells_that_cross_it_fail() -> None:
    cells, outlines = two_by_three()
    ground = Ground(CITY, communities=outlines)
    assert measured_of("territory", grid_of(cells), ground).passes is True
    corner, moved = degrees([(1, 1), (1, 1.1)])  # 20 m to the north, into community 12

    def shifted(shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(shape, lambda xy: np.where((xy == corner).all(axis=1)[:, None], moved, xy))

    found = measured_of("territory", grid_of({code: shifted(cell) for code, cell in cells.items()}), ground)
    assert found.passes is False
    # The two below reach across; of the two above each lies wholly in its outline still.
    assert [each.cell for each in found.offenders] == ["1100", "1101"]
    # a triangle of 200 m by 20 m of the 200 m square with it
    assert found.figures["least_nest"] == pytest.approx(1 - 2000 / (40000 + 2000), rel=1e-4)


def test_a_code_must_begin_with_its_community() -> None:
    cells, outlines = two_by_three()
    grid = grid_of(cells)
    wrong = tuple(replace(each, community="11") if each.code == "1202" else each for each in grid.cells)
    found = measured_of("territory", replace(grid, cells=wrong), Ground(CITY, communities=outlines))
    assert found.figures["codes_without_prefix"] == 1
    assert found.figures["cells_mostly_in_another_outline"] == 1
    assert found.passes is False
    free = replace(CITY, code_pattern="{code}")
    assert (
        measured_of("territory", grid_of(cells), Ground(free, communities=outlines)).figures[
            "codes_without_prefix"
        ]
        is None
    )


def test_the_boundary_along_a_street_is_counted_by_its_metres() -> None:
    """Three inner edges of 200 m: one on a street, one 10 m off it, one across a street."""
    cells = {f"11{x:02d}": square(x, 0) for x in range(4)}
    lines = [
        shapely.LineString(degrees([(1, -0.1), (1, 0.5)])),  # on half of the first edge
        shapely.LineString(degrees([(2.05, -0.2), (2.05, 1.2)])),  # 10 m beside the second
        shapely.LineString(degrees([(2.5, 0.5), (3.5, 0.5)])),  # crosses the third
    ]
    found = measured_of("streets", grid_of(cells), Ground(CITY, lines=array(lines)))
    assert found.figures["inner_boundary_km"] == pytest.approx(0.6, rel=1e-3)
    # the end of a street reaches as far round as the tolerance
    assert found.figures["share_5_m"] == pytest.approx((100 + 5) / 600, rel=2e-3)
    assert found.figures["share_15_m"] == pytest.approx((100 + 15 + 200) / 600, rel=2e-3)
    assert found.figures["share_30_m"] == pytest.approx((100 + 30 + 200) / 600, rel=2e-3)
    assert "random_share_15_m" in found.figures
    assert [each.value for each in found.offenders] == [pytest.approx(200, rel=1e-3)]
    assert found.passes is None


def test_the_way_along_agrees_with_buffers() -> None:
    rng = np.random.default_rng(7)
    starts, edges = rng.uniform(0, 200, (60, 2)), rng.uniform(0, 200, (40, 4))
    streets = np.hstack([starts, starts + rng.uniform(-60, 60, starts.shape)])
    got = Segments(streets).along_m(edges)
    assert got.any()
    for edge, row in zip(edges, got, strict=True):
        way = edge[2:] - edge[:2]
        line = shapely.LineString(edge.reshape(2, 2))
        for tolerance, metres in zip(TOLERANCES_M, row, strict=True):
            near = []
            for street in streets:
                to = street[2:] - street[:2]
                turn = np.degrees(np.arctan2(way[0] * to[1] - way[1] * to[0], way @ to)) % 180
                if min(turn, 180 - turn) <= 20:
                    near.append(shapely.LineString(street.reshape(2, 2)).buffer(tolerance, quad_segs=200))
            expected = line.intersection(shapely.union_all(near)).length if near else 0.0
            assert metres == pytest.approx(expected, abs=0.01)


def with_stops() -> dict[str, BaseGeometry]:
    """Five squares in a row whose sides have vertices every 40 m, so that boundaries can move to one."""
    stops = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    return {
        f"{11 if x < 2 else 12}{x:02d}": Polygon(
            degrees([*((x + stop, 0) for stop in stops), *((x + 1 - stop, 1) for stop in stops)])
        )
        for x in range(5)
    }


def change_on_the_ground(ground: Ground) -> tuple[Numbers, Compared, Numbers]:
    """The numbers before, of the change, and of the grid after from nothing."""
    cells = with_stops()
    grid = grid_of(cells)
    stops = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    left = [*((stop, 0) for stop in stops), (1.2, 0), (1.2, 1), *((1 - stop, 1) for stop in stops)]
    right = [*((1 + stop, 0) for stop in stops[1:]), *((2 - stop, 1) for stop in stops[:-1])]
    drawn = {
        "1100": DrawnCell("1100", "basic", "11", (), Polygon(degrees(left))),
        "1101": DrawnCell("1101", "basic", "11", (), Polygon(degrees(right))),
        "1205": DrawnCell("1205", "basic", "12", (), shapely.coverage_union_all([cells["1203"], cells["1204"]])),
    }
    change = GridChange(frozenset({"1203", "1204"}), drawn)
    result = redrawn(grid, change, replace(grid.revision, number=2), [9])
    before = numbers_of(grid, ground, grid)
    return before, after_change(before, result, ground), numbers_of(result.grid, ground, grid)


def ground_with_everything() -> Ground:
    lines = array([shapely.LineString(degrees([(x, -0.1), (x, 1.1)])) for x in (1, 2, 3)])
    return Ground(CITY, lines=lines, buildings=buildings([100, 200, 300, 400, 500]))


def test_a_change_has_the_numbers_that_its_grid_has_from_nothing() -> None:
    _, change, whole = change_on_the_ground(ground_with_everything())
    now = change.now
    for each in fields(now.cells):
        assert np.array_equal(getattr(now.cells, each.name), getattr(whole.cells, each.name)), each.name
    assert now.size is not None
    assert now.size.tolist() == [100.0, 200.0, 300.0, 900.0]
    assert whole.size is not None
    assert now.size.tolist() == whole.size.tolist()
    assert now.total_m == pytest.approx(whole.total_m, rel=1e-12)
    drawn = {(2, 3), (0, 1), (1, 2)}
    assert {tuple(sorted(pair)) for pair in now.edges.sides.tolist()} == drawn


def test_what_a_change_moves_is_told_by_area_and_by_households() -> None:
    _, change, _ = change_on_the_ground(ground_with_everything())
    found = finding("fixed", change)
    # of five squares, a fifth of 1101 went to 1100, and 1203 and 1204 wholly to 1205
    assert found.figures["area_share_that_changed_cell"] == pytest.approx((0.2 + 2) / 5, rel=1e-4)
    # 1100 grew to 1.2 of which 1.0 is its own, 1101 shrank to 0.8; the merged halves have 1 of 2 each
    expected = (1 * 1 / 1.2 + 0.2 * 0.2 / 2.0 + 0.8 * 0.8 + 1 + 2 * 0.5) / 5
    assert found.figures["jaccard"] == pytest.approx(expected, rel=1e-4)
    # the building of 1101 stands at 1.5 and stays; those of 1203 and 1204 are in 1205 now
    assert found.figures["household_share_that_changed_cell"] == pytest.approx(900 / 1500)
    assert found.of_people == {"household_share_that_changed_cell"}
    assert [each.cell for each in found.offenders] == ["1100", "1101", "1205"]
    assert finding("seamless", change).passes is True
    assert finding("territory", change).passes is True


def test_changes_are_counted_along_the_lineage() -> None:
    steps = {
        2: {(1, 11): 0.5, (1, 12): 0.5},  # a split
        3: {(11, 11): 0.9, (11, 12): 0.1, (12, 12): 1.0},  # a boundary moved
        4: {(12, 12): 1.0},  # renamed
        5: {(11, 20): 1.0},  # a new code: lineage 1:1
    }
    assert changes_of(steps) == {12: 2, 20: 2}


def test_the_mark_follows_the_versions() -> None:
    assert [key for key, _, _ in PRINCIPLES] == ["territory", "streets", "size", "seamless", "fixed"]
    assert len(mark()) == 12
