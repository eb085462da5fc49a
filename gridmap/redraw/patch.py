"""A patch of the coverage: cells to be cut and those around them, which get the vertices that a cut makes.

Imports ``noding`` and ``metres``. Cells are known by keys: their codes, or names that an edit gives to parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.redraw.metres import Metres, Point
from gridmap.redraw.noding import Edge, Noding, Snapping, along

Rings = list[list[Point]]


def rings_of(shape: BaseGeometry) -> Rings:
    """The rings of a polygon or multipolygon, without their closing points, the inside on the left."""
    rings = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(shape)))
    return [[(x, y) for x, y in (shapely.get_coordinates(ring)[:-1] + 0.0).tolist()] for ring in rings]


def directed(rings: Rings) -> Iterable[Edge]:
    """The edges of rings, each with the inside on its left."""
    for ring in rings:
        yield from zip(ring, [*ring[1:], ring[0]], strict=True)


def canonical(shape: BaseGeometry) -> BaseGeometry:
    """The same shape with its rings and parts in the one order that depends on nothing else; shells run left."""
    ordered: BaseGeometry = shapely.orient_polygons(shapely.normalize(shape))
    return ordered


def joined(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union of parts of a coverage, with all its vertices; a polygon when it hangs together."""
    union = shapely.coverage_union_all(np.array(shapes, object))
    parts = shapely.get_parts(union)
    return canonical(parts[0] if len(parts) == 1 else shapely.MultiPolygon(list(parts)))


def encloses(segments: Iterable[Edge], point: Point) -> bool:
    """Whether closed lines, given as segments in any order, go around a point an odd number of times."""
    lines = np.array(list(segments)).reshape(-1, 4)
    x1, y1, x2, y2 = lines.T
    level = (y1 > point[1]) != (y2 > point[1])
    x1, y1, x2, y2 = (each[level] for each in (x1, y1, x2, y2))
    return bool(np.count_nonzero(x1 + (point[1] - y1) / (y2 - y1) * (x2 - x1) > point[0]) % 2)


def inner_point(shape: BaseGeometry) -> Point:
    """A point well inside a shape."""
    point = shapely.point_on_surface(shape)
    return point.x, point.y


@dataclass(frozen=True)
class Cut:
    """What lines did: by cell the faces it was cut into, the chain of each segment, and what moved.

    ``inside``: by cell the pieces of lines that now divide it.
    """

    faces: Mapping[str, list[BaseGeometry]]
    chains: list[list[Point]]
    inside: Mapping[str, list[Edge]]
    notes: list[str]
    moved: Mapping[Point, Point]


class Patch:
    """Shapes by key. Every cell that shares an edge with one that is cut must be here."""

    def __init__(self, shapes: Mapping[str, BaseGeometry], metres: Metres, snapping: Snapping) -> None:
        self.shapes = dict(shapes)
        self.metres = metres
        self.snapping = snapping
        self._rings: dict[str, Rings] = {}

    def rings(self, key: str) -> Rings:
        """The rings of a shape."""
        if key not in self._rings:
            self._rings[key] = rings_of(self.shapes[key])
        return self._rings[key]

    def put(self, key: str, shape: BaseGeometry) -> None:
        """Set a shape."""
        self.shapes[key] = shape
        self._rings.pop(key, None)

    def drop(self, key: str) -> BaseGeometry:
        """Take a shape out."""
        self._rings.pop(key, None)
        return self.shapes.pop(key)

    def owners(self) -> dict[Edge, str]:
        """Directed edge -> the shape on its left."""
        return {edge: key for key in self.shapes for edge in directed(self.rings(key))}

    def shared(self, one: str, other: str) -> list[Edge]:
        """The edges of ``one`` that have ``other`` on the other side."""
        opposite = {(end, start) for start, end in directed(self.rings(other))}
        return [edge for edge in directed(self.rings(one)) if edge in opposite]

    def cut(self, keys: Sequence[str], lines: Sequence[Sequence[Point]]) -> Cut:
        """Cut shapes by lines. Those around get the new vertices; the faces are for the caller to put back."""
        owners = self.owners()
        edges = {
            along(edge): (edge[1], edge[0]) not in owners for key in keys for edge in directed(self.rings(key))
        }
        segments = list(dict.fromkeys(along(edge) for line in lines for edge in _steps(line)))
        near = _near_bounds(segments, shapely.total_bounds([self.shapes[key] for key in keys]), self._reach())
        noding = Noding(edges, [segment for segment in segments if segment in near], self.metres, self.snapping)
        chain_of = dict(zip(noding.segments, noding.cuts, strict=True))
        ring_parts = {along(part) for chain in noding.chains.values() for part in _steps(chain)}
        cuts = list(dict.fromkeys(along(part) for chain in noding.cuts for part in _steps(chain)))
        cuts = [part for part in cuts if part not in ring_parts]
        faces: dict[str, list[BaseGeometry]] = {}
        inside: dict[str, list[Edge]] = {}
        for key in keys:
            rings = [_noded(ring, noding.chains) for ring in self.rings(key)]
            own = _within(self.shapes[key], rings, cuts)
            faces[key], inside[key] = _faces(rings, own)
        self._give_vertices(noding, inside, faces)
        chains = [_forward(edge, chain_of.get(along(edge))) for line in lines for edge in _steps(line)]
        return Cut(faces, chains, inside, noding.notes, noding.moved)

    def _reach(self) -> tuple[float, float]:
        return self.metres.degrees(max(self.snapping.snap_m, 1.0))

    def _give_vertices(
        self, noding: Noding, inside: Mapping[str, list[Edge]], faces: dict[str, list[BaseGeometry]]
    ) -> None:
        """Vertices that no cut ends at are taken back; all others go into every shape along their edge."""
        ends = {point for parts in inside.values() for part in parts for point in part}
        kept: dict[Edge, list[Point]] = {}
        idle: set[Point] = set()
        for edge, chain in noding.chains.items():
            idle.update(point for point in chain[1:-1] if point not in ends)
            if any(point in ends for point in chain[1:-1]):
                kept[edge] = [chain[0], *(point for point in chain[1:-1] if point in ends), chain[-1]]
        if idle:
            for key, shapes in faces.items():
                faces[key] = [_without(shape, idle) for shape in shapes]
        if not kept:
            return
        for key in list(self.shapes):
            rings = self.rings(key)
            if any(along(edge) in kept for edge in directed(rings)):
                self.put(key, _with_rings(self.shapes[key], [_noded(ring, kept) for ring in rings]))


def _forward(edge: Edge, chain: list[Point] | None) -> list[Point]:
    """A chain in the direction of the edge that it came of."""
    if chain is None:
        return list(edge)
    return chain if edge == along(edge) else chain[::-1]


def _steps(points: Sequence[Point]) -> Iterable[Edge]:
    return (edge for edge in itertools.pairwise(points) if edge[0] != edge[1])


def _near_bounds(segments: list[Edge], bounds: np.ndarray, reach: Point) -> set[Edge]:
    """The segments that may meet a box."""
    lines = np.array(segments)
    low, high = lines.min(axis=1), lines.max(axis=1)
    near = ((high >= bounds[:2] - reach) & (low <= bounds[2:] + reach)).all(axis=1)
    return {segments[at] for at in np.flatnonzero(near).tolist()}


def _noded(ring: list[Point], chains: Mapping[Edge, list[Point]]) -> list[Point]:
    points: list[Point] = []
    for start, end in directed([ring]):
        chain = chains.get(along((start, end)))
        points.append(start)
        if chain is not None:
            points.extend(chain[1:-1] if chain[0] == start else chain[-2:0:-1])
    return points


def _within(shape: BaseGeometry, rings: Rings, cuts: list[Edge]) -> list[Edge]:
    """The pieces of lines that lie inside a shape whose rings got vertices. None of them crosses a ring."""
    if not cuts:
        return []
    noded = _with_rings(shape, rings)
    shapely.prepare(noded)
    covered = shapely.covers(noded, shapely.linestrings(np.array(cuts)))
    return [cuts[at] for at in np.flatnonzero(covered).tolist()]


def _faces(rings: Rings, cuts: list[Edge]) -> tuple[list[BaseGeometry], list[Edge]]:
    """The faces that pieces of lines divide a shape into, and those of the pieces that divide."""
    own = list(directed(rings))
    lines = shapely.linestrings(np.array([*own, *cuts]))
    found = shapely.get_parts(shapely.polygonize(np.asarray(lines)))
    own_edges, backwards = set(own), {(end, start) for start, end in own}
    faces: list[BaseGeometry] = []
    used: set[Edge] = set()
    for face in (canonical(each) for each in found):
        edges = list(directed(rings_of(face)))
        # a hole of the shape has the shape's edges the wrong way round
        if any(edge in backwards for edge in edges) and not any(edge in own_edges for edge in edges):
            continue
        faces.append(face)
        used.update(along(edge) for edge in edges)
    faces.sort(key=lambda face: face.wkb)
    return faces, [part for part in cuts if part in used]


def _without(shape: BaseGeometry, idle: set[Point]) -> BaseGeometry:
    rings = rings_of(shape)
    return _with_rings(shape, [[point for point in ring if point not in idle] for ring in rings])


def _with_rings(shape: BaseGeometry, rings: Rings) -> BaseGeometry:
    """A shape of the same parts, with other rings in the order of ``rings_of``."""
    parts, left = [], iter(rings)
    for part in shapely.get_parts(shape):
        shell = next(left)
        parts.append(shapely.Polygon(shell, [next(left) for _ in part.interiors]))
    return canonical(parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts))
