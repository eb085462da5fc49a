"""Where lines meet the edges of cells: both get the same vertices there. Imports ``exact`` and ``metres``.

A line goes through the vertices that it comes near, so that what it cuts off has no splinters. Where it crosses an
edge the point is rounded to floats and becomes a vertex of the edge, for the cells on both sides; an edge of the
city's outer line must not bend by this, so there only points count that lie exactly on it, else one of its ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.errors import RuleBroken
from gridmap.redraw.exact import between, cross, crossing, points_on
from gridmap.redraw.metres import Metres, Point

Edge = tuple[Point, Point]

# Nearer than this to a vertex is at it, whatever a planner asks for: far above rounding, far below what matters.
LEAST_SNAP_M = 0.001
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Snapping:
    """How far points are snapped, to what, and how far the end of a cut may move along the city's outer line."""

    snap_m: float = LEAST_SNAP_M
    targets: Collection[str] = ("vertices", "edges")
    outer_m: float = 0.0


def along(edge: Edge) -> Edge:
    """The edge in the one of its two directions that stands for both."""
    return edge if edge[0] <= edge[1] else (edge[1], edge[0])


@dataclass
class Noding:
    """Edges and segments, each as the chain of points that it becomes.

    ``edges``: by edge (see :func:`along`) whether it is on the city's outer line. ``notes`` say what moved.
    """

    edges: Mapping[Edge, bool]
    segments: Sequence[Edge]
    metres: Metres
    snapping: Snapping
    chains: dict[Edge, list[Point]] = field(init=False)
    cuts: list[list[Point]] = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chains = {edge: list(edge) for edge in self.edges}
        self.snap_m = max(self.snapping.snap_m, LEAST_SNAP_M)
        moved = self._snapped(list(dict.fromkeys(point for segment in self.segments for point in segment)))
        self.cuts = [[moved[start], moved[end]] for start, end in self.segments]
        self.moved = moved
        for _ in range(_ROUNDS):
            if not self._round():
                return
        place = self.segments[0][0]
        raise RuleBroken(
            f"the line near {_shown(place)} runs too close to the edges of cells to be told from them"
        )

    def _snapped(self, points: list[Point]) -> dict[Point, Point]:
        """Each point of the lines, and where it goes: a near vertex, else the nearest place on a near edge."""
        corners = list(dict.fromkeys(point for edge in self.edges for point in edge))
        known = set(corners)
        place = {point: point for point in points}
        free = [point for point in points if point not in known]
        if not free or not corners:
            return place
        reach = self.snap_m if "vertices" in self.snapping.targets else LEAST_SNAP_M
        nearest = self._nearest(free, self._points(corners), reach)
        place.update({free[at]: corners[target] for at, target in nearest.items()})
        rest = [point for at, point in enumerate(free) if at not in nearest]
        reach = self.snap_m if "edges" in self.snapping.targets else LEAST_SNAP_M
        edges = list(self.edges)
        found = self._nearest(rest, self._segments(edges), reach)
        for at, target in found.items():
            place[rest[at]] = self._onto(rest[at], edges[target])
        return place

    def _onto(self, point: Point, edge: Edge) -> Point:
        """The point's place on an edge, which becomes a vertex of it."""
        start, end = edge
        share, _ = self.metres.beside(point, start, end)
        for corner in edge:
            if self.metres.distance(point, corner) <= LEAST_SNAP_M:
                return corner
        target = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
        if self.edges[edge]:
            target = self._exactly(point, edge, share)
        self._add(edge, target)
        return target

    def _exactly(self, wanted: Point, edge: Edge, share: float) -> Point:
        """The point exactly on an edge of the outer line nearest to where one is wanted."""
        chosen = min(points_on(*edge, share), key=lambda point: self.metres.distance(point, wanted))
        away = self.metres.distance(chosen, wanted)
        if away > max(self.snapping.outer_m, self.snap_m):
            raise RuleBroken(
                f"a cut at {_shown(wanted)} would end on the city's outer line, which must not bend; the nearest "
                f"point exactly on it is {away:.1f} m away at {_shown(chosen)}, more than outer_m "
                f"{self.snapping.outer_m:g}"
            )
        if away > LEAST_SNAP_M:
            self.notes.append(
                f"the end at {_shown(wanted)} moved {away:.2f} m along the outer line to {_shown(chosen)}"
            )
        return chosen

    def _add(self, edge: Edge, point: Point) -> None:
        """Make a point a vertex of an edge."""
        chain = self.chains[edge]
        if point not in chain:
            start, end = edge
            chain.append(point)
            chain.sort(key=lambda each: (_place(start, end, each), each))

    def _round(self) -> bool:
        """Let lines and edges meet once more; false when nothing was left to do."""
        parts = [
            (edge, start, end) for edge, chain in self.chains.items() for start, end in itertools.pairwise(chain)
        ]
        pieces = [
            (at, step, chain[step], chain[step + 1])
            for at, chain in enumerate(self.cuts)
            for step in range(len(chain) - 1)
        ]
        if not parts or not pieces:
            return False
        into: dict[tuple[int, int], list[Point]] = {}
        onto: list[tuple[Edge, Point]] = []
        tree = shapely.STRtree(self._segments([part[1:] for part in parts]))
        reach = self.snap_m
        cut_lines = self._segments([piece[2:] for piece in pieces])
        for of, part in zip(*tree.query(cut_lines, predicate="dwithin", distance=reach).tolist(), strict=True):
            at, step, start, end = pieces[of]
            edge, one, other = parts[part]
            self._meet((at, step), (start, end), edge, (one, other), into, onto)
        for edge, point in sorted(set(onto)):
            self._add(edge, point)
        for (at, step), points in sorted(into.items(), reverse=True):
            self._insert(at, step, points)
        return bool(into or onto)

    def _meet(
        self,
        place: tuple[int, int],
        cut: Edge,
        edge: Edge,
        part: Edge,
        into: dict[tuple[int, int], list[Point]],
        onto: list[tuple[Edge, Point]],
    ) -> None:
        """What one segment of a line and one part of an edge need to have in common."""
        if along(cut) == along(part):
            return
        chain = self.cuts[place[0]]
        near = [corner for corner in part if corner not in chain and self._is_near(corner, cut)]
        if near:
            into.setdefault(place, []).extend(near)
            return
        for point in cut:
            if between(point, *part):
                onto.append((edge, point))
                return
        if not cross(*cut, *part):
            return
        point = crossing(*cut, *part)
        if self.edges[edge]:
            point = self._exactly(point, edge, _place(*edge, point))
        elif point not in part:
            close = min(part, key=lambda corner: self.metres.distance(corner, point))
            point = close if self.metres.distance(close, point) <= LEAST_SNAP_M else point
        if point in chain and point in self.chains[edge]:
            raise RuleBroken(f"the line at {_shown(point)} runs too close to an edge to be told from it")
        if point not in chain:
            into.setdefault(place, []).append(point)
        if point not in self.chains[edge]:
            onto.append((edge, point))

    def _is_near(self, point: Point, segment: Edge) -> bool:
        share, away = self.metres.beside(point, *segment)
        reach = self.snap_m if "vertices" in self.snapping.targets else LEAST_SNAP_M
        return 0.0 < share < 1.0 and away <= reach

    def _insert(self, at: int, step: int, points: list[Point]) -> None:
        chain = self.cuts[at]
        start, end = chain[step], chain[step + 1]
        new = [point for point in dict.fromkeys(points) if point not in chain]
        new.sort(key=lambda each: (_place(start, end, each), each))
        chain[step + 1 : step + 1] = new

    def _nearest(self, points: list[Point], targets: NDArray[np.object_], within_m: float) -> dict[int, int]:
        """Point -> the nearest target, the first of equally near ones; points without one are left out."""
        if not points:
            return {}
        found = shapely.STRtree(targets).query_nearest(self._points(points), max_distance=within_m)
        nearest: dict[int, int] = {}
        for at, target in sorted(zip(*found.tolist(), strict=True)):
            nearest.setdefault(at, target)
        return nearest

    def _points(self, points: list[Point]) -> NDArray[np.object_]:
        return np.asarray(shapely.points(self.metres.plane(np.array(points))))

    def _segments(self, edges: Sequence[Edge]) -> NDArray[np.object_]:
        return np.asarray(shapely.linestrings(np.array(edges) * (self.metres.east, self.metres.north)))


def _place(start: Point, end: Point, point: Point) -> float:
    """How far along the way from start to end a point is, as a share of it."""
    east, north = end[0] - start[0], end[1] - start[1]
    length = east * east + north * north
    return ((point[0] - start[0]) * east + (point[1] - start[1]) * north) / length if length else 0.0


def _shown(point: Point) -> str:
    return f"{point[0]:.7f} {point[1]:.7f}"
