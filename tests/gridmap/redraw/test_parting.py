"""Cells in n parts: balanced, compact, along streets where they are there."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.errors import RuleBroken
from gridmap.redraw.metres import metric
from gridmap.redraw.state import Base, Households, Limits
from gridmap.redraw.streets import Streets
from tests.gridmap.redraw.grids import CITY, METRIC
from tests.gridmap.redraw.test_cell_edits import CROOKED, LATTICE, at, code_at, edited, share_of

CELL = code_at(1, 1)


def parts_of(base: Base, cell: str, count: int, **more: object) -> list[shapely.Polygon]:
    plan = edited({"op": "split_into", "cell": cell, "parts": count, **more}, base=base)
    assert plan.step.ended == (cell,)
    return [plan.step.drawn[code].shape for code in plan.step.minted]


@pytest.mark.parametrize("base", [LATTICE, CROOKED], ids=["rectilinear", "crooked"])
@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_parts_have_about_the_same_area_and_are_compact(base: Base, count: int) -> None:
    parts = parts_of(base, CELL, count)
    assert len(parts) == count
    areas = shapely.area(np.array(parts, object))
    assert areas.sum() == pytest.approx(base.grid.index.degrees[base.grid.by_code[CELL]].area)
    assert areas.max() / areas.mean() < 1.1
    flat = metric(np.array(parts, object), METRIC)
    assert (4 * np.pi * shapely.area(flat) / shapely.length(flat) ** 2).min() > 0.35


def test_parts_have_about_the_same_households_where_these_are_known() -> None:
    rng = np.random.default_rng(2)
    east, north = rng.beta(1, 4, (2, 400))
    lon, lat = (np.array([at(1 + x, 1 + y) for x, y in zip(east, north, strict=True)])).T
    count = rng.integers(1, 60, 400).astype(np.float64)
    base = Base(LATTICE.grid, CITY, households=Households(lon, lat, count))
    parts = parts_of(base, CELL, 6)
    shares = [count[shapely.intersects_xy(part, lon, lat)].sum() for part in parts]
    assert sum(shares) == count.sum()
    assert max(shares) / np.mean(shares) < 1.15
    assert max(share_of(part) for part in parts) > 2 * min(share_of(part) for part in parts)


def test_a_street_that_cuts_off_about_the_right_share_is_taken() -> None:
    street = shapely.LineString([at(0.5, 1.5), at(1.3, 1.45), at(1.7, 1.58), at(2.5, 1.5)])
    base = Base(LATTICE.grid, CITY, Streets(np.array([street], object)))
    corner = tuple(at(1.3, 1.45))

    def corners(parts: list[shapely.Polygon]) -> set[tuple[float, float]]:
        return {tuple(pair) for part in parts for pair in shapely.get_coordinates(part).tolist()}

    assert corner in corners(parts_of(base, CELL, 2))
    assert corner not in corners(parts_of(base, CELL, 2, along_streets=False))
    assert corner not in corners(parts_of(base, CELL, 5))


def test_a_street_that_cuts_off_too_little_is_not_taken() -> None:
    street = shapely.LineString([at(0.5, 1.2), at(2.5, 1.2)])
    base = Base(LATTICE.grid, CITY, Streets(np.array([street], object)))
    parts = parts_of(base, CELL, 2)
    assert share_of(parts[0]) == pytest.approx(0.5, abs=0.02)


def test_more_parts_than_there_is_room_for_are_refused_with_the_place() -> None:
    base = Base(LATTICE.grid, CITY, limits=Limits(least_area_m2=5_000.0))
    with pytest.raises(RuleBroken, match=r"the part at 117\.\d+ 39\.\d+ cannot be cut into usable parts"):
        edited({"op": "split_into", "cell": CELL, "parts": 100}, base=base)


def test_parts_of_heping_are_balanced(heping_base: Base) -> None:
    """Along its streets, or else by straight lines."""
    base = Base(heping_base.grid, CITY, heping_base.streets)
    largest = int(np.argmax(shapely.area(base.grid.index.degrees)))
    parts = parts_of(base, base.grid.cells[largest].code, 4)
    areas = shapely.area(np.array(parts, object))
    assert areas.max() / areas.mean() < 1.35
