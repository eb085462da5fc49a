"""Small lines and polygons in cells: the share of each in every cell that it touches, and its one home cell.

Pure: imports its neighbour ``index``, ``shapes`` and below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.coverage.index import OUTSIDE, CoverageIndex
from gridmap.crs import Floats, from_wgs84
from gridmap.shapes import Geometries

# Shares that differ by less than rounding are equal, so that ties go by code and not by the last bit.
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Shares:
    """Rows of shape (n,), by geometry and then by position: which geometry, in which cell, how much of it.

    ``geometries`` int64, ``positions`` int32 (OUTSIDE for the part in no cell, last of its geometry), ``shares``
    > 0; those of a geometry add up to 1.
    """

    geometries: NDArray[np.int64]
    positions: NDArray[np.int32]
    shares: Floats


def shares_of(index: CoverageIndex, geometries: Geometries) -> Shares:
    """The shares of n lines or polygons in EPSG:4326: of area, or of length, in the city's metric crs.

    They are cut in stored coordinates and measured in metres. A line that runs along an edge counts for the cell
    with the lowest code, as its points do. A geometry without length or area counts whole for the cell that its
    points are in.
    """
    count, cells = len(geometries), index.degrees
    near, position = shapely.STRtree(cells).query(geometries, predicate="intersects")
    order = np.lexsort((position, near))
    which, positions = near[order].astype(np.int64), position[order].astype(np.int32)
    parts = shapely.intersection(geometries[which], cells[positions])
    amount = _size(parts, index.metric_crs)
    # What a polygon shares with a cell only along an edge is nothing of it.
    amount[shapely.get_dimensions(parts) < shapely.get_dimensions(geometries)[which]] = 0.0
    _count_edges_once(amount, which, positions, geometries, index)
    size = _size(geometries, index.metric_crs)
    found = np.bincount(which, amount, count)
    beyond = np.where(size - found > _ROUNDING * size, size - found, 0.0)
    tiny = np.flatnonzero(found + beyond <= 0.0)
    points = shapely.get_coordinates(shapely.point_on_surface(geometries[tiny]))
    kept = np.flatnonzero(amount > _ROUNDING * (found + beyond)[which])
    outside = np.flatnonzero(beyond)
    whole = found + beyond
    return _sorted(
        np.concatenate([which[kept], outside, tiny]),
        np.concatenate(
            [
                positions[kept],
                np.full(len(outside), OUTSIDE),
                index.locate_many(points[:, 0], points[:, 1])[0],
            ]
        ),
        np.concatenate([amount[kept] / whole[which[kept]], beyond[outside] / whole[outside], np.ones(len(tiny))]),
    )


def homes(shares: Shares, count: int) -> NDArray[np.int32]:
    """The home of each of ``count`` geometries: the cell with the largest share, of equal ones the lowest code.

    OUTSIDE only when no part lies in a cell.
    """
    home = np.full(count, OUTSIDE, np.int32)
    inside = shares.positions >= 0
    which, positions, part = shares.geometries[inside], shares.positions[inside], shares.shares[inside]
    largest = np.zeros(count)
    np.maximum.at(largest, which, part)
    candidates = part >= largest[which] - _ROUNDING
    lowest = np.full(count, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(lowest, which[candidates], positions[candidates])
    found = lowest < np.iinfo(np.int32).max
    home[found] = lowest[found]
    return home


def _size(degrees: Geometries, metric_crs: str) -> Floats:
    """Square metres of polygons, metres of lines, 0 of points; of a mixture what has most dimensions counts."""

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(metric_crs, coordinates[:, 0], coordinates[:, 1]))

    metric = shapely.transform(degrees, convert)
    area = shapely.area(metric)
    size: Floats = np.where(shapely.get_dimensions(metric) == 2, area, shapely.length(metric))
    return size


def _count_edges_once(
    amount: Floats,
    which: NDArray[np.int64],
    positions: NDArray[np.int32],
    geometries: Geometries,
    index: CoverageIndex,
) -> None:
    """Change ``amount``: of a line along an edge the lowest code takes it, the others what is left."""
    lines = np.flatnonzero(shapely.get_dimensions(geometries)[which] == 1)
    total = np.bincount(which[lines], amount[lines], len(geometries))
    double = total > _size(geometries, index.metric_crs) * (1.0 + _ROUNDING)
    for geometry in np.flatnonzero(double):
        left = geometries[geometry]
        for row in lines[which[lines] == geometry]:  # by position, so the lowest code first
            cell = index.degrees[positions[row]]
            amount[row] = _size(np.array([shapely.intersection(left, cell)]), index.metric_crs)[0]
            left = shapely.difference(left, cell)


def _sorted(geometries: NDArray[np.int64], positions: NDArray[np.int32], shares: Floats) -> Shares:
    last = np.where(positions < 0, np.iinfo(np.int32).max, positions)
    order = np.lexsort((last, geometries))
    return Shares(geometries[order].astype(np.int64), positions[order].astype(np.int32), shares[order])
