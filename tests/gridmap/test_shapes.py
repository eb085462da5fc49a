"""Shapes: what is no polygon or no coverage is refused by name and place; unions keep their vertices."""

from __future__ import annotations

import re

import numpy as np
import pytest
import shapely

from gridmap.errors import LoadRefused
from gridmap.shapes import Geometries, check_coverage, multis, polygonal, unions


def shapes(*wkt: str) -> Geometries:
    return np.asarray(shapely.from_wkt(np.array(wkt, dtype=object)), dtype=object)


LEFT, RIGHT = "POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))", "POLYGON((1 0, 2 0, 2 1, 1 1, 1 0))"


def test_a_coverage_passes_also_with_a_hole_that_another_cell_fills() -> None:
    ring = "POLYGON((0 0, 3 0, 3 3, 0 3, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))"
    check_coverage(shapes(LEFT, RIGHT), ["a", "b"], "the cells")
    check_coverage(shapes(ring, "POLYGON((1 1, 2 1, 2 2, 1 2, 1 1))"), ["ring", "core"], "the cells")
    check_coverage(shapes(), [], "the cells")


def test_an_overlap_is_refused_with_its_place() -> None:
    # Both know each other's vertices; only the strip between 0.9 and 1 is in both.
    left = "POLYGON((0 0, 0.9 0, 1 0, 1 1, 0.9 1, 0 1, 0 0))"
    right = "POLYGON((0.9 0, 1 0, 2 0, 2 1, 1 1, 0.9 1, 0.9 0))"
    far = "POLYGON((2 0, 3 0, 3 1, 2 1, 2 0))"
    with pytest.raises(LoadRefused, match=r"2 of them .*: a at (0\.9|1\.0)0* [01]\.0") as error:
        check_coverage(shapes(left, right, far), ["a", "b", "far"], "the cells")
    assert re.search(r"; b at (0\.9|1\.0)0* [01]\.0", str(error.value))


def test_a_t_junction_is_refused_with_its_place() -> None:
    # The left cell knows no vertex at (1, 0.5) where two cells on the right meet: no gap yet, one after any move.
    low, high = "POLYGON((1 0, 2 0, 2 0.5, 1 0.5, 1 0))", "POLYGON((1 0.5, 2 0.5, 2 1, 1 1, 1 0.5))"
    with pytest.raises(LoadRefused, match=r"3 of them have faulty edges: left at 1\.0000000 "):
        check_coverage(shapes(LEFT, low, high), ["left", "low", "high"], "the cells")


def test_a_sliver_between_two_cells_is_refused() -> None:
    straight = "POLYGON((0 0, 1 0, 1 0.2, 1 0.8, 1 1, 0 1, 0 0))"
    bent = "POLYGON((1 0, 2 0, 2 1, 1 1, 1 0.8, 1.0000001 0.5, 1 0.2, 1 0))"
    with pytest.raises(LoadRefused, match=r"the cells leave 1 gaps: at 1\.00000\d+ 0\."):
        check_coverage(shapes(straight, bent), ["a", "b"], "the cells")


def test_a_missing_cell_in_the_middle_is_refused() -> None:
    ring = "POLYGON((0 0, 3 0, 3 3, 0 3, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))"
    with pytest.raises(LoadRefused, match=r"the cells leave 1 gaps: at [12]\.0000000 [12]\.0000000"):
        check_coverage(shapes(ring, "POLYGON((3 0, 4 0, 4 3, 3 3, 3 0))"), ["ring", "right"], "the cells")


def test_only_the_first_faults_are_named() -> None:
    same = [LEFT] * 30
    with pytest.raises(LoadRefused) as error:
        check_coverage(shapes(*same), [f"cell{i}" for i in range(30)], "the cells")
    assert "30 of them" in str(error.value)
    assert str(error.value).count(" at ") == 10


@pytest.mark.parametrize(
    "wkt", ["POINT(0 0)", "LINESTRING(0 0, 1 1)", "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"]
)
def test_what_is_no_polygon_is_named(wkt: str) -> None:
    with pytest.raises(LoadRefused, match="not a polygon: bad"):
        polygonal(shapes(LEFT, wkt), ["good", "bad"])


def test_nothing_is_no_polygon() -> None:
    with pytest.raises(LoadRefused, match="not a polygon: bad"):
        polygonal(np.array([shapely.from_wkt(LEFT), None], dtype=object), ["good", "bad"])


def test_an_invalid_polygon_is_named_with_the_reason() -> None:
    bow = "POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))"
    with pytest.raises(LoadRefused, match=r"1 polygons are not valid: bow \(Self-intersection"):
        polygonal(shapes(LEFT, bow), ["good", "bow"])


def test_heights_are_dropped() -> None:
    flat = polygonal(shapes("POLYGON Z((0 0 5, 1 0 5, 1 1 5, 0 1 5, 0 0 5))"), ["a"])
    assert not shapely.has_z(flat[0])


def test_unions_are_sorted_multipolygons_that_keep_every_outer_vertex() -> None:
    # (0.5, 0) lies on a straight edge: a union that simplified it would tear the seam to a neighbour.
    left = "POLYGON((0 0, 0.5 0, 1 0, 1 1, 0 1, 0 0))"
    names, merged = unions(
        shapes(left, "POLYGON((5 5, 6 5, 6 6, 5 5))", RIGHT), np.array(["b", "a", "b"], dtype=object)
    )
    assert names == ["a", "b"]
    assert [each.geom_type for each in merged] == ["MultiPolygon", "MultiPolygon"]
    vertices = set(map(tuple, shapely.get_coordinates(merged[1]).tolist()))
    assert vertices == {(0, 0), (0.5, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)}
    assert merged[1].area == 2.0


def test_a_union_keeps_a_hole_that_nobody_fills() -> None:
    frame = [
        "POLYGON((0 0, 3 0, 3 1, 2 1, 1 1, 0 1, 0 0))",
        "POLYGON((0 1, 1 1, 1 2, 0 2, 0 1))",
        "POLYGON((2 1, 3 1, 3 2, 2 2, 2 1))",
        "POLYGON((0 2, 1 2, 2 2, 3 2, 3 3, 0 3, 0 2))",
    ]
    _, merged = unions(shapes(*frame), np.array(["x"] * 4, dtype=object))
    assert len(merged[0].geoms[0].interiors) == 1
    assert merged[0].area == 8.0


def test_multis_make_multipolygons_or_refuse_by_row() -> None:
    assert [each.geom_type for each in multis(shapes(LEFT, f"MULTI{LEFT.replace('((', '(((')})"))] == [
        "MultiPolygon",
        "MultiPolygon",
    ]
    with pytest.raises(LoadRefused, match="not a polygon: row 2"):
        multis(shapes(LEFT, "POINT(0 0)"))
