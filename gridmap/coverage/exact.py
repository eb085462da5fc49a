"""The exact index over one revision's cells: the interface of ``index``, without its errors and far faster.

Imports its neighbours ``index``, ``edges`` and ``raster``. Placement is exact; distances are those of ``index``.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gridmap.coverage.edges import edges_of
from gridmap.coverage.index import CoverageIndex, to_metric
from gridmap.coverage.raster import Raster
from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

# Points that one thread places before it takes the next ones: enough to make the handing out cheap.
_BATCH = 65_536


class ExactIndex(CoverageIndex):
    """Exact look-ups over n cells; immutable, so that readers switch from one index to the next in one step."""

    def __init__(
        self, degrees: Geometries, metric: Geometries, metric_crs: str, raster: Raster | None = None
    ) -> None:
        """``degrees`` and ``metric`` are the same n polygons in EPSG:4326 and in ``metric_crs``, by code.

        Without the raster that was made of them one is built: LoadRefused when the polygons are not a coverage.
        """
        super().__init__(degrees, metric, metric_crs)
        self.raster = Raster.build(edges_of(degrees)) if raster is None else raster

    @classmethod
    def build(cls, degrees: Geometries, metric_crs: str) -> ExactIndex:
        """From polygons in EPSG:4326, sorted by code. LoadRefused names the places that are not a coverage."""
        raster = Raster.build(edges_of(degrees))
        return cls(degrees, to_metric(degrees, metric_crs), metric_crs, raster)

    def locate(self, lon: float, lat: float) -> tuple[int, int]:
        """Position (or OUTSIDE) and how-code of one point."""
        return self.raster.locate(lon, lat)

    def locate_many(
        self, lon: Floats, lat: Floats, threads: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Positions (int32, OUTSIDE where no cell covers the point) and how-codes (uint8), both of shape (n,).

        ``threads``: how many place at the same time; 0 for one on each core that the process may use.
        """
        lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
        if lon.ndim != 1 or lon.shape != lat.shape:
            raise InvalidInput("lon, lat", (lon.shape, lat.shape), "must be two rows of the same length")
        positions, how = np.empty(len(lon), np.int32), np.empty(len(lon), np.uint8)

        def place(start: int) -> None:
            part = slice(start, start + _BATCH)
            self.raster.locate_into(lon[part], lat[part], positions[part], how[part])

        starts = range(0, len(lon), _BATCH)
        workers = min(threads or len(os.sched_getaffinity(0)), len(starts))
        if workers <= 1:
            self.raster.locate_into(lon, lat, positions, how)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(place, starts))
        return positions, how
