"""One revision in memory: order by bytes, chains of areas, overlays."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from gridmap.coverage.grid import Grid, OverlayMap, by_code, top_code
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import NotFound
from gridmap.model import Area, Cell, City, Overlay, Revision
from gridmap.shapes import Geometries

REVISION = Revision(3, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
AREAS = {
    area.code: area
    for area in (
        Area("c", "city", "City", None),
        Area("d", "district", "District", "c"),
        Area("m", "community", "Community", "d"),
    )
}


def boxes(count: int) -> Geometries:
    shapes: Geometries = np.empty(count, object)
    shapes[:] = [shapely.box(117 + i, 39, 118 + i, 40) for i in range(count)]
    return shapes


def grid(codes: list[str]) -> Grid:
    cells, shapes = by_code([Cell(i, code, code, "basic", "m") for i, code in enumerate(codes)], boxes(len(codes)))
    return Grid(REVISION, cells, AREAS, CoverageIndex.build(shapes, "EPSG:4548"))


def test_cells_stand_in_the_order_of_their_bytes_with_their_own_shapes() -> None:
    made = grid(["b", "é", "B", "10", "9", "_"])
    assert [cell.code for cell in made.cells] == ["10", "9", "B", "_", "b", "é"]
    for position, cell in enumerate(made.cells):
        assert made.index.degrees[position].bounds[0] == 117 + cell.id


def test_a_cell_is_found_by_its_code_or_not_at_all() -> None:
    made = grid(["b", "a"])
    assert made.cell("b").code == "b"
    with pytest.raises(NotFound, match="no cell 'B' in revision 3"):
        made.cell("B")


def test_the_chain_runs_from_the_community_to_the_city() -> None:
    made = grid(["a"])
    assert [area.code for area in made.chain("m")] == ["m", "d", "c"]


def test_the_top_is_the_area_below_the_city() -> None:
    chain = grid(["a"]).chain("m")
    three = City("c", "C", ("city", "district", "community"), "", "EPSG:4548", "UTC", ("110",), "")
    assert top_code(chain, three) == "d"
    one = City("c", "C", ("city",), "", "EPSG:4548", "UTC", ("110",), "")
    assert top_code(chain[-1:], one) == "c"


def test_overlays_cover_their_edges_and_may_lie_on_each_other() -> None:
    shapes: Geometries = np.empty(2, object)
    shapes[:] = [shapely.box(117, 39, 119, 40), shapely.box(118, 39, 120, 40)]
    overlays = OverlayMap([Overlay("z", "Z", "scenic_area"), Overlay("a", "A", "business_district")], shapes)
    assert [each.code for each in overlays.at(118.5, 39.5)] == ["a", "z"]
    assert [each.code for each in overlays.at(120.0, 40.0)] == ["a"]
    assert overlays.at(116.0, 39.5) == ()


def test_no_overlays_are_overlays_too() -> None:
    assert OverlayMap([], np.empty(0, object)).at(117.0, 39.0) == ()
