"""Which cell is a point in: the index over one revision's cells, behind one interface.

A shapely STRtree carries it. Positions are those of the cells sorted by code (bytes), so that the lowest
position of the cells that cover a point is law 1's lowest code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from gridmap.crs import Floats, from_wgs84
from gridmap.shapes import Geometries

OUTSIDE = -1

# ``how`` of a placement.
HOW = ("inside", "edge", "outside")
INSIDE_CODE, EDGE_CODE, OUTSIDE_CODE = 0, 1, 2

# Beyond this many degrees from the city a metric crs is no longer true to scale; then distances are geodesic.
_METRIC_REACH_DEGREES = 3.0
_BATCH = 200_000
_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Near:
    """A cell, by position, and its distance from a point; 0 when the point is in it."""

    position: int
    distance_m: float


class CoverageIndex:
    """Exact lookups over n cells; immutable, so that readers switch from one index to the next in one step."""

    def __init__(self, degrees: Geometries, metric: Geometries, metric_crs: str) -> None:
        """``degrees`` and ``metric`` are the same n polygons in EPSG:4326 and in ``metric_crs``, by code."""
        self.degrees = degrees
        self.metric = metric
        self.metric_crs = metric_crs
        self._tree = shapely.STRtree(degrees)
        self._metric_tree = shapely.STRtree(metric)
        self._boundaries = shapely.boundary(metric)
        west, south, east, north = (float(value) for value in shapely.total_bounds(degrees))
        self.bounds = (west, south, east, north)
        shapely.prepare(degrees)

    @classmethod
    def build(cls, degrees: Geometries, metric_crs: str) -> CoverageIndex:
        """From polygons in EPSG:4326, sorted by code; every vertex is also put into ``metric_crs``."""
        return cls(degrees, to_metric(degrees, metric_crs), metric_crs)

    def __len__(self) -> int:
        return len(self.degrees)

    def locate(self, lon: float, lat: float) -> tuple[int, int]:
        """Position (or OUTSIDE) and how-code of one point."""
        positions, how = self.locate_many(np.array([lon]), np.array([lat]))
        return int(positions[0]), int(how[0])

    def locate_many(self, lon: Floats, lat: Floats) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Positions (int32, OUTSIDE where no cell covers the point) and how-codes (uint8), both of shape (n,)."""
        positions = np.full(len(lon), OUTSIDE, np.int32)
        how = np.full(len(lon), OUTSIDE_CODE, np.uint8)
        for start in range(0, len(lon), _BATCH):
            part = slice(start, start + _BATCH)
            positions[part], how[part] = self._locate_batch(lon[part], lat[part])
        return positions, how

    def _locate_batch(self, lon: Floats, lat: Floats) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        points: Geometries = np.asarray(shapely.points(lon, lat), dtype=object)
        which, cells = self._tree.query(points, predicate="intersects")
        lowest = np.full(len(lon), len(self), np.int32)
        np.minimum.at(lowest, which, cells.astype(np.int32))
        found = lowest < len(self)
        inside = np.zeros(len(lon), bool)
        inside[found] = shapely.contains_properly(self.degrees[lowest[found]], points[found])
        how = np.where(inside, INSIDE_CODE, np.where(found, EDGE_CODE, OUTSIDE_CODE)).astype(np.uint8)
        return np.where(found, lowest, OUTSIDE).astype(np.int32), how

    def edge_distance_m(self, position: int, lon: float, lat: float) -> float:
        """Metres from a point to the nearest edge of the cell at ``position``."""
        return float(shapely.distance(self._boundaries[position], self._metric_point(lon, lat)))

    def edge_distances_m(self, positions: NDArray[np.int32], lon: Floats, lat: Floats) -> Floats:
        """Metres from each point to the nearest edge of its cell; NaN where the position is OUTSIDE."""
        distances = np.full(len(lon), np.nan)
        found = positions >= 0
        x, y = from_wgs84(self.metric_crs, lon[found], lat[found])
        distances[found] = shapely.distance(self._boundaries[positions[found]], shapely.points(x, y))
        return distances

    def distances_m(self, positions: NDArray[np.int64], lon: Floats, lat: Floats) -> Floats:
        """Metres from each point to the cell at its position, 0 for a point in it."""
        x, y = from_wgs84(self.metric_crs, lon, lat)
        return np.asarray(shapely.distance(self.metric[positions], shapely.points(x, y)))

    def candidates(self, lon: float, lat: float, within_m: float) -> list[Near]:
        """The cells within ``within_m`` of a point, nearest first, equal distances by code."""
        point = self._metric_point(lon, lat)
        if not shapely.is_valid(point):
            return []
        found = np.sort(self._metric_tree.query(point, predicate="dwithin", distance=within_m))
        distances = shapely.distance(self.metric[found], point)
        order = np.argsort(distances, kind="stable")
        return [Near(int(found[i]), float(distances[i])) for i in order]

    def nearest(self, lon: float, lat: float) -> Near:
        """The cell nearest to a point outside, the lowest code of equally near ones."""
        west, south, east, north = self.bounds
        away = max(west - lon, lon - east, south - lat, lat - north)
        if away > _METRIC_REACH_DEGREES:
            return self._nearest_geodesic(lon, lat)
        point = self._metric_point(lon, lat)
        found, distances = self._metric_tree.query_nearest(point, return_distance=True)
        return Near(int(found.min()), float(distances[0]))

    def _nearest_geodesic(self, lon: float, lat: float) -> Near:
        point = shapely.Point(lon, lat)
        position = int(self._tree.query_nearest(point).min())
        at = shapely.get_coordinates(shapely.shortest_line(self.degrees[position], point))[0]
        _, _, distance = _WGS84.inv(at[0], at[1], lon, lat)
        return Near(position, float(distance))

    def _metric_point(self, lon: float, lat: float) -> shapely.Point:
        x, y = from_wgs84(self.metric_crs, [lon], [lat])
        return shapely.Point(x[0], y[0])


def to_metric(geometries: Geometries, metric_crs: str) -> Geometries:
    """The same shapes with every vertex in ``metric_crs``."""

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(metric_crs, coordinates[:, 0], coordinates[:, 1]))

    moved: Geometries = shapely.transform(geometries, convert)
    return moved
