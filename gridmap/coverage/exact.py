"""The exact index over one revision's cells: the interface of ``index``, without its errors and far faster.

Imports its neighbours ``index``, ``codes``, ``edges`` and ``raster``. Placement is exact; distances are those of
``index``.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.codes import Change, Codes, codes_of, numbers
from gridmap.coverage.edges import edges_of
from gridmap.coverage.index import CoverageIndex, to_metric
from gridmap.coverage.raster import Raster
from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

# Points that one thread places before it takes the next ones: enough to make the handing out cheap.
_BATCH = 65_536
# When a redraw touches a larger share of the cells than this, making everything anew is faster.
_MOST_REDRAWN = 0.1


class ExactIndex(CoverageIndex):
    """Exact look-ups over n cells; immutable, so that readers switch from one index to the next in one step."""

    def __init__(
        self,
        degrees: Geometries,
        metric: Geometries,
        metric_crs: str,
        raster: Raster | None = None,
        codes: Codes | None = None,
    ) -> None:
        """``degrees`` and ``metric`` are the same n polygons in EPSG:4326 and in ``metric_crs``, by code.

        Without the raster that was made of them one is built: LoadRefused when the polygons are not a coverage.
        Without codes the cells are called by their numbers, from 1.
        """
        super().__init__(degrees, metric, metric_crs)
        self.codes = numbers(len(degrees)) if codes is None else codes
        self.raster = Raster.build(edges_of(degrees, self.codes), self.codes) if raster is None else raster

    @classmethod
    def build(cls, degrees: Geometries, metric_crs: str, codes: Sequence[str] | None = None) -> ExactIndex:
        """From polygons in EPSG:4326, sorted by code.

        LoadRefused names the cells that are not a coverage, and the places; InvalidInput for codes that are not
        sorted, or not one for each polygon.
        """
        if codes is not None and len(codes) != len(degrees):
            raise InvalidInput("codes", len(codes), f"must be one for each of {len(degrees)} cells")
        names = numbers(len(degrees)) if codes is None else codes_of(codes)
        raster = Raster.build(edges_of(degrees, names), names)
        return cls(degrees, to_metric(degrees, metric_crs), metric_crs, raster, names)

    def redrawn(self, ended: Collection[str], drawn: Mapping[str, BaseGeometry]) -> ExactIndex:
        """The index after a redraw; this one stays as it is, and both share what did not change.

        ``ended``: the codes that are no more. ``drawn``: the polygons of new codes and of those with a new shape.
        InvalidInput for an ended code that there is not; LoadRefused names cells that are no coverage then.
        """
        change = Change.of(self.codes, ended, drawn)
        shapes: Geometries = np.empty(len(drawn), object)
        shapes[:] = [drawn[code] for code in change.drawn_codes]
        degrees = change.applied(self.degrees, shapes)
        raster = self._raster_after(change, degrees, shapes)
        metric = change.applied(self.metric, to_metric(shapes, self.metric_crs))
        return ExactIndex(degrees, metric, self.metric_crs, raster, change.codes)

    def _raster_after(self, change: Change, degrees: Geometries, shapes: Geometries) -> Raster:
        edges = edges_of(shapes, change.codes[change.drawn])
        few = len(change.gone) + len(change.drawn) <= _MOST_REDRAWN * len(degrees)
        if not (few and self.raster.holds(edges)):
            return Raster.build(edges_of(degrees, change.codes), change.codes)
        bounds = shapely.bounds(np.concatenate([self.degrees[change.gone], shapes]))
        return self.raster.redrawn(change.gone, edges, change.drawn, bounds, change.codes)

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
