"""Metres around a place: for snapping, where a few kilometres are all that matters. Imports ``crs``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Metres:
    """Metres per degree of longitude and of latitude at one latitude of WGS 84; good for a few kilometres."""

    east: float
    north: float

    @classmethod
    def at(cls, lat: float) -> Metres:
        """The series of the ellipsoid's radii: better than 1 cm in a degree."""
        phi = math.radians(lat)
        return cls(
            111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi),
            111132.954 - 559.822 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi),
        )

    def distance(self, one: Point, other: Point) -> float:
        """Metres between two points."""
        return math.hypot((one[0] - other[0]) * self.east, (one[1] - other[1]) * self.north)

    def plane(self, points: Floats) -> Floats:
        """(n, 2) degrees in a plane of metres."""
        return points * (self.east, self.north)

    def degrees(self, metres: float) -> Point:
        """How many degrees of longitude and of latitude some metres are."""
        return metres / self.east, metres / self.north

    def beside(self, point: Point, start: Point, end: Point) -> tuple[float, float]:
        """Where on a segment (0 to 1) is nearest to a point, and how far away that is in metres."""
        east, north = (end[0] - start[0]) * self.east, (end[1] - start[1]) * self.north
        x, y = (point[0] - start[0]) * self.east, (point[1] - start[1]) * self.north
        length = east * east + north * north
        share = 0.0 if length == 0.0 else min(1.0, max(0.0, (x * east + y * north) / length))
        return share, math.hypot(x - share * east, y - share * north)


def metric(shapes: NDArray[np.object_], metric_crs: str) -> NDArray[np.object_]:
    """Shapes in EPSG:4326 in the city's metric crs."""

    def convert(pairs: Floats) -> Floats:
        return np.column_stack(from_wgs84(metric_crs, pairs[:, 0], pairs[:, 1]))

    converted: NDArray[np.object_] = shapely.transform(shapes, convert)
    return converted


def area_m2(shape: BaseGeometry, metric_crs: str) -> float:
    """Square metres in the city's metric crs."""
    return float(shapely.area(metric(np.array([shape], object), metric_crs))[0])
