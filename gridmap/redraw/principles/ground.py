"""What the principles are measured on besides the grid: outlines, centre lines, buildings, what changed lately.

Imports ``along`` and below; lengths and areas are in the city's metric crs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.crs import Floats
from gridmap.model import City
from gridmap.projecting import Axes, from_stored
from gridmap.redraw.principles.along import Segments
from gridmap.shapes import Geometries

Pair = tuple[int, int]


@dataclass(frozen=True)
class Outlines:
    """Reference polygons of one level in EPSG:4326 with their codes, and who says so."""

    level: str
    codes: tuple[str, ...]
    shapes: Geometries
    source: str

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The polygons by place."""
        return shapely.STRtree(self.shapes)


@dataclass(frozen=True)
class Buildings:
    """n points with what they weigh: households, or a cell's workload; lon, lat, weights of shape (n,)."""

    lon: Floats
    lat: Floats
    weights: Floats
    what: str = "households"


@dataclass(frozen=True)
class Ground:
    """Frozen: whoever measures twice on one ground gets the same figures. None is "not measured".

    - ``communities``: the outlines K of the lowest level; ``land``: the outline T of the city.
    - ``lines``: street and water centre lines S in EPSG:4326.
    - ``buildings``: what a cell's size is told by.
    - ``changes``: by cell id how often its shape changed in the last 12 months; cells left out: never.
    """

    city: City
    communities: Outlines | None = None
    land: Outlines | None = None
    lines: Geometries | None = None
    buildings: Buildings | None = None
    changes: Mapping[int, int] | None = None

    @cached_property
    def segments(self) -> Segments | None:
        """S in metres, by place; made at first use."""
        if self.lines is None or not len(self.lines):
            return None
        return Segments.of(self.metric(self.lines))

    def metric(self, shapes: Geometries) -> Geometries:
        """Shapes in the city's metric crs, vertex by vertex."""
        return from_stored(Axes(self.city.metric_crs), shapes)

    def area_m2(self, shapes: Geometries) -> NDArray[np.float64]:
        """Square metres of shapes in EPSG:4326."""
        return np.asarray(shapely.area(self.metric(shapes)))


def changes_of(steps: Mapping[int, Mapping[Pair, float]]) -> dict[int, int]:
    """By cell id how often a cell, or one that it came of, changed: at revisions, the shares by old and new id.

    A step from one cell to one, whole, is no change of shape: its name or code changed, or its neighbour's shape.
    """
    counts: dict[int, int] = {}
    for revision in sorted(steps):
        shares = steps[revision]
        news = {new for _, new in shares}
        olds = {old for old, _ in shares}
        found = {}
        for new in news:
            came_of = {old: share for (old, other), share in shares.items() if other == new}
            before = max(counts.get(old, 0) for old in came_of)
            whole = len(came_of) == 1 and min(came_of.values()) > 1 - 1e-9
            found[new] = before + (0 if whole else 1)
        counts = {cell: count for cell, count in counts.items() if cell not in olds} | found
    return counts
