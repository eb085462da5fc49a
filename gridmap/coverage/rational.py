"""The judge of a disputed placement: rational arithmetic, slow and without any rounding. Imports ``shapes``."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.shapes import Geometries


def lowest_covering(cells: Geometries, lon: float, lat: float) -> int:
    """The lowest position of the cells that cover a point, -1 when none does."""
    bounds = shapely.bounds(cells)
    near = (bounds[:, 0] <= lon) & (lon <= bounds[:, 2]) & (bounds[:, 1] <= lat) & (lat <= bounds[:, 3])
    for position in np.flatnonzero(near):
        if any(_covers(part, Fraction(lon), Fraction(lat)) for part in shapely.get_parts(cells[position])):
            return int(position)
    return -1


def _covers(polygon: shapely.Polygon, x: Fraction, y: Fraction) -> bool:
    outer, *holes = (_side(shapely.get_coordinates(ring), x, y) for ring in shapely.get_rings(polygon))
    return outer >= 0 and all(hole <= 0 for hole in holes)


def _side(ring: NDArray[np.float64], x: Fraction, y: Fraction) -> int:
    """1 inside the ring, 0 on it, -1 outside."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise([(Fraction(float(lon)), Fraction(float(lat))) for lon, lat in ring]):
        if min(y1, y2) <= y <= max(y1, y2):
            turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if turn == 0 and min(x1, x2) <= x <= max(x1, x2):
                return 0
            if (y1 > y) != (y2 > y):
                inside ^= (turn > 0) == (y2 > y1)
    return 1 if inside else -1
