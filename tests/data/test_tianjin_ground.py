from __future__ import annotations

import numpy as np
import pytest
import shapely

from data.tianjin.draws import generator
from data.tianjin.ground import METRES_PER_DEGREE, Ground, points_outside, survey


def test_every_edge_knows_its_street(ground: Ground) -> None:
    sides = ground.sides
    assert len(sides.cell) == 48 * 4
    on_water = (sides.start[:, 0] == 117.2) & (sides.end[:, 0] == 117.2)
    assert on_water.sum() == 6
    assert np.array_equal(sides.line < 0, on_water)
    found = np.flatnonzero(sides.line >= 0)
    lines = np.asarray(ground.streets.geometry.array, dtype=object)[sides.line[found]]
    middles = shapely.points(ground.on_edge(found, np.full(len(found), 0.5)))
    assert shapely.distance(lines, middles).max() < 1e-12


def test_place_on_the_street_and_its_side(ground: Ground) -> None:
    sides = ground.sides
    found = np.flatnonzero(sides.line >= 0)
    lines = np.asarray(ground.streets.geometry.array, dtype=object)[sides.line[found]]
    lower = np.where(sides.left[found, None], sides.start[found], sides.end[found])
    metres = METRES_PER_DEGREE * np.array([np.cos(np.radians(39.103)), 1.0])
    lines_m = shapely.transform(lines, lambda points: points * metres)
    expected = shapely.line_locate_point(lines_m, shapely.points(lower * metres))
    assert sides.along_m[found] == pytest.approx(expected, abs=0.5)
    assert expected.max() > 500
    centre = shapely.points(ground.behind_edge(found, np.full(len(found), 0.5), np.ones(len(found))))
    for edge in range(len(found)):
        turned = shapely.LinearRing([*lines[edge].coords, centre[edge].coords[0]])
        assert turned.is_ccw == sides.left[found[edge]]


@pytest.mark.parametrize("depth", [0.05, 1.0, 40.0])
def test_behind_an_edge_is_strictly_inside_its_cell(ground: Ground, depth: float) -> None:
    edge = np.arange(len(ground.sides.cell))
    points = ground.behind_edge(edge, np.full(len(edge), 0.001), np.full(len(edge), depth))
    cells = ground.shapes[ground.sides.cell[edge]]
    assert shapely.contains_properly(cells, shapely.points(points)).all()


def test_things_spread_over_the_streets_of_their_own_cell(ground: Ground) -> None:
    counts = np.array([3, 0, 1, 40, 5, 0, 2, 2, 2, 2, 2, 2])
    edge, fraction = ground.spread(counts, np.full(counts.sum(), 0.5))
    assert np.bincount(ground.sides.cell[edge], minlength=12).tolist() == counts.tolist()
    assert (ground.sides.line[edge] >= 0).all()
    assert len(set(edge[:3])) == 3
    assert fraction.min() >= 0
    assert fraction.max() <= 1


def test_a_cell_without_a_street_uses_all_its_edges(plan: tuple) -> None:
    cells, blocks, lines = plan
    (bare,) = survey(cells, blocks, lines[lines["id"] == "L08"])
    edge, _ = bare.spread(np.full(12, 4), np.full(48, 0.5))
    assert np.bincount(bare.sides.cell[edge]).tolist() == [4] * 12
    assert (bare.sides.line[edge] < 0).any()


def test_points_on_the_cells_lines_are_vertices_and_midpoints(ground: Ground) -> None:
    points = shapely.points(ground.on_cell_lines(generator(1), 40))
    outlines = shapely.union_all(shapely.boundary(ground.shapes))
    vertices = shapely.union_all(shapely.extract_unique_points(ground.shapes))
    assert shapely.distance(points, outlines).max() < 1e-12
    assert (shapely.distance(points, vertices) == 0).tolist() == [True, False] * 20


def test_points_outside_are_outside(ground: Ground) -> None:
    region = shapely.union_all(ground.shapes)
    points = shapely.points(points_outside(generator(1), region, 100))
    assert len(points) == 100
    assert shapely.distance(points, region).min() > 0.009
    assert shapely.distance(points, region).max() < 0.21
