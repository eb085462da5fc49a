"""What is said of a division of a community: few figures, side by side, never one score. Imports ``graph``.

The measures are those of the five principles, over this community's free cells and the boundary inside it only;
the city's figures hardly move by one community.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats
from gridmap.redraw.metres import metric
from gridmap.redraw.principles.along import Segments
from gridmap.redraw.proposing.blocks import edges_between
from gridmap.redraw.proposing.graph import Graph, Longs, along_m


@dataclass(frozen=True)
class Figures:
    """Of the cells that a division draws; None is "not measured".

    - ``share_in_band`` and ``spread`` (the coefficient of variation) of what they weigh,
    - ``street_share``: of the boundary between them what runs along streets or water within 15 m and 20°,
    - ``compactness``: the mean of 4πA/P²,
    - ``stays``: the share of the ground that is in the same cell as now, each cell going on as one at most.
    """

    cells: int
    share_in_band: float | None
    spread: float | None
    street_share: float | None
    compactness: float
    stays: float

    def measures(self) -> tuple[float, float, float, float, float]:
        """The same with more being better in each; what is not measured is alike in all."""
        band = self.share_in_band if self.share_in_band is not None else 0.0
        spread = self.spread if self.spread is not None else 0.0
        return band, -spread, self.street_share or 0.0, self.compactness, self.stays


def figures_of_parts(graph: Graph, dealt: Longs, least: float, most: float, *, lines: bool) -> Figures:
    """The figures of parts of a graph. ``lines``: whether there are centre lines to measure by."""
    count = int(dealt.max()) + 1
    weight = np.bincount(dealt, graph.weight, count).astype(np.float64)
    area = np.bincount(dealt, graph.area_m2, count)
    within = dealt[graph.pairs[:, 0]] == dealt[graph.pairs[:, 1]]
    inner = np.bincount(dealt[graph.pairs[within, 0]], graph.shared_m[within], count)
    perimeter = np.bincount(dealt, graph.perimeter_m, count) - 2.0 * inner
    length, off = float(graph.shared_m[~within].sum()), float(graph.off_m[~within].sum())
    overlap = np.zeros((count, graph.overlap_m2.shape[1]))
    np.add.at(overlap, dealt, graph.overlap_m2)
    street = 1.0 - off / length if lines and length else None
    return _figures(weight, least, most, street, 4.0 * np.pi * area / perimeter**2, _stays(overlap))


def figures_of_cells(
    shapes: Sequence[BaseGeometry],
    weight: Floats,
    before: Sequence[BaseGeometry],
    band: tuple[float, float],
    segments: Segments | None,
    metric_crs: str,
) -> Figures:
    """The same figures of polygons side by side that share their vertices; ``before``: the cells as they are."""
    flat = metric(np.array(shapes, object), metric_crs)
    old = metric(np.array(before, object), metric_crs)
    ends = [edge for edges in edges_between(shapes).values() for edge in edges]
    street = None
    if ends and segments is not None:
        length, beside = along_m(np.array(ends).reshape(-1, 4), segments, metric_crs)
        street = float(beside.sum() / length.sum())
    overlap = np.array([shapely.area(shapely.intersection(each, old)) for each in flat])
    compactness = 4.0 * np.pi * shapely.area(flat) / shapely.length(flat) ** 2
    return _figures(weight, *band, street, compactness, _stays(overlap))


def _figures(
    weight: Floats, least: float, most: float, street: float | None, compactness: Floats, stays: float
) -> Figures:
    known = bool(weight.any())
    return Figures(
        len(weight),
        float(((weight >= least) & (weight <= most)).mean()) if known else None,
        float(weight.std() / weight.mean()) if known else None,
        street,
        float(compactness.mean()),
        stays,
    )


def _stays(overlap: Floats) -> float:
    """Of all ground the share in pairs of a new cell and an old one, the largest pairs first, each cell once."""
    total, left = float(overlap.sum()), overlap.copy()
    kept = 0.0
    while left.size and left.max() > 0.0:
        new, old = np.unravel_index(int(np.argmax(left)), left.shape)
        kept += float(left[new, old])
        left[new, :] = 0.0
        left[:, old] = 0.0
    return kept / total if total else 1.0
