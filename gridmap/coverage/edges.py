"""The edges of a coverage: each one once, with the cell on its left and the cell on its right.

Imports ``shapes``, ``crs`` and its neighbours ``codes``, ``kernels``. Whether edges cross is seen by ``raster``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.coverage import kernels
from gridmap.coverage.codes import Codes, refuse
from gridmap.crs import Floats
from gridmap.shapes import Geometries

Ints = NDArray[np.int32]

# A coordinate nearer to zero is zero, or else the exact arithmetic of ``kernels`` could underflow.
SMALLEST_DEGREES = 2.0**-100


@dataclass(frozen=True, slots=True)
class Edges:
    """m edges of a coverage.

    - ``ends``: (m, 4) float64: lon, lat of the lower end, then of the upper (by lon, then by lat).
    - ``cells``: (m, 2) int32: the cell on the left and on the right of the way up, as position + 1; 0 is outside.
    """

    ends: Floats
    cells: Ints


def edges_of(geometries: Geometries, codes: Codes) -> Edges:
    """The edges of polygons and multipolygons in EPSG:4326, each with its code.

    LoadRefused names cells that are no polygons, that have vertices that are no places, and that want the same
    side of an edge.
    """
    starts, ends, owners = _ring_segments(geometries)
    _refuse_impossible(starts, ends, owners, codes)
    rows, cells, taken = kernels.pair(starts, ends, owners)
    if len(taken):
        raise refuse("overlap or are not valid", owners[taken] - 1, starts[taken], codes)
    return Edges(rows, cells)


def _ring_segments(geometries: Geometries) -> tuple[Floats, Floats, Ints]:
    """Start, end (both (n, 2)) and cell (position + 1) of every segment; the cell lies on its left."""
    polygons, cell_of = shapely.get_parts(shapely.orient_polygons(geometries), return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    points = points + 0.0  # makes -0.0 the same number as 0.0, also in the bits
    same_ring = ring_of[1:] == ring_of[:-1]
    owners = (cell_of[polygon_of] + 1).astype(np.int32)
    return points[:-1][same_ring], points[1:][same_ring], owners[ring_of[:-1][same_ring]]


def _refuse_impossible(starts: Floats, ends: Floats, owners: Ints, codes: Codes) -> None:
    missing = np.setdiff1d(np.arange(len(codes)), owners - 1)
    if len(missing):
        raise refuse("are no polygons", missing, np.full((len(missing), 2), np.nan), codes)
    lon_lat = np.abs(starts)
    wrong = ~((lon_lat == 0) | (lon_lat >= SMALLEST_DEGREES)) | ~(lon_lat <= (180.0, 90.0))
    wrong = wrong.any(axis=1) | (starts == ends).all(axis=1)
    if wrong.any():
        raise refuse("have vertices that are no place or are repeated", owners[wrong] - 1, starts[wrong], codes)
