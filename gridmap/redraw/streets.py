"""The street network that edits are snapped to: the nearest place on it, and the way along it between two points.

Imports ``metres`` and ``errors``. Lines are in EPSG:4326; where two of them only cross there is no way from one to
the other unless both have a vertex there, or end there.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.metres import Metres, Point


def _no_lines() -> NDArray[np.object_]:
    return np.empty(0, object)


@dataclass(frozen=True, eq=False)
class Streets:
    """n LineStrings."""

    lines: NDArray[np.object_] = field(default_factory=_no_lines)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The lines by place."""
        return shapely.STRtree(self.lines)

    def near(self, shape: BaseGeometry, metres: Metres, within_m: float) -> list[list[Point]]:
        """The lines near a shape's box, as points, in the order of ``lines``."""
        west, south, east, north = shape.bounds
        x, y = metres.degrees(within_m)
        found = np.sort(self.tree.query(shapely.box(west - x, south - y, east + x, north + y)))
        return [[(lon, lat) for lon, lat in shapely.get_coordinates(self.lines[at]).tolist()] for at in found]

    def snapped(self, points: Sequence[Point], metres: Metres, within_m: float) -> list[Point]:
        """Each point at the nearest place on a street; those with none near stay where they are."""
        lines = self.near(shapely.MultiPoint(points), metres, within_m)
        result = []
        for point in points:
            found = _nearest(point, lines, metres)
            result.append(found[2] if found is not None and found[3] <= within_m else point)
        return result

    def way(self, start: Point, end: Point, metres: Metres, within_m: float) -> list[Point]:
        """The shortest way along streets from near one point to near another.

        InvalidInput when a point is not near a street, RuleBroken when no way leads from one to the other.
        """
        lines = self.near(shapely.LineString([start, end]), metres, max(within_m, metres.distance(start, end)))
        for index, point in enumerate((start, end)):
            found = _nearest(point, lines, metres)
            if found is None or found[3] > within_m:
                near = "no street is near" if found is None else f"the nearest street is {found[3]:.1f} m away"
                raise InvalidInput(f"points[{index}]", point, f"must be within {within_m:g} m of a street; {near}")
            at, step, place, _ = found
            if place not in lines[at]:
                lines[at].insert(step + 1, place)
            start, end = (place, end) if index == 0 else (start, place)
        return _shortest(lines, start, end, metres)


def _nearest(point: Point, lines: list[list[Point]], metres: Metres) -> tuple[int, int, Point, float] | None:
    """Line, step, place and distance of the place on lines nearest to a point."""
    best: tuple[float, int, int, float] | None = None
    for at, line in enumerate(lines):
        for step, (one, other) in enumerate(itertools.pairwise(line)):
            share, away = metres.beside(point, one, other)
            if best is None or away < best[0]:
                best = (away, at, step, share)
    if best is None:
        return None
    away, at, step, share = best
    one, other = lines[at][step], lines[at][step + 1]
    place = (one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1]))
    return at, step, (other if share == 1.0 else place), away


def _shortest(lines: list[list[Point]], start: Point, end: Point, metres: Metres) -> list[Point]:
    """Dijkstra over the vertices of lines."""
    near: dict[Point, list[tuple[Point, float]]] = {}
    for line in lines:
        for one, other in itertools.pairwise(line):
            length = metres.distance(one, other)
            near.setdefault(one, []).append((other, length))
            near.setdefault(other, []).append((one, length))
    came: dict[Point, Point | None] = {}
    queue: list[tuple[float, Point, Point | None]] = [(0.0, start, None)]
    while queue:
        length, point, before = heapq.heappop(queue)
        if point in came:
            continue
        came[point] = before
        if point == end:
            way = [point]
            while (step := came[way[-1]]) is not None:
                way.append(step)
            return way[::-1]
        for other, more in near.get(point, ()):
            if other not in came:
                heapq.heappush(queue, (length + more, other, point))
    raise RuleBroken(f"no way along streets leads from {start[0]:.7f} {start[1]:.7f} to {end[0]:.7f} {end[1]:.7f}")
