"""Polygons and line strings from half-edges, so that both sides of an edge have identical vertices.

Imports mesh, plane and warp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from data.tianjin.mesh import OUTSIDE, Mesh
from data.tianjin.plane import Floats, Integers
from data.tianjin.warp import Shape
from gridmap.errors import RuleBroken


def face_rings(mesh: Mesh) -> list[list[int]]:
    """The half-edges around every face."""
    return [mesh.ring(face) for face in range(len(mesh.face_start))]


def group_rings(mesh: Mesh, group_of: Sequence[int], count: int) -> list[list[int]]:
    """The half-edges around every group of faces, groups 0 to ``count`` - 1.

    Raises RuleBroken when a group is not one simple face: nothing, in pieces, or with a hole.
    """
    of_half_edge = [OUTSIDE if face == OUTSIDE else group_of[face] for face in mesh.face]
    starts = [-1] * count
    sides = [0] * count
    for half_edge, group in enumerate(of_half_edge):
        if group != OUTSIDE and of_half_edge[half_edge ^ 1] != group:
            starts[group] = half_edge
            sides[group] += 1
    rings = []
    for group, start in enumerate(starts):
        ring = _walk(mesh, of_half_edge, group, start) if start >= 0 else []
        if len(ring) != sides[group] or not ring:
            raise RuleBroken(f"group of faces {group}: must have one ring of {sides[group]}, got {len(ring)}")
        rings.append(ring)
    return rings


def _walk(mesh: Mesh, of_half_edge: Sequence[int], group: int, start: int) -> list[int]:
    ring = []
    half_edge = start
    while True:
        ring.append(half_edge)
        half_edge = mesh.next[half_edge]
        while of_half_edge[half_edge ^ 1] == group:
            half_edge = mesh.next[half_edge ^ 1]
        if half_edge == start:
            return ring


def polygons(rings: Sequence[Sequence[int]], shape: Shape, origin: Integers) -> np.ndarray:
    """Polygons in lon, lat along rings of half-edges; ``origin`` is the node each half-edge starts at."""
    coordinates, owners = _path(rings, shape, origin, closed=True)
    return np.asarray(shapely.polygons(shapely.linearrings(coordinates, indices=owners)))


def line_strings(paths: Sequence[Sequence[int]], shape: Shape, origin: Integers) -> np.ndarray:
    """Line strings in lon, lat along open paths of half-edges."""
    coordinates, owners = _path(paths, shape, origin, closed=False)
    return np.asarray(shapely.linestrings(coordinates, indices=owners))


def _path(
    paths: Sequence[Sequence[int]], shape: Shape, origin: Integers, *, closed: bool
) -> tuple[Floats, Integers]:
    """Coordinates along paths and the path each belongs to; closed rings repeat their first point."""
    sizes = np.fromiter((len(path) for path in paths), dtype=np.int64, count=len(paths))
    half_edges = np.fromiter((h for path in paths for h in path), dtype=np.int64, count=int(sizes.sum()))
    owner = np.repeat(np.arange(len(paths)), sizes)
    edge = half_edges >> 1
    inner = shape.first[edge + 1] - shape.first[edge]
    lengths = inner + 1
    # Row 0 of each half-edge is its origin node, the others its inner points, backward for odd ones.
    row = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    spread = np.repeat(np.arange(len(half_edges)), lengths)
    odd = (half_edges & 1)[spread] == 1
    base = shape.first[edge][spread]
    index = np.where(odd, base + inner[spread] - row, base + row - 1) + len(shape.nodes)
    index = np.where(row == 0, origin[half_edges][spread], index)
    owners = owner[spread]
    # The last point: the first node again, or the far node of the last half-edge.
    ends = np.cumsum(sizes)
    last = origin[half_edges[ends - sizes]] if closed else origin[half_edges[ends - 1] ^ 1]
    at = np.searchsorted(owners, np.arange(len(paths)), side="right")
    index = np.insert(index, at, last)
    owners = np.insert(owners, at, np.arange(len(paths)))
    return np.concatenate((shape.nodes, shape.inner))[index], owners
