"""The half-edge mesh: nodes serve both sides, faces stay rings, groups of faces have one outer ring."""

from __future__ import annotations

import numpy as np
import pytest

from data.tianjin.mesh import OUTSIDE, Mesh
from data.tianjin.plane import ring_area, to_lonlat, to_plane
from data.tianjin.rings import group_rings
from gridmap.errors import RuleBroken


def _two_squares() -> Mesh:
    """Unit squares side by side: face 0 on the left, face 1 on the right."""
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [2, 0], [2, 1]], dtype=float)
    return Mesh(points, [[0, 1, 2, 3], [1, 4, 5, 2]])


def _corners(mesh: Mesh, face: int) -> list[tuple[float, float]]:
    return [(mesh.x[mesh.origin[h]], mesh.y[mesh.origin[h]]) for h in mesh.ring(face)]


def _shared(mesh: Mesh) -> int:
    """The half-edge of face 0 whose other side is face 1."""
    return next(h for h in mesh.ring(0) if mesh.face[h ^ 1] == 1)


def test_a_node_on_a_shared_edge_stands_in_both_rings() -> None:
    mesh = _two_squares()
    half_edge = _shared(mesh)
    after = mesh.insert_node(half_edge, 0.25)
    assert (mesh.x[mesh.origin[after]], mesh.y[mesh.origin[after]]) == (1.0, 0.25)
    assert (1.0, 0.25) in _corners(mesh, 0)
    assert (1.0, 0.25) in _corners(mesh, 1)
    assert mesh.previous[after] == half_edge
    assert [len(mesh.ring(face)) for face in (0, 1)] == [5, 5]


def test_a_share_counts_from_the_half_edge_given() -> None:
    mesh = _two_squares()
    after = mesh.insert_node(_shared(mesh) ^ 1, 0.25)
    assert (mesh.x[mesh.origin[after]], mesh.y[mesh.origin[after]]) == (1.0, 0.75)
    assert mesh.face[after] == 1


def test_places_along_a_line_follow_its_pieces() -> None:
    mesh = _two_squares()
    edge = _shared(mesh) >> 1
    mesh.insert_node(2 * edge, 0.5)
    mesh.insert_node(2 * edge + 1, 0.5)
    mesh.insert_node(2 * edge, 0.5)
    pieces = sorted((mesh.begin[e], mesh.end[e]) for e in [edge, *range(mesh.edge_count - 3, mesh.edge_count)])
    assert pieces == [(0.0, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0)]


def test_a_split_leaves_two_rings_that_share_the_new_edge() -> None:
    mesh = _two_squares()
    ring = mesh.ring(0)
    edge, new = mesh.split_face(ring[0], ring[2], mesh.new_line())
    areas = [ring_area(np.array(_corners(mesh, face))) for face in (0, new, 1)]
    assert areas == [0.5, 0.5, 1.0]
    assert {mesh.face[2 * edge], mesh.face[2 * edge + 1]} == {0, new}
    assert mesh.face[ring[0]] == new
    assert all(mesh.face[h] == face for face in (0, new) for h in mesh.ring(face))
    assert mesh.degree[mesh.origin[ring[0]]] == 3


def test_the_outer_line_belongs_to_the_outside() -> None:
    mesh = _two_squares()
    assert mesh.face.count(OUTSIDE) == 6
    mesh.insert_node(next(h for h in mesh.ring(0) if mesh.face[h ^ 1] == OUTSIDE), 0.5)
    assert mesh.face.count(OUTSIDE) == 7


def test_the_ring_of_a_group_goes_round_all_its_faces() -> None:
    mesh = _two_squares()
    (ring,) = group_rings(mesh, [0, 0], 1)
    points = np.array([[mesh.x[mesh.origin[h]], mesh.y[mesh.origin[h]]] for h in ring])
    assert ring_area(points) == 2.0
    assert len(ring) == 6


def test_a_group_in_two_pieces_is_refused() -> None:
    points = np.array([[x, y] for x in range(4) for y in range(2)], dtype=float)
    mesh = Mesh(points, [[0, 2, 3, 1], [2, 4, 5, 3], [4, 6, 7, 5]])
    with pytest.raises(RuleBroken, match="must have one ring"):
        group_rings(mesh, [0, 1, 0], 2)


def test_the_plane_and_back_is_exact_to_nine_decimals() -> None:
    lonlat = np.random.default_rng(1).uniform((116.7, 38.5), (118.1, 40.3), (1000, 2)).round(9)
    assert np.array_equal(to_lonlat(to_plane(lonlat)), lonlat)
    # A degree of latitude at 39 degrees has 111.0 km, one of longitude 86.4 km.
    assert np.abs(np.diff(to_plane(np.array([[117.0, 39.0], [118.0, 40.0]])), axis=0)).round(-2).tolist() == [
        [86_400.0, 111_000.0]
    ]
